"""Reader of VTP, VTU and legacy VTK files by VTK, and the triangulation of polygons.

VTK ends the whole process on some damaged files and returns others as empty data.
"""

import re
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy import ndarray
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkOutputWindow, vtkPoints, vtkStringOutputWindow
from vtkmodules.vtkCommonDataModel import (
    vtkCellArray,
    vtkCompositeDataSet,
    vtkDataObject,
    vtkDataSet,
    vtkPolyData,
    vtkStructuredGrid,
    vtkUnstructuredGrid,
)
from vtkmodules.vtkFiltersCore import vtkAppendFilter, vtkTriangleFilter
from vtkmodules.vtkFiltersGeometry import vtkGeometryFilter
from vtkmodules.vtkIOLegacy import vtkGenericDataObjectReader
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader, vtkXMLUnstructuredGridReader

from mspt.errors import GeometryError
from mspt.geometry.files._cells import cell_surface
from mspt.geometry.files._plain import Polygons
from mspt.geometry.files._text import decoded, line_error, refuse_other_kinds, shown

READERS = {
    ".vtp": vtkXMLPolyDataReader,
    ".vtu": vtkXMLUnstructuredGridReader,
    ".vtk": vtkGenericDataObjectReader,
}
PADDING = b"\0\x1a \t\r\n"
ENCODING = re.compile(rb"""\sencoding=["'][^"']*["']""")
# A decimal comma, an exponent of Fortran, or the stars of Fortran for a number that is too long.
ODD_NUMBER = re.compile(
    rb"(?:^|(?<=[\s>]))(?:[-+]?\d*,\d+|[-+]?\d*\.\d*[dD][-+]?\d+|\*{2,})(?=$|[\s<])"
)


def read_vtk(path: Path, suffix: str) -> tuple[ndarray, ndarray]:
    """Return vertices (V, 3) and triangles (T, 3) of a VTK file.

    Of a mesh of cells, this is the outer surface; parts of a file in blocks are put together.

    Raises:
        GeometryError: If VTK reports an error, or the data are no surface and no mesh.
    """
    contents = readable(path.read_bytes(), suffix)
    messages = vtkStringOutputWindow()
    vtkOutputWindow.SetInstance(messages)
    reader = READERS[suffix]()
    reader.SetReadFromInputString(1)
    if isinstance(reader, vtkGenericDataObjectReader):
        # VTK takes bytes, which its types call text.
        reader.SetBinaryInputString(cast(str, contents), len(contents))
    else:
        reader.SetInputString(contents)
    reader.Update()
    _check_messages(messages, suffix, contents)
    return _triangles(_surface(reader.GetOutputDataObject(0)))


def readable(data: bytes, suffix: str) -> bytes:
    r"""Return the contents of a file as VTK reads them: in UTF-8, with LF and nothing at the end.

    Examples:
        >>> readable("<VTKFile></VTKFile>\n\0\0".encode("utf-16"), ".vtp")
        b'<VTKFile></VTKFile>'
    """
    refuse_other_kinds(data, suffix)
    text = decoded(data)
    if suffix != ".vtk":
        head, tag, rest = text.rpartition(b"</VTKFile>")
        if text != data:  # the encoding that it names is no longer its own
            head = ENCODING.sub(b"", head, count=1)
        return head + tag if tag and b"<VTKFile" not in rest else text
    if b"\0" not in text.rstrip(PADDING) and b"\n" not in text:
        text = text.replace(b"\r", b"\n")
    return text.rstrip(PADDING) + b"\n" if is_text(text) else text


def is_text(data: bytes) -> bool:
    """Return whether a legacy file holds its numbers as text, which its third line says."""
    return data[:1000].replace(b"\r", b"\n").split(b"\n")[2:3] == [b"ASCII"]


def _check_messages(messages: vtkStringOutputWindow, suffix: str, contents: bytes) -> None:
    """Raise if VTK has reported an error; it returns what it has read so far and does not raise."""
    text = messages.GetOutput()
    if isinstance(text, bytes):
        # Messages quote bytes of a damaged file, which may not be text.
        text = text.decode(errors="replace")
    if "ERROR:" in text or "Error reading" in text:
        _check_words(contents)
        raise GeometryError(
            f"file must be a complete and valid {suffix} file, got one that VTK cannot read; it "
            "may be truncated, export it again"
        )


def _check_words(contents: bytes) -> None:
    """Raise for the first number that is written in a way that VTK does not read."""
    for number, line in enumerate(contents.splitlines(), start=1):
        if found := ODD_NUMBER.search(line):
            raise line_error(
                number, "write numbers as in 1.5e3", shown(found[0].strip()),
                "export it with the number format of English",
            )  # fmt: skip


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


def _surface(data: vtkDataObject) -> vtkPolyData:
    """Return the surface of a data set; its indices are checked, because VTK does not."""
    if isinstance(data, vtkCompositeDataSet):
        data = _appended(data)
    if isinstance(data, vtkPolyData):
        for cells in (data.GetPolys(), data.GetStrips()):
            _check_indices(vtk_to_numpy(cells.GetConnectivityArray()), data.GetNumberOfPoints())
        return data
    if isinstance(data, vtkStructuredGrid) and data.GetDataDimension() == 3:
        # As cells, because the grid around or within a body may touch itself.
        append = vtkAppendFilter()
        append.SetInputData(data)
        append.Update()
        data = append.GetOutput()
    if isinstance(data, vtkUnstructuredGrid):
        _check_cells(data)
        return cell_surface(data)
    if isinstance(data, vtkDataSet):
        return _run(vtkGeometryFilter(), data)
    raise _no_surface(data)


def _no_surface(data: vtkDataObject) -> GeometryError:
    return GeometryError(
        f"file must contain a surface or a mesh of cells, got {data.GetClassName()}; "
        "export the surface as .vtp"
    )


def _appended(blocks: vtkCompositeDataSet) -> vtkUnstructuredGrid:
    """Return the cells of all blocks as one grid."""
    append = vtkAppendFilter()
    walk = blocks.NewIterator()
    walk.InitTraversal()
    while not walk.IsDoneWithTraversal():
        block = walk.GetCurrentDataObject()
        if not isinstance(block, vtkDataSet):
            raise _no_surface(block)
        if isinstance(block, vtkPolyData):
            _surface(block)
        elif isinstance(block, vtkUnstructuredGrid):
            _check_cells(block)
        append.AddInputData(block)
        walk.GoToNextItem()
    append.Update()
    return append.GetOutput()


def _check_cells(grid: vtkUnstructuredGrid) -> None:
    for cells in (grid.GetCells(), grid.GetPolyhedronFaces()):
        if cells is not None:
            _check_indices(vtk_to_numpy(cells.GetConnectivityArray()), grid.GetNumberOfPoints())


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
