"""Reader of STL files, binary and text, in numpy.

A binary file counts its triangles in its header, and so does its length: both must agree, or the
rest of the file must be understood. Nothing of a file is left out in silence.
"""

import re
from itertools import islice

import numpy as np
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.files._plain import STL_HEAD, STL_RECORD, Polygons, check_count
from mspt.geometry.files._text import (
    decoded,
    is_padding,
    line_error,
    line_of_word,
    parse_numbers,
    refuse_other_kinds,
    shown,
)

MAX_PLAUSIBLE = 1e9
"""Bytes that are no coordinates have larger values, or none, in one of three numbers."""

MAX_NORMAL_ERROR, MIN_USUAL = 0.1, 0.5
"""Largest error of the length of a normal, and least share of triangles that keep to it."""

FACET = [
    b"facet", b"normal", None, None, None, b"outer", b"loop", b"vertex", None, None, None,
    b"vertex", None, None, None, b"vertex", None, None, None, b"endloop", b"endfacet",
]  # fmt: skip
"""Words of a triangle; None stands for a number."""

COORDINATES = (8, 9, 10, 12, 13, 14, 16, 17, 18)
FACET_START = re.compile(rb"\bfacet[ \t]+normal(?:[ \t]+[-+.\dni]\S*){3}")
STATEMENT = re.compile(rb"(?:.*endfacet[ \t])?[ \t]*(end[ \t]*)?", re.DOTALL)
VERTEX = re.compile(rb"\bvertex\s+[-+.\d]")
TWO_WORDS = re.compile(rb"\bend[ \t]+(?=(?:facet|loop)\b)")
COMMENT = re.compile(rb"#.*|^[ \t]*(?://|;).*", re.MULTILINE)


def read_stl(data: bytes) -> Polygons:
    """Read a binary or ASCII STL file; several solids, and several binary files in one, are joined.

    Raises:
        GeometryError: If the file is truncated, holds what is not understood, or is no STL file.
    """
    # Binary first: some binary files begin with the word "solid", which should mark text.
    parts, rest = _binary_parts(data)
    if _is_whole(parts, rest):
        return _soup(parts)
    # The number of triangles of a binary file is small enough to have a zero byte.
    text = decoded(data)
    if b"\0" not in text[:STL_HEAD]:
        text = text.lower()
        if b"facet" in text:
            return _read_text(text)
        if text.lstrip().startswith(b"solid"):
            check_count(0)
    return _miscounted(data, parts, rest)


def _binary_parts(data: bytes) -> tuple[list[ndarray], bytes]:
    """Return the triangles of binary STL files that follow one another, and the rest."""
    parts, place = [], 0
    while len(data) >= place + STL_HEAD:
        count = int.from_bytes(data[place + STL_HEAD - 4 : place + STL_HEAD], "little")
        stop = place + STL_HEAD + count * STL_RECORD.itemsize
        if count == 0 or stop > len(data):
            break
        part = np.frombuffer(data, STL_RECORD, count=count, offset=place + STL_HEAD)
        # Numbers within the data may look like the count of a further file.
        if parts and not _is_plausible(part):
            break
        parts.append(part)
        place = stop
    return parts, data[place:]


def _is_whole(parts: list[ndarray], rest: bytes) -> bool:
    """Return whether the triangles of binary files, and nothing else, have been found."""
    if len(parts) > 1:
        # Numbers within one file may look like further headers, but not up to its very end.
        return not rest
    return bool(parts) and is_padding(rest, unit=STL_RECORD.itemsize)


def _miscounted(data: bytes, parts: list[ndarray], rest: bytes) -> Polygons:
    """Read a binary file whose header counts too few triangles, if its length tells how many."""
    refuse_other_kinds(data, ".stl")
    size, records = STL_RECORD.itemsize, data[STL_HEAD:]
    count = int.from_bytes(data[STL_HEAD - 4 : STL_HEAD], "little")
    held = len(records) // size
    if len(data) < STL_HEAD:
        raise GeometryError(
            f"file must begin with the header of a binary .stl file or with 'solid', got "
            f"{len(data)} bytes of other contents; it is truncated or not an .stl file"
        )
    if not records and count == 0:
        check_count(0)
    if count > held:
        raise GeometryError(
            f"file must contain the {count:,} triangles that its header says, "
            f"got {held:,} at most; it is truncated or not an .stl file"
        )
    if len(records) == held * size and len(parts) < 2:
        whole = np.frombuffer(records, STL_RECORD)
        if _is_plausible(whole):
            return _soup([whole])
    raise GeometryError(
        f"file must end after the {sum(map(len, parts)):,} triangles that its header says, "
        f"got {len(rest):,} more bytes, which are no triangles of an .stl file; export it again"
    )


