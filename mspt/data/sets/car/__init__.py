"""Flows around bodies, computed by OpenFOAM."""
