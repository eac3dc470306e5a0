"""Flow domains: files that hold the air around a body and not the body alone.

A mesh of the flow has the body as an inner boundary, whose normals point out of the air and into
the body. A wind tunnel drawn around a body is a box with normals to the inside.

Shapes: T triangles.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64
from manifold3d import Manifold
from numpy import ndarray

from mspt.geometry.checks import find_edges, label_components
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.solids import pick_triangles

LARGEST = 0.6
"""Largest share of the outer boundary's size that the inner one may have along each axis: a cavity
of a hollow body has more, a body in a wind tunnel less."""

WALLS = 5
"""Plane sides, of six, that an outer boundary which is connected to the body must have; the ground
may be missing."""

FULL = 0.7
"""Share of a side's rectangle that its plane triangles must cover. A body that stands on the
ground, or is cut by the plane of symmetry, leaves a gap."""

CONVEX = 0.95
"""Share of its convex hull that a round outer boundary fills; a car without wheels has 0.85."""

FLAT = 1e-5
"""Largest distance of a vertex from a plane side, as a share of the domain's size."""


@dataclass(frozen=True, eq=False)
class FlowDomain:
    """The boundaries of a flow.

    Attributes:
        body: The inner boundary, with normals as in the file.
        extent: Sides of the box around the outer boundary.
        is_certain: Whether inner and outer boundary face each other, as those of a flow do.
    """

    body: SurfaceMesh
    extent: tuple[float, float, float]
    is_certain: bool


def find_domain(mesh: SurfaceMesh) -> FlowDomain | None:
    """Return the boundaries of a flow domain; None if the surface is none.

    Args:
        mesh: Surface as in its file, before any repair of orientations.

    Examples:
        >>> from mspt.geometry.mesh import box, joined
        >>> tunnel = joined(box((0, 0, 0), (9, 3, 3)), box((3, 1, 0.5), (5, 2, 1)).flipped())
        >>> found = find_domain(tunnel)
        >>> found.is_certain, found.body.extent.tolist()
        (True, [2.0, 1.0, 0.5])
    """
    part = label_components(find_edges(mesh.triangles).links, len(mesh.triangles))
    outer = _outermost(mesh, part)
    if outer is None:
        return _walled(mesh)
    inner = part != outer
    wall, body = pick_triangles(mesh, ~inner), pick_triangles(mesh, inner)
    if (body.extent > LARGEST * wall.extent).any():
        return None
    # Other far fields are round; a body around a part that faces inward seldom is.
    opposite, box_like = wall.volume * body.volume < 0, _is_box(wall)
    if not box_like and not (opposite and _is_convex(wall)):
        return None
    return FlowDomain(body, _sides(mesh), is_certain=bool(opposite and box_like))


def _outermost(mesh: SurfaceMesh, part: Int64[ndarray, " T"]) -> int | None:
    """Return the part whose box encloses all others; None if there is none."""
    if part.max() == 0:
        return None
    sizes = [
        (np.ptp(mesh.corners[part == one], axis=(0, 1)).prod(), one) for one in _large(mesh, part)
    ]
    outer = max(sizes)[1]
    own, rest = mesh.corners[part == outer], mesh.corners[part != outer]
    low, high = own.min(axis=(0, 1)), own.max(axis=(0, 1))
    encloses = (rest >= low).all() and (rest <= high).all()
    return int(outer) if encloses else None


def _large(mesh: SurfaceMesh, part: Int64[ndarray, " T"]) -> Int64[ndarray, " L"]:
    """Return the parts with the largest areas, which alone can enclose others."""
    area = np.bincount(part, mesh.areas)
    return np.argsort(area)[-5:]


def _walled(mesh: SurfaceMesh) -> FlowDomain | None:
    """Return the boundaries of a flow whose walls are connected to the body, as on the ground."""
    on_wall = np.zeros(len(mesh.triangles), dtype=bool)
    full = 0
    for axis in range(3):
        rectangle = float(np.delete(mesh.extent, axis).prod())
        for end in (0, 1):
            flat = _flat(mesh, axis, float(mesh.bounds[end, axis]))
            on_wall |= flat
            full += mesh.areas[flat].sum() > FULL * rectangle
    if full < WALLS or on_wall.all():
        return None
    body = pick_triangles(mesh, ~on_wall)
    if (body.extent > LARGEST * mesh.extent).any():
        return None
    # From the corner of the walls that the body touches, the missing sides add no volume.
    high = body.bounds[1] == mesh.bounds[1]
    corner = np.where(high, mesh.bounds[1], mesh.bounds[0])
    below = float(np.einsum("tx,tx->", body.centers - corner, body.area_vectors))
    return FlowDomain(body, _sides(mesh), is_certain=below * mesh.volume < 0)


def _flat(mesh: SurfaceMesh, axis: int, place: float) -> Bool[ndarray, " T"]:
    distance = np.abs(mesh.corners[:, :, axis] - place).max(axis=1)
    return distance <= FLAT * float(mesh.extent.max())


def _is_convex(mesh: SurfaceMesh) -> bool:
    hull = Manifold.hull_points(mesh.vertices[np.unique(mesh.triangles)])
    return abs(mesh.volume) > CONVEX * hull.volume()


def _is_box(mesh: SurfaceMesh) -> bool:
    """Return whether all triangles lie in the sides of the bounding box."""
    sides = [
        _flat(mesh, axis, float(mesh.bounds[end, axis])) for axis in range(3) for end in (0, 1)
    ]
    return bool(np.logical_or.reduce(sides).all())


def _sides(mesh: SurfaceMesh) -> tuple[float, float, float]:
    length, width, height = mesh.extent.tolist()
    return length, width, height
