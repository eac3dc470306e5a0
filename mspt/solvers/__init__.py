"""Numerical solvers, which compute the reference solution of a case from its geometry."""
