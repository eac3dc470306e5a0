"""What several pages use: the frame, caches, samples, viewers and work in the background."""
