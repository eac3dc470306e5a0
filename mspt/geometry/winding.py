"""Generalized winding numbers: how often a surface encloses a point.

A closed surface with outward normals has the number 1 inside and 0 outside; a surface with gaps has
numbers near these, and a point that two overlapping parts enclose has 2 (Jacobson et al., 2013;
fast evaluation by Barill et al., 2018).

Shapes: P points.
"""

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.geometry.mesh import SurfaceMesh

OFFSET = 1e-4
"""Distance from the surface at which its two sides are compared, as a share of the largest side of
the bounding box: half a millimeter on a car, below the thickness of any part that matters."""


def winding_number(mesh: SurfaceMesh, points: Float64[ndarray, "P 3"]) -> Float64[ndarray, " P"]:
    """Return the generalized winding number of a surface about points.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> body = box((0, 0, 0), (1, 1, 1))
        >>> numbers = winding_number(body, np.array([[0.5, 0.5, 0.5], [2.0, 0.5, 0.5]]))
        >>> np.abs(numbers).round(2).tolist()
        [1.0, 0.0]
    """
    import igl  # a third of a second, which readers of stored flows need not wait for

    # libigl computes in part with single precision: far from the origin digits would be lost.
    middle, size = mesh.bounds.mean(axis=0), float(mesh.extent.max())
    found = igl.fast_winding_number(
        np.ascontiguousarray((mesh.vertices - middle) / size),
        np.ascontiguousarray(mesh.triangles),
        np.ascontiguousarray((points - middle) / size),
    )
    return np.asarray(found, dtype=np.float64).reshape(len(points))


def side_numbers(
    mesh: SurfaceMesh, points: Float64[ndarray, "P 3"], normals: Float64[ndarray, "P 3"]
) -> tuple[Float64[ndarray, " P"], Float64[ndarray, " P"]]:
    """Return the winding numbers just outside and just inside of points on a surface.

    Args:
        mesh: The surface.
        points: Points on it.
        normals: Unit normals that point outward there.
    """
    step = OFFSET * float(mesh.extent.max()) * normals
    numbers = winding_number(mesh, np.concatenate([points + step, points - step]))
    return numbers[: len(points)], numbers[len(points) :]
