"""Errors of fields, forces on bodies, and the ranking of designs."""
