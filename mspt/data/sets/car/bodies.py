"""Bodies of flow cases to draw: read where they ship, else built from their parameters."""

from pathlib import Path

import numpy as np
from numpy import ndarray

from mspt.data.codec import decode_rows, encode_rows, join_bytes, split_bytes
from mspt.data.files import SHIPPED, read_arrays, write_arrays
from mspt.data.sets.car.families import NAME, car_body
from mspt.geometry.descriptors.body import BodyShape
from mspt.geometry.halves import half_of, whole_of
from mspt.geometry.mesh import SurfaceMesh

FOLDER = "bodies"
"""Folder, below that of the data set, with the bodies of the cases that training does not use."""
OFF = 5e-4
"""How far, in body lengths, points may move where that saves triangles; about a third stay."""


def drawn_body(index: int, *, root: Path = SHIPPED) -> SurfaceMesh:
    """Return the closed surface of a case's body, thinned where it ships.

    Building one from its parameters takes most of a second.

    Raises:
        DataError: If its file cannot be read.
    """
    arrays = read_arrays(_path(root, index))
    return _decode(arrays) if arrays else car_body(index).mesh


def body_shape(index: int) -> BodyShape:
    """Return a case's body, from which the descriptors of points follow."""
    return BodyShape(drawn_body(index))


def write_body(index: int, *, root: Path = SHIPPED) -> None:
    """Write one half of a case's body unless it is there; the other half is its mirror image."""
    path = _path(root, index)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    half = half_of(car_body(index).mesh, off=OFF)
    vertices = encode_rows("vertices", half.vertices.astype(np.float32))
    triangles = np.ascontiguousarray(half.triangles.T.astype(np.uint16))
    write_arrays(path, {**vertices, "triangles": split_bytes(triangles)})


def _decode(arrays: dict[str, ndarray]) -> SurfaceMesh:
    vertices = decode_rows(arrays, "vertices").astype(np.float64)
    triangles = join_bytes(arrays["triangles"]).T.astype(np.int64)
    return whole_of(SurfaceMesh(vertices, triangles))


def _path(root: Path, index: int) -> Path:
    return root / NAME / FOLDER / f"{index:05d}.npz"
