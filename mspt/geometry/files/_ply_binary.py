"""The tables of binary PLY files."""

import struct

import numpy as np
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.files._ply_header import Element, Header, Table, ranges, truncated_error
from mspt.geometry.files._text import is_padding


def binary_tables(body: bytes, header: Header) -> dict[str, Table]:
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
        raise truncated_error(element)
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
    octets = np.frombuffer(body, np.uint8)[ranges(starts, counts * size)]
    return octets.view(item).ravel()
