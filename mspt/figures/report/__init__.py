"""Reports of predictions: one file each, with everything in it."""
