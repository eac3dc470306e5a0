"""Parametric bodies, each drawn from one seed."""
