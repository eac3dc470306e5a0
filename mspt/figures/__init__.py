"""Figures from arrays: Plotly charts, scenes of the 3-D viewer and of VTK.

This is the only package that draws, and :mod:`mspt.figures.theme` the only module with colors.
"""
