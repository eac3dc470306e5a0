"""Distances of points from a surface, computed by libigl.

Shapes: P points.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from mspt.geometry.mesh import SurfaceMesh


@dataclass(frozen=True)
class Nearest:
    """The nearest points of a surface.

    Attributes:
        distance: Signed distance, negative inside.
        closest: Nearest points on the surface.
        triangle: Indices of the triangles that contain them.
    """

    distance: Float64[ndarray, " P"]
    closest: Float64[ndarray, "P 3"]
    triangle: Int64[ndarray, " P"]


def nearest_on(mesh: SurfaceMesh, points: Float64[ndarray, "P 3"]) -> Nearest:
    """Return the signed distances of points from a surface, and the nearest points on it.

    The sign comes from the generalized winding number (Barill et al., 2018), which is robust
    against small holes and overlapping parts.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> found = nearest_on(box((0, 0, 0), (1, 1, 1)), np.array([[0.5, 0.5, 1.25]]))
        >>> found.distance.tolist(), found.closest.tolist()
        ([0.25], [[0.5, 0.5, 1.0]])
    """
    import igl  # a third of a second, which readers of stored flows need not wait for

    scaled, triangle, closest, _ = igl.signed_distance(
        np.ascontiguousarray(points),
        mesh.vertices,
        mesh.triangles,
        igl.SIGNED_DISTANCE_TYPE_FAST_WINDING_NUMBER,
    )
    # libigl multiplies the distance by 1 - 2 w, and the fast winding number w is only close to 0
    # or 1. Only its sign is used.
    nearest = np.asarray(closest, dtype=np.float64)
    distance = np.copysign(np.linalg.norm(points - nearest, axis=1), np.asarray(scaled))
    return Nearest(distance, nearest, np.asarray(triangle, dtype=np.int64))


def distance_to(mesh: SurfaceMesh, points: Float64[ndarray, "P 3"]) -> Float64[ndarray, " P"]:
    """Return the unsigned distances of points from a surface.

    This takes a third of the time of :func:`nearest_on`.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> distance_to(box((0, 0, 0), (1, 1, 1)), np.array([[0.5, 0.5, 0.75]])).tolist()
        [0.25]
    """
    return np.sqrt(_squared_distance(mesh, points)[0])


def nearest_points(mesh: SurfaceMesh, points: Float64[ndarray, "P 3"]) -> Float64[ndarray, "P 3"]:
    """Return the points of a surface that are nearest to given points.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> nearest_points(box((0, 0, 0), (1, 1, 1)), np.array([[0.5, 0.5, 3.0]])).tolist()
        [[0.5, 0.5, 1.0]]
    """
    return _squared_distance(mesh, points)[1]


def _squared_distance(
    mesh: SurfaceMesh, points: Float64[ndarray, "P 3"]
) -> tuple[Float64[ndarray, " P"], Float64[ndarray, "P 3"]]:
    import igl  # a third of a second, which readers of stored flows need not wait for

    squared, _, nearest = igl.point_mesh_squared_distance(
        np.ascontiguousarray(points), mesh.vertices, mesh.triangles
    )
    return np.asarray(squared, dtype=np.float64), np.asarray(nearest, dtype=np.float64)
