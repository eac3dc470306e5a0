"""Repair of surfaces: cracks, duplicates, inconsistent orientation, small or flat holes.

No repair leaves the surface less closed than it was.

Shapes: V vertices, T triangles, O open half-edges, R vertices of a hole's rim.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64
from manifold3d import triangulate
from numpy import ndarray
from scipy.spatial import KDTree

from mspt.geometry.checks import (
    MeshReport,
    face_keys,
    find_edges,
    has_equal_corners,
    hole_of,
    inspect_mesh,
    is_degenerate,
    label_components,
)
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.orientation import agreeing, turned_outward
from mspt.metrics.forces import closure_error

CRACK_WIDTHS = (1e-6, 1e-5, 1e-4, 3e-4)
"""Widths of cracks that are closed, one after the other, as shares of the body's size.

The first is just above the rounding of float32 coordinates (6e-8), which separates vertices that
files store twice; the last is a gap of 1.3 mm between the panels of a car.
"""

BODY_SHARE = 0.998
"""Share of the area that lies within the box by which the size of a body is measured. What lies
outside of it, such as a speck far away, does not count."""

FAR_AWAY, FAR_SHARE = 1.0, 0.01
"""A part is left out if it is farther than one body size from the body, and has less than one
hundredth of the area."""

SMALL_HOLE_SIZE = 0.1
"""Largest hole that is closed whatever its form, as a share of the body's largest side."""

FLAT_HOLE_BEND = 0.02
"""Deviation from a plane, as a share of its size, up to which a hole of any size is closed."""

SPECK_SIZE = 0.01
"""Largest body without volume that is removed, as a share of the largest side."""

SPECK_FLATNESS = 1000
"""A body counts as having no volume if this many of it would not fill a cube of that size."""

AROUND_SHARE = 0.99
"""Share of a body's bounding box that a rim must span to count as the rim of the whole body."""

ONE_SIDED = 0.5
"""Closure error of one side of a surface that is stored with both, above which it is a panel: a
plane has 1, a body with a small hole nearly 0."""

MAX_HOLES, MAX_RIM_EDGES = 1000, 5000
"""Limits of the work on damaged files: more holes, or holes with longer rims, stay open."""


@dataclass(frozen=True)
class RepairedMesh:
    """A surface after repair.

    Attributes:
        mesh: Repaired surface.
        report: Defects that remain.
        repairs: One line for each repair; empty if none was needed.
    """

    mesh: SurfaceMesh
    report: MeshReport
    repairs: tuple[str, ...]


def repair_mesh(mesh: SurfaceMesh) -> RepairedMesh:
    """Close cracks, remove duplicates, orient triangles outward, close small or flat holes.

    Each connected body is oriented outward by itself, cavities too. Holes that are neither small
    nor flat stay open, because the missing surface is unknown. A repair after which the surface is
    less closed than before is left out, unless neighboring triangles disagree about the outside.
    """
    repairs = []
    # Cracks come first, because they hide which triangles are neighbors. Orientation comes before
    # the holes, whose rims need a consistent direction, and again after them, because a closed
    # body has a volume that tells inside from outside.
    steps = (
        _drop_far,
        _close_cracks,
        _drop_flat,
        _drop_copies,
        _drop_specks,
        _turn_outward,
        _close_holes,
        _turn_outward,
    )
    for step in steps:
        changed, done = step(mesh)
        if done and (_is_as_closed(changed, mesh) or find_edges(mesh.triangles).opposed.any()):
            mesh = changed
            repairs.append(done)
    used, triangles = np.unique(mesh.triangles, return_inverse=True)
    mesh = SurfaceMesh(mesh.vertices[used], triangles.reshape(-1, 3))
    return RepairedMesh(mesh, inspect_mesh(mesh), tuple(repairs))


def _is_as_closed(changed: SurfaceMesh, before: SurfaceMesh) -> bool:
    """Return whether a surface is as closed as before, up to rounding."""
    errors = [
        closure_error(mesh.area_vectors) if mesh.areas.sum() > 0 else np.inf
        for mesh in (changed, before)
    ]
    return errors[0] <= errors[1] + 1e-9


