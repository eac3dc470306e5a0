"""The tables of PLY files in text, and the lines of their rows."""

from itertools import chain

import numpy as np
from numpy import ndarray

from mspt.geometry.files._ply_header import Element, Header, Table, ranges, truncated_error
from mspt.geometry.files._text import line_error, parse_numbers, text_lines


def text_tables(body: bytes, header: Header) -> tuple[dict[str, Table], dict[str, list[int]]]:
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
            raise truncated_error(element)
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
        items = values[ranges(places, count)]
        if np.dtype(item).kind in "iu":
            _check_rows(rows_of_lists(items == np.floor(items), count), numbers, element)
        columns |= {f"{name} length": count, name: items}
        places = places + count
    _check_rows(places == stops, numbers, element)
    return columns


def rows_of_lists(valid: ndarray, counts: ndarray) -> ndarray:
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


def check_vertices(valid: ndarray, numbers: list[int], num_vertices: int) -> None:
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
