"""Checks of surface meshes: counts of holes, duplicates and other defects.

Shapes: V vertices, T triangles, H half-edges (three per triangle), E edges.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64
from numpy import ndarray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mspt.geometry.mesh import SurfaceMesh

FINDINGS = {
    "holes": ("hole", "holes", "distances and C_D may be inaccurate; close them if possible"),
    "non_manifold_edges": (
        "edge of more than two triangles",
        "edges of more than two triangles",
        "bodies touch or have internal walls, so inside and outside may be ambiguous",
    ),
    "inconsistent_normals": (
        "pair of neighboring triangles with opposite orientation",
        "pairs of neighboring triangles with opposite orientation",
        "forces would be wrong; the repair orients them consistently",
    ),
    "duplicate_faces": (
        "duplicate triangle",
        "duplicate triangles",
        "area and forces count them twice; the repair removes exact copies",
    ),
    "degenerate_triangles": ("triangle without area", "triangles without area", "harmless"),
    "bodies": ("body", "separate bodies", "harmless if all of them belong to the shape"),
}
"""Singular, plural and consequence of each finding of a :class:`MeshReport`."""

FLAT_HEIGHT = 1e-9
"""Largest height of a degenerate triangle, as a share of the largest side of the bounding box.

Coordinates with float32 precision (6e-8) do not produce such heights unless vertices coincide or
are collinear.
"""


@dataclass(frozen=True, kw_only=True)
class MeshReport:
    """Size and defects of a surface; all attributes are counts unless stated otherwise.

    Attributes:
        triangles: Triangles.
        vertices: Vertices that belong to triangles.
        watertight: Whether every edge has two triangles, so that the surface encloses a volume.
        open_edges: Edges of only one triangle.
        holes: Groups of connected open edges.
        non_manifold_edges: Edges of more than two triangles.
        duplicate_faces: Triangles with the same vertices as another one.
        degenerate_triangles: Triangles without area.
        inconsistent_normals: Pairs of neighboring triangles with opposite orientation.
        inside_out: Whether the normals of the whole surface point inward.
        bodies: Groups of triangles connected by edges.
        extent: Sides of the bounding box, in the unit of the mesh.
        area: Area of all triangles.
        volume: Enclosed volume; negative if the normals point inward.
    """

    triangles: int
    vertices: int
    watertight: bool
    open_edges: int
    holes: int
    non_manifold_edges: int
    duplicate_faces: int
    degenerate_triangles: int
    inconsistent_normals: int
    inside_out: bool
    bodies: int
    extent: tuple[float, float, float]
    area: float
    volume: float

    def describe(self) -> tuple[str, ...]:
        """Return one line for each finding with its consequence; none for a sound surface."""
        lines = [
            f"{count:,} {one if count == 1 else many}: {consequence}"
            for name, (one, many, consequence) in FINDINGS.items()
            if (count := getattr(self, name)) > (name == "bodies")
        ]
        if self.inside_out:
            lines.append(
                "normals point inward: forces would have the wrong sign; the repair reverses them"
            )
        return tuple(lines)


@dataclass(frozen=True)
class Edges:
    """The half-edges of a mesh, sorted so that those of one edge are adjacent.

    Attributes:
        ends: First and last vertex of each half-edge.
        triangle: Triangle of each half-edge.
        first: Position of the first half-edge of each edge.
        count: Number of half-edges of each edge.
    """

    ends: Int64[ndarray, "H 2"]
    triangle: Int64[ndarray, " H"]
    first: Int64[ndarray, " E"]
    count: Int64[ndarray, " E"]

    @property
    def open(self) -> Int64[ndarray, "O 2"]:
        """Half-edges without a neighbor."""
        return self.ends[self.first[self.count == 1]]

    @property
    def open_triangle(self) -> Int64[ndarray, " O"]:
        """Triangle of each half-edge without a neighbor."""
        return self.triangle[self.first[self.count == 1]]

    @property
    def pairs(self) -> Int64[ndarray, "P 2"]:
        """The two triangles of each edge that has exactly two."""
        first = self.first[self.count == 2]
        return np.stack([self.triangle[first], self.triangle[first + 1]], axis=1)

    @property
    def opposed(self) -> Bool[ndarray, " P"]:
        """Whether the two triangles of a pair have opposite orientation.

        Neighbors with the same orientation traverse their edge in opposite directions.
        """
        first = self.first[self.count == 2]
        return self.ends[first, 0] == self.ends[first + 1, 0]

    @property
    def links(self) -> Int64[ndarray, "L 2"]:
        """Pairs of triangles that share an edge; for each edge they connect all its triangles."""
        same = np.ones(max(len(self.triangle) - 1, 0), dtype=bool)
        same[self.first[1:] - 1] = False
        return np.stack([self.triangle[:-1][same], self.triangle[1:][same]], axis=1)


def find_edges(triangles: Int64[ndarray, "T 3"]) -> Edges:
    """Sort the half-edges of triangles by edge.

    Triangles that use a vertex twice are left out: their edges would seem to close holes.
    """
    kept = np.flatnonzero(~has_equal_corners(triangles))
    ends = triangles[kept][:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    low, high = np.minimum(*ends.T), np.maximum(*ends.T)
    key = low * (int(triangles.max()) + 1) + high
    order = np.argsort(key, kind="stable")
    key = key[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    count = np.diff(first, append=len(key))
    return Edges(ends[order], np.repeat(kept, 3)[order], first, count)


def inspect_mesh(mesh: SurfaceMesh) -> MeshReport:
    """Return size and defects of a surface.

    Vertices with equal coordinates count as different: only shared indices connect triangles.
    """
    edges = find_edges(mesh.triangles)
    plain = ~has_equal_corners(mesh.triangles)
    bodies = label_components(edges.links, len(mesh.triangles))
    beyond_two = int((edges.count > 2).sum())
    length, width, height = mesh.extent.tolist()
    return MeshReport(
        triangles=len(mesh.triangles),
        vertices=_num_different(mesh.triangles.ravel()),
        watertight=len(edges.open) == 0 and beyond_two == 0,
        open_edges=len(edges.open),
        holes=_num_different(hole_of(edges.open)),
        non_manifold_edges=beyond_two,
        duplicate_faces=int((np.diff(np.sort(face_keys(mesh.triangles[plain]))) == 0).sum()),
        degenerate_triangles=int(is_degenerate(mesh).sum()),
        inconsistent_normals=int(edges.opposed.sum()),
        inside_out=is_inside_out(mesh),
        bodies=_num_different(bodies[plain]),
        extent=(length, width, height),
        area=float(mesh.areas.sum()),
        volume=mesh.volume,
    )


def has_equal_corners(triangles: Int64[ndarray, "T 3"]) -> Bool[ndarray, " T"]:
    """Return which triangles use a vertex twice."""
    a, b, c = triangles.T
    return (a == b) | (b == c) | (c == a)


def is_degenerate(mesh: SurfaceMesh) -> Bool[ndarray, " T"]:
    """Return which triangles have no area: equal or collinear corners."""
    sides = mesh.corners - np.roll(mesh.corners, 1, axis=1)
    longest = np.sqrt(np.einsum("tcx,tcx->ct", sides, sides).max(axis=0))
    # Twice the area over the longest side is the smallest height.
    return 2 * mesh.areas <= FLAT_HEIGHT * mesh.extent.max() * longest


def is_inside_out(mesh: SurfaceMesh) -> bool:
    """Return whether the normals of a surface, which may have holes, point inward on the whole.

    The volume is computed from the center of the bounding box, which keeps the effect of holes
    small.
    """
    arms = mesh.centers - mesh.bounds.mean(axis=0)
    return bool(np.einsum("tx,tx->", arms, mesh.area_vectors) < 0)


def face_keys(triangles: Int64[ndarray, "T 3"]) -> Int64[ndarray, " T"]:
    """Return keys that are equal for triangles with the same three vertices.

    Examples:
        >>> keys = face_keys(np.array([[0, 1, 2], [2, 1, 0], [1, 2, 3]]))
        >>> (keys[0] == keys[1]).item(), (keys[0] == keys[2]).item()
        (True, False)
    """
    low, middle, high = np.sort(triangles, axis=1).T
    count = int(triangles.max(initial=0)) + 1
    # Edges are numbered first: a product of three indices would overflow int64 in large meshes.
    edge = np.unique(low * count + middle, return_inverse=True)[1]
    return edge * count + high


def label_components(links: Int64[ndarray, "L 2"], count: int) -> Int64[ndarray, " N"]:
    """Return the connected component of each of ``count`` items.

    Args:
        links: Pairs of connected items.
        count: Number of items.

    Examples:
        >>> label_components(np.array([[0, 2]]), 3).tolist()
        [0, 1, 0]
    """
    ones = np.ones(len(links), dtype=np.int8)
    graph = coo_array((ones, (links[:, 0], links[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def hole_of(ends: Int64[ndarray, "O 2"]) -> Int64[ndarray, " O"]:
    """Return the index of the hole that each open half-edge belongs to."""
    vertices, places = np.unique(ends, return_inverse=True)
    places = places.reshape(-1, 2)
    return label_components(places, len(vertices))[places[:, 0]]


def _num_different(values: Int64[ndarray, " N"]) -> int:
    return int(np.count_nonzero(np.bincount(values)))
