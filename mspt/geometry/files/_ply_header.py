"""The header of PLY files.

An element of the file becomes a table. A list property becomes two columns: the lengths, and the
items one after the other.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.files._text import line_error, shown

TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1",
    "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "int64": "i8", "uint64": "u8",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
LONGEST_NAME = 80
ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}

Table = Mapping[str, ndarray]
"""Columns of an element by name."""


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


def split_header(data: bytes) -> tuple[Header, bytes]:
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
                case ["property", *_, name] if not _is_name(name):
                    raise ValueError
                case ["element", name, count] if _is_name(name):
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


def _is_name(word: str) -> bool:
    """Return whether a word can name an element or a property, and be shown in a message."""
    return word.isprintable() and "\ufffd" not in word and len(word) <= LONGEST_NAME


def _count(word: str) -> int:
    if not word.isdecimal():
        raise ValueError
    return int(word)


def truncated_error(element: Element) -> GeometryError:
    return GeometryError(
        f"file must contain the {element.rows:,} rows of {element.name!r} of its header, "
        "got less; it is truncated"
    )


def ranges(starts: ndarray, counts: ndarray) -> ndarray:
    """Return ``counts`` successive places from each of ``starts``.

    Examples:
        >>> ranges(np.array([5, 9]), np.array([2, 1])).tolist()
        [5, 6, 9]
    """
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(starts, counts) + within
