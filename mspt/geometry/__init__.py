"""Three-dimensional shapes: meshes, files, placement, parametric bodies, distances."""
