"""Interpolation of values at points to an image, for filled plots of fields.

Plotly cannot draw triangulated fields in two dimensions. A raster stores for each pixel the corners
of the triangle that contains it and its barycentric weights; it is computed once for a cloud and
used for all fields on it. Pixels outside the triangles, such as in a hole, are empty.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

PIXEL_TOLERANCE = 1e-9
"""Tolerance in pixels and weights, so that pixels on an edge belong to one of its triangles."""

MIN_TRIANGLE_AREA = 1e-12
"""Smallest area in pixels of a triangle that is drawn."""


Box = tuple[tuple[float, ...], tuple[float, ...]]
"""Lower and upper corner."""

_MOST_OBLONG = 10
"""Length over height of a box up to which a raster has as many pixels as that of a square."""


@dataclass(frozen=True, kw_only=True)
class Raster:
    """Interpolation of values at points to pixels.

    Attributes:
        x: Centers of the pixel columns.
        y: Centers of the pixel rows, ascending.
        corners: Points from which each pixel is interpolated; -1 outside the domain.
        weights: Their weights, which sum to one inside the domain.
        outline: Boundary of the domain as line segments separated by NaN; empty for a full grid.
    """

    x: Float[np.ndarray, " W"]
    y: Float[np.ndarray, " H"]
    corners: Int[np.ndarray, "H W 3"]
    weights: Float[np.ndarray, "H W 3"]
    outline: Float[np.ndarray, "P 2"]


def is_lattice(points: Float[np.ndarray, "N 2"], grid_shape: tuple[int, int]) -> bool:
    """Return whether points are all crossings of straight rows and columns, as few as possible.

    Args:
        points: Coordinates.
        grid_shape: Number of rows and columns, in either order.

    Examples:
        >>> square = np.array([[0.0, 0.0], [0.0, 1.0], [2.0, 0.0], [2.0, 1.0]])
        >>> is_lattice(square, (2, 2)), is_lattice(square + [[0], [0], [0], [0.1]], (2, 2))
        (True, False)
    """
    # Rounded, because coordinates of one row may differ in their last digits.
    counts = [len(np.unique(points[:, axis].round(9))) for axis in (0, 1)]
    return len(points) == np.prod(grid_shape) and sorted(counts) == sorted(grid_shape)


def grid_raster(points: Float[np.ndarray, "N 2"], grid_shape: tuple[int, int]) -> Raster:
    """Return the raster whose pixels are the points of a regular grid.

    Args:
        points: Grid points; either axis may vary fastest.
        grid_shape: Size of the slow and of the fast axis.

    Examples:
        >>> points = np.array([[0.0, 0.0], [0.0, 1.0], [2.0, 0.0], [2.0, 1.0]])
        >>> sample_raster(grid_raster(points, (2, 2)), np.array([1.0, 2.0, 3.0, 4.0])).tolist()
        [[1.0, 3.0], [2.0, 4.0]]
    """
    # Rounded, because coordinates of one row may differ in their last digits.
    order = np.lexsort((points[:, 0].round(9), points[:, 1].round(9)))
    x_fastest = points[1, 0] != points[0, 0]
    height, width = grid_shape if x_fastest else grid_shape[::-1]
    index = order.reshape(height, width)
    corners = np.stack([index, index, index], axis=-1)
    weights = np.broadcast_to(np.array([1.0, 0.0, 0.0]), corners.shape)
    return Raster(
        x=points[index[0], 0].astype(np.float64),
        y=points[index[:, 0], 1].astype(np.float64),
        corners=corners,
        weights=weights,
        outline=np.zeros((0, 2)),
    )


def triangle_raster(
    points: Float[np.ndarray, "N 2"],
    triangles: Int[np.ndarray, "T 3"],
    *,
    resolution: int = 256,
    box: Box | None = None,
) -> Raster:
    """Return the raster of a triangulated cloud with square pixels over its bounding box.

    Args:
        points: Coordinates.
        triangles: Corners of each triangle, in either orientation.
        resolution: Pixels along the side of a square; a longer box of the same area has as many.
        box: Lower and upper corner of what is drawn; None for all points.

    Examples:
        >>> points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> raster = triangle_raster(points, np.array([[0, 1, 2]]), resolution=2)
        >>> sample_raster(raster, np.array([0.0, 4.0, 8.0])).tolist()
        [[3.0, 5.0], [7.0, nan]]
    """
    low, high = (points.min(axis=0), points.max(axis=0)) if box is None else map(np.array, box)
    long, short = float((high - low).max()), float((high - low).min())
    # A box without height still has pixels of some size.
    step = max(float(np.sqrt(long * short)), long / _MOST_OBLONG) / resolution
    width, height = (max(1, round(float(side) / step)) for side in high - low)
    corners = (points[triangles].astype(np.float64) - low) / step - 0.5  # in pixels
    triangle, column, row = _pixels_near(corners, (width, height))
    weights = _barycentric(corners, triangle, column, row)
    inside = weights.min(axis=-1) >= -PIXEL_TOLERANCE
    corners_HW3 = np.full((height, width, 3), -1)
    weights_HW3 = np.full((height, width, 3), np.nan)
    corners_HW3[row[inside], column[inside]] = triangles[triangle[inside]]
    weights_HW3[row[inside], column[inside]] = weights[inside]
    return Raster(
        x=low[0] + (np.arange(width) + 0.5) * step,
        y=low[1] + (np.arange(height) + 0.5) * step,
        corners=corners_HW3,
        weights=weights_HW3,
        outline=_within(boundary(points, triangles), low, high),
    )


def sample_raster(raster: Raster, values: Float[np.ndarray, " N"]) -> Float[np.ndarray, "H W"]:
    """Return a field interpolated linearly to every pixel; NaN outside the domain."""
    return (values[raster.corners] * raster.weights).sum(axis=-1)


def sample_nearest(raster: Raster, labels: Int[np.ndarray, " N"]) -> Float[np.ndarray, "H W"]:
    """Return for every pixel the label of the corner with the largest weight; NaN outside.

    Examples:
        >>> points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> raster = triangle_raster(points, np.array([[0, 1, 2]]), resolution=2)
        >>> sample_nearest(raster, np.array([5, 6, 7])).tolist()
        [[5.0, 6.0], [7.0, nan]]
    """
    outside = raster.corners[..., 0] < 0
    heaviest = np.where(outside[..., None], 0.0, raster.weights).argmax(axis=-1)
    corner = np.take_along_axis(raster.corners, heaviest[..., None], axis=-1)[..., 0]
    return np.where(outside, np.nan, labels[corner].astype(np.float64))


def boundary(
    points: Float[np.ndarray, "N 2"], triangles: Int[np.ndarray, "T 3"]
) -> Float[np.ndarray, "P 2"]:
    """Return the edges that belong to only one triangle, separated by NaN.

    Points at the same place are one: where a grid meets itself, as behind an airfoil, there is no
    boundary.

    Examples:
        >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        >>> len(boundary(square, np.array([[0, 1, 2], [0, 2, 3]]))) // 3
        4
        >>> twice = square[[0, 1, 2, 0, 2, 3]]  # the diagonal's ends are there two times
        >>> len(boundary(twice, np.array([[0, 1, 2], [3, 4, 5]]))) // 3
        4
    """
    place = joined(points)
    edges = np.sort(place[triangles[:, [0, 1, 1, 2, 2, 0]]].reshape(-1, 2), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    ends = points[unique[count == 1]].astype(np.float64)
    gaps = np.full((len(ends), 1, 2), np.nan)
    return np.concatenate([ends, gaps], axis=1).reshape(-1, 2)


def joined(points: Float[np.ndarray, "N X"]) -> Int[np.ndarray, " N"]:
    """Return for each point the first one at the same place.

    Examples:
        >>> joined(np.array([[0.0, 1.0], [2.0, 3.0], [0.0, 1.0]])).tolist()
        [0, 1, 0]
    """
    _, first, group = np.unique(points, axis=0, return_index=True, return_inverse=True)
    return first[group.reshape(-1)]


def _within(
    outline: Float[np.ndarray, "P 2"], low: Float[np.ndarray, " 2"], high: Float[np.ndarray, " 2"]
) -> Float[np.ndarray, "Q 2"]:
    """Return the edges of an outline with both ends in a box."""
    edges = outline.reshape(-1, 3, 2)
    ends = edges[:, :2]
    return edges[((ends >= low) & (ends <= high)).all(axis=(1, 2))].reshape(-1, 2)


def _pixels_near(
    corners: Float[np.ndarray, "T 3 2"], size: tuple[int, int]
) -> tuple[Int[np.ndarray, " P"], Int[np.ndarray, " P"], Int[np.ndarray, " P"]]:
    """Return triangle, column and row of every pixel in the bounding box of every triangle."""
    limit = np.array(size) - 1
    first = np.ceil(corners.min(axis=1) - PIXEL_TOLERANCE).astype(np.int64).clip(0, limit)
    last = np.floor(corners.max(axis=1) + PIXEL_TOLERANCE).astype(np.int64).clip(-1, limit)
    spans = (last - first + 1).clip(0)
    counts = spans.prod(axis=1)
    triangle = np.repeat(np.arange(len(corners)), counts)
    within = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    row, column = np.divmod(within, spans[triangle, 0])
    return triangle, column + first[triangle, 0], row + first[triangle, 1]


def _barycentric(
    corners: Float[np.ndarray, "T 3 2"],
    triangle: Int[np.ndarray, " P"],
    column: Int[np.ndarray, " P"],
    row: Int[np.ndarray, " P"],
) -> Float[np.ndarray, "P 3"]:
    """Return the barycentric weights of each pixel; negative for triangles without area.

    Each weight is an affine function of the pixel, so its three coefficients are computed once for
    each triangle.
    """
    (ax, ay), (bx, by), (cx, cy) = (corners[:, index].T for index in range(3))
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    has_area = np.abs(area) > MIN_TRIANGLE_AREA
    scale = np.divide(1.0, area, out=np.zeros_like(area), where=has_area)
    second = np.stack([ay * cx - ax * cy, cy - ay, ax - cx]) * scale
    third = np.stack([ax * by - ay * bx, ay - by, bx - ax]) * scale
    second[0, scale == 0] = -1.0
    weights = [
        affine[0][triangle] + affine[1][triangle] * column + affine[2][triangle] * row
        for affine in (second, third)
    ]
    return np.stack([1.0 - weights[0] - weights[1], *weights], axis=-1)
