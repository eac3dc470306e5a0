"""Recognition of cells that fill the space around a body instead of the body.

Shapes: V vertices, P polygons, C corners of all polygons together.
"""

import numpy as np
from numpy import ndarray

from mspt.errors import GeometryError

MIN_BOX, MIN_HULL = 0.9, 0.98
"""Share of the sides of a box, and of any convex shape, that is covered if the flow fills it.

A body that stands on the ground or is cut at its plane of symmetry leaves a part of a side
uncovered; in other shapes only a closed hole is certain."""

MAX_HOLE = 0.6
"""Largest share of length, width and height of the whole that the body takes."""

NEAR = 1e-6
"""Distance from a side, as a share of the size, at which a point lies on it."""

DIRECTIONS = 64
"""Directions in which the farthest points of a convex shape are found."""


def check_body(points: ndarray, indices: ndarray, offsets: ndarray) -> None:
    """Reject the outer surface of cells that fill the space around a body.

    Such cells fill a box or another convex shape up to its sides but for a hole.

    Args:
        points: Coordinates (V, 3).
        indices: Vertices of all corners (C).
        offsets: Place of the first corner of each polygon, and C at the end (P + 1).

    Raises:
        GeometryError: If the surface is that of a convex shape with a hole.
    """
    low, high = points[indices].min(axis=0), points[indices].max(axis=0)
    size = high - low
    if not (size > 0).all():
        return
    on_box, share = _sides_of_box(points, indices, offsets, low, high)
    if _is_hole(points, indices, offsets, on_box, size) and share >= MIN_BOX:
        raise _flow_error(points, indices, offsets, on_box, size)
    on_hull = _on_hull(points, indices, offsets, float(size.max()))
    if _is_hole(points, indices, offsets, on_hull, size):
        share = _solid_angle(points - (low + high) / 2, indices, offsets, on_hull) / (4 * np.pi)
        if share >= MIN_HULL:
            raise _flow_error(points, indices, offsets, on_hull, size)


def _hole(points: ndarray, indices: ndarray, offsets: ndarray, outer: ndarray) -> ndarray:
    """Return the size of all polygons together that are not part of the outer sides."""
    inner = points[indices[np.repeat(~outer, np.diff(offsets))]]
    return np.ptp(inner, axis=0) if len(inner) else np.zeros(3)


def _is_hole(
    points: ndarray, indices: ndarray, offsets: ndarray, outer: ndarray, size: ndarray
) -> bool:
    hole = _hole(points, indices, offsets, outer)
    return bool((hole > 0).all() and (hole <= MAX_HOLE * size).all())


def _flow_error(
    points: ndarray, indices: ndarray, offsets: ndarray, outer: ndarray, size: ndarray
) -> GeometryError:
    hole = _hole(points, indices, offsets, outer)
    shape, room = (" x ".join(f"{side:.3g}" for side in sides) for sides in (hole, size))
    return GeometryError(
        f"cells must fill the body, got cells of {room} with a hole of {shape}, as of the flow "
        "around a body; export the surface of the body, or the patch of its wall"
    )


def _sides_of_box(
    points: ndarray, indices: ndarray, offsets: ndarray, low: ndarray, high: ndarray
) -> tuple[ndarray, float]:
    """Return which polygons lie on the bounding box, and the share of it that they cover."""
    size = high - low
    area, outer = 0.0, np.zeros(len(offsets) - 1, dtype=bool)
    areas = np.linalg.norm(_area_vectors(points - low, indices, offsets), axis=1)
    for axis in range(3):
        for side in (low[axis], high[axis]):
            flat = np.abs(points[indices, axis] - side) <= NEAR * size[axis]
            outer |= np.logical_and.reduceat(flat, offsets[:-1])
    area = areas[outer].sum()
    return outer, float(area / (2 * (size * np.roll(size, 1)).sum()))


def _on_hull(points: ndarray, indices: ndarray, offsets: ndarray, size: float) -> ndarray:
    """Return which polygons have all points of the shape on or behind their planes.

    The farthest points in some directions stand for all points.
    """
    place = np.arange(DIRECTIONS) + 0.5
    # Evenly spread over the sphere: equal steps of height, turned by the golden angle.
    height, turn = 1 - 2 * place / DIRECTIONS, np.pi * (1 + 5**0.5) * place
    radius = np.sqrt(1 - height**2)
    directions = np.stack([radius * np.cos(turn), radius * np.sin(turn), height], axis=1)
    used = points[np.unique(indices)]
    farthest = np.stack([used[np.argmax(used @ direction)] for direction in directions])
    normals = _area_vectors(points, indices, offsets)
    normals /= np.maximum(np.linalg.norm(normals, axis=1), 1e-300)[:, None]
    level = (points[indices[offsets[:-1]]] * normals).sum(axis=1)
    front = np.full(len(normals), -np.inf)
    for point in farthest:
        front = np.maximum(front, normals @ point - level)
    return front <= 1e3 * NEAR * size


def _area_vectors(points: ndarray, indices: ndarray, offsets: ndarray) -> ndarray:
    """Return the area vectors (P, 3) of polygons."""
    first, second = _edges(points, indices, offsets)
    return np.add.reduceat(np.cross(first, second), offsets[:-1], axis=0) / 2


def _edges(points: ndarray, indices: ndarray, offsets: ndarray) -> tuple[ndarray, ndarray]:
    """Return both ends of the edge that begins at each corner, relative to the first corner."""
    sizes = np.diff(offsets)
    following = np.arange(1, len(indices) + 1)
    following[offsets[1:] - 1] = offsets[:-1]
    start = np.repeat(points[indices[offsets[:-1]]], sizes, axis=0)
    return points[indices] - start, points[indices[following]] - start


def _solid_angle(points: ndarray, indices: ndarray, offsets: ndarray, chosen: ndarray) -> float:
    """Return the solid angle of polygons as seen from the origin, by Van Oosterom and Strackee."""
    kept = np.repeat(chosen, np.diff(offsets))
    first, second = _edges(points, indices, offsets)
    a = np.repeat(points[indices[offsets[:-1]]], np.diff(offsets), axis=0)[kept]
    b, c = first[kept] + a, second[kept] + a
    la, lb, lc = (np.linalg.norm(vector, axis=1) for vector in (a, b, c))
    above = (a * np.cross(b, c)).sum(axis=1)
    below = la * lb * lc + (a * b).sum(1) * lc + (b * c).sum(1) * la + (c * a).sum(1) * lb
    return float(2 * np.arctan2(above, below).sum())
