"""Subdivision of a surface into smaller triangles.

Shapes: V vertices, T triangles, S smaller triangles, M new vertices.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from mspt.geometry.mesh import SurfaceMesh


@dataclass(frozen=True, eq=False)
class Refined:
    """A surface in smaller triangles.

    Attributes:
        mesh: The same surface.
        parent: Triangle of the original surface that each triangle is a part of.
    """

    mesh: SurfaceMesh
    parent: Int64[ndarray, " S"]


def refined(mesh: SurfaceMesh, *, max_edge: float) -> Refined:
    """Return the same surface with triangles divided until no edge is longer than ``max_edge``.

    Long edges are halved, each for all triangles that it belongs to, so that no vertex lies within
    an edge of another triangle. The first vertices are those of the surface, and the parts of each
    triangle follow each other in the order of the triangles.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> fine = refined(box((0, 0, 0), (1, 1, 1)), max_edge=0.3)
        >>> len(fine.mesh.triangles) > 100, round(fine.mesh.volume, 9)
        (True, 1.0)
        >>> np.bincount(fine.parent, fine.mesh.areas).round(9).tolist() == [0.5] * 12
        True
    """
    vertices, triangles = mesh.vertices, mesh.triangles
    parent = np.arange(len(triangles))
    while True:
        middles, added = _middles(vertices, triangles, max_edge)
        if not len(added):
            break
        vertices = np.concatenate([vertices, added])
        triangles, row = _split(vertices, triangles, middles)
        parent = parent[row]
    order = np.argsort(parent, kind="stable")
    return Refined(SurfaceMesh(vertices, triangles[order]), parent[order])


def least_parts(mesh: SurfaceMesh, *, max_edge: float) -> float:
    """Return how many triangles :func:`refined` makes at least, without making them.

    As many equilateral triangles as cover the area, or as many edges as cover the longest side.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> brick = box((0, 0, 0), (1, 1, 1))
        >>> least_parts(brick, max_edge=2.0), round(least_parts(brick, max_edge=0.1))
        (12.0, 1386)
    """
    sides = np.linalg.norm(mesh.corners - np.roll(mesh.corners, 1, axis=1), axis=2).max(axis=1)
    covering = np.maximum(mesh.areas / (np.sqrt(3) / 4 * max_edge**2), sides / max_edge)
    return float(np.maximum(covering, 1.0).sum())


def _middles(
    vertices: Float64[ndarray, "V 3"], triangles: Int64[ndarray, "T 3"], max_edge: float
) -> tuple[Int64[ndarray, "T 3"], Float64[ndarray, "M 3"]]:
    """Return the new vertex on each side of each triangle, -1 on short ones, and these vertices.

    Side 0 is that from the first corner to the second.
    """
    ends = np.sort(np.stack([triangles, np.roll(triangles, -1, axis=1)], axis=2), axis=2)
    key, side = np.unique(ends[..., 0] * len(vertices) + ends[..., 1], return_inverse=True)
    first, last = vertices[key // len(vertices)], vertices[key % len(vertices)]
    is_long = np.linalg.norm(last - first, axis=1) > max_edge
    number = np.where(is_long, len(vertices) + np.cumsum(is_long) - 1, -1)
    return number[side.reshape(-1, 3)], (first[is_long] + last[is_long]) / 2


def _split(
    vertices: Float64[ndarray, "V 3"],
    triangles: Int64[ndarray, "T 3"],
    middles: Int64[ndarray, "T 3"],
) -> tuple[Int64[ndarray, "S 3"], Int64[ndarray, " S"]]:
    """Divide triangles at the middles of their sides; return the parts and the row of each."""
    halved = middles >= 0
    count = halved.sum(axis=1)
    # Turned so that one halved side is the first, and one whole side among two is the last.
    turn = np.where(count == 1, halved.argmax(axis=1), ((~halved).argmax(axis=1) + 1) % 3)
    turned = (np.where(count % 3 == 0, 0, turn)[:, None] + np.arange(3)) % 3
    (a, b, c), (ab, bc, ca) = (
        np.take_along_axis(values, turned, axis=1).T for values in (triangles, middles)
    )
    one, two, three = (count == number for number in (1, 2, 3))
    # The shorter diagonal of the part of a triangle that remains beside a corner with two halves.
    from_a, from_c = vertices[a] - vertices[bc], vertices[c] - vertices[ab]
    at_a = two & (np.einsum("tx,tx->t", from_a, from_a) < np.einsum("tx,tx->t", from_c, from_c))
    at_c = two & ~at_a
    parts = [
        (count == 0, (a, b, c)),
        (one, (a, ab, c)), (one, (ab, b, c)),
        (two, (ab, b, bc)),
        (at_a, (a, ab, bc)), (at_a, (a, bc, c)),
        (at_c, (a, ab, c)), (at_c, (ab, bc, c)),
        (three, (a, ab, ca)), (three, (ab, b, bc)), (three, (ca, bc, c)), (three, (ab, bc, ca)),
    ]  # fmt: skip
    rows = [np.flatnonzero(members) for members, _ in parts]
    pieces = [
        np.stack([corner[row] for corner in part], axis=1)
        for row, (_, part) in zip(rows, parts, strict=True)
    ]
    return np.concatenate(pieces), np.concatenate(rows)


def quartered(corners: Float64[ndarray, "T 3 3"]) -> Float64[ndarray, "S 3 3"]:
    """Return the four similar triangles that each triangle consists of, from corners to corners.

    Examples:
        >>> quartered(np.array([[[0.0, 0, 0], [2, 0, 0], [0, 2, 0]]]))[3].tolist()
        [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
    """
    a, b, c = np.moveaxis(corners, 1, 0)
    ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.stack([np.stack(part, axis=1) for part in parts], axis=1).reshape(-1, 3, 3)
