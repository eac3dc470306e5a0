"""Reader of PLY files in numpy, which raises on damaged files and never crashes.

An element of the file becomes a table. A list property becomes two columns: the lengths, and the
items one after the other.
"""

import struct
from collections.abc import Mapping
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.files._plain import Polygons, strip_triangles
from mspt.geometry.files._text import (
    decoded,
    is_padding,
    line_error,
    parse_numbers,
    refuse_other_kinds,
    shown,
    text_lines,
)

TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1",
    "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "int64": "i8", "uint64": "u8",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
CORNERS = ("vertex_indices", "vertex_index", "vertex_indexes")
RESTART = 2**32 - 1
"""The number -1, which ends a strip, in an unsigned type."""


class Property(NamedTuple):
    """A property of an element.

    Attributes:
        name: Name.
        length: Type of the length of a list; empty for a scalar.
        item: Type of the scalar or of the items.
    """

    name: str
    length: str
    item: str


class Element(NamedTuple):
    """An element of the header: its name, number of rows and properties."""

    name: str
    rows: int
    properties: list[Property]


class Header(NamedTuple):
    """A header: the byte order, empty for text, the elements, and how many lines it takes."""

    order: str
    elements: list[Element]
    lines: int


Table = Mapping[str, ndarray]


def read_ply(data: bytes) -> Polygons:
    """Read the vertices, faces and triangle strips of a PLY file, ASCII or binary.

    Raises:
        GeometryError: If the file has no header, is truncated, goes on after what its header says,
            or has no vertices with x, y and z.
    """
    if not data.startswith(b"ply"):
        data = decoded(data)
    if not data.startswith(b"ply"):
        refuse_other_kinds(data, ".ply")
        raise GeometryError("file must begin with a PLY header, got none; it is not a .ply file")
    header, body = _split(data)
    lines: dict[str, list[int]] = {}
    if header.order:
        tables = _binary_tables(body, header)
    else:
        tables, lines = _text_tables(body, header)
    vertex = tables.get("vertex", {})
    if missing := [axis for axis in "xyz" if axis not in vertex]:
        raise GeometryError(
            f"PLY must have an element 'vertex' with x, y and z, got none with "
            f"{', '.join(missing)}; export it again"
        )
    vertices = np.stack([vertex[axis] for axis in "xyz"], axis=1).astype(np.float64)
    return _surface(vertices, header, tables, lines)


