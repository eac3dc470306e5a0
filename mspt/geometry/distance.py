"""Distances from a surface, by libigl.

Shapes: P points.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from mspt.geometry.mesh import SurfaceMesh


@dataclass(frozen=True)
class Nearest:
    """Where the surface is nearest.

    Attributes:
        distance: Signed: negative inside.
        closest: Nearest points of the surface.
        triangle: The triangles that they lie on.
    """

    distance: Float64[ndarray, " P"]
    closest: Float64[ndarray, "P 3"]
    triangle: Int64[ndarray, " P"]


def nearest_on(mesh: SurfaceMesh, points: Float64[ndarray, "P 3"]) -> Nearest:
    """Return the signed distance of points from a surface, and where it is nearest.

    The sign is that of the winding number, which small holes and flaps hardly change.

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
    # Its distance comes times 1 - 2 w, and the winding number w is only about 0 or 1.
    nearest = np.asarray(closest, dtype=np.float64)
    distance = np.copysign(np.linalg.norm(points - nearest, axis=1), np.asarray(scaled))
    return Nearest(distance, nearest, np.asarray(triangle, dtype=np.int64))


def distance_to(mesh: SurfaceMesh, points: Float64[ndarray, "P 3"]) -> Float64[ndarray, " P"]:
    """Return the distance of points from a surface without a sign, in a third of the time.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> distance_to(box((0, 0, 0), (1, 1, 1)), np.array([[0.5, 0.5, 0.75]])).tolist()
        [0.25]
    """
    import igl  # a third of a second, which readers of stored flows need not wait for

    squared, _, _ = igl.point_mesh_squared_distance(
        np.ascontiguousarray(points), mesh.vertices, mesh.triangles
    )
    return np.sqrt(np.asarray(squared, dtype=np.float64))
