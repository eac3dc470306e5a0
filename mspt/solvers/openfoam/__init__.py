"""Steady flow around a body over moving ground: OpenFOAM, driven by a case writer of our own.

The recipe is one for all bodies: half a domain where the body is symmetric, cubic background
cells, refinement around body and wake, two boundary layers, k-omega SST with wall functions.
Lengths are in body lengths, speeds in free-stream speeds, pressures over the density.
"""
