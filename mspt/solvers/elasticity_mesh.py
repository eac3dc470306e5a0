"""The mesh of the unit cell with a hole: rings of quadratic quadrilaterals around the hole.

Angles are measured about the center of the cell, counter-clockwise from the lower right corner.
Each side of the cell takes a whole number of elements (5 right, 4 top, 5 left, 4 bottom), so that
its four corners are corners of elements; 18 elements around and 13 from the hole to the wall have
36 x 27 = 972 nodes, the points of the data set. Point 36 i + j is point j of ring i: ring 0 is the
hole, ring 26 the wall. The solver's mesh has these points too, and more between them: four
elements around for each one here, because stress varies along the hole faster than away from it.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy  # its parts are loaded when first used
from jaxtyping import Float, Int
from numpy import ndarray

from mspt.errors import SolverError

CENTER = 0.5
SIDE_ELEMENTS = (5, 4, 5, 4)
RING_ELEMENTS = 13


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """Nodes and nine-node quadrilaterals.

    Attributes:
        points: Nodes, ring by ring from the hole outwards.
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
        around: Elements that replace one, counted around the hole.

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
    """Lay rings between the hole and the wall, their distances growing geometrically.

    Args:
        radii: Radius of the hole at :func:`ring_angles`, below the distance of the wall.
        around: Elements that replace one, counted around the hole.
        outwards: Elements that replace one, counted from the hole to the wall.
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
    """Return the radii of the smooth hole through the given ones, by a periodic cubic spline.

    Args:
        radii: Radius of the hole at :func:`ring_angles`.
        around: Elements that replace one, counted around the hole.

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
    """Turn a drawn closed polygon into the radii of a hole about the center of the cell.

    Only the radii at the mesh's 36 angles are kept: a corner between two of them is cut off.

    Args:
        polygon: Vertices in the unit square, in either direction, the first repeated or not.

    Raises:
        SolverError: If the polygon has fewer than three vertices, or is no star about the center.

    Examples:
        >>> square = np.array([[0.3, 0.3], [0.7, 0.3], [0.7, 0.7], [0.3, 0.7]])
        >>> radii_from_polygon(square)[[0, 5]].round(4).tolist()
        [0.2828, 0.2]
    """
    if len(polygon) < 3 or not np.isfinite(polygon).all():
        raise SolverError(
            f"hole must have at least 3 finite vertices, got {len(polygon)}; draw a closed line"
        )
    # Rays finer than the mesh's, so that a hook between two nodes is refused as well.
    _cross_polygon(polygon, np.linspace(-np.pi, np.pi, 720, endpoint=False))
    return _cross_polygon(polygon, ring_angles())


def _cross_polygon(polygon: ndarray, angles: ndarray) -> ndarray:
    """Return where rays from the center leave a polygon; each must do so exactly once."""
    start = polygon - CENTER
    edge = np.roll(start, -1, axis=0) - start
    ray = np.stack([np.cos(angles), np.sin(angles)], axis=-1)[:, None]
    # A vertex on a ray belongs to the edge on its left only, so that it is not counted twice.
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
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _snap_to_wall(points: ndarray) -> ndarray:
    """Remove rounding, so that the cell's sides are straight to the last bit."""
    near = np.abs(points - points.round()) < 1e-12
    return np.where(near, points.round(), points)


@lru_cache(maxsize=8)
def _topology(around: int, outwards: int) -> tuple[ndarray, ndarray, ndarray]:
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