def body_size(mesh: SurfaceMesh) -> float:
    """Return the largest side of the box around a body, without specks far away.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> round(body_size(box((0, 0, 0), (1, 2, 3))), 9)
        3.0
    """
    low, high = _body_box(mesh)
    return float((high - low).max())


def _body_box(mesh: SurfaceMesh) -> tuple[ndarray, ndarray]:
    """Return the corners of the box around all triangles but those farthest out."""
    low, high = mesh.corners.min(axis=1), mesh.corners.max(axis=1)
    lowest, highest = np.empty(3), np.empty(3)
    beyond = (1 - BODY_SHARE) / 2 * mesh.areas.sum()
    for axis in range(3):
        order = np.argsort(low[:, axis])
        lowest[axis] = low[order, axis][np.searchsorted(mesh.areas[order].cumsum(), beyond)]
        order = np.argsort(-high[:, axis])
        highest[axis] = high[order, axis][np.searchsorted(mesh.areas[order].cumsum(), beyond)]
    return lowest, highest


def _drop_far(mesh: SurfaceMesh) -> tuple[SurfaceMesh, str]:
    """Remove small parts far away from the body."""
    if mesh.areas.sum() == 0:
        return mesh, ""
    part = label_components(find_edges(mesh.triangles).links, len(mesh.triangles))
    least, most = _body_bounds(mesh, part)
    low, high = _body_box(mesh)
    apart = np.maximum(low - most, least - high).max(axis=1) / float((high - low).max())
    far = apart > FAR_AWAY
    if not far.any() or mesh.areas[far[part]].sum() > FAR_SHARE * mesh.areas.sum():
        return mesh, ""
    words = f"{_count_text(int(far.sum()), 'part')}, {apart[far].min():.1f} lengths away or more"
    return replace(mesh, triangles=mesh.triangles[~far[part]]), f"left out {words}"


def _close_cracks(mesh: SurfaceMesh) -> tuple[SurfaceMesh, str]:
    """Merge vertices of open edges that almost coincide, narrow cracks first.

    A width is tried only while there are open edges. It is left out if it would make a triangle
    collapse or join more than two at an edge: then the file has details of that size.
    """
    size, merged = body_size(mesh) if mesh.areas.sum() > 0 else 0.0, 0
    for width in CRACK_WIDTHS:
        edges = find_edges(mesh.triangles)
        rim = np.unique(edges.open)
        near = KDTree(mesh.vertices[rim]).query_pairs(width * size, output_type="ndarray")
        if len(near) == 0:
            continue
        label = label_components(rim[near], len(mesh.vertices))
        _, first = np.unique(label, return_index=True)
        triangles = first[label][mesh.triangles]
        collapsed = has_equal_corners(triangles)
        joined = find_edges(triangles)
        # The narrowest cracks are rounding, whatever they join.
        rounding = width == CRACK_WIDTHS[0] and not collapsed.all()
        if rounding or not (
            (collapsed & ~has_equal_corners(mesh.triangles)).any()
            or (joined.count > 2).sum() > (edges.count > 2).sum()
        ):
            merged += len(mesh.vertices) - len(first)
            mesh = replace(mesh, triangles=triangles)
    return mesh, f"merged {_count_text(merged, 'vertex')} along cracks" if merged else ""


def _drop_flat(mesh: SurfaceMesh) -> tuple[SurfaceMesh, str]:
    """Remove triangles with equal corners, and other degenerate ones unless that opens a hole."""
    equal = has_equal_corners(mesh.triangles)
    if equal.all():
        return mesh, ""
    remaining, _ = _drop_if_closed(mesh, equal)
    remaining, _ = _drop_if_closed(remaining, is_degenerate(remaining))
    dropped = len(mesh.triangles) - len(remaining.triangles)
    return remaining, f"dropped {_count_text(dropped, 'triangle')} without area" if dropped else ""


