"""Which sides of a surface the outside air reaches, on a grid of cubes.

Cubes that the surface passes through are walls; the air fills all others that are connected with
the border of the grid. Gaps narrower than a cube are closed in this way, so that no air enters a
shell with small holes.

Shapes: P points, T triangles.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy
from jaxtyping import Bool, Float64, Int64
from numpy import ndarray

from mspt.geometry.mesh import SurfaceMesh

NUM_CUBES = 160
"""Cubes along the largest side of the bounding box: gaps below 3 cm on a car are closed."""

PROBES = (1.2, 1.8)
"""Distances from the surface, in cubes, at which a side is probed. Two cubes that a plane passes
through have centers up to 1.74 cubes apart, so the second probe is in a free one."""

MARGIN = 3
"""Free cubes around the bounding box."""

MAX_LEVEL = 9
"""Most halvings of a triangle's edges when it is sampled: beyond the largest triangle there is."""


@dataclass(frozen=True, eq=False)
class Air:
    """The air around a surface.

    Attributes:
        low: Corner of the grid with the smallest coordinates.
        cube: Edge of a cube.
        outside: Which cubes are filled by air from outside.
    """

    low: Float64[ndarray, " 3"]
    cube: float
    outside: Bool[ndarray, "I J K"]

    def fills(self, points: Float64[ndarray, "P 3"]) -> Bool[ndarray, " P"]:
        """Return which points are in the outside air; points beyond the grid are."""
        index = np.floor((points - self.low) / self.cube).astype(np.int64)
        shape = np.array(self.outside.shape)
        within = ((index >= 0) & (index < shape)).all(axis=1)
        found = np.ones(len(points), dtype=bool)
        found[within] = self.outside[tuple(index[within].T)]
        return found

    def reaches(
        self, points: Float64[ndarray, "P 3"], normals: Float64[ndarray, "P 3"]
    ) -> Bool[ndarray, " P"]:
        """Return which points of a surface the air reaches from the side of their normals.

        A point in a corner is reached if the air fills a neighbor of its cube.
        """
        near = Air(self.low, self.cube, self._grown)
        return np.logical_or.reduce(
            [near.fills(points + probe * self.cube * normals) for probe in PROBES]
        )

    @cached_property
    def _grown(self) -> Bool[ndarray, "I J K"]:
        return scipy.ndimage.binary_dilation(self.outside, np.ones((3, 3, 3), dtype=bool))


def air_around(mesh: SurfaceMesh) -> Air:
    """Return the air that surrounds a surface.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> air = air_around(box((0, 0, 0), (1, 1, 1)))
        >>> air.fills(np.array([[0.5, 0.5, 0.5], [0.5, 0.5, 1.1]])).tolist()
        [False, True]
    """
    cube = float(mesh.extent.max()) / NUM_CUBES
    low = mesh.bounds[0] - MARGIN * cube
    shape = np.ceil(mesh.extent / cube).astype(np.int64) + 2 * MARGIN + 1
    wall = np.zeros(tuple(shape), dtype=bool)
    points, _ = spread_points(mesh, cube / 2)
    wall[tuple(np.floor((points - low) / cube).astype(np.int64).T)] = True
    label, _ = scipy.ndimage.label(~wall)
    return Air(low, cube, label == label[0, 0, 0])


def reached_sides(
    mesh: SurfaceMesh, air: Air
) -> tuple[Float64[ndarray, " T"], Float64[ndarray, " T"]]:
    """Return the shares of each triangle's front and back that the air reaches.

    The front of a triangle is the side from which its vertices are counter-clockwise.
    """
    points, triangle = spread_points(mesh, air.cube)
    normals = mesh.normals[triangle]
    number = np.maximum(np.bincount(triangle, minlength=len(mesh.triangles)), 1)
    front, back = (
        np.bincount(
            triangle,
            np.logical_or.reduce(
                [air.fills(points + side * probe * air.cube * normals) for probe in PROBES]
            ),
            minlength=len(mesh.triangles),
        )
        / number
        for side in (1.0, -1.0)
    )
    return front, back


def spread_points(
    mesh: SurfaceMesh, distance: float
) -> tuple[Float64[ndarray, "P 3"], Int64[ndarray, " P"]]:
    """Return a lattice of points on each triangle, and the triangle of each point.

    Neighbors of a lattice are at most ``distance`` apart; each triangle has at least its corners
    and its center.
    """
    sides = mesh.corners - np.roll(mesh.corners, 1, axis=1)
    longest = np.sqrt(np.einsum("tcx,tcx->tc", sides, sides).max(axis=1))
    with np.errstate(divide="ignore"):
        level = np.ceil(np.log2(longest / distance)).clip(0, MAX_LEVEL).astype(np.int64)
    points, owners = [mesh.centers], [np.arange(len(mesh.triangles))]
    for each in np.unique(level):
        members = np.flatnonzero(level == each)
        steps = 2 ** int(each)
        first, second = np.meshgrid(np.arange(steps + 1), np.arange(steps + 1), indexing="ij")
        kept = first + second <= steps
        weights = np.stack([first[kept], second[kept], (steps - first - second)[kept]], axis=1)
        found = np.einsum("wc,tcx->twx", weights / steps, mesh.corners[members])
        points.append(found.reshape(-1, 3))
        owners.append(np.repeat(members, len(weights)))
    return np.concatenate(points), np.concatenate(owners)
