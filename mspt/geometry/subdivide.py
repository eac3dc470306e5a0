"""Subdivision of a surface into smaller triangles."""

import numpy as np
from trimesh.remesh import subdivide_to_size

from mspt.geometry.mesh import SurfaceMesh


def refined(mesh: SurfaceMesh, *, max_edge: float) -> SurfaceMesh:
    """Return the same surface with triangles divided until no edge is longer than ``max_edge``.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> fine = refined(box((0, 0, 0), (1, 1, 1)), max_edge=0.3)
        >>> len(fine.triangles) > 100, round(fine.volume, 9)
        (True, 1.0)
    """
    vertices, triangles, *_ = subdivide_to_size(mesh.vertices, mesh.triangles, max_edge=max_edge)
    return SurfaceMesh(np.asarray(vertices, np.float64), np.asarray(triangles, np.int64))
