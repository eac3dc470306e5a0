"""What the 3-D viewer shows, as bytes."""