def _is_plausible(records: ndarray) -> bool:
    """Return whether bytes are triangles: with coordinates, and with normals of length 1 or 0."""
    corners, normals = records["corners"], records["normal"].astype(np.float64)
    if not (np.abs(corners) < MAX_PLAUSIBLE).all() or not corners.any():
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(normals, axis=1)
    usual = (lengths == 0) | (np.abs(lengths - 1) < MAX_NORMAL_ERROR)
    return bool(usual.mean() > MIN_USUAL)


def _soup(parts: list[ndarray]) -> Polygons:
    check_count(sum(map(len, parts)))
    corners = np.concatenate([part["corners"] for part in parts])
    return Polygons.soup(corners.reshape(-1, 3).astype(np.float64))


def _read_text(text: bytes) -> Polygons:
    """Read an ASCII STL file in lower case."""
    check_count(text.count(b"endfacet") or text.count(b"end facet") or 1)
    text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\0\x1a \t\n")
    if b"end facet" in text or b"end loop" in text:
        text = TWO_WORDS.sub(b"end", text)
    body = _without_names(text)
    if b"#" in body or b"//" in body or b";" in body:
        body = COMMENT.sub(b"", body)
    corners = _regular_corners(body)
    return Polygons.soup(_walked_corners(body) if corners is None else corners)


def _without_names(text: bytes) -> bytes:
    """Return a text without its solid and endsolid lines, whose names may hold any words.

    Raises:
        GeometryError: If a solid has no end, because the file would pass as a smaller body.
    """
    kept, place, begun = [], 0, None
    for found in re.finditer(rb"solid(?!\S)", text):
        if found.start() < place:  # within a name
            continue
        line = text.rfind(b"\n", 0, found.start()) + 1
        # A statement stands at the start of a line or after a triangle.
        before = STATEMENT.fullmatch(text, max(line, place), found.start())
        if before is None:
            continue
        if begun is not None and before[1] is None:
            raise _unfinished(text, begun, "another solid")
        begun = found.start() if before[1] is None else None
        stop = text.find(b"\n", found.end())
        stop = len(text) if stop < 0 else stop
        facet = FACET_START.search(text, found.end(), stop)
        kept.append(text[place : found.start() - len(before[1] or b"")])
        place = facet.start() if facet else stop
        kept.append(b" ")
    if begun is not None or not kept or VERTEX.search(text, place):
        raise _unfinished(text, begun or 0, "the end of the file")
    return b"".join(kept)


def _unfinished(text: bytes, begun: int, found: str) -> GeometryError:
    return line_error(
        text.count(b"\n", 0, begun) + 1,
        "begin a solid that ends with 'endsolid'",
        found,
        "it is truncated, export it again",
    )


def _regular_corners(body: bytes) -> ndarray | None:
    """Return the corners of a text that holds nothing but triangles as the format spells them."""
    words = body.split()
    width = len(FACET)
    count, more = divmod(len(words), width)
    for place, keyword in enumerate(FACET):
        if more or (keyword and words[place::width].count(keyword) != count):
            return None
    corners = np.empty((count, 9))
    for column, place in enumerate(COORDINATES):
        corners[:, column] = parse_numbers(
            words[place::width],
            lambda row, place=place: line_of_word(body, row * width + place),
        )
    return corners.reshape(-1, 3)


def _walked_corners(body: bytes) -> ndarray:
    """Return the corners of a text that holds more than triangles, or not all that they need.

    Raises:
        GeometryError: If a triangle does not have three vertices of three numbers.
    """
    corners: list[bytes] = []
    lines: list[int] = []
    begun = held = 0
    for number, line in enumerate(body.split(b"\n"), start=1):
        words = iter(line.split())
        for word in words:
            if word == b"facet":
                if begun:
                    raise line_error(begun, "begin a triangle that ends with 'endfacet'", "another")
                begun, held = number, 0
            elif word == b"vertex":
                point = list(islice(words, 3))
                if len(point) < 3 or not begun:
                    raise line_error(
                        number, "hold a vertex of three numbers in a 'facet'", shown(line.strip())
                    )
                corners += point
                lines += [number] * 3
                held += 1
            elif word == b"endfacet":
                if held != 3 or not begun:
                    raise line_error(
                        begun or number, "begin a triangle of three vertices", f"{held}"
                    )
                begun = 0
    if begun:
        raise line_error(begun, "begin a triangle that ends with 'endfacet'", "the end of the file")
    return parse_numbers(corners, lines.__getitem__).reshape(-1, 3)
