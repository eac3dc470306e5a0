"""What the readers of shape files share: polygons, and how many there may be.

Shapes: V vertices, P polygons, C corners of all polygons together.
"""

from typing import NamedTuple

import numpy as np
from numpy import ndarray

from mspt.errors import GeometryError

MAX_FILE_TRIANGLES = 2_000_000
"""Most triangles of a file, which limits time and memory of all later steps."""

STL_HEAD = 84
"""Bytes before the first triangle of a binary STL: a text of 80 bytes, the number of triangles."""

STL_RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


class Polygons(NamedTuple):
    """Polygons of a file.

    Attributes:
        vertices: Coordinates (V, 3).
        counts: Number of corners of each polygon (P).
        indices: Vertices of all corners, polygon after polygon (C).
    """

    vertices: ndarray
    counts: ndarray
    indices: ndarray

    @classmethod
    def soup(cls, corners: ndarray) -> "Polygons":
        """Return triangles that share no vertices, from their corners in order."""
        return cls.of_triangles(corners, np.arange(len(corners) // 3 * 3).reshape(-1, 3))

    @classmethod
    def of_triangles(cls, vertices: ndarray, triangles: ndarray) -> "Polygons":
        """Return triangles (T, 3) as polygons."""
        return cls(vertices, np.full(len(triangles), 3), triangles.ravel())


def check_count(count: int) -> None:
    """Reject a file without triangles or with too many.

    Raises:
        GeometryError: If there are none, or more than two million.
    """
    if count == 0:
        raise GeometryError(
            "file must contain triangles, got none; it may be empty, truncated or of another format"
        )
    if count > MAX_FILE_TRIANGLES:
        raise GeometryError(
            f"file must have at most {MAX_FILE_TRIANGLES:,} triangles, got {count:,}; "
            "reduce the mesh (decimate it) and export it again"
        )


def strip_triangles(indices: ndarray) -> ndarray:
    """Return the triangles (T, 3) of strips, in which each vertex follows up a triangle.

    Args:
        indices: Vertices of the strips one after the other, a negative number between two strips.

    Examples:
        >>> strip_triangles(np.array([0, 1, 2, 3, -1, 4, 5, 6])).tolist()
        [[0, 1, 2], [2, 1, 3], [4, 5, 6]]
    """
    indices = np.concatenate([[-1], indices])
    place = np.arange(len(indices))
    first = np.maximum.accumulate(np.where(indices < 0, place, 0)) + 1
    triangles = np.stack([indices[:-2], indices[1:-1], indices[2:]], axis=1)
    # Every second triangle of a strip has the opposite orientation.
    odd = (place - first)[:-2] % 2 == 1
    triangles[odd] = triangles[odd][:, [1, 0, 2]]
    return triangles[(triangles >= 0).all(axis=1)]
