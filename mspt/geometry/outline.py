"""The outline of a body as a few numbers, in which bodies can be compared.

Shapes: N points, D numbers.
"""

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

NUM_SLICES = 12
"""Slices along the length of a body."""

OUTLINE_NAMES: tuple[str, ...] = tuple(
    f"{what} at {100 * (index + 0.5) / NUM_SLICES:.0f} % of the length"
    for what in ("half width", "underside", "top")
    for index in range(NUM_SLICES)
)
"""Names of the numbers of :func:`describe_outline`, in their order."""


def describe_outline(points: Float64[ndarray, "N 3"]) -> Float64[ndarray, " D"]:
    """Return half width, underside and top of twelve slices along a body, in body lengths.

    Args:
        points: Points on the surface of a body in the wind-tunnel frame, on one side or both.

    Returns:
        Twelve half widths, twelve heights of the underside, twelve heights of the top.

    Examples:
        >>> x = np.linspace(0, 1, 24)
        >>> wedge = np.stack([x, x / 2, np.ones(24)], axis=1)
        >>> len(describe_outline(wedge)) == len(OUTLINE_NAMES)
        True
    """
    place = np.clip((points[:, 0] * NUM_SLICES).astype(int), 0, NUM_SLICES - 1)
    rows = np.full((3, NUM_SLICES), np.nan)
    for index in range(NUM_SLICES):
        own = points[place == index]
        if len(own):
            rows[:, index] = np.abs(own[:, 1]).max(), own[:, 2].min(), own[:, 2].max()
    # Slices without a point get values by interpolation between their neighbors.
    known = np.isfinite(rows[0])
    for row in rows:
        row[~known] = np.interp(np.flatnonzero(~known), np.flatnonzero(known), row[known])
    return rows.ravel()
