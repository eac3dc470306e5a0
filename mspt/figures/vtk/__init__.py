"""Scenes of VTK."""
