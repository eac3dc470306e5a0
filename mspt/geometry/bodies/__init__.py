"""Parametric bodies, each generated from one seed."""
