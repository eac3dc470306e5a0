"""The outer surface of a shape: what the air around it reaches.

Parts inside a body, inner skins of sheet metal, and what lies inside another part do not feel the
flow, but a file may hold them all. Closed parts are united exactly by manifold3d. Of the other
surfaces, triangles are left out whose outer side is inside another part by the winding number, or
is not reached by air from outside.

Shapes: P points, T triangles.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from mspt.geometry.checks import find_edges, label_components
from mspt.geometry.mesh import SurfaceMesh, joined
from mspt.geometry.reach import Air, air_around
from mspt.geometry.sampling import sample_surface
from mspt.geometry.solids import pick_triangles, solid_surface, unite_parts
from mspt.geometry.subdivide import quartered, refined
from mspt.geometry.winding import OFFSET, side_numbers, winding_number

INSIDE = 0.5
"""Winding number on the outer side of a triangle above which it lies inside another part."""

TWICE = 1.5
"""Winding number on the inner side above which two parts enclose a point."""

HIDDEN_SHARE = 1e-3
"""Share of the area that may be hidden without any change: triangles thinner than the distance at
which sides are compared, and rounding at the edges where parts meet."""

TINY_SHARE = 1e-4
"""Share of the area of hidden parts that is left where it is."""

CERTAIN = 0.25
"""Largest distance of winding numbers from 0 outside and 1 inside where both are certain."""

FIRST_EDGE, LAST_EDGE = 0.03, 0.004
"""Edges of triangles, as shares of the body's size, between which partly hidden ones are divided.
Half of the last one is the error of the line along which two open parts meet."""

NUM_SAMPLES = 8_000
"""Points spread over a surface to measure what share of it is hidden."""

WHOLE = 0.995
"""Share of the samples of a part that must be hidden for the part to be left out as a whole."""

Hides = Callable[[ndarray, ndarray], ndarray]
"""From points on a surface and unit normals to whether the outer side there is hidden."""


@dataclass(frozen=True, eq=False)
class OuterSurface:
    """What the air around a shape reaches, and what it does not.

    Attributes:
        mesh: The outer surface.
        hidden_parts: Parts that were left out as a whole.
        hidden_area: Their area.
        overlap_area: Area of other parts that lies inside or on another one.
        doubt: Share of the outer surface's area without a clear inside and outside.
    """

    mesh: SurfaceMesh
    hidden_parts: int
    hidden_area: float
    overlap_area: float
    doubt: float


def outer_surface(mesh: SurfaceMesh) -> OuterSurface:
    """Return the part of a repaired surface that air reaches.

    Args:
        mesh: Surface whose closed parts are oriented outward.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> found = outer_surface(joined(box((0, 0, 0), (3, 3, 3)), box((1, 1, 1), (2, 2, 2))))
        >>> found.hidden_parts, round(found.hidden_area, 9), round(found.mesh.volume, 6)
        (1, 6.0, 27.0)
    """
    edges = find_edges(mesh.triangles)
    air = air_around(mesh) if len(edges.open) else None
    part = label_components(edges.links, len(mesh.triangles))
    points, triangle = _spread(mesh, part)
    outside, inside = side_numbers(mesh, points, mesh.normals[triangle])
    hidden = outside > INSIDE
    if air is not None:
        hidden |= ~air.reaches(points, mesh.normals[triangle])
    # Surfaces that coincide hide nothing, but enclose the same space twice.
    wrong = (hidden | (inside > TWICE))[:NUM_SAMPLES].mean()
    share = np.bincount(part[triangle], hidden) / np.bincount(part[triangle])
    whole = (share > WHOLE)[part]
    if wrong <= HIDDEN_SHARE and mesh.areas[whole].sum() <= TINY_SHARE * mesh.areas.sum():
        return OuterSurface(mesh, 0, 0.0, 0.0, _doubt(outside, inside))
    kept = _seen(pick_triangles(mesh, ~whole), _hiding(mesh, air)) if not whole.all() else mesh
    outside, inside = _both_sides(kept)
    if (outside[:NUM_SAMPLES] > INSIDE).mean() > HIDDEN_SHARE:
        kept = _split_hidden(kept, _hiding(kept, air))[0] or kept
        outside, inside = _both_sides(kept)
    hidden_area = float(mesh.areas[whole].sum())
    return OuterSurface(
        mesh=kept,
        hidden_parts=int((share > WHOLE).sum()),
        hidden_area=hidden_area,
        overlap_area=max(float(mesh.areas.sum() - kept.areas.sum()) - hidden_area, 0.0),
        doubt=_doubt(outside, inside),
    )


def hidden_surface(mesh: SurfaceMesh) -> SurfaceMesh | None:
    """Return the triangles of a repaired surface that air does not reach; None if there are none.

    This is for drawing, and takes longer than :func:`outer_surface`.
    """
    air = air_around(mesh) if len(find_edges(mesh.triangles).open) else None
    return _split_hidden(mesh, _hiding(mesh, air))[1]


def _seen(mesh: SurfaceMesh, hides: Hides) -> SurfaceMesh:
    """Return a surface with its closed parts united and hidden triangles of the rest left out."""
    parts = unite_parts(mesh)
    pieces = [solid_surface(parts.solid)] if parts.solid is not None else []
    if parts.rest is not None and (seen := _split_hidden(parts.rest, hides)[0]) is not None:
        pieces.append(seen)
    return joined(*pieces) if pieces else mesh


def _spread(
    mesh: SurfaceMesh, part: Int64[ndarray, " T"] | None = None
) -> tuple[Float64[ndarray, "P 3"], Int64[ndarray, " P"]]:
    """Return points spread evenly over a surface, and the center of one triangle of each part.

    The centers follow the points; with them each part has at least one.
    """
    # A fixed seed: the same file must give the same answer.
    points, triangle = sample_surface(mesh, NUM_SAMPLES, np.random.default_rng(0))
    if part is None:
        return points, triangle
    _, first = np.unique(part, return_index=True)
    return np.concatenate([points, mesh.centers[first]]), np.concatenate([triangle, first])


def _both_sides(mesh: SurfaceMesh) -> tuple[Float64[ndarray, " P"], Float64[ndarray, " P"]]:
    """Return the winding numbers outside and inside of points spread over a surface."""
    points, triangle = _spread(mesh)
    return side_numbers(mesh, points, mesh.normals[triangle])


def _hiding(mesh: SurfaceMesh, air: Air | None) -> Hides:
    """Return the function that decides which points of a surface are hidden.

    Args:
        mesh: The whole surface.
        air: The air around it; None if it is closed, where winding numbers suffice.
    """
    step = OFFSET * float(mesh.extent.max())

    def hides(points: ndarray, normals: ndarray) -> ndarray:
        found = winding_number(mesh, points + step * normals) > INSIDE
        return found if air is None else found | ~air.reaches(points, normals)

    return hides


def _doubt(outside: Float64[ndarray, " P"], inside: Float64[ndarray, " P"]) -> float:
    """Return the share of points where winding numbers are not those of a solid's wall.

    A panel with two sides and no thickness has air on both: 0 outside and 0 inside.
    """
    # Only the first points are spread evenly; centers of triangles follow.
    outside, inside = outside[:NUM_SAMPLES], inside[:NUM_SAMPLES]
    nearest = np.minimum(np.abs(inside), np.abs(inside - 1))
    return float(((np.abs(outside) > CERTAIN) | (nearest > CERTAIN)).mean())


def _split_hidden(mesh: SurfaceMesh, hides: Hides) -> tuple[SurfaceMesh | None, SurfaceMesh | None]:
    """Return the seen and the hidden part of a surface; None for a part without triangles.

    Triangles that are partly hidden are divided until they are small.
    """
    size = float(mesh.extent.max())
    fine = refined(mesh, max_edge=FIRST_EDGE * size).mesh
    waiting, seen, hidden = fine.corners, [], []
    edge = FIRST_EDGE
    while len(waiting):
        number = _hidden_corners(waiting, hides)
        mixed = (number > 0) & (number < 4) & (edge > LAST_EDGE)
        hidden.append(waiting[~mixed & (number >= 2)])
        seen.append(waiting[~mixed & (number < 2)])
        waiting = quartered(waiting[mixed])
        edge /= 2
    return _from_corners(np.concatenate(seen)), _from_corners(np.concatenate(hidden))


def _hidden_corners(corners: Float64[ndarray, "T 3 3"], hides: Hides) -> Int64[ndarray, " T"]:
    """Return how many of four points of each triangle are hidden: near its corners, and its center.

    The points are a tenth of the way from the corners to the center, where edges of other triangles
    do not matter.
    """
    center = corners.mean(axis=1, keepdims=True)
    points = np.concatenate([0.9 * corners + 0.1 * center, center], axis=1)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
    found = hides(points.reshape(-1, 3), np.repeat(normals, 4, axis=0))
    return found.reshape(-1, 4).sum(axis=1)


def _from_corners(corners: Float64[ndarray, "T 3 3"]) -> SurfaceMesh | None:
    if len(corners) == 0:
        return None
    vertices, place = np.unique(corners.reshape(-1, 3), axis=0, return_inverse=True)
    return SurfaceMesh(vertices, place.reshape(-1, 3).astype(np.int64))
