"""Reader of PLY files in numpy, which raises on damaged files and never crashes.

An element of the file becomes a table. A list property becomes two columns: the lengths, and the
items one after the other.
"""

import struct
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.files._plain import Polygons

TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1",
    "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
FACES = ("vertex_indices", "vertex_index")


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


def read_ply(data: bytes) -> Polygons:
    """Read the vertices and faces of a PLY file, ASCII or binary in either byte order.

    Raises:
        GeometryError: If the file has no header or is truncated.
        KeyError: If it has no vertices with x, y and z, or a type is unknown.
    """
    head, end, body = data.partition(b"end_header")
    if not head.startswith(b"ply") or not end:
        raise GeometryError("file must begin with a PLY header, got none; it is not a .ply file")
    order, elements = _header(head.decode("ascii", errors="replace"))
    if order:
        # The header ends with one line break, of one byte or two.
        body = body[2 if body.startswith(b"\r\n") else 1 :]
    else:
        # Text becomes a binary body in which all types are double, so that one reader does both.
        body = np.array(body.split(), dtype=bytes).astype("<f8").tobytes()
    found: dict[str, dict[str, ndarray]] = {}
    position = 0
    for element in elements:
        found[element.name], position = _table(body, position, element)
        if {"vertex", "face"} <= found.keys():
            break
    vertex, face = found["vertex"], found.get("face", {})
    vertices = np.stack([vertex[axis] for axis in "xyz"], axis=1).astype(np.float64)
    name = next((name for name in FACES if name in face), None)
    if name is None:
        return Polygons.soup(vertices[:0])
    return Polygons(vertices, face[f"{name} length"].astype(int), face[name].astype(int).ravel())


def _header(text: str) -> tuple[str, list[Element]]:
    """Return the byte order, empty for text, and the elements of a header."""
    order, elements = "", []
    for words in (line.split() for line in text.splitlines()):
        match words:
            case ["format", form, *_]:
                order = ORDERS[form]
            case ["element", name, count]:
                elements.append(Element(name, int(count), []))
            case ["property", "list", length, item, name]:
                kinds = _type(order, length), _type(order, item)
                elements[-1].properties.append(Property(name, *kinds))
            case ["property", item, name]:
                elements[-1].properties.append(Property(name, "", _type(order, item)))
    return order, elements


def _type(order: str, name: str) -> str:
    return order + TYPES[name] if order else "<f8"


def _table(body: bytes, start: int, element: Element) -> tuple[dict[str, ndarray], int]:
    """Return the columns of an element and the position of the next one.

    If all lists are equally long, the rows have one size and are read at once; otherwise row by
    row.
    """
    # The header is checked against the length of the file before any memory is allocated.
    least = sum(np.dtype(column.length or column.item).itemsize for column in element.properties)
    if element.rows * least > len(body) - start:
        raise GeometryError(
            f"file must contain the {element.rows:,} rows of {element.name!r} of its header, "
            "got less; it is truncated"
        )
    if element.rows == 0:
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
            fields.extend([(f"{name} length", length), (name, item, (count,))])
        else:
            fields.append((name, item))
    return np.dtype(fields)


def _walk_rows(body: bytes, start: int, element: Element) -> tuple[dict[str, ndarray], int]:
    """Return only the lists of an element, found row by row."""
    walk = [
        (name, struct.Struct(f"{length[0]}{np.dtype(length).char}") if length else None, item)
        for name, length, item in element.properties
    ]
    sizes = {name: np.dtype(item).itemsize for name, _, item in walk}
    starts: dict[str, list[int]] = {name: [] for name, unpacker, _ in walk if unpacker}
    counts: dict[str, list[int]] = {name: [] for name in starts}
    place = start
    for _ in range(element.rows):
        for name, unpacker, _ in walk:
            count = 1
            if unpacker is not None:
                count = int(unpacker.unpack_from(body, place)[0])
                place += unpacker.size
                starts[name].append(place)
                counts[name].append(count)
            place += max(count, 0) * sizes[name]
    if place > len(body):
        raise GeometryError(
            f"file must contain all rows of {element.name!r}, got less; it is truncated"
        )
    columns = {}
    for name, unpacker, item in walk:
        if unpacker is not None:
            length = np.array(counts[name])
            columns[f"{name} length"] = length
            columns[name] = _gather(body, np.array(starts[name]), length, item)
    return columns, place


def _gather(body: bytes, starts: ndarray, counts: ndarray, item: str) -> ndarray:
    """Return ``counts`` items from each of the positions ``starts``, one after the other."""
    size = np.dtype(item).itemsize
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    places = np.repeat(starts, counts) + within * size
    octets = np.frombuffer(body, np.uint8)[places[:, None] + np.arange(size)]
    return octets.view(item).ravel()
