"""Builders of scenes for the 3-D viewer."""
