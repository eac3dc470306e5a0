"""Scenes of the 3-D viewer, and the bytes that transfer them to the browser."""