def _surface(
    vertices: ndarray,
    header: Header,
    tables: Mapping[str, Table],
    lines: Mapping[str, list[int]],
) -> Polygons:
    """Return the polygons of all elements that name vertices."""
    counts, indices = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for element in header.elements:
        table, names = tables[element.name], [name for name, *_ in element.properties]
        name = next((name for name in CORNERS if name in names), None)
        known = element.name in ("face", "tristrips")
        if element.rows == 0 or not (known or name):
            continue
        if not known or name is None or f"{name} length" not in table:
            raise GeometryError(
                "PLY must hold its surface as lists 'vertex_indices' in 'face' or 'tristrips', "
                f"got {element.name!r} with {', '.join(names)[:80]}; export it as triangles"
            )
        count, items = table[f"{name} length"].astype(int).ravel(), table[name].ravel().astype(int)
        is_strip = element.name == "tristrips"
        if lines:
            valid = (items >= (-1 if is_strip else 0)) & (items < len(vertices))
            _check_rows_use(_of_rows(valid, count), lines[element.name], len(vertices))
        if is_strip:
            ends = np.cumsum(count)  # also the end of a row ends a strip
            items = np.insert(np.where(items == RESTART, -1, items), ends, -1)
            items = strip_triangles(items).ravel()
            count = np.full(len(items) // 3, 3)
        counts.append(count)
        indices.append(items)
    return Polygons(vertices, np.concatenate(counts), np.concatenate(indices))


def _split(data: bytes) -> tuple[Header, bytes]:
    """Return the header and what follows it."""
    # Only the line break in use ends the header: a binary body may begin with the byte of another.
    end = b"\r" if b"\n" not in data[:5] and data[3:].lstrip(b" \t")[:1] == b"\r" else b"\n"
    lines, place = [], 0
    while (stop := data.find(end, place)) >= 0 and lines[-1:] != ["end_header"]:
        lines.append(data[place:stop].decode("ascii", errors="replace").strip())
        place = stop + 1
    if lines[-1:] != ["end_header"]:
        if data[place:].strip() == b"end_header":
            return _header([*lines, "end_header"]), b""
        raise GeometryError(
            "PLY must end its header with a line 'end_header', got none; it is truncated"
        )
    return _header(lines), data[place:]


def _header(lines: list[str]) -> Header:
    """Return what a header says.

    Raises:
        GeometryError: If a line of it is not of the format.
    """
    order, elements = None, []
    for number, line in enumerate(lines, start=1):
        try:
            match line.split():
                case ["format", form, *_]:
                    order = ORDERS[form]
                case ["element", name, count]:
                    elements.append(Element(name, _count(count), []))
                case ["property", "list", length, item, name]:
                    kinds = (order or "") + TYPES[length], (order or "") + TYPES[item]
                    elements[-1].properties.append(Property(name, *kinds))
                case ["property", item, name]:
                    kind = (order or "") + TYPES[item]
                    elements[-1].properties.append(Property(name, "", kind))
                case ["element" | "property" | "format", *_]:
                    raise ValueError
        except (KeyError, ValueError, IndexError):
            raise line_error(
                number, "be 'format', 'element' or 'property' of a PLY header",
                shown(line.encode()),
            ) from None  # fmt: skip
    if order is None:
        raise GeometryError("PLY must name its format in its header, got none; export it again")
    return Header(order, elements, len(lines))


def _count(word: str) -> int:
    if not word.isdecimal():
        raise ValueError
    return int(word)


# Text


def _text_tables(body: bytes, header: Header) -> tuple[dict[str, Table], dict[str, list[int]]]:
    """Return the tables of a text, of which each line holds one row, and the lines of the rows."""
    lines = text_lines(body)
    if b"#" in body:
        lines = [line.partition(b"#")[0] for line in lines]
    rows = [line.split() for line in lines]
    numbers = [number for number, row in enumerate(rows, start=header.lines + 1) if row]
    rows = [row for row in rows if row]
    tables, places, place = {}, {}, 0
    for element in header.elements:
        stop = place + element.rows if element.properties else place
        if stop > len(rows):
            raise _truncated(element)
        places[element.name] = numbers[place:stop]
        tables[element.name] = _text_table(rows[place:stop], numbers[place:stop], element)
        place = stop
    if rows[place:] and _is_number(rows[place][0]):
        raise line_error(
            numbers[place], "come after all rows that the header counts", "one more row",
            "correct the header or export the shape again",
        )  # fmt: skip
    if rows[place:] and rows[place][0] == b"ply":
        raise line_error(
            numbers[place],
            "not begin another PLY file",
            "a second header",
            "keep one shape in a file",
        )
    return tables, places


def _text_table(rows: list[list[bytes]], numbers: list[int], element: Element) -> Table:
    """Return the columns of an element from the words of its lines."""
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    stops = np.cumsum(lengths)
    places = stops - lengths
    words = list(chain.from_iterable(rows))
    values = parse_numbers(words, lambda word: numbers[int(np.searchsorted(stops, word, "right"))])
    columns: dict[str, ndarray] = {}
    for name, length, item in element.properties:
        if not length:
            _check_rows(places < stops, numbers, element)
            columns[name] = values[places]
            places = places + 1
            continue
        _check_rows(places < stops, numbers, element)
        held = values[places]
        _check_rows((held >= 0) & (held < len(words)), numbers, element)
        count = held.astype(np.int64)
        places = places + 1
        _check_rows((count == held) & (places + count <= stops), numbers, element)
        items = values[_ranges(places, count)]
        if np.dtype(item).kind in "iu":
            _check_rows(_of_rows(items == np.floor(items), count), numbers, element)
        columns |= {f"{name} length": count, name: items}
        places = places + count
    _check_rows(places == stops, numbers, element)
    return columns


def _ranges(starts: ndarray, counts: ndarray) -> ndarray:
    """Return ``counts`` successive places from each of ``starts``.

    Examples:
        >>> _ranges(np.array([5, 9]), np.array([2, 1])).tolist()
        [5, 6, 9]
    """
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(starts, counts) + within


def _of_rows(valid: ndarray, counts: ndarray) -> ndarray:
    """Return which lists hold valid items only."""
    wrong = np.zeros(len(counts), dtype=bool)
    wrong[np.repeat(np.arange(len(counts)), counts)[~valid]] = True
    return ~wrong


def _check_rows(valid: ndarray, numbers: list[int], element: Element) -> None:
    if not valid.all():
        names = ", ".join(name for name, *_ in element.properties)
        raise line_error(
            numbers[int(np.argmin(valid))],
            f"be a row of {element.name!r} with {names[:80]}",
            "more or fewer numbers",
        )


def _check_rows_use(valid: ndarray, numbers: list[int], num_vertices: int) -> None:
    if not valid.all():
        raise line_error(
            numbers[int(np.argmin(valid))],
            f"use vertices 0 to {num_vertices - 1:,}",
            "another",
            "the file is damaged, export it again",
        )


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


# Binary


def _binary_tables(body: bytes, header: Header) -> dict[str, Table]:
    tables, place = {}, 0
    for element in header.elements:
        tables[element.name], place = _table(body, place, element)
    rest = body[place:]
    if not is_padding(rest, unit=_smallest_row(header)):
        raise GeometryError(
            f"file must end after the rows that its header counts, got {len(rest):,} more bytes; "
            "correct the header or export the shape again"
        )
    return tables


def _smallest_row(header: Header) -> int:
    """Return the bytes of a row of the last element, with three items in its lists."""
    return max(
        1,
        sum(
            np.dtype(length).itemsize + 3 * np.dtype(item).itemsize
            if length
            else np.dtype(item).itemsize
            for _, length, item in (header.elements[-1].properties if header.elements else ())
        ),
    )


def _table(body: bytes, start: int, element: Element) -> tuple[Table, int]:
    """Return the columns of an element and the position of the next one.

    If all lists are equally long, the rows have one size and are read at once; otherwise row by
    row.
    """
    # The header is checked against the length of the file before any memory is allocated.
    least = sum(np.dtype(column.length or column.item).itemsize for column in element.properties)
    if element.rows * least > len(body) - start:
        raise _truncated(element)
    if element.rows <= 0 or least == 0:
        return {}, start
    row = _first_row(body, start, element)
    stop = start + element.rows * row.itemsize
    if stop <= len(body):
        table = np.frombuffer(body, row, count=element.rows, offset=start)
        lengths = [table[f"{column.name} length"] for column in element.properties if column.length]
        if all((length == length[0]).all() for length in lengths):
            return {name: table[name] for name in row.names or ()}, stop
    return _walk_rows(body, start, element)


def _first_row(body: bytes, start: int, element: Element) -> np.dtype:
    """Return the type of the first row: that of all rows if all lists are equally long."""
    fields: list[tuple] = []
    for name, length, item in element.properties:
        if length:
            offset = start + np.dtype(fields).itemsize
            count = int(np.frombuffer(body, length, count=1, offset=offset)[0])
            fields.extend([(f"{name} length", length), (name, item, (max(count, 0),))])
        else:
            fields.append((name, item))
    return np.dtype(fields)


def _walk_rows(body: bytes, start: int, element: Element) -> tuple[Table, int]:
    """Return the columns of an element whose rows differ in length, found row by row."""
    walk = [
        (name, struct.Struct(f"{length[0]}{np.dtype(length).char}") if length else None, item)
        for name, length, item in element.properties
    ]
    sizes = {name: np.dtype(item).itemsize for name, _, item in walk}
    starts: dict[str, list[int]] = {name: [] for name, *_ in walk}
    counts: dict[str, list[int]] = {name: [] for name, *_ in walk}
    place = start
    for _ in range(element.rows):
        for name, unpacker, _ in walk:
            count = 1
            if unpacker is not None:
                count = int(unpacker.unpack_from(body, place)[0])
                place += unpacker.size
                if count < 0:
                    raise GeometryError(
                        f"lists of {element.name!r} must not have a negative length, got {count}; "
                        "the file is damaged, export it again"
                    )
            starts[name].append(place)
            counts[name].append(count)
            place += count * sizes[name]
    if place > len(body):
        raise GeometryError(
            f"file must contain all rows of {element.name!r}, got less; it is truncated"
        )
    columns = {}
    for name, unpacker, item in walk:
        length = np.array(counts[name])
        if unpacker is not None:
            columns[f"{name} length"] = length
        columns[name] = _gather(body, np.array(starts[name]), length, item)
    return columns, place


def _gather(body: bytes, starts: ndarray, counts: ndarray, item: str) -> ndarray:
    """Return ``counts`` items from each of the positions ``starts``, one after the other."""
    size = np.dtype(item).itemsize
    # In bytes, each item being ``size`` of them.
    octets = np.frombuffer(body, np.uint8)[_ranges(starts, counts * size)]
    return octets.view(item).ravel()


def _truncated(element: Element) -> GeometryError:
    return GeometryError(
        f"file must contain the {element.rows:,} rows of {element.name!r} of its header, "
        "got less; it is truncated"
    )
