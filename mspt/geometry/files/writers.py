"""Writing of meshes as STL, and as VTP with fields; files appear only when complete.

Shapes: T triangles.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy import ndarray

from mspt.geometry.files._plain import STL_RECORD
from mspt.geometry.mesh import SurfaceMesh
from mspt.writing import write_bytes, write_text

if TYPE_CHECKING:
    import pyvista as pv  # VTK takes a second to import: only writers of VTP files wait for it


def write_stl(path: Path, mesh: SurfaceMesh) -> None:
    """Write a binary STL file, in single precision.

    Raises:
        ValueError: If the name does not end in .stl.
        OutputError: If it cannot be written, as on a full disk.
    """
    records = np.zeros(len(mesh.triangles), dtype=STL_RECORD)
    records["normal"], records["corners"] = mesh.normals, mesh.corners
    _check_suffix(path, ".stl")
    count = len(records).to_bytes(4, "little")
    write_bytes(path, b"body".ljust(80) + count + records.tobytes())


def write_vtp(
    path: Path, mesh: SurfaceMesh, *, cell_fields: Mapping[str, ndarray] | None = None
) -> None:
    """Write a VTP file, for example for ParaView, with fields on its triangles.

    Args:
        path: File to write.
        mesh: Surface to write.
        cell_fields: One value or one vector per triangle, by name; names may state units.

    Raises:
        ValueError: If the name does not end in .vtp, or a field does not have one entry per
            triangle.
        OutputError: If it cannot be written, as on a full disk.
    """
    # Imported here because it takes a second, and few programs need it.
    import pyvista as pv

    surface = pv.PolyData.from_regular_faces(mesh.vertices, mesh.triangles)
    for name, values in (cell_fields or {}).items():
        if len(values) != len(mesh.triangles):
            raise ValueError(
                f"field {name!r} must have one entry per triangle, {len(mesh.triangles)}, "
                f"got {len(values)}"
            )
        surface.cell_data[name] = values
    write_polydata(path, surface)


def write_polydata(path: Path, surface: "pv.PolyData") -> None:
    """Write points or a surface of VTK with all its values as a VTP file.

    VTK writes to memory here: on a full disk it would leave half a file, and at times end the
    process.

    Raises:
        ValueError: If the name does not end in .vtp.
        OutputError: If it cannot be written.
    """
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

    _check_suffix(path, ".vtp")
    writer = vtkXMLPolyDataWriter()
    writer.SetInputData(surface)
    writer.SetDataModeToBinary()
    writer.WriteToOutputStringOn()
    writer.Write()
    write_text(path, writer.GetOutputString())


def _check_suffix(path: Path, suffix: str) -> None:
    if path.suffix.lower() != suffix:
        raise ValueError(f"path must end in {suffix}, got {path.name!r}; rename the file")
