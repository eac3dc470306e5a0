"""Shapes in three dimensions: meshes, files, placement, parametric bodies, distances."""
