"""Bodies that are symmetric about the plane y = 0, stored as one half.

Shapes: V vertices, T triangles.
"""

import numpy as np

from mspt.geometry.implicit import from_manifold, to_manifold
from mspt.geometry.mesh import SurfaceMesh

_ON_PLANE = 1e-5
"""Largest distance of a vertex on the plane, for a body of about length 1.

The solid's coordinates are float32, so the plane of the cut is met only to about 1e-7.
"""


def half_of(mesh: SurfaceMesh, *, off: float = 0.0, max_edge: float | None = None) -> SurfaceMesh:
    """Return the part of a solid's surface with y >= 0, open at the plane y = 0.

    Args:
        mesh: Surface that encloses a solid.
        off: Largest distance by which simplification may move the surface; 0 for none.
        max_edge: Edges longer than about this are split; None for none.
    """
    solid = to_manifold(mesh).simplify(off).trim_by_plane((0.0, 1.0, 0.0), 0.0)
    half = from_manifold(solid if max_edge is None else solid.refine_to_length(max_edge))
    vertices = np.where(np.abs(half.vertices) < _ON_PLANE, 0.0, half.vertices)
    is_lid = (vertices[half.triangles, 1] == 0).all(axis=1)
    return SurfaceMesh(vertices, half.triangles[~is_lid])


def whole_of(half: SurfaceMesh) -> SurfaceMesh:
    """Return a half and its mirror image as one closed surface.

    The two halves share the vertices on y = 0.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> whole = whole_of(half_of(box((0, -1, 0), (1, 1, 1))))
        >>> whole.volume, whole.extent.tolist()
        (2.0, [1.0, 2.0, 1.0])
    """
    apart = half.vertices[:, 1] > 0  # vertices on the plane are their own mirror images
    image = np.arange(len(half.vertices))
    image[apart] = len(half.vertices) + np.arange(apart.sum())
    other = half.vertices[apart] * np.array([1.0, -1.0, 1.0])
    return SurfaceMesh(
        np.concatenate([half.vertices, other]),
        np.concatenate([half.triangles, image[half.triangles][:, ::-1]]),
    )
