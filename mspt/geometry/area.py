"""Projections of a body: its frontal area along the flow, and its outline from the side.

Shapes: V corners of an outline.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Float64
from manifold3d import CrossSection, FillRule, OpType
from numpy import ndarray

from mspt.compiling import compiled
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.solids import Parts, unite_parts

MAX_EXACT_TRIANGLES = 20_000
"""Most triangles whose union is computed exactly where the surface encloses no solid."""

FRONT_VIEW = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])
SIDE_VIEW = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
"""Rotations that turn the direction of view, x and -y, into z."""

PIXEL_SHARE = 0.001
"""Edge of a pixel, as a share of the larger side of the projection."""


def frontal_area(mesh: SurfaceMesh) -> float:
    """Return the area of the projection along x of the part of a body above the ground z = 0.

    Closed parts are projected exactly. Panels without thickness and open parts are exact up to
    20,000 triangles; beyond, their area is counted on up to a million pixels.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> round(frontal_area(box((0, 0, 0), (1, 2, 3))), 6)
        6.0
    """
    # Parts below the ground are flattened onto it, where they have no frontal area.
    above = SurfaceMesh(np.maximum(mesh.vertices, [-np.inf, -np.inf, 0.0]), mesh.triangles)
    parts = unite_parts(above)
    if parts.rest is not None and len(parts.rest.triangles) > MAX_EXACT_TRIANGLES:
        return _pixel_area(above.corners[:, :, 1:])
    return _projection(parts, FRONT_VIEW).area()


def side_outlines(mesh: SurfaceMesh) -> list[Float64[ndarray, "V 2"]]:
    """Return the outlines of a body as seen from its left side, x and z of each corner.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> (outline,) = side_outlines(box((0, 0, 0), (3, 2, 1)))
        >>> outline.min(axis=0).tolist(), outline.max(axis=0).tolist()
        ([0.0, 0.0], [3.0, 1.0])
    """
    parts = unite_parts(mesh)
    if parts.rest is not None and len(parts.rest.triangles) > MAX_EXACT_TRIANGLES:
        hull = CrossSection.hull_points(mesh.vertices[:, [0, 2]])
        return [np.asarray(outline, dtype=np.float64) for outline in hull.to_polygons()]
    outlines = _projection(parts, SIDE_VIEW).to_polygons()
    return [np.asarray(outline, dtype=np.float64) for outline in outlines]


def _projection(parts: Parts, view: ndarray) -> CrossSection:
    """Return the union of the projections of all parts.

    Args:
        parts: The body.
        view: Rotation after which the direction of view is along z, as a matrix (3, 3).
    """
    found = []
    if parts.solid is not None:
        rotation = np.concatenate([view, np.zeros((3, 1))], axis=1)
        found.append(parts.solid.transform(rotation).project())
    if parts.rest is not None:
        corners = (parts.rest.corners @ view.T)[:, :, :2].copy()
        first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        turn = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
        # All triangles counter-clockwise: the nonzero rule would cancel opposite orientations.
        corners[turn < 0] = corners[turn < 0, ::-1]
        found.append(CrossSection(list(corners[turn != 0]), FillRule.NonZero))
    return CrossSection.batch_boolean(found, OpType.Add)


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
