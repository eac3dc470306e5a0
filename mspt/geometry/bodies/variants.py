"""Variants of a body with the same triangles, as a designer makes them: one change at a time.

Shapes: P points.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.geometry.mesh import SurfaceMesh

TAIL_FROM, FOOT, TOP = 0.6, 0.1, 0.3
"""Place along the body from which its tail rises, and the heights over which that sets in, in body
lengths: wheels and underbody stay."""


def with_raised_tail(mesh: SurfaceMesh, rise: float) -> SurfaceMesh:
    """Return a body whose upper rear is higher, with smooth transitions.

    Args:
        mesh: A body of length 1 with its nose at x = 0, above the ground z = 0.
        rise: Of the highest points at the end, in body lengths; negative to lower them.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> low = box((0, -0.2, 0.05), (1, 0.2, 0.3))
        >>> high = with_raised_tail(low, 0.05)
        >>> high.bounds[1].round(3).tolist(), bool((high.triangles == low.triangles).all())
        ([1.0, 0.2, 0.35], True)
    """
    x, _, z = mesh.vertices.T
    share = _smooth((x - TAIL_FROM) / (1 - TAIL_FROM)) * _smooth((z - FOOT) / (TOP - FOOT))
    moved = mesh.vertices.copy()
    moved[:, 2] += rise * share
    return replace(mesh, vertices=moved)


def _smooth(place: Float64[ndarray, " P"]) -> Float64[ndarray, " P"]:
    """Return 0 below 0, 1 above 1, and a smooth rise between."""
    inside = np.clip(place, 0, 1)
    return inside * inside * (3 - 2 * inside)
