"""Frontal area: what the flow sees of a body."""

import numpy as np
from manifold3d import CrossSection, FillRule

from mspt.geometry.mesh import SurfaceMesh


def frontal_area(mesh: SurfaceMesh) -> float:
    """Return the area of the shadow that a body above the ground throws along x.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> round(frontal_area(box((0, 0, 0), (1, 2, 3))), 6)
        6.0
    """
    corners = mesh.corners[:, :, 1:].copy()
    corners[:, :, 1] = np.maximum(corners[:, :, 1], 0)
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    turn = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    corners[turn < 0] = corners[turn < 0, ::-1]
    return CrossSection(list(corners[turn != 0]), FillRule.NonZero).area()
