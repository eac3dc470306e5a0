"""Geometric descriptors of points on and around a body, which carry over to shapes never seen."""
