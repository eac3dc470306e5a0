"""Panels without thickness, such as spoilers, of which a file holds both sides.

A thickness far below any that matters turns them into solids, which can be united with the body
that they stand on.

Shapes: T triangles.
"""

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from mspt.geometry.checks import face_keys, find_edges, label_components
from mspt.geometry.mesh import SurfaceMesh, joined
from mspt.geometry.orientation import agreeing
from mspt.geometry.solids import NO_VOLUME, as_solid, pick_triangles

FOLD = -0.9
"""Cosine between the normals of neighbors below which a panel turns back on itself."""

SAME_AREA = 1e-3
"""Relative difference of area up to which two sides are alike."""

THICKNESS = 2e-4
"""Thickness of a panel, as a share of the body's size: 0.9 mm on a car."""


def thickened(mesh: SurfaceMesh, thickness: float) -> tuple[SurfaceMesh, int]:
    """Return a surface whose panels with two equal sides have a thickness, and their number.

    Args:
        mesh: Repaired surface.
        thickness: In the unit of the surface.

    Examples:
        >>> square = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
        >>> both = np.array([[0, 1, 2], [0, 2, 3], [2, 1, 0], [3, 2, 0]])
        >>> thick, number = thickened(SurfaceMesh(square, both), 0.01)
        >>> number, round(thick.volume, 9), thick.extent.round(9).tolist()
        (1, 0.01, [1.0, 1.0, 0.01])
    """
    edges = find_edges(mesh.triangles)
    part = label_components(edges.links, len(mesh.triangles))
    is_open = np.zeros(int(part.max()) + 1, dtype=bool)
    is_open[part[edges.open_triangle]] = True
    rest = np.ones(len(mesh.triangles), dtype=bool)
    solids = []
    for label in np.flatnonzero(~is_open & (_flatness(mesh, part) <= NO_VOLUME)):
        own = part == label
        solid = _extruded(pick_triangles(mesh, own), thickness)
        if solid is not None:
            solids.append(solid)
            rest &= ~own
    if not solids:
        return mesh, 0
    others = [pick_triangles(mesh, rest)] if rest.any() else []
    return joined(*others, *solids), len(solids)


def _flatness(mesh: SurfaceMesh, part: Int64[ndarray, " T"]) -> Float64[ndarray, " N"]:
    """Return the volume of each closed part over its area to the power 3/2."""
    area = np.bincount(part, mesh.areas)
    middle = [np.bincount(part, mesh.areas * axis) / area for axis in mesh.centers.T]
    arms = mesh.centers - np.stack(middle, axis=1)[part]
    volume = np.bincount(part, np.einsum("tx,tx->t", arms, mesh.area_vectors) / 3)
    return np.abs(volume) / area**1.5


def _extruded(panel: SurfaceMesh, thickness: float) -> SurfaceMesh | None:
    """Return a panel as a solid of some thickness; None if it has no two equal sides."""
    side = _one_side(panel)
    if side is None:
        return None
    normals = np.zeros_like(side.vertices)
    np.add.at(normals, side.triangles, side.area_vectors[:, None])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
    number = len(side.vertices)
    vertices = np.concatenate(
        [side.vertices + thickness / 2 * normals, side.vertices - thickness / 2 * normals]
    )
    back = side.triangles[:, ::-1] + number
    solid = SurfaceMesh(
        vertices, np.concatenate([side.triangles, back, _rim(side.triangles, number)])
    )
    return solid if as_solid(solid) is not None else None


def _one_side(panel: SurfaceMesh) -> SurfaceMesh | None:
    """Return one side of a panel without thickness; None if its sides are not alike.

    Either each triangle has its reverse, or the sides have other triangles and meet at the rim,
    where the surface turns back on itself.
    """
    _, first, count = np.unique(face_keys(panel.triangles), return_index=True, return_counts=True)
    if (count == 2).all():
        return agreeing(SurfaceMesh(panel.vertices, panel.triangles[first]))
    pairs = find_edges(panel.triangles).pairs
    along = np.einsum("px,px->p", *np.moveaxis(panel.normals[pairs], 1, 0))
    side = label_components(pairs[along > FOLD], len(panel.triangles))
    if side.max() != 1:
        return None
    front = panel.areas[side == 0].sum()
    alike = abs(front - panel.areas[side == 1].sum()) < SAME_AREA * front
    return pick_triangles(panel, side == 0) if alike else None


def _rim(triangles: Int64[ndarray, "T 3"], number: int) -> Int64[ndarray, "R 3"]:
    """Return the triangles between the borders of a front and of its back.

    Args:
        triangles: Of the front.
        number: Vertices of the front; vertex v of the front is vertex v + number of the back.
    """
    start, stop = find_edges(triangles).open.T
    return np.concatenate(
        [
            np.stack([stop, start, start + number], axis=1),
            np.stack([stop, start + number, stop + number], axis=1),
        ]
    )
