"""Orientation of the triangles of a surface: neighbors agree, and all face outward.

Shapes: T triangles, N patches.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy import ndarray

from mspt.geometry.checks import find_edges, is_inside_out, label_components
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.reach import air_around, reached_sides
from mspt.geometry.solids import NO_VOLUME
from mspt.metrics.forces import closure_error

CLOSED = 1e-3
"""Closure error up to which a surface counts as closed, and the orientation of its open patches as
right."""

DECISIVE = 0.2
"""Share of the area of an open patch, or of the volume below it, that must speak for one side."""


def turned_outward(mesh: SurfaceMesh) -> tuple[SurfaceMesh, int]:
    """Orient all triangles of each patch consistently and outward.

    Triangles follow most of the area of their patch. A closed patch is then turned if its volume is
    negative. Open patches stay if together with the rest they close the surface; otherwise the side
    that air reaches is the outer one.
    """
    turned, patch, count = _patches(mesh)
    turned ^= (np.bincount(patch, np.where(turned, mesh.areas, -mesh.areas), count) > 0)[patch]
    agreed = _turned(mesh, turned)
    area = np.bincount(patch, mesh.areas, count)
    sums = np.stack([np.bincount(patch, part, count) for part in agreed.area_vectors.T], axis=1)
    is_open = np.linalg.norm(sums, axis=1) > CLOSED * area
    volume, size = _patch_volumes(agreed, patch, count)
    wrong = ~is_open & (volume < -NO_VOLUME * area**1.5)
    if is_open.any():
        wrong |= is_open & _is_inside_out(agreed, patch, area, volume / size)
    turned ^= wrong[patch]
    return (_turned(mesh, turned), int(turned.sum())) if turned.any() else (mesh, 0)


def _turned(mesh: SurfaceMesh, turned: Bool[ndarray, " T"]) -> SurfaceMesh:
    triangles = np.where(turned[:, None], mesh.triangles[:, ::-1], mesh.triangles)
    return replace(mesh, triangles=triangles)


def _patches(mesh: SurfaceMesh) -> tuple[Bool[ndarray, " T"], Int64[ndarray, " T"], int]:
    """Return which triangles to turn so that neighbors agree, the patch of each, and their number.

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
    patch = np.unique(np.minimum(as_is, reversed_), return_inverse=True)[1]
    return as_is > reversed_, patch, int(patch.max()) + 1


def _patch_volumes(
    mesh: SurfaceMesh, patch: Int64[ndarray, " T"], count: int
) -> tuple[Float64[ndarray, " N"], Float64[ndarray, " N"]]:
    """Return the volume below each patch as seen from its middle, and that without signs."""
    weight = np.bincount(patch, mesh.areas, count) + 1e-300  # avoids 0 / 0 for patches without area
    middle = [np.bincount(patch, mesh.areas * axis, count) / weight for axis in mesh.centers.T]
    arms = mesh.centers - np.stack(middle, axis=1)[patch]
    volumes = np.einsum("tx,tx->t", arms, mesh.area_vectors) / 3
    return np.bincount(patch, volumes, count), np.bincount(patch, np.abs(volumes), count) + 1e-300


def _is_inside_out(
    mesh: SurfaceMesh,
    patch: Int64[ndarray, " T"],
    area: Float64[ndarray, " N"],
    volume: Float64[ndarray, " N"],
) -> Bool[ndarray, " N"]:
    """Return which patches of a surface that is not made of closed ones face inward.

    A plane patch has no volume, and that of a hollow one has the wrong sign. The side that air
    reaches is therefore the outer one; the volume decides where it reaches both sides or none.

    Args:
        mesh: Surface whose patches are consistent.
        patch: Patch of each triangle.
        area: Area of each patch.
        volume: Volume below each patch as seen from its middle, over that without signs.
    """
    if closure_error(mesh.area_vectors) <= CLOSED:
        return np.full(len(area), is_inside_out(mesh))
    front, back = reached_sides(mesh, air_around(mesh))
    side = np.bincount(patch, (front - back) * mesh.areas, len(area)) / np.maximum(area, 1e-300)
    decided = np.abs(side) > DECISIVE
    return np.where(decided, side < 0, volume < -DECISIVE)


def agreeing(mesh: SurfaceMesh) -> SurfaceMesh:
    """Return a surface whose neighboring triangles have the same orientation."""
    return _turned(mesh, _patches(mesh)[0])
