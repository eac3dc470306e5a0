"""Reader of OBJ files in numpy: vertices and faces, the statements that describe a surface."""

import re
from itertools import chain

import numpy as np
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.files._plain import Polygons
from mspt.geometry.files._text import (
    decoded,
    line_error,
    parse_numbers,
    refuse_other_kinds,
    shown,
    text_lines,
)

VERTEX, FACE = (b"v", b"V"), (b"f", b"F", b"fo")
# Statements that add to the surface and are not read.
CURVED = (b"surf", b"bzp", b"bsp", b"cdc", b"call")
CONTINUED = re.compile(rb"\\[ \t]*$")


def read_obj(data: bytes) -> Polygons:
    """Read the vertices and faces of an OBJ file; other statements do not describe the surface.

    Weights and colors of vertices are left out: weights count for curved surfaces only.

    Raises:
        GeometryError: If a number cannot be read, a face uses a vertex that does not exist, or
            there are curved surfaces.
    """
    refuse_other_kinds(data, ".obj")
    vertices: list[list[bytes]] = []
    faces: list[list[bytes]] = []
    places: dict[str, list[int]] = {"vertex": [], "face": [], "known": []}
    for number, line in enumerate(_whole_lines(decoded(data)), start=1):
        words = line.split()
        if not words:
            continue
        keyword = words[0]
        if keyword in VERTEX:
            vertices.append(words[1:4])
            places["vertex"].append(number)
        elif keyword in FACE:
            faces.append(words[1:])
            places["face"].append(number)
            places["known"].append(len(vertices))
        elif keyword in CURVED:
            raise line_error(
                number, "describe a polygon", f"the statement {shown(keyword)}",
                "export the shape as triangles",
            )  # fmt: skip
    points = _points(vertices, places["vertex"])
    counts = np.fromiter(map(len, faces), np.int64, len(faces))
    indices = _indices(faces, counts, places, len(points))
    return Polygons(points, counts, indices)


def _whole_lines(text: bytes) -> list[bytes]:
    """Return lines without comments; a statement over several lines stands in the first of them."""
    lines = text_lines(text)
    if b"#" in text:
        lines = [line.partition(b"#")[0] for line in lines]
    if b"\\" not in text:
        return lines
    first = None
    for place, line in enumerate(lines):
        continued = CONTINUED.search(line) is not None
        if first is not None:
            lines[first] = CONTINUED.sub(b" ", lines[first]) + line
            lines[place] = b""
            first = first if continued else None
        # Names of folders may end with a backslash as well, and continue nothing.
        elif continued and line.split()[0] in (*VERTEX, *FACE):
            first = place
    return lines


def _points(vertices: list[list[bytes]], lines: list[int]) -> ndarray:
    words = list(chain.from_iterable(vertices))
    if len(words) != 3 * len(vertices):
        short = next(place for place, words in enumerate(vertices) if len(words) < 3)
        raise line_error(lines[short], "give a vertex by three numbers", f"{len(vertices[short])}")
    return parse_numbers(words, lambda place: lines[place // 3]).reshape(-1, 3)


def _indices(
    faces: list[list[bytes]], counts: ndarray, places: dict[str, list[int]], num_vertices: int
) -> ndarray:
    """Return the vertices of all corners, from 0.

    Indices of the file begin at 1; negative ones count back from the last vertex before the face.
    """
    corners = [corner.partition(b"/")[0] for face in faces for corner in face]
    face_of_corner = np.repeat(np.arange(len(faces)), counts)
    try:
        given = np.fromiter(map(int, corners), np.int64, len(corners))
    except (ValueError, OverflowError):
        bad = next(place for place, word in enumerate(corners) if not _is_index(word))
        raise line_error(
            places["face"][face_of_corner[bad]], "name vertices by whole numbers",
            shown(corners[bad]),
        ) from None  # fmt: skip
    known = np.array(places["known"], dtype=np.int64)
    indices = np.where(given < 0, given + known[face_of_corner], given - 1)
    if ((indices < 0) | (indices >= num_vertices)).any():
        bad = int(np.argmax((indices < 0) | (indices >= num_vertices)))
        line = places["face"][face_of_corner[bad]]
        raise _no_vertex(line, int(given[bad]), num_vertices)
    return indices


def _is_index(word: bytes) -> bool:
    return re.fullmatch(rb"[-+]?\d{1,18}", word) is not None


def _no_vertex(line: int, index: int, num_vertices: int) -> GeometryError:
    return line_error(
        line, f"use vertices 1 to {num_vertices:,} or count back from the last", f"{index:,}",
        "the file is damaged, export it again",
    )  # fmt: skip