def _drop_copies(mesh: SurfaceMesh) -> tuple[SurfaceMesh, str]:
    """Remove triangles that repeat another one, unless that opens a hole."""
    remaining, dropped = _drop_if_closed(mesh, _is_copy(mesh))
    return remaining, f"dropped {_count_text(dropped, 'duplicate triangle')}" if dropped else ""


def _drop_specks(mesh: SurfaceMesh) -> tuple[SurfaceMesh, str]:
    """Remove tiny closed bodies without volume, which Boolean operations leave behind."""
    edges = find_edges(mesh.triangles)
    body = label_components(edges.links, len(mesh.triangles))
    size = body_size(mesh) if mesh.areas.sum() > 0 else 0.0
    low, high = _body_bounds(mesh, body)
    arms = mesh.centers - low[body]
    volume = np.bincount(body, np.einsum("tx,tx->t", arms, mesh.area_vectors) / 3)
    is_small = (high - low).max(axis=1) < SPECK_SIZE * size
    is_flat = np.abs(volume) < SPECK_SIZE**3 * size**3 / SPECK_FLATNESS
    speck = is_small & is_flat
    speck[body[edges.open_triangle]] = False  # an open body may be a part of a larger one
    remaining, dropped = _drop_if_closed(mesh, speck[body])
    return remaining, f"dropped {_count_text(int(speck.sum()), 'speck')}" if dropped else ""


def _body_bounds(mesh: SurfaceMesh, body: Int64[ndarray, " T"]) -> tuple[ndarray, ndarray]:
    """Return the lowest and highest coordinates of each body."""
    count = int(body.max()) + 1
    low, high = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    a, b, c = np.moveaxis(mesh.corners, 1, 0)
    np.minimum.at(low, body, np.minimum(np.minimum(a, b), c))
    np.maximum.at(high, body, np.maximum(np.maximum(a, b), c))
    return low, high


def _drop_if_closed(mesh: SurfaceMesh, useless: Bool[ndarray, " T"]) -> tuple[SurfaceMesh, int]:
    """Remove triangles and return how many; none if that leaves nothing or opens the surface."""
    if useless.all() or not useless.any():
        return mesh, 0
    remaining = replace(mesh, triangles=mesh.triangles[~useless])
    opened = _num_open(remaining) > _num_open(mesh)
    return (mesh, 0) if opened else (remaining, int(useless.sum()))


def _num_open(mesh: SurfaceMesh) -> int:
    return len(find_edges(mesh.triangles).open)


def _count_text(number: int, noun: str) -> str:
    many = "vertices" if noun == "vertex" else f"{noun}s"
    return f"{number:,} {noun if number == 1 else many}"


def _is_copy(mesh: SurfaceMesh) -> Bool[ndarray, " T"]:
    """Return which triangles repeat another one with the same orientation.

    A triangle and its reverse are the two sides of a panel or a wall between two bodies that touch,
    and both stay. If most triangles have a reverse and one of each pair encloses a body, the
    surface is stored with both sides, and one of each pair is a copy.
    """
    keys = face_keys(mesh.triangles)
    _, first, count = np.unique(keys, return_index=True, return_counts=True)
    copies = np.ones(len(keys), dtype=bool)
    copies[first] = False
    if (count > 1).mean() > 0.5 and not _is_panel(replace(mesh, triangles=mesh.triangles[first])):
        return copies
    a, b, c = mesh.triangles.T
    # The parity of the permutation that sorts the vertices gives the orientation.
    keys = 2 * keys + ((a < b) ^ (b < c) ^ (c < a))
    copies[:] = True
    copies[np.unique(keys, return_index=True)[1]] = False
    return copies


def _is_panel(side: SurfaceMesh) -> bool:
    """Return whether one side of a surface encloses nothing, once its triangles agree."""
    agreed = agreeing(side)
    return bool(agreed.areas.sum() > 0 and closure_error(agreed.area_vectors) > ONE_SIDED)


