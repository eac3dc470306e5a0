"""The outer surface of a mesh of cells, as mesh generators and solvers write it.

Such files often hold the faces of the boundary as cells of their own, besides the volumes, or parts
with points of their own, although they touch.

Shapes: C corners of all cells together, K triples of vertices.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy import ndarray
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkPolyData, vtkUnstructuredGrid
from vtkmodules.vtkFiltersCore import vtkStaticCleanUnstructuredGrid
from vtkmodules.vtkFiltersGeometry import vtkGeometryFilter

from mspt.errors import GeometryError

# Numbers of VTK for types of cells.
POLY_LINE, TRIANGLE_STRIP, POLYGON, PIXEL, QUADRATIC_POLYGON = 4, 6, 7, 8, 36
CONVEX_POINT_SET, POLYHEDRON = 41, 42
# Corners of the flat types, whose first points are their corners in order.
FLAT = {5: 3, 8: 4, 9: 4, 22: 3, 23: 4, 28: 4, 30: 4, 34: 3, 69: 3, 70: 4, 76: 3, 77: 4}
TETRAHEDRON = ((0, 1, 2), (0, 1, 3), (1, 2, 3), (0, 2, 3))
PYRAMID = ((0, 1, 2, 3), (0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4))
WEDGE = ((0, 1, 2), (3, 4, 5), (0, 1, 4, 3), (1, 2, 5, 4), (2, 0, 3, 5))
HEXAHEDRON = (
    (0, 1, 2, 3), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7),
)  # fmt: skip
VOXEL = ((0, 1, 2, 3), (4, 5, 6, 7), (0, 1, 4, 5), (2, 3, 6, 7), (0, 2, 4, 6), (1, 3, 5, 7))


def _prism(sides: int) -> tuple[tuple[int, ...], ...]:
    """Return the faces of a prism over a polygon."""
    quads = [
        (side, (side + 1) % sides, sides + (side + 1) % sides, sides + side)
        for side in range(sides)
    ]
    return (tuple(range(sides)), tuple(range(sides, 2 * sides)), *quads)


# Faces by type; the first points of curved types (quadratic, Lagrange, Bezier) are their corners.
SOLID = {
    **dict.fromkeys((10, 24, 71, 78), TETRAHEDRON), 11: VOXEL,
    **dict.fromkeys((12, 25, 29, 33, 72, 79), HEXAHEDRON),
    **dict.fromkeys((13, 26, 31, 32, 73, 80), WEDGE),
    **dict.fromkeys((14, 27, 37, 74, 81), PYRAMID), 15: _prism(5), 16: _prism(6),
}  # fmt: skip
MAX_POLYGON = 12
"""Corners of the largest face of a polyhedron of which all triples are compared."""


def cell_surface(grid: vtkUnstructuredGrid) -> vtkPolyData:
    """Return the outer surface of the cells of a grid, whose indices have been checked.

    Points with equal coordinates count as one. Flat cells that are faces of volumes are left out,
    be it on the boundary or inside; other flat cells are kept.

    Raises:
        GeometryError: If the cells fill the space around a body.
    """
    if grid.HasAnyGhostCells():  # copies of cells of a neighboring part
        grid.RemoveGhostCells()
    clean = vtkStaticCleanUnstructuredGrid()
    clean.ToleranceIsAbsoluteOn()
    # A few steps of the numbers: where a grid meets itself, points often differ by rounding.
    points: ndarray = vtk_to_numpy(grid.GetPoints().GetData())
    step = {4: np.finfo(np.float32).eps, 8: np.finfo(np.float64).eps}.get(points.itemsize, 0.0)
    clean.SetAbsoluteTolerance(4 * float(step) * float(np.abs(points).max(initial=0.0)))
    clean.SetInputData(grid)
    clean.Update()
    grid = clean.GetOutput()
    types = vtk_to_numpy(grid.GetCellTypes()).copy()
    volumes = np.isin(types, [*SOLID, CONVEX_POINT_SET, POLYHEDRON])
    flats = np.isin(types, [*FLAT, TRIANGLE_STRIP, POLYGON, QUADRATIC_POLYGON])
    if volumes.any() and flats.any():
        # Lines are no part of a surface, and a change of type needs no change of other arrays.
        types[np.flatnonzero(flats)[_are_faces(grid, types, flats, volumes)]] = POLY_LINE
        _set_types(grid, types)
    return _outer_faces(grid)


def _set_types(grid: vtkUnstructuredGrid, types: ndarray) -> None:
    kinds = numpy_to_vtk(types, deep=True)
    if (types == POLYHEDRON).any():
        places, faces = grid.GetPolyhedronFaceLocations(), grid.GetPolyhedronFaces()
        grid.SetPolyhedralCells(kinds, grid.GetCells(), places, faces)
    else:
        grid.SetCells(kinds, grid.GetCells())


def _outer_faces(data: Any) -> vtkPolyData:  # noqa: ANN401 - any data set of VTK
    outer = vtkGeometryFilter()
    outer.SetInputData(data)
    outer.Update()
    return outer.GetOutput()


def _are_faces(
    grid: vtkUnstructuredGrid, types: ndarray, flats: ndarray, volumes: ndarray
) -> ndarray:
    """Return for each flat cell whether it is a face, or a part of a face, of a volume.

    A flat cell is cut into triangles from its first and from its second corner. In one of these
    ways, each triangle must have three corners of one face.
    """
    indices = vtk_to_numpy(grid.GetCells().GetConnectivityArray())
    offsets = vtk_to_numpy(grid.GetCells().GetOffsetsArray())
    cells = np.flatnonzero(flats)
    triples, owners = zip(
        *(_flat_triples(indices, offsets, types, cells, first) for first in (0, 1)), strict=True
    )
    # Only vertices of flat cells matter, so three of them fit into a number of 64 bits.
    used = np.unique(np.concatenate(triples))
    sought = np.unique(
        np.concatenate(
            [_keys(part, used) for part in _solid_triples(grid, indices, offsets, types, volumes)]
        )
    )
    found = np.zeros(len(cells), dtype=bool)
    for triple, owner in zip(triples, owners, strict=True):
        is_degenerate = (np.diff(np.sort(triple, axis=1), axis=1) == 0).any(axis=1)
        missing = ~(np.isin(_keys(triple, used), sought) | is_degenerate)
        whole = np.isin(np.arange(len(cells)), owner)
        whole[owner[missing]] = False
        found |= whole
    return found


def _keys(triples: ndarray, used: ndarray) -> ndarray:
    """Return one number for each triple (K, 3) of vertices that are all in use."""
    places = np.searchsorted(used, triples)
    known = (used[np.minimum(places, len(used) - 1)] == triples).all(axis=1)
    places = np.sort(places[known], axis=1).astype(np.uint64)
    size = np.uint64(len(used))
    keys = np.full(len(triples), np.iinfo(np.uint64).max, dtype=np.uint64)
    keys[known] = (places[:, 0] * size + places[:, 1]) * size + places[:, 2]
    return keys


def _flat_triples(
    indices: ndarray, offsets: ndarray, types: ndarray, cells: ndarray, first: int
) -> tuple[ndarray, ndarray]:
    """Return the triangles (K, 3) of flat cells, and the place among the cells of each."""
    triples, owners = [np.zeros((0, 3), dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    sizes = np.diff(offsets)
    for kind, size in np.unique(np.stack([types[cells], sizes[cells]]), axis=1).T:
        chosen = np.flatnonzero((types[cells] == kind) & (sizes[cells] == size))
        corners = {QUADRATIC_POLYGON: size // 2}.get(kind, FLAT.get(kind, size))
        _check_size(int(size), int(corners), int(kind))
        order = np.arange(corners)
        if kind == PIXEL:
            order = np.array([0, 1, 3, 2])
        if kind == TRIANGLE_STRIP:
            fans = np.stack([order[:-2], order[1:-1], order[2:]], axis=1)
        else:
            order = np.roll(order, -first)
            fans = np.stack([np.full(corners - 2, order[0]), order[1:-1], order[2:]], axis=1)
        rows = indices[offsets[cells[chosen]][:, None, None] + fans]
        triples.append(rows.reshape(-1, 3))
        owners.append(np.repeat(chosen, len(fans)))
    return np.concatenate(triples), np.concatenate(owners)


def _solid_triples(
    grid: vtkUnstructuredGrid,
    indices: ndarray,
    offsets: ndarray,
    types: ndarray,
    volumes: ndarray,
) -> list[ndarray]:
    """Return all triples (K, 3) of vertices that belong to one face of a volume."""
    found = [np.zeros((0, 3), dtype=np.int64)]
    for kind in np.unique(types[volumes]):
        if kind == POLYHEDRON:
            found += _polyhedron_triples(grid)
        elif kind in SOLID:
            cells = np.flatnonzero(types == kind)
            triples = _triples_of(SOLID[kind])
            _check_size(int(np.diff(offsets)[cells].min()), int(triples.max()) + 1, int(kind))
            found.append(indices[offsets[cells][:, None, None] + triples].reshape(-1, 3))
    return found


def _polyhedron_triples(grid: vtkUnstructuredGrid) -> list[ndarray]:
    faces = grid.GetPolyhedronFaces()
    indices = vtk_to_numpy(faces.GetConnectivityArray())
    offsets = vtk_to_numpy(faces.GetOffsetsArray())
    sizes = np.diff(offsets)
    return [
        indices[
            offsets[:-1][sizes == size][:, None, None] + _triples_of([tuple(range(size))])
        ].reshape(-1, 3)
        for size in np.unique(sizes)
        if 3 <= size <= MAX_POLYGON
    ]


def _triples_of(faces: Sequence[tuple[int, ...]]) -> ndarray:
    """Return the triples (K, 3) of corners that have a face in common.

    Examples:
        >>> _triples_of([(0, 1, 2, 3)]).tolist()
        [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]
    """
    return np.array(sorted({triple for face in faces for triple in combinations(face, 3)}))


def _check_size(size: int, least: int, kind: int) -> None:
    if size < least or least < 3:
        raise GeometryError(
            f"cells of type {kind} must have {max(least, 3)} corners, got {size}; "
            "the file is damaged, export it again"
        )
