"""The mesh of the unit cell with a hole: rings of quadratic quadrilaterals around the hole.

Angles are measured about the center of the cell, counter-clockwise from the lower right corner.
Each side of the cell has a whole number of elements (5 right, 4 top, 5 left, 4 bottom), so that the
corners of the cell are corners of elements and are not cut off.

18 elements around and 13 from the hole to the wall have 36 x 27 = 972 nodes, the points of the data
set. Point 36 i + j is point j of ring i: ring 0 is the hole, ring 26 the wall. The solver's mesh
contains these points and others between them: it has four elements around the hole for each one
here, because stress varies along the hole faster than away from it.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy  # its subpackages are imported when first used, which keeps this import short
from jaxtyping import Float, Int
from numpy import ndarray

from mspt.errors import SolverError

CENTER = 0.5
"""Both coordinates of the center of the cell."""

SIDE_ELEMENTS = (5, 4, 5, 4)
"""Elements on the right, top, left and bottom side."""

RING_ELEMENTS = 13
"""Elements from the hole to the wall."""

NUM_RAYS = 720
"""Rays on which a drawn polygon is checked: far more than the 36 angles of the points."""


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """A mesh of nine-node quadrilaterals.

    Attributes:
        points: Coordinates of the nodes, ring by ring from the hole outwards.
        elements: Nodes of each element, as a 3 x 3 grid row by row: rows outwards, columns
            counter-clockwise.
        top: Nodes of each element edge on the top side, from right to left.
        bottom: All nodes of the bottom side.
    """

    points: Float[ndarray, "N 2"]
    elements: Int[ndarray, "M 9"]
    top: Int[ndarray, "E 3"]
    bottom: Int[ndarray, " W"]


def ring_angles(*, around: int = 1) -> Float[ndarray, " T"]:
    """Return the angles of a ring's nodes in radians, starting at the lower right corner.

    Args:
        around: Elements that replace one element of the points around the hole.

    Examples:
        >>> np.degrees(ring_angles()).round(3)[[0, 1, 10, 18]].tolist()
        [-45.0, -36.0, 45.0, 135.0]
    """
    quarter = np.pi / 2
    steps = [quarter / (2 * around * n) for n in SIDE_ELEMENTS for _ in range(2 * around * n)]
    return np.cumsum([-quarter / 2, *steps[:-1]])


def wall_distance(angles: Float[ndarray, " T"]) -> Float[ndarray, " T"]:
    """Return the distance from the center to the wall of the cell at each angle.

    Examples:
        >>> wall_distance(np.array([0.0])).tolist()
        [0.5]
    """
    return CENTER / np.maximum(np.abs(np.cos(angles)), np.abs(np.sin(angles)))


def build_mesh(radii: Float[ndarray, " T"], *, around: int = 1, outwards: int = 1) -> Mesh:
    """Build rings of elements between the hole and the wall.

    Radii grow geometrically along each ray, so that elements are smallest at the hole, where the
    stress varies most, and keep their proportions.

    Args:
        radii: Radius of the hole at :func:`ring_angles`, smaller than the distance of the wall.
        around: Elements that replace one element of the points around the hole.
        outwards: The same from the hole to the wall.
    """
    angles = ring_angles(around=around)
    share = np.linspace(0.0, 1.0, 2 * outwards * RING_ELEMENTS + 1)[:, None]
    radius = radii ** (1 - share) * wall_distance(angles) ** share
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    points = CENTER + radius[..., None] * directions
    points[-1] = _snap_to_wall(points[-1])
    elements, top, bottom = _topology(around, outwards)
    return Mesh(points=points.reshape(-1, 2), elements=elements, top=top, bottom=bottom)


def refine_outline(radii: Float[ndarray, " T"], *, around: int) -> Float[ndarray, " R"]:
    """Return radii of the smooth hole through the given ones, by a periodic cubic spline.

    Args:
        radii: Radius of the hole at :func:`ring_angles`.
        around: Elements that replace one element of the points around the hole.

    Examples:
        >>> refine_outline(np.full(36, 0.25), around=4).round(12).min()
        np.float64(0.25)
    """
    angles = ring_angles()
    spline = scipy.interpolate.CubicSpline(
        np.append(angles, angles[0] + 2 * np.pi), np.append(radii, radii[0]), bc_type="periodic"
    )
    return spline(ring_angles(around=around))


def triangulate() -> Int[ndarray, "T 3"]:
    """Return counter-clockwise triangles over the 972 points, for drawing."""
    num_angles = len(ring_angles())
    inner = np.arange(2 * RING_ELEMENTS * num_angles).reshape(-1, num_angles)
    inner_next = np.roll(inner, -1, axis=1)
    outer, outer_next = inner + num_angles, inner_next + num_angles
    lower = np.stack([inner, outer, outer_next], axis=-1)
    upper = np.stack([inner, outer_next, inner_next], axis=-1)
    return np.stack([lower, upper], axis=2).reshape(-1, 3)


def radii_from_polygon(polygon: Float[ndarray, "M 2"]) -> Float[ndarray, " T"]:
    """Return the radii of a hole about the center of the cell from a drawn closed polygon.

    Only the radii at the 36 angles of the points are used: a corner between two of them is lost.

    Args:
        polygon: Vertices in the unit square, in either direction; the first may be repeated.

    Raises:
        SolverError: If the polygon has fewer than three vertices or is not star-shaped about the
            center.

    Examples:
        >>> square = np.array([[0.3, 0.3], [0.7, 0.3], [0.7, 0.7], [0.3, 0.7]])
        >>> radii_from_polygon(square)[[0, 5]].round(4).tolist()
        [0.2828, 0.2]
    """
    if len(polygon) < 3 or not np.isfinite(polygon).all():
        raise SolverError(
            f"hole must have at least 3 finite vertices, got {len(polygon)}; draw a closed line"
        )
    # Checked on more rays than are used, so that a hook between two of them is rejected as well.
    _cross_polygon(polygon, np.linspace(-np.pi, np.pi, NUM_RAYS, endpoint=False))
    return _cross_polygon(polygon, ring_angles())


def _cross_polygon(polygon: ndarray, angles: ndarray) -> ndarray:
    """Return the distances at which rays from the center cross a polygon, once each.

    Raises:
        SolverError: If a ray crosses it not at all or more than once.
    """
    start = polygon - CENTER
    edge = np.roll(start, -1, axis=0) - start
    ray = np.stack([np.cos(angles), np.sin(angles)], axis=-1)[:, None]
    # An edge crosses a ray if its ends are on different sides. A vertex on the ray counts as being
    # on its left, so that it is not counted for both of its edges.
    start_left, end_left = (_cross(ray, p) >= 0 for p in (start, np.roll(start, -1, axis=0)))
    turns = np.where(start_left == end_left, np.nan, _cross(ray, edge))
    distance = _cross(start, edge) / turns
    hits = distance > 0
    if (hits.sum(axis=1) != 1).any():
        raise SolverError(
            "hole must be star-shaped about the center (0.5, 0.5): every ray from there must cross "
            f"its outline once, got {hits.sum(axis=1).min()} to {hits.sum(axis=1).max()} "
            "crossings; draw it around the center without hooks or loops"
        )
    return distance[hits]


def _cross(a: ndarray, b: ndarray) -> ndarray:
    """Return the cross product of vectors in the plane."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _snap_to_wall(points: ndarray) -> ndarray:
    """Round coordinates that are almost 0 or 1, so that the sides of the cell are exactly straight.

    The tolerance is a few thousand rounding errors of float64.
    """
    near = np.abs(points - points.round()) < 1e-12
    return np.where(near, points.round(), points)


@lru_cache(maxsize=8)
def _topology(around: int, outwards: int) -> tuple[ndarray, ndarray, ndarray]:
    """Return elements, edges of the top side and nodes of the bottom side.

    Cached, because they are the same for every hole.
    """
    num_angles = len(ring_angles(around=around))
    last_ring = 2 * outwards * RING_ELEMENTS
    ring, turn = np.mgrid[0:last_ring:2, 0:num_angles:2]
    nodes = [(ring + i) * num_angles + (turn + j) % num_angles for i in range(3) for j in range(3)]
    elements = np.stack(nodes, axis=-1).reshape(-1, 9)
    right, top, left, _ = (2 * around * n for n in SIDE_ELEMENTS)
    wall = last_ring * num_angles + np.arange(num_angles + 1) % num_angles
    top_nodes = wall[right : right + top + 1]
    edges = np.stack([top_nodes[0:-1:2], top_nodes[1::2], top_nodes[2::2]], axis=-1)
    return elements, edges, wall[right + top + left :]
