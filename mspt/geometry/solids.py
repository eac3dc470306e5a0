"""Closed parts of a surface as solids of manifold3d, which unites and projects them exactly.

Shapes: T triangles.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64
from manifold3d import Error, Manifold, Mesh64, OpType
from numpy import ndarray

from mspt.geometry.checks import find_edges, label_components
from mspt.geometry.mesh import SurfaceMesh, joined

NO_VOLUME = 1e-6
"""Volume over the area to the power 3/2 below which a closed part is a sheet, which has no inside.
A square panel one thousandth as thick as wide has 3.5e-4."""


@dataclass(frozen=True, eq=False)
class Parts:
    """A surface as the union of its closed parts, and the rest.

    Attributes:
        solid: Union of the closed parts; None if there are none.
        rest: Panels without thickness, open parts, and parts that are no solids; None if there are
            none.
    """

    solid: Manifold | None
    rest: SurfaceMesh | None


def unite_parts(mesh: SurfaceMesh) -> Parts:
    """Unite the closed parts of a surface, whose normals point outward.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> parts = unite_parts(joined(box((0, 0, 0), (2, 1, 1)), box((1, 0, 0), (3, 1, 1))))
        >>> parts.solid.volume(), parts.rest
        (3.0, None)
    """
    edges = find_edges(mesh.triangles)
    part = label_components(edges.links, len(mesh.triangles))
    is_closed = np.ones(int(part.max()) + 1, dtype=bool)
    is_closed[part[edges.open_triangle]] = False
    solids, others = [], []
    for label, members in enumerate(_members(part)):
        one = pick_triangles(mesh, members)
        solid = as_solid(one) if is_closed[label] else None
        if solid is None:
            others.append(one)
        else:
            solids.append(solid)
    union = Manifold.batch_boolean(solids, OpType.Add) if len(solids) > 1 else None
    return Parts(
        solid=union or (solids[0] if solids else None), rest=joined(*others) if others else None
    )


def as_solid(mesh: SurfaceMesh) -> Manifold | None:
    """Return a closed surface as a solid; None for a sheet without thickness or an open surface."""
    if mesh.volume <= NO_VOLUME * float(mesh.areas.sum()) ** 1.5:
        return None
    # Copies, because manifold3d takes neither read-only arrays nor views with strides.
    vertices, triangles = np.array(mesh.vertices), np.array(mesh.triangles, dtype=np.uint64)
    solid = Manifold(Mesh64(vertices, triangles))
    return solid if solid.status() == Error.NoError and solid.volume() > 0 else None


def solid_surface(solid: Manifold) -> SurfaceMesh:
    """Return the surface of a solid, in double precision."""
    mesh = solid.to_mesh64()
    return SurfaceMesh(
        np.array(mesh.vert_properties[:, :3], dtype=np.float64),
        np.array(mesh.tri_verts, dtype=np.int64),
    )


def pick_triangles(
    mesh: SurfaceMesh, kept: Bool[ndarray, " T"] | Int64[ndarray, " S"]
) -> SurfaceMesh:
    """Return some triangles of a surface and the vertices that they use.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> len(pick_triangles(box((0, 0, 0), (1, 1, 1)), np.array([0, 1])).vertices)
        4
    """
    used, triangles = np.unique(mesh.triangles[kept], return_inverse=True)
    return SurfaceMesh(mesh.vertices[used], triangles.reshape(-1, 3))


def _members(part: Int64[ndarray, " T"]) -> list[Int64[ndarray, " S"]]:
    """Return the triangles of each part."""
    order = np.argsort(part, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(part[order])) + 1)
