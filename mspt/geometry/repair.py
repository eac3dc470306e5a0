"""Repair of surfaces: cracks, copies, triangles turned the wrong way, small or flat holes.

Shapes: V vertices, T triangles, O open half-edges, R corners of a hole's rim.
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
    group,
    has_equal_corners,
    hole_of,
    inspect_mesh,
    is_degenerate,
)
from mspt.geometry.mesh import SurfaceMesh

CRACK = 1e-6
"""Widest crack that is closed, as a share of the largest side of the bounding box."""
SMALL_HOLE, FLAT_HOLE = 0.1, 0.02
"""Size of a hole that is closed in any case, and bend of one that is closed whatever its size."""
SPECK = 0.01
"""Largest size of a body without a volume that is dropped."""
MAX_HOLES, MAX_RIM = 1000, 5000


@dataclass(frozen=True)
class RepairedMesh:
    """A surface after repair.

    Attributes:
        mesh: The surface.
        report: What is still wrong with it.
        repairs: What was done, one line each; empty if nothing.
    """

    mesh: SurfaceMesh
    report: MeshReport
    repairs: tuple[str, ...]


def repair_mesh(mesh: SurfaceMesh) -> RepairedMesh:
    """Close cracks, drop copies, turn triangles outward, close holes that are small or flat.

    Each connected body is turned outward by itself, cavities too. Holes that are neither small nor
    flat stay: what is missing there is not known.
    """
    repairs = []
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
    """Make one vertex of those at open edges that are almost at the same place."""
    rim = np.unique(find_edges(mesh.triangles).open)
    near = KDTree(mesh.vertices[rim]).query_pairs(CRACK * mesh.extent.max(), output_type="ndarray")
    if len(near) == 0:
        return mesh, ""
    label = group(rim[near], len(mesh.vertices))
    _, first = np.unique(label, return_index=True)
    triangles = first[label][mesh.triangles]
    if has_equal_corners(triangles).all():
        return mesh, ""
    merged = len(mesh.vertices) - len(first)
    return replace(mesh, triangles=triangles), f"merged {merged:,} vertices along cracks"


def _drop_flat(mesh: SurfaceMesh) -> tuple[SurfaceMesh, str]:
    """Drop triangles with equal corners, and others without area unless that opens the surface."""
    equal = has_equal_corners(mesh.triangles)
    if equal.all():
        return mesh, ""
    slim, _ = _without(mesh, equal)
    slim, _ = _without(slim, is_degenerate(slim))
    dropped = len(mesh.triangles) - len(slim.triangles)
    return slim, f"dropped {_counted(dropped, 'triangle')} without area" if dropped else ""


def _drop_copies(mesh: SurfaceMesh) -> tuple[SurfaceMesh, str]:
    """Drop triangles that repeat another one, unless that opens the surface."""
    lesser, dropped = _without(mesh, _is_copy(mesh))
    return lesser, f"dropped {_counted(dropped, 'duplicate triangle')}" if dropped else ""


def _drop_specks(mesh: SurfaceMesh) -> tuple[SurfaceMesh, str]:
    """Drop tiny closed bodies without a volume, such as unions of solids leave behind."""
    edges = find_edges(mesh.triangles)
    body = group(edges.links, len(mesh.triangles))
    size = mesh.extent.max()
    low, high = _boxes(mesh, body)
    arms = mesh.centers - low[body]
    volume = np.bincount(body, np.einsum("tx,tx->t", arms, mesh.area_vectors) / 3)
    speck = ((high - low).max(axis=1) < SPECK * size) & (np.abs(volume) < SPECK**3 * size**3 / 1000)
    speck[body[edges.open_triangle]] = False
    lesser, dropped = _without(mesh, speck[body])
    return lesser, f"dropped {_counted(int(speck.sum()), 'speck')}" if dropped else ""


def _boxes(mesh: SurfaceMesh, body: Int64[ndarray, " T"]) -> tuple[ndarray, ndarray]:
    """Return the lowest and highest coordinates of each body."""
    count = int(body.max()) + 1
    low, high = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    a, b, c = np.moveaxis(mesh.corners, 1, 0)
    np.minimum.at(low, body, np.minimum(np.minimum(a, b), c))
    np.maximum.at(high, body, np.maximum(np.maximum(a, b), c))
    return low, high


def _without(mesh: SurfaceMesh, useless: Bool[ndarray, " T"]) -> tuple[SurfaceMesh, int]:
    """Drop triangles, and say how many; none if that leaves nothing or opens the surface."""
    if useless.all() or not useless.any():
        return mesh, 0
    lesser = replace(mesh, triangles=mesh.triangles[~useless])
    opened = _num_open(lesser) > _num_open(mesh)
    return (mesh, 0) if opened else (lesser, int(useless.sum()))


def _num_open(mesh: SurfaceMesh) -> int:
    return len(find_edges(mesh.triangles).open)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _is_copy(mesh: SurfaceMesh) -> Bool[ndarray, " T"]:
    """Tell which triangles repeat another one, turned the same way.

    A triangle and its reverse are the two sides of a thin sheet, or a wall between two bodies that
    touch; but if most triangles have their reverse, the whole surface is there twice.
    """
    keys = face_keys(mesh.triangles)
    _, first, count = np.unique(keys, return_index=True, return_counts=True)
    if (count > 1).mean() <= 0.5:
        a, b, c = mesh.triangles.T
        # Odd and even orders of three numbers.
        keys = 2 * keys + ((a < b) ^ (b < c) ^ (c < a))
        first = np.unique(keys, return_index=True)[1]
    copies = np.ones(len(keys), dtype=bool)
    copies[first] = False
    return copies


def _turn_outward(mesh: SurfaceMesh) -> tuple[SurfaceMesh, str]:
    """Turn all triangles of a patch the same way, and that way outward.

    A patch is what edges of exactly two triangles connect. Each triangle stands twice in a graph,
    as it is and turned; what edges connect there belongs together, turned or not.
    """
    count = len(mesh.triangles)
    edges = find_edges(mesh.triangles)
    first, second = edges.pairs.T
    other = np.where(edges.opposed, second + count, second)
    links = np.concatenate([[first, other], [first + count, (other + count) % (2 * count)]], axis=1)
    label = group(links.T, 2 * count)
    as_is, reversed_ = label[:count], label[count:]
    turned = as_is > reversed_
    patch = np.minimum(as_is, reversed_)

    body = group(edges.links, count)
    weight = np.bincount(body, mesh.areas) + 1e-300
    middle = [np.bincount(body, mesh.areas * axis) / weight for axis in mesh.centers.T]
    arms = mesh.centers - np.stack(middle, axis=1)[body]
    volumes = np.einsum("tx,tx->t", arms, mesh.area_vectors) * np.where(turned, -1, 1)
    size = np.bincount(patch, np.abs(volumes))
    volume = np.bincount(patch, volumes)
    # Without a volume, as for a flat sheet, the way of most of its triangles is kept.
    most = np.bincount(patch, np.where(turned, mesh.areas, -mesh.areas))
    wrong = np.where(np.abs(volume) > 1e-9 * size, volume < 0, most > 0)
    turned ^= wrong[patch]
    if not turned.any():
        return mesh, ""
    triangles = np.where(turned[:, None], mesh.triangles[:, ::-1], mesh.triangles)
    return replace(mesh, triangles=triangles), f"turned {_counted(int(turned.sum()), 'triangle')}"


def _close_holes(mesh: SurfaceMesh) -> tuple[SurfaceMesh, str]:
    """Close holes with a simple rim that are small, or flat but not the rim of a flat sheet."""
    edges = find_edges(mesh.triangles)
    ends = edges.open
    if len(ends) == 0:
        return mesh, ""
    holes = hole_of(ends)
    body = group(edges.links, len(mesh.triangles))
    owner = body[edges.open_triangle]
    low, high = _boxes(mesh, body)
    order = np.argsort(holes, kind="stable")
    rims = np.split(order, np.flatnonzero(np.diff(holes[order])) + 1)[:MAX_HOLES]
    covers = []
    for members in rims:
        rim, number = _rim(ends[members]), owner[members[0]]
        if rim is None:
            continue
        around = np.ptp(mesh.vertices[rim], axis=0) >= 0.99 * (high - low)[number]
        if _may_close(mesh, rim, body == number if around.all() else None):
            covers.append(_cover(mesh.vertices[rim], rim))
    if not covers:
        return mesh, ""
    added = sum(len(cover) for cover in covers)
    closed = replace(mesh, triangles=np.concatenate([mesh.triangles, *covers]))
    return closed, f"closed {_counted(len(covers), 'hole')} with {_counted(added, 'triangle')}"


def _rim(ends: Int64[ndarray, "O 2"]) -> Int64[ndarray, " R"] | None:
    """Return the vertices around a hole in order, if it has a single rim that meets no other."""
    following = dict(ends.tolist())
    if not 3 <= len(ends) <= MAX_RIM or len(following) < len(ends):
        return None
    rim = [int(ends[0, 0])]
    while (vertex := following.get(rim[-1], rim[0])) != rim[0] and len(rim) <= len(ends):
        rim.append(vertex)
    # The triangles that close a hole pass its rim the other way.
    return np.array(rim[::-1]) if len(rim) == len(ends) else None


def _may_close(
    mesh: SurfaceMesh,
    rim: Int64[ndarray, " R"],
    own: Bool[ndarray, " T"] | None,
) -> bool:
    """Tell whether a hole is small or flat; ``own`` is its body, if the rim goes all around it."""
    points = mesh.vertices[rim]
    size = float(np.ptp(points, axis=0).max())
    normal = _plane(points)[2]
    if own is not None and np.ptp(mesh.corners[own] @ normal) <= FLAT_HOLE * size:
        return False
    small = size <= SMALL_HOLE * mesh.extent.max()
    return bool(small or np.ptp(points @ normal) <= FLAT_HOLE * size)


def _plane(points: Float64[ndarray, "R 3"]) -> Float64[ndarray, "3 3"]:
    """Return two axes of a rim's plane and its normal, about which the rim turns positively."""
    arms = points - points.mean(axis=0)
    normal = np.cross(arms, np.roll(arms, -1, axis=0)).sum(axis=0)
    first, _, _ = np.linalg.svd(arms.T, full_matrices=False)
    along = first[:, 0]
    normal = normal - along * (along @ normal)
    if np.linalg.norm(normal) == 0:
        normal = first[:, 2]
    normal = normal / np.linalg.norm(normal)
    return np.stack([along, np.cross(normal, along), normal])


def _cover(points: Float64[ndarray, "R 3"], rim: Int64[ndarray, " R"]) -> Int64[ndarray, "S 3"]:
    """Return triangles of a rim's vertices that close it."""
    first, second, _ = _plane(points)
    flat = (points - points[0]) @ np.stack([first, second], axis=1)
    return rim[triangulate([flat])]
