"""Writing of meshes as STL, and as VTP with fields; files appear only when complete.

Shapes: T triangles.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy import ndarray

from mspt.geometry.files._plain import STL_RECORD
from mspt.geometry.mesh import SurfaceMesh


def write_stl(path: Path, mesh: SurfaceMesh) -> None:
    """Write a binary STL file, in single precision.

    Raises:
        ValueError: If the name does not end in .stl.
    """
    records = np.zeros(len(mesh.triangles), dtype=STL_RECORD)
    records["normal"], records["corners"] = mesh.normals, mesh.corners
    with _complete_file(path, ".stl") as partial:
        count = len(records).to_bytes(4, "little")
        partial.write_bytes(b"body".ljust(80) + count + records.tobytes())


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
    with _complete_file(path, ".vtp") as partial:
        surface.save(partial)


@contextmanager
def _complete_file(path: Path, suffix: str) -> Iterator[Path]:
    """Yield a temporary path in the same folder, which is renamed after writing.

    Renaming within a folder is atomic, so no other process sees an incomplete file.
    """
    if path.suffix.lower() != suffix:
        raise ValueError(f"path must end in {suffix}, got {path.name!r}; rename the file")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{os.getpid()}-{path.stem}{suffix}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
