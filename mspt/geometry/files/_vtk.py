"""Formats that VTK reads: VTP, VTU and legacy VTK; and the triangulation of polygons.

VTK ends the whole process on some damaged files, and says of others only that they are empty.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkOutputWindow, vtkPoints, vtkStringOutputWindow
from vtkmodules.vtkCommonDataModel import (
    vtkCellArray,
    vtkDataSet,
    vtkPolyData,
    vtkUnstructuredGrid,
)
from vtkmodules.vtkFiltersCore import vtkTriangleFilter
from vtkmodules.vtkFiltersGeometry import vtkGeometryFilter
from vtkmodules.vtkIOLegacy import vtkGenericDataObjectReader
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader, vtkXMLUnstructuredGridReader

from mspt.errors import GeometryError
from mspt.geometry.files._plain import Polygons

READERS = {
    ".vtp": vtkXMLPolyDataReader,
    ".vtu": vtkXMLUnstructuredGridReader,
    ".vtk": vtkGenericDataObjectReader,
}


def read_vtk(path: Path, suffix: str) -> tuple[ndarray, ndarray]:
    """Return vertices (V, 3) and triangles (T, 3) of a VTK file: of cells, their outer surface."""
    messages = vtkStringOutputWindow()
    vtkOutputWindow.SetInstance(messages)
    reader = READERS[suffix]()
    reader.SetFileName(str(path))
    reader.Update()
    _check_messages(messages, path)
    data = reader.GetOutputDataObject(0)
    if not isinstance(data, vtkDataSet):
        raise GeometryError(
            f"file must hold a surface or a mesh of cells, got {data.GetClassName()}; "
            "export the surface as .vtp"
        )
    return _triangles(_surface(data))


def _check_messages(messages: vtkStringOutputWindow, path: Path) -> None:
    """Raise if VTK has spoken of an error; it still returns what it has read until then."""
    text = messages.GetOutput()
    if isinstance(text, bytes):
        # What it cites of a damaged file need not be text.
        text = text.decode(errors="replace")
    if "ERROR:" in text or "Error reading" in text:
        reason = plain_reason(text.splitlines()[1], path)
        raise GeometryError(
            f"file must be a whole and valid {path.suffix} file, got one that VTK cannot read "
            f"({reason}); it may be cut off, export it again"
        )


def plain_reason(text: str, path: Path) -> str:
    """Return the gist of a library's message: short, printable, without addresses and paths."""
    text = re.sub(r"^\w+ \(0x\w+\): ", "", text).replace(str(path), "it")
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text[:120])


def triangulate(polygons: Polygons) -> tuple[ndarray, ndarray]:
    """Return vertices (V, 3) and triangles (T, 3) of polygons, which may be concave."""
    vertices, counts, indices = polygons
    _check_indices(indices, len(vertices))
    if (counts < 3).any():
        indices, counts = indices[np.repeat(counts >= 3, counts)], counts[counts >= 3]
    if (counts == 3).all():
        return vertices, indices.reshape(-1, 3)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    cells = vtkCellArray()
    cells.SetData(_identifiers(offsets), _identifiers(indices))
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(vertices), deep=True))
    surface = vtkPolyData()
    surface.SetPoints(points)
    surface.SetPolys(cells)
    return _triangles(surface)


def _surface(data: vtkDataSet) -> vtkPolyData:
    if isinstance(data, vtkPolyData):
        for cells in (data.GetPolys(), data.GetStrips()):
            _check_indices(vtk_to_numpy(cells.GetConnectivityArray()), data.GetNumberOfPoints())
        return data
    if isinstance(data, vtkUnstructuredGrid):
        connectivity = vtk_to_numpy(data.GetCells().GetConnectivityArray())
        _check_indices(connectivity, data.GetNumberOfPoints())
    return _run(vtkGeometryFilter(), data)


def _triangles(surface: vtkPolyData) -> tuple[ndarray, ndarray]:
    triangle_filter = vtkTriangleFilter()
    triangle_filter.PassLinesOff()
    triangle_filter.PassVertsOff()
    surface = _run(triangle_filter, surface)
    if surface.GetNumberOfPolys() == 0:
        return np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)
    corners = vtk_to_numpy(surface.GetPolys().GetConnectivityArray())
    return vtk_to_numpy(surface.GetPoints().GetData()), corners.reshape(-1, 3)


def _run(algorithm: Any, data: vtkDataSet) -> vtkPolyData:  # noqa: ANN401 - any filter of VTK
    algorithm.SetInputData(data)
    algorithm.Update()
    return algorithm.GetOutput()


def _check_indices(indices: ndarray, num_vertices: int) -> None:
    if indices.size and (indices.min() < 0 or indices.max() >= num_vertices):
        raise GeometryError(
            f"faces must use vertices 0 to {num_vertices - 1:,}, got {indices.min():,} to "
            f"{indices.max():,}; the file is damaged, export it again"
        )


def _identifiers(values: ndarray) -> Any:  # noqa: ANN401 - VTK's array of integers
    return numpy_to_vtkIdTypeArray(np.ascontiguousarray(values, dtype=np.int64), deep=True)