def _turn_outward(mesh: SurfaceMesh) -> tuple[SurfaceMesh, str]:
    turned, number = turned_outward(mesh)
    return turned, f"turned {_count_text(number, 'triangle')}" if number else ""


def _close_holes(mesh: SurfaceMesh) -> tuple[SurfaceMesh, str]:
    """Close holes with a single rim that are small or flat, but not the rim of a flat sheet."""
    edges = find_edges(mesh.triangles)
    ends = edges.open
    if len(ends) == 0:
        return mesh, ""
    holes = hole_of(ends)
    body = label_components(edges.links, len(mesh.triangles))
    owner = body[edges.open_triangle]
    low, high = _body_bounds(mesh, body)
    order = np.argsort(holes, kind="stable")
    rims = np.split(order, np.flatnonzero(np.diff(holes[order])) + 1)[:MAX_HOLES]
    covers = []
    for members in rims:
        rim, number = _rim(ends[members]), owner[members[0]]
        if rim is None:
            continue
        around = np.ptp(mesh.vertices[rim], axis=0) >= AROUND_SHARE * (high - low)[number]
        if _may_close(mesh, rim, body == number if around.all() else None):
            covers.append(_triangulate_rim(mesh.vertices[rim], rim))
    if not covers:
        return mesh, ""
    added = sum(len(cover) for cover in covers)
    closed = replace(mesh, triangles=np.concatenate([mesh.triangles, *covers]))
    return (
        closed,
        f"closed {_count_text(len(covers), 'hole')} with {_count_text(added, 'triangle')}",
    )


def _rim(ends: Int64[ndarray, "O 2"]) -> Int64[ndarray, " R"] | None:
    """Return the vertices around a hole in order, if it has a single rim that meets no other."""
    following = dict(ends.tolist())
    if not 3 <= len(ends) <= MAX_RIM_EDGES or len(following) < len(ends):
        return None
    rim = [int(ends[0, 0])]
    while (vertex := following.get(rim[-1], rim[0])) != rim[0] and len(rim) <= len(ends):
        rim.append(vertex)
    # Triangles that close a hole traverse its edges in the opposite direction.
    return np.array(rim[::-1]) if len(rim) == len(ends) else None


def _may_close(
    mesh: SurfaceMesh,
    rim: Int64[ndarray, " R"],
    own: Bool[ndarray, " T"] | None,
) -> bool:
    """Return whether a hole is small or flat.

    A flat sheet is not closed along its rim, which would double it. For this, ``own`` marks the
    triangles of the hole's body if the rim goes all around that body.
    """
    points = mesh.vertices[rim]
    size = float(np.ptp(points, axis=0).max())
    normal = _plane(points)[2]
    if own is not None and np.ptp(mesh.corners[own] @ normal) <= FLAT_HOLE_BEND * size:
        return False
    small = size <= SMALL_HOLE_SIZE * mesh.extent.max()
    return bool(small or np.ptp(points @ normal) <= FLAT_HOLE_BEND * size)


def _plane(points: Float64[ndarray, "R 3"]) -> Float64[ndarray, "3 3"]:
    """Return two axes of a rim's plane and its normal; the rim is counter-clockwise around it."""
    arms = points - points.mean(axis=0)
    normal = np.cross(arms, np.roll(arms, -1, axis=0)).sum(axis=0)  # Newell's method
    first, _, _ = np.linalg.svd(arms.T, full_matrices=False)
    along = first[:, 0]
    normal = normal - along * (along @ normal)
    if np.linalg.norm(normal) == 0:  # a rim without area, such as a figure of eight
        normal = first[:, 2]
    normal = normal / np.linalg.norm(normal)
    return np.stack([along, np.cross(normal, along), normal])


def _triangulate_rim(
    points: Float64[ndarray, "R 3"], rim: Int64[ndarray, " R"]
) -> Int64[ndarray, "S 3"]:
    """Return triangles on the vertices of a rim that close the hole."""
    first, second, _ = _plane(points)
    flat = (points - points[0]) @ np.stack([first, second], axis=1)
    return rim[triangulate([flat])]
