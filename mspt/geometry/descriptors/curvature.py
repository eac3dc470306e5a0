"""Mean curvature of a surface at a scale, from the integral of positions over a neighborhood.

Around a point p of a smooth surface with the normal n and the mean curvature H, the surface lies
H s^2 / 2 below its tangent plane on average over directions, at the distance s. Hence the mean
offset b from p of the surface within the distance r, with the weights 1 - s^2 / r^2, gives

    H = -6 b n / r^2,

which holds exactly on a sphere and, for small r, on every smooth surface (barycenter integral
invariants after Pottmann et al., 2009). An integral is robust against noise, against the choice of
triangles, and defined at edges, where it grows with 1 / r.

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
    y = 0, so that a mirrored surface is merged alike.
    """
    cube = np.floor(centers / size).astype(np.int64)
    side = np.sign(vectors.round(12)).astype(np.int64) + 1
    parts = [*(cube - cube.min(axis=0)).T, *side.T]
    key = np.ravel_multi_index(parts, [*np.ptp(cube, axis=0) + 1, 3, 3, 3])
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
    number = np.ravel_multi_index(tuple(place.T), tuple(shape))
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
    """Return the mean curvature of a surface at points of it, positive where it is convex.

    Its normal is the mean one of the neighborhood; what faces away from the given one, such as the
    other side of a thin plate, is left out.

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
    weight, offset, normal = sums[:, 0], sums[:, 1:4], sums[:, 4:]
    length = np.linalg.norm(normal, axis=1)
    scale = np.maximum(weight * length, 1e-300) * pieces.radius**2
    return -6 * np.einsum("px,px->p", offset, normal) / scale


@compiled(nogil=True)
@no_type_check  # keeps the run-time type checks of the tests out of the compiled function
def _sums(
    points: ndarray, pieces: ndarray, starts: ndarray, grid: ndarray, shape: ndarray
) -> ndarray:  # pragma: no cover - compiled
    """Return the sums of weights, offsets and normals of the pieces near each point."""
    sums = np.zeros((points.shape[0], 7))
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
                    near = 1 - (dx * dx + dy * dy + dz * dz) / square
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
    return sums
