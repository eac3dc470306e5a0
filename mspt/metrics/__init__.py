"""Errors of fields, forces on bodies, and rankings of designs."""

from mspt.metrics.fields import field_metrics, max_error, relative_l2

__all__ = ["field_metrics", "max_error", "relative_l2"]
