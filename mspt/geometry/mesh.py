"""Triangle meshes of surfaces.

Shapes: V vertices, T triangles.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from mspt.errors import GeometryError


@dataclass(frozen=True, eq=False)
class SurfaceMesh:
    """A surface of triangles, whose vertices are counter-clockwise as seen from outside.

    Attributes:
        vertices: Coordinates of the vertices.
        triangles: Indices of the three vertices of each triangle.
        suffix: Suffix of the file that the surface was read from, such as ``.glb``; empty for a
            surface from elsewhere. It tells which axis the format has up.

    Raises:
        GeometryError: If there is no triangle, an index is out of range or a coordinate is not
            finite.
    """

    vertices: Float64[ndarray, "V 3"]
    triangles: Int64[ndarray, "T 3"]
    suffix: str = ""

    def __post_init__(self) -> None:
        """Reject meshes that no later step could process."""
        if len(self.triangles) == 0:
            raise GeometryError("mesh must have triangles, got none; export a surface mesh")
        if not np.isfinite(self.vertices).all():
            raise GeometryError(
                "mesh must have finite coordinates, got NaN or infinity; export it again"
            )
        if self.triangles.min() < 0 or self.triangles.max() >= len(self.vertices):
            raise GeometryError(
                f"triangles must use vertices 0 to {len(self.vertices) - 1}, "
                f"got {self.triangles.min()} to {self.triangles.max()}; export the mesh again"
            )

    @cached_property
    def corners(self) -> Float64[ndarray, "T 3 3"]:
        """Corner points of each triangle."""
        return self.vertices[self.triangles]

    @cached_property
    def area_vectors(self) -> Float64[ndarray, "T 3"]:
        """Outward normals, scaled to the areas of the triangles."""
        a, b, c = np.moveaxis(self.corners, 1, 0)
        return np.cross(b - a, c - a) / 2

    @cached_property
    def areas(self) -> Float64[ndarray, " T"]:
        """Areas of the triangles."""
        return np.linalg.norm(self.area_vectors, axis=1)

    @cached_property
    def normals(self) -> Float64[ndarray, "T 3"]:
        """Unit normals; zero where a triangle has no area."""
        return self.area_vectors / np.where(self.areas > 0, self.areas, 1.0)[:, None]

    @cached_property
    def centers(self) -> Float64[ndarray, "T 3"]:
        """Centroids of the triangles."""
        return self.corners.mean(axis=1)

    @cached_property
    def bounds(self) -> Float64[ndarray, "2 3"]:
        """Smallest and largest coordinates of the vertices that belong to triangles."""
        used = self.vertices[np.unique(self.triangles)]
        return np.stack([used.min(axis=0), used.max(axis=0)])

    @property
    def extent(self) -> Float64[ndarray, " 3"]:
        """Sides of the bounding box along x, y and z."""
        return self.bounds[1] - self.bounds[0]

    @cached_property
    def volume(self) -> float:
        """Enclosed volume by the divergence theorem; negative if the normals point inward.

        Examples:
            >>> round(box((0, 0, 0), (1, 2, 3)).volume, 12)
            6.0
        """
        # Arms from a corner of the bounding box: far from the origin, digits would be lost.
        return float(np.einsum("ti,ti->", self.centers - self.bounds[0], self.area_vectors) / 3)

    def flipped(self) -> "SurfaceMesh":
        """Return the mesh with all normals reversed."""
        return replace(self, triangles=self.triangles[:, ::-1].copy())

    def mapped(
        self, matrix: Float64[ndarray, "3 3"], offset: Float64[ndarray, " 3"]
    ) -> "SurfaceMesh":
        """Return the mesh with each vertex x moved to ``matrix @ x + offset``.

        The normals keep pointing outward, also for reflections.
        """
        moved = SurfaceMesh(self.vertices @ matrix.T + offset, self.triangles)
        return moved.flipped() if np.linalg.det(matrix) < 0 else moved


def joined(*meshes: SurfaceMesh) -> SurfaceMesh:
    """Return one surface of the triangles of several.

    Examples:
        >>> pair = joined(box((0, 0, 0), (1, 1, 1)), box((2, 0, 0), (3, 1, 1)))
        >>> len(pair.vertices), len(pair.triangles), round(pair.volume, 9)
        (16, 24, 2.0)
    """
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    shifted = [mesh.triangles + start for mesh, start in zip(meshes, starts, strict=False)]
    return SurfaceMesh(np.concatenate([mesh.vertices for mesh in meshes]), np.concatenate(shifted))


def box(low: Sequence[float | int], high: Sequence[float | int]) -> SurfaceMesh:
    """Return an axis-parallel box of twelve triangles.

    Examples:
        >>> box((0, 0, 0), (1, 1, 1)).areas.sum()
        np.float64(6.0)
    """
    corners = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
    start, stop = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    vertices = start + corners * (stop - start)
    # The six faces, each counter-clockwise as seen from outside.
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]
    return SurfaceMesh(vertices, np.array(triangles, dtype=np.int64))
