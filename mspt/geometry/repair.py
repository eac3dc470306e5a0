"""Repair of surfaces: cracks, duplicates, inconsistent orientation, small or flat holes.

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

CRACK_WIDTH = 1e-6
"""Widest crack that is closed, as a share of the largest side of the bounding box.

Just above the rounding of float32 coordinates (6e-8), which separates vertices that files store
twice.
"""

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

NO_VOLUME = 1e-9
"""Net volume over the sum of absolute contributions below which it is rounding error."""

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
    nor flat stay open, because the missing surface is unknown.
    """
    repairs = []
    # Cracks come first, because they hide which triangles are neighbors. Orientation comes before
    # the holes, whose rims need a consistent direction, and again after them, because a closed
    # body has a volume that tells inside from outside.
    steps = (
        _close_cracks,
        _drop_flat,
        _drop_copies,
        _drop_specks,
        _turn_outward,
        _close_holes,
        _turn_outward,
    )
    for step in steps:
        mesh, done = step(mesh)
        repairs += [done] if done else []
    used, triangles = np.unique(mesh.triangles, return_inverse=True)
    mesh = SurfaceMesh(mesh.vertices[used], triangles.reshape(-1, 3))
    return RepairedMesh(mesh, inspect_mesh(mesh), tuple(repairs))


def _close_cracks(mesh: SurfaceMesh) -> tuple[SurfaceMesh, str]:
    """Merge vertices of open edges that almost coincide."""
    rim = np.unique(find_edges(mesh.triangles).open)
    near = KDTree(mesh.vertices[rim]).query_pairs(
        CRACK_WIDTH * mesh.extent.max(), output_type="ndarray"
    )
    if len(near) == 0:
        return mesh, ""
    label = label_components(rim[near], len(mesh.vertices))
    _, first = np.unique(label, return_index=True)
    triangles = first[label][mesh.triangles]
    if has_equal_corners(triangles).all():  # nothing would be left
        return mesh, ""
    merged = len(mesh.vertices) - len(first)
    return replace(mesh, triangles=triangles), f"merged {merged:,} vertices along cracks"


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
    size = mesh.extent.max()
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
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _is_copy(mesh: SurfaceMesh) -> Bool[ndarray, " T"]:
    """Return which triangles repeat another one with the same orientation.

    A triangle and its reverse are the two sides of a thin sheet or a wall between two bodies that
    touch, and both stay. If most triangles have a reverse, the whole surface is stored twice, and
    one of each pair is a copy.
    """
    keys = face_keys(mesh.triangles)
    _, first, count = np.unique(keys, return_index=True, return_counts=True)
    if (count > 1).mean() <= 0.5:
        a, b, c = mesh.triangles.T
        # The parity of the permutation that sorts the vertices gives the orientation.
        keys = 2 * keys + ((a < b) ^ (b < c) ^ (c < a))
        first = np.unique(keys, return_index=True)[1]
    copies = np.ones(len(keys), dtype=bool)
    copies[first] = False
    return copies


def _turn_outward(mesh: SurfaceMesh) -> tuple[SurfaceMesh, str]:
    """Orient all triangles of each patch consistently and outward.

    A patch is a set of triangles connected by edges of exactly two triangles. In a graph with two
    nodes for each triangle, for its present and its reversed orientation, edges connect the
    orientations that agree: the components are the two consistent orientations of each patch.
    """
    count = len(mesh.triangles)
    edges = find_edges(mesh.triangles)
    first, second = edges.pairs.T
    other = np.where(edges.opposed, second + count, second)
    links = np.concatenate([[first, other], [first + count, (other + count) % (2 * count)]], axis=1)
    label = label_components(links.T, 2 * count)
    as_is, reversed_ = label[:count], label[count:]
    turned = as_is > reversed_
    patch = np.minimum(as_is, reversed_)

    body = label_components(edges.links, count)
    weight = np.bincount(body, mesh.areas) + 1e-300  # avoids 0 / 0 for bodies without area
    middle = [np.bincount(body, mesh.areas * axis) / weight for axis in mesh.centers.T]
    arms = mesh.centers - np.stack(middle, axis=1)[body]
    volumes = np.einsum("tx,tx->t", arms, mesh.area_vectors) * np.where(turned, -1, 1)
    size = np.bincount(patch, np.abs(volumes))
    volume = np.bincount(patch, volumes)
    # A patch without volume, such as a flat sheet, keeps the orientation of most of its area.
    most = np.bincount(patch, np.where(turned, mesh.areas, -mesh.areas))
    wrong = np.where(np.abs(volume) > NO_VOLUME * size, volume < 0, most > 0)
    turned ^= wrong[patch]
    if not turned.any():
        return mesh, ""
    triangles = np.where(turned[:, None], mesh.triangles[:, ::-1], mesh.triangles)
    return replace(
        mesh, triangles=triangles
    ), f"turned {_count_text(int(turned.sum()), 'triangle')}"


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
