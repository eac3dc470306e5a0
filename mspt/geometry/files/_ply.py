"""Reader of PLY files in numpy, which raises on damaged files and never crashes."""

from collections.abc import Mapping

import numpy as np
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.files._plain import Polygons, strip_triangles
from mspt.geometry.files._ply_binary import binary_tables
from mspt.geometry.files._ply_header import Header, Table, split_header
from mspt.geometry.files._ply_text import check_vertices, rows_of_lists, text_tables
from mspt.geometry.files._text import decoded, refuse_other_kinds

CORNERS = ("vertex_indices", "vertex_index", "vertex_indexes")
RESTART = 2**32 - 1
"""The number -1, which ends a strip, in an unsigned type."""


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
    header, body = split_header(data)
    lines: dict[str, list[int]] = {}
    if header.order:
        tables = binary_tables(body, header)
    else:
        tables, lines = text_tables(body, header)
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
            check_vertices(rows_of_lists(valid, count), lines[element.name], len(vertices))
        if is_strip:
            ends = np.cumsum(count)  # also the end of a row ends a strip
            items = np.insert(np.where(items == RESTART, -1, items), ends, -1)
            items = strip_triangles(items).ravel()
            count = np.full(len(items) // 3, 3)
        counts.append(count)
        indices.append(items)
    return Polygons(vertices, np.concatenate(counts), np.concatenate(indices))
