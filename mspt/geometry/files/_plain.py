"""Readers of STL and OBJ files in numpy, which raise on damaged files and never crash.

Shapes: V vertices, P polygons, C corners of all polygons together.
"""

import re
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from mspt.errors import GeometryError

MAX_FILE_TRIANGLES = 2_000_000
"""Most triangles of a file, which limits time and memory of all later steps."""

STL_HEAD = 84
"""Bytes before the first triangle: a text of 80 bytes and the number of triangles."""

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
        count = len(corners) // 3
        return cls(corners, np.full(count, 3), np.arange(3 * count))


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


def read_stl(data: bytes) -> Polygons:
    """Read a binary or ASCII STL file.

    Raises:
        GeometryError: If the file is truncated or not an STL file.
    """
    # Binary first: some binary files begin with the word "solid", which should mark text.
    count = int.from_bytes(data[STL_HEAD - 4 : STL_HEAD], "little")
    if len(data) >= STL_HEAD + count * STL_RECORD.itemsize:
        records = np.frombuffer(data, STL_RECORD, count=count, offset=STL_HEAD)
        return Polygons.soup(records["corners"].reshape(-1, 3).astype(np.float64))
    lower = data.lower()
    if lower.lstrip().startswith(b"solid") and b"facet" in lower:
        return _read_ascii_stl(lower)
    held = max(0, (len(data) - STL_HEAD) // STL_RECORD.itemsize)
    raise GeometryError(
        f"file must contain the {count:,} triangles that its header says, got {held:,} at most; "
        "it is truncated or not an .stl file"
    )


def _read_ascii_stl(text: bytes) -> Polygons:
    """Read an ASCII STL file in lower case."""
    found = re.findall(rb"vertex\s+(\S+)\s+(\S+)\s+(\S+)", text)
    corners = np.array(found, dtype=bytes).astype(np.float64).reshape(-1, 3)
    # A truncated text would otherwise pass as a smaller body.
    ends = text.count(b"endfacet")
    if len(corners) != 3 * ends or b"endsolid" not in text[-200:]:
        raise GeometryError(
            f"file must have three vertices per triangle and end with 'endsolid', "
            f"got {len(corners):,} vertices for {ends:,} triangles; it is truncated"
        )
    return Polygons.soup(corners)


def read_obj(data: bytes) -> Polygons:
    """Read the vertices and faces of an OBJ file; other statements do not describe the surface.

    Raises:
        ValueError: If a number cannot be read.
    """
    vertices, faces, known = [], [], []
    # A backslash at the end of a line continues it on the next.
    for line in data.replace(b"\\\r\n", b" ").replace(b"\\\n", b" ").splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == b"v":
            vertices.append(words[1:4])
        elif words[0] == b"f":
            faces.append(words[1:])
            known.append(len(vertices))
    counts = np.array([len(face) for face in faces], dtype=np.int64)
    corners = [corner.partition(b"/")[0] for face in faces for corner in face]
    indices = np.array(corners, dtype=bytes).astype(np.int64)
    # Indices begin at 1; negative ones count back from the last vertex before the face.
    back = np.repeat(np.array(known, dtype=np.int64), counts)
    indices = np.where(indices < 0, indices + back, indices - 1)
    points = np.array(vertices, dtype=bytes).astype(np.float64).reshape(-1, 3)
    return Polygons(points, counts, indices)
