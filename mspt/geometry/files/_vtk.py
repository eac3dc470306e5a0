"""Reader of VTP, VTU and legacy VTK files by VTK, and the triangulation of polygons.

VTK ends the whole process on some damaged files and returns others as empty data.
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
    """Return vertices (V, 3) and triangles (T, 3) of a VTK file.

    Of a mesh of cells, this is the outer surface.

    Raises:
        GeometryError: If VTK reports an error, or the data are no surface and no mesh.
    """
    messages = vtkStringOutputWindow()
    vtkOutputWindow.SetInstance(messages)
    reader = READERS[suffix]()
    reader.SetFileName(str(path))
    reader.Update()
    _check_messages(messages, path)
    data = reader.GetOutputDataObject(0)
    if not isinstance(data, vtkDataSet):
        raise GeometryError(
            f"file must contain a surface or a mesh of cells, got {data.GetClassName()}; "
            "export the surface as .vtp"
        )
    return _triangles(_surface(data))


def _check_messages(messages: vtkStringOutputWindow, path: Path) -> None:
    """Raise if VTK has reported an error; it returns what it has read so far and does not raise."""
    text = messages.GetOutput()
    if isinstance(text, bytes):
        # Messages quote bytes of a damaged file, which may not be text.
        text = text.decode(errors="replace")
    if "ERROR:" in text or "Error reading" in text:
        reason = short_reason(text.splitlines()[1], path)
        raise GeometryError(
            f"file must be a complete and valid {path.suffix} file, got one that VTK cannot read "
            f"({reason}); it may be truncated, export it again"
        )


def short_reason(text: str, path: Path) -> str:
    """Return a library's message shortened, printable, without memory addresses and paths."""
    text = re.sub(r"^\w+ \(0x\w+\): ", "", text).replace(str(path), "it")
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text[:120])


def triangulate_polygons(polygons: Polygons) -> tuple[ndarray, ndarray]:
    """Return vertices (V, 3) and triangles (T, 3) of polygons, which may be concave.

    Polygons with fewer than three corners are left out.

    Raises:
        GeometryError: If a polygon uses a vertex that does not exist.
    """
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
    """Return the surface of a data set; its indices are checked, because VTK does not."""
    if isinstance(data, vtkPolyData):
        for cells in (data.GetPolys(), data.GetStrips()):
            _check_indices(vtk_to_numpy(cells.GetConnectivityArray()), data.GetNumberOfPoints())
        return data
    if isinstance(data, vtkUnstructuredGrid):
        connectivity = vtk_to_numpy(data.GetCells().GetConnectivityArray())
        _check_indices(connectivity, data.GetNumberOfPoints())
    return _run(vtkGeometryFilter(), data)


def _triangles(surface: vtkPolyData) -> tuple[ndarray, ndarray]:
    """Return the triangulated polygons and strips of a surface."""
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
