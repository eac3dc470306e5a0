"""Reading of mesh files: STL, OBJ, PLY, VTP, VTU, VTK, GLB and glTF.

Files are parsed in a separate, restricted process, because damaged files can crash parsers and
uploads are not trusted.
"""

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mspt.errors import GeometryError
from mspt.geometry.files.sandbox import Sandbox
from mspt.geometry.mesh import SurfaceMesh
from mspt.writing import output_error

SUFFIXES = (".stl", ".obj", ".ply", ".vtp", ".vtu", ".vtk", ".glb", ".gltf")
MAX_BYTES = 200 * 1024**2
"""Largest file."""

MIN_TRIANGLES = 4
"""Triangles of a tetrahedron, the smallest closed surface."""

MAX_COORDINATE = 1e9
"""Largest plausible coordinate in any unit."""


def read_mesh(path: Path | str) -> SurfaceMesh:
    """Read the surface of a file, in the file's own unit and axes.

    Polygons are triangulated, bodies combined and vertices with equal coordinates merged. Of a mesh
    of cells, only the outer surface is kept.

    Args:
        path: File with one of the suffixes ``SUFFIXES``.

    Raises:
        GeometryError: If the format is unknown, or the file is too large, damaged or no surface.
    """
    path = Path(path)
    suffix = checked_suffix(path.suffix)
    if not path.is_file():
        raise GeometryError(f"file must exist, found no {path.name}; check its path")
    _check_size(path.stat().st_size)
    return _read(path.resolve(), suffix)


def read_mesh_bytes(data: bytes, *, suffix: str) -> SurfaceMesh:
    """Read a surface from the contents of a file; see :func:`read_mesh`.

    Args:
        data: Contents of the file.
        suffix: Suffix of its name, such as ".stl". The rest of an uploaded name is never used.

    Raises:
        GeometryError: If the format is unknown, or the file is too large, damaged or no surface.
        OutputError: If it cannot be stored for the process that reads it.
    """
    suffix = checked_suffix(suffix)
    _check_size(len(data))
    try:
        with TemporaryDirectory(prefix="mspt-shape-") as folder:
            path = Path(folder) / f"shape{suffix}"
            path.write_bytes(data)
            return _read(path, suffix)
    except OSError as error:  # no space for temporary files, or no folder for them
        raise output_error(f"shape{suffix}", error) from error


def checked_suffix(suffix: str) -> str:
    """Return a supported suffix in lower case.

    Raises:
        GeometryError: If files with this suffix cannot be read.

    Examples:
        >>> checked_suffix(".STL")
        '.stl'
    """
    if suffix.lower() not in SUFFIXES:
        raise GeometryError(
            f"file must be one of {', '.join(SUFFIXES)}, got {suffix[:40]!r}; "
            "export the shape as STL"
        )
    return suffix.lower()


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise GeometryError(
            f"file must have at most {MAX_BYTES // 1024**2} MB, got {size / 1024**2:.0f} MB; "
            "reduce the mesh (decimate it) or export it as a binary .stl"
        )
    if size == 0:
        raise GeometryError("file must contain a shape, got an empty file; export it again")


def _read(path: Path, suffix: str) -> SurfaceMesh:
    vertices, triangles = _sandbox(os.getpid()).read(path, suffix)
    mesh = SurfaceMesh(
        np.frombuffer(vertices, "<f8").reshape(-1, 3),
        np.frombuffer(triangles, "<i4").reshape(-1, 3).astype(np.int64),
        suffix,
    )
    _check_shape(mesh)
    return mesh


@cache
def _sandbox(process: int) -> Sandbox:  # noqa: ARG001 - a forked process must not share the pipes
    """Return the sandbox of a process."""
    return Sandbox()


def _check_shape(mesh: SurfaceMesh) -> None:
    if len(mesh.triangles) < MIN_TRIANGLES:
        raise GeometryError(
            f"shape must have at least {MIN_TRIANGLES} triangles to enclose anything, "
            f"got {len(mesh.triangles)}; export the whole body"
        )
    if np.abs(mesh.bounds).max() > MAX_COORDINATE:
        raise GeometryError(
            f"coordinates must stay within {MAX_COORDINATE:g}, "
            f"got {np.abs(mesh.bounds).max():.3g}; move the shape to the origin and export it again"
        )
    if np.count_nonzero(mesh.extent > 0) < 2:
        length, width, height = mesh.extent
        raise GeometryError(
            f"shape must extend along at least two axes, got {length:.3g} x {width:.3g} x "
            f"{height:.3g}; export the whole body"
        )
