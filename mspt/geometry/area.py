"""Frontal area: the area of a body's projection along the flow."""

from typing import no_type_check

import numpy as np
from manifold3d import CrossSection, Error, FillRule
from numpy import ndarray

from mspt.compiling import compiled
from mspt.geometry.implicit import to_manifold
from mspt.geometry.mesh import SurfaceMesh

MAX_EXACT_TRIANGLES = 20_000
"""Most triangles whose union is computed exactly where the surface encloses no solid."""

PIXEL_SHARE = 0.001
"""Edge of a pixel, as a share of the larger side of the projection."""


def frontal_area(mesh: SurfaceMesh) -> float:
    """Return the area of the projection along x of the part of a body above the ground z = 0.

    Exact for solids and for up to 20,000 triangles; otherwise counted on up to a million pixels.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> round(frontal_area(box((0, 0, 0), (1, 2, 3))), 6)
        6.0
    """
    # Parts below the ground are flattened onto it, where they have no frontal area.
    above = SurfaceMesh(np.maximum(mesh.vertices, [-np.inf, -np.inf, 0.0]), mesh.triangles)
    solid = to_manifold(above)
    if solid.status() == Error.NoError and solid.volume() > 0:
        return solid.rotate((0, -90, 0)).project().area()  # manifold3d projects along z
    corners = above.corners[:, :, 1:].copy()
    if len(corners) > MAX_EXACT_TRIANGLES:
        return _pixel_area(corners)
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    turn = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    # All triangles counter-clockwise: the nonzero rule would cancel opposite orientations.
    corners[turn < 0] = corners[turn < 0, ::-1]
    return CrossSection(list(corners[turn != 0]), FillRule.NonZero).area()


def _pixel_area(corners: ndarray) -> float:
    """Return the area of a union of triangles in the plane, counted on pixels."""
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    pixel = float((high - low).max()) * PIXEL_SHARE
    shape = np.ceil((high - low) / pixel).astype(np.int64) + 1
    covered = np.zeros((shape[0], shape[1]), dtype=np.bool_)
    _rasterize((corners - low) / pixel, covered)
    return float(covered.sum()) * pixel**2


@compiled()
@no_type_check  # keeps the run-time type checks of the tests out of the compiled function
def _rasterize(corners: ndarray, covered: ndarray) -> None:  # pragma: no cover - compiled
    """Mark the pixels whose centers lie in a triangle."""
    for index in range(corners.shape[0]):
        a, b, c = corners[index, 0], corners[index, 1], corners[index, 2]
        turn = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if turn == 0:
            continue
        first, last = int(min(a[0], b[0], c[0])), int(max(a[0], b[0], c[0])) + 1
        bottom, top = int(min(a[1], b[1], c[1])), int(max(a[1], b[1], c[1])) + 1
        for i in range(max(first, 0), min(last, covered.shape[0] - 1) + 1):
            for j in range(max(bottom, 0), min(top, covered.shape[1] - 1) + 1):
                x, y = i + 0.5, j + 0.5
                # Barycentric coordinates of the pixel's center.
                u = ((b[0] - x) * (c[1] - y) - (b[1] - y) * (c[0] - x)) / turn
                v = ((c[0] - x) * (a[1] - y) - (c[1] - y) * (a[0] - x)) / turn
                if u >= 0 and v >= 0 and u + v <= 1:
                    covered[i, j] = True
