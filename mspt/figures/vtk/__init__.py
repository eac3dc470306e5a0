"""Three-dimensional scenes of VTK: bodies, slices, streamlines."""
