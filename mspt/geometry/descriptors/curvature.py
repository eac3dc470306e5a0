"""Mean curvature of a surface at a scale, from the normals and the positions of a neighborhood.

The normal n of a surface turns as one moves along it, and its divergence is twice the mean
curvature H. Near a point, n is fitted by a linear function of the position x; with means over the
neighborhood, weighted with 1 - s^2 / r^2 up to the distance r, the fit gives

    H = mean of (n - mean n) (x - mean x) / mean of |x - mean x|^2,

which is exact on a sphere of any size, and half of 1 / R on a cylinder when r is small. The
integral is robust against noise, hardly depends on the choice of triangles, and is defined at
edges, where it grows with 1 / r.

Shapes: P points, S pieces of a surface, C cells of a grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from mspt.compiling import compiled
from mspt.geometry.mesh import SurfaceMesh

PIECE = 0.25
"""Size of the pieces that the surface is divided into, in radii of the neighborhood."""

ROUNDING = 1e-6
"""Shift of the grid of the pieces, in their sizes."""

MAX_CELLS = 64
"""Most cells of a grid along one axis."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """A surface in pieces of about one size, sorted by the cells of a grid.

    Attributes:
        radius: Radius of the neighborhoods that the pieces are for.
        centers: Centroids.
        normals: Sums of the normals, in proportion to the areas.
        areas: Areas.
        starts: First piece of each cell, and the number of all pieces.
        low: Corner of the grid with the smallest coordinates.
        cell: Edge of a cell, at least the radius.
        shape: Cells along x, y and z.
    """

    radius: float
    centers: Float64[ndarray, "S 3"]
    normals: Float64[ndarray, "S 3"]
    areas: Float64[ndarray, " S"]
    starts: Int64[ndarray, " C"]
    low: Float64[ndarray, " 3"]
    cell: float
    shape: Int64[ndarray, " 3"]


def pieces_of(mesh: SurfaceMesh, radii: Sequence[float]) -> tuple[Pieces, ...]:
    """Return a surface in the pieces that :func:`mean_curvature` sums over, for each radius.

    Long triangles are divided and small ones are merged.

    Args:
        mesh: The surface.
        radii: Radii of the neighborhoods, in ascending order.
    """
    corners = _divided(mesh.corners, 2 * PIECE * radii[0])
    vectors = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
    areas, centers = np.linalg.norm(vectors, axis=1), corners.mean(axis=1)
    found = []
    for radius in radii:
        centers, vectors, areas = _merged(centers, vectors, areas, PIECE * radius)
        found.append(_sorted(centers, vectors, areas, radius))
    return tuple(found)


def _merged(
    centers: ndarray, vectors: ndarray, areas: ndarray, size: float
) -> tuple[ndarray, ndarray, ndarray]:
    """Return the centroids, area vectors and areas of the pieces in each cube of a grid.

    Sides of a thin part, whose normals differ, stay apart. The grid is symmetric about the plane
    y = 0, and places that rounding moves across a border stay, so that a mirrored surface is merged
    alike.
    """
    ways = np.array([1.0, 0.0, 1.0]) + np.array([0.0, 1.0, 0.0]) * np.sign(centers)
    cube = (ways * np.floor(ways * centers / size + ROUNDING)).astype(np.int64)
    side = np.sign(vectors.round(12)).astype(np.int64) + 1
    cube -= cube.min(axis=0)
    shape = [*(cube.max(axis=0) + 1).tolist(), 3, 3, 3]
    key = np.ravel_multi_index([*cube.T, *side.T], shape)
    _, group = np.unique(key, return_inverse=True)
    area = np.bincount(group, areas)
    kept = area > 0
    area = area[kept]
    centers, vectors = (
        np.stack([np.bincount(group, column)[kept] for column in columns.T], axis=1)
        for columns in (areas[:, None] * centers, vectors)
    )
    return centers / area[:, None], vectors, area


def _divided(corners: Float64[ndarray, "T 3 3"], size: float) -> Float64[ndarray, "S 3 3"]:
    """Return triangles halved across their longest sides until none is longer than ``size``."""
    done = []
    while len(corners):
        sides = np.roll(corners, -1, axis=1) - corners
        length = np.einsum("tcx,tcx->tc", sides, sides)
        long = length.max(axis=1) > size**2
        done.append(corners[~long])
        if not long.any():
            break
        # Of equal sides the one that lies furthest back: a mirrored triangle is divided alike.
        middle = np.abs(corners + sides / 2) @ np.array([1.0, 0.61, 0.37])
        chosen = np.argmax(length[long] * (1 + 1e-9 * middle[long]), axis=1)
        turned = (chosen[:, None] + np.arange(3)) % 3
        a, b, c = np.moveaxis(np.take_along_axis(corners[long], turned[:, :, None], 1), 1, 0)
        half = (a + b) / 2
        corners = np.concatenate([np.stack([a, half, c], 1), np.stack([half, b, c], 1)])
    return np.concatenate(done)


def _sorted(centers: ndarray, vectors: ndarray, areas: ndarray, radius: float) -> Pieces:
    low, extent = centers.min(axis=0), np.ptp(centers, axis=0)
    cell = max(radius, float(extent.max()) / MAX_CELLS)
    shape = (extent / cell).astype(np.int64) + 1
    place = ((centers - low) / cell).astype(np.int64)
    number = np.asarray(np.ravel_multi_index(tuple(place.T), tuple(shape)))
    order = np.argsort(number, kind="stable")
    starts = np.searchsorted(number[order], np.arange(shape.prod() + 1))
    return Pieces(
        radius=radius,
        centers=centers[order],
        normals=vectors[order],
        areas=areas[order],
        starts=starts.astype(np.int64),
        low=low,
        cell=cell,
        shape=shape,
    )


def mean_curvature(
    pieces: Pieces, points: Float64[ndarray, "P 3"], normals: Float64[ndarray, "P 3"]
) -> Float64[ndarray, " P"]:
    """Return the mean curvature of a surface near points of it, positive where it is convex.

    What faces away from the given normal, such as the other side of a thin plate, is left out.

    Args:
        pieces: Of the surface, for neighborhoods of one radius.
        points: On the surface.
        normals: Unit normals there.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> (pieces,) = pieces_of(box((0, 0, 0), (1, 1, 1)), [0.1])
        >>> top = np.array([[0.5, 0.5, 1.0]]), np.array([[0.0, 0.0, 1.0]])
        >>> abs(mean_curvature(pieces, *top).round(9)).tolist()
        [0.0]
    """
    grid = np.array([*pieces.low, pieces.cell, pieces.radius**2])
    own = np.concatenate([points, normals], axis=1)
    rows = np.concatenate([pieces.centers, pieces.normals, pieces.areas[:, None]], axis=1)
    sums = _sums(own, rows, pieces.starts, grid, pieces.shape)
    sums /= np.maximum(sums[:, :1], 1e-300)
    place, normal = sums[:, 1:4], sums[:, 4:7]
    turning = sums[:, 7] - np.einsum("px,px->p", normal, place)
    spread = sums[:, 8] - np.einsum("px,px->p", place, place)
    return turning / np.maximum(spread, 1e-6 * pieces.radius**2)


@compiled(nogil=True)
@no_type_check  # keeps the run-time type checks of the tests out of the compiled function
def _sums(
    points: ndarray, pieces: ndarray, starts: ndarray, grid: ndarray, shape: ndarray
) -> ndarray:  # pragma: no cover - compiled
    """Return sums over the pieces near each point.

    Of the weights, of the places from the point and of the normals, and of the products of normals
    and places, and of places and places.
    """
    sums = np.zeros((points.shape[0], 9))
    cell, square = grid[3], grid[4]
    for p in range(points.shape[0]):
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        i = int(np.floor((x - grid[0]) / cell))
        j = int(np.floor((y - grid[1]) / cell))
        k = int(np.floor((z - grid[2]) / cell))
        low, high = max(k - 1, 0), min(k + 2, shape[2])
        if low >= high:
            continue
        for a in range(max(i - 1, 0), min(i + 2, shape[0])):
            for b in range(max(j - 1, 0), min(j + 2, shape[1])):
                row = (a * shape[1] + b) * shape[2]
                for s in range(starts[row + low], starts[row + high]):
                    dx, dy, dz = pieces[s, 0] - x, pieces[s, 1] - y, pieces[s, 2] - z
                    distance = dx * dx + dy * dy + dz * dz
                    near = 1 - distance / square
                    if near <= 0:
                        continue
                    along = (
                        pieces[s, 3] * points[p, 3]
                        + pieces[s, 4] * points[p, 4]
                        + pieces[s, 5] * points[p, 5]
                    )
                    share = near * min(max(1 + along / pieces[s, 6], 0.0), 1.0)
                    weight = share * pieces[s, 6]
                    sums[p, 0] += weight
                    sums[p, 1] += weight * dx
                    sums[p, 2] += weight * dy
                    sums[p, 3] += weight * dz
                    sums[p, 4] += share * pieces[s, 3]
                    sums[p, 5] += share * pieces[s, 4]
                    sums[p, 6] += share * pieces[s, 5]
                    across = pieces[s, 3] * dx + pieces[s, 4] * dy + pieces[s, 5] * dz
                    sums[p, 7] += share * across
                    sums[p, 8] += weight * distance
    return sums
