"""Steady flow around a body over moving ground, computed by OpenFOAM.

All bodies use the same settings, so that errors of the discretization are alike: half a domain if
the body is symmetric, cubic background cells, refinement around body and wake, two layers of cells
on the body, k-omega SST with wall functions. Lengths are in body lengths, speeds in free-stream
speeds, pressures are kinematic (divided by the density).
"""
