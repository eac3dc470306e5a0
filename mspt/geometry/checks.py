"""What is wrong with a surface, counted.

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
    "holes": ("hole", "holes", "distances and C_D may be off; close them if you can"),
    "non_manifold_edges": (
        "edge of more than two triangles",
        "edges of more than two triangles",
        "bodies touch, or there are walls inside; what is inside may be unclear",
    ),
    "inconsistent_normals": (
        "pair of neighbors turned opposite ways",
        "pairs of neighbors turned opposite ways",
        "forces would be wrong; the repair turns them",
    ),
    "duplicate_faces": (
        "duplicate triangle",
        "duplicate triangles",
        "area and forces count the same place twice; the repair drops plain copies",
    ),
    "degenerate_triangles": ("triangle without area", "triangles without area", "harmless"),
    "bodies": ("body", "separate bodies", "fine if all of them belong to the shape"),
}
FLAT = 1e-9
"""Height of a triangle without area, as a share of the largest side of the bounding box."""


@dataclass(frozen=True, kw_only=True)
class MeshReport:
    """What a surface is made of and what is wrong with it.

    Attributes:
        triangles: How many there are.
        vertices: How many of them triangles use.
        watertight: Whether each edge has two triangles, so that the surface encloses a volume.
        open_edges: Edges of one triangle.
        holes: Groups of connected open edges.
        non_manifold_edges: Edges of more than two triangles.
        duplicate_faces: Triangles with the same vertices as another one.
        degenerate_triangles: Triangles without area.
        inconsistent_normals: Pairs of neighbors of which one is turned inside out.
        inside_out: Whether the surface as a whole is.
        bodies: Groups of triangles connected by edges.
        extent: Sides of the bounding box.
        area: Of all triangles.
        volume: Enclosed; negative if the surface is inside out.
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
        """Return one line per finding, saying whether it matters; none if all is well."""
        lines = [
            f"{count:,} {one if count == 1 else many}: {consequence}"
            for name, (one, many, consequence) in FINDINGS.items()
            if (count := getattr(self, name)) > (name == "bodies")
        ]
        if self.inside_out:
            lines.append(
                "inside out: forces would have the wrong sign; the repair turns the surface"
            )
        return tuple(lines)


@dataclass(frozen=True)
class Edges:
    """The half-edges of a mesh, sorted so that those of one edge lie side by side.

    Attributes:
        ends: Vertices where each half-edge begins and ends.
        triangle: Triangle that it belongs to.
        first: Place of the first half-edge of each edge.
        count: How many half-edges each edge has.
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
        """Triangles on both sides of each edge that has two."""
        first = self.first[self.count == 2]
        return np.stack([self.triangle[first], self.triangle[first + 1]], axis=1)

    @property
    def opposed(self) -> Bool[ndarray, " P"]:
        """Whether the two triangles of a pair are turned opposite ways."""
        first = self.first[self.count == 2]
        return self.ends[first, 0] == self.ends[first + 1, 0]

    @property
    def links(self) -> Int64[ndarray, "L 2"]:
        """Pairs of triangles that connect all triangles of each edge."""
        same = np.ones(max(len(self.triangle) - 1, 0), dtype=bool)
        same[self.first[1:] - 1] = False
        return np.stack([self.triangle[:-1][same], self.triangle[1:][same]], axis=1)


def find_edges(triangles: Int64[ndarray, "T 3"]) -> Edges:
    """Sort the half-edges of triangles by edge; triangles with equal corners have none."""
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
    """Count what is wrong with a surface; vertices at the same place count as two."""
    edges = find_edges(mesh.triangles)
    plain = ~has_equal_corners(mesh.triangles)
    bodies = group(edges.links, len(mesh.triangles))
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
    """Tell which triangles use a vertex twice."""
    a, b, c = triangles.T
    return (a == b) | (b == c) | (c == a)


def is_degenerate(mesh: SurfaceMesh) -> Bool[ndarray, " T"]:
    """Tell which triangles have no area: equal corners, or all three on a line."""
    sides = mesh.corners - np.roll(mesh.corners, 1, axis=1)
    longest = np.sqrt(np.einsum("tcx,tcx->ct", sides, sides).max(axis=0))
    return 2 * mesh.areas <= FLAT * mesh.extent.max() * longest


def is_inside_out(mesh: SurfaceMesh) -> bool:
    """Tell whether a surface, which may have holes, is turned inside out."""
    arms = mesh.centers - mesh.bounds.mean(axis=0)
    return bool(np.einsum("tx,tx->", arms, mesh.area_vectors) < 0)


def face_keys(triangles: Int64[ndarray, "T 3"]) -> Int64[ndarray, " T"]:
    """Return numbers that are equal for triangles of the same three vertices.

    Examples:
        >>> keys = face_keys(np.array([[0, 1, 2], [2, 1, 0], [1, 2, 3]]))
        >>> (keys[0] == keys[1]).item(), (keys[0] == keys[2]).item()
        (True, False)
    """
    low, middle, high = np.sort(triangles, axis=1).T
    count = int(triangles.max(initial=0)) + 1
    edge = np.unique(low * count + middle, return_inverse=True)[1]
    return edge * count + high


def group(links: Int64[ndarray, "L 2"], count: int) -> Int64[ndarray, " N"]:
    """Return for each of ``count`` things the number of the group that links connect it to.

    Examples:
        >>> group(np.array([[0, 2]]), 3).tolist()
        [0, 1, 0]
    """
    ones = np.ones(len(links), dtype=np.int8)
    graph = coo_array((ones, (links[:, 0], links[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def hole_of(ends: Int64[ndarray, "O 2"]) -> Int64[ndarray, " O"]:
    """Return the number of the hole that each open half-edge belongs to."""
    vertices, places = np.unique(ends, return_inverse=True)
    places = places.reshape(-1, 2)
    return group(places, len(vertices))[places[:, 0]]


def _num_different(values: Int64[ndarray, " N"]) -> int:
    return int(np.count_nonzero(np.bincount(values)))
