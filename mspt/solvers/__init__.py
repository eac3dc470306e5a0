"""Solvers that make the truth: each one computes a case from its geometry or coefficients."""
