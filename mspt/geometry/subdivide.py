"""Subdivision of a surface into smaller triangles.

Shapes: T triangles, S smaller triangles.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from mspt.geometry.mesh import SurfaceMesh


@dataclass(frozen=True, eq=False)
class Refined:
    """A surface in smaller triangles.

    Attributes:
        mesh: The same surface.
        parent: Triangle of the original surface that each triangle is a part of.
    """

    mesh: SurfaceMesh
    parent: Int64[ndarray, " S"]


def refined(mesh: SurfaceMesh, *, max_edge: float) -> Refined:
    """Return the same surface with triangles divided until no edge is longer than ``max_edge``.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> fine = refined(box((0, 0, 0), (1, 1, 1)), max_edge=0.3)
        >>> len(fine.mesh.triangles) > 100, round(fine.mesh.volume, 9)
        (True, 1.0)
        >>> np.bincount(fine.parent, fine.mesh.areas).round(9).tolist() == [0.5] * 12
        True
    """
    from trimesh.remesh import subdivide_to_size  # half a second, which few shapes need

    vertices, triangles, *parents = subdivide_to_size(
        mesh.vertices, mesh.triangles, max_edge=max_edge, return_index=True
    )
    fine = SurfaceMesh(np.asarray(vertices, np.float64), np.asarray(triangles, np.int64))
    return Refined(fine, np.asarray(parents[0], np.int64))


def quartered(corners: Float64[ndarray, "T 3 3"]) -> Float64[ndarray, "S 3 3"]:
    """Return the four similar triangles that each triangle consists of, from corners to corners.

    Examples:
        >>> quartered(np.array([[[0.0, 0, 0], [2, 0, 0], [0, 2, 0]]]))[3].tolist()
        [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
    """
    a, b, c = np.moveaxis(corners, 1, 0)
    ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.stack([np.stack(part, axis=1) for part in parts], axis=1).reshape(-1, 3, 3)
