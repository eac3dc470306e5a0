"""Scenes of the 3-D viewer."""
