"""The same bodies on meshes of another cell size: what in their labels is chance.

Cells a hundredth larger or smaller make a mesh that is as good, and yet wakes and wheels come out
otherwise. Most of what the labels of two such meshes differ by is chance, which no model can
foresee; the mean over several is nearer to the truth than any one of them.

A repeat holds the fields of another mesh where the case has its own. In the flow these are the same
places, which depend on the body alone; to faces they are carried from the nearest ones.

Shapes: F faces of the body, G of another mesh, P points of the flow, V values.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial import KDTree

from mspt.data.codec import decode_rows, encode_rows
from mspt.data.sets.car.flow_case import FlowCase
from mspt.data.store import read_arrays, write_arrays
from mspt.errors import DataError
from mspt.geometry.transfer import transfer_values
from mspt.solvers.openfoam.case import Recipe

REPEATS: Mapping[str, Recipe] = {"larger": Recipe(cell=0.0808), "smaller": Recipe(cell=0.0792)}
"""Meshes with cells a hundredth larger and smaller than those of the data set."""

FIELDS = ("face_pressure", "face_shear", "velocity", "pressure")
COEFFICIENTS = ("C_D", "C_L")
NORMAL_WEIGHT = 0.03
"""Body lengths that a normal turned by one radian counts for when faces are matched."""
SAME_PLACE = 3e-4
"""Body lengths that rounding moves a stored point by, at most."""


def on_points_of(case: FlowCase, other: FlowCase) -> FlowCase:
    """Return the fields of another mesh on the faces and points of a case of the same body.

    Raises:
        DataError: If the other mesh was not looked at where the case was.
    """
    distance, row = KDTree(other.points).query(case.points)
    if (farthest := float(np.max(distance))) > SAME_PLACE:
        raise DataError(
            "repeat must hold all points of its case, got one that is "
            f"{farthest:.2g} body lengths off; generate both anew"
        )
    return replace(
        case,
        face_pressure=on_faces_of(case, other, other.face_pressure[:, None])[:, 0],
        face_shear=on_faces_of(case, other, other.face_shear),
        velocity=other.velocity[row],
        pressure=other.pressure[row],
        info=other.info,
    )


def on_faces_of(
    case: FlowCase, other: FlowCase, values: Float[ndarray, "G V"]
) -> Float[ndarray, "F V"]:
    """Return values on the faces of another mesh on those of a case."""
    carried = transfer_values(
        values, _faces(other), _faces(case), normal_weight=NORMAL_WEIGHT, count=4
    )
    return carried.astype(np.float32)


def mean_of_meshes(cases: Sequence[FlowCase]) -> FlowCase:
    """Return a case with the mean of the fields and coefficients of itself and its repeats."""
    means = {name: np.mean([getattr(case, name) for case in cases], axis=0) for name in FIELDS}
    found = {name: float(np.mean([case.info[name] for case in cases])) for name in COEFFICIENTS}
    return replace(cases[0], **means, info=cases[0].info | found)


def write_repeat(path: Path, repeat: FlowCase) -> None:
    """Write the fields of a repeat; its faces and points are those of its case."""
    arrays = {"info": np.array(json.dumps(repeat.info))}
    for name in FIELDS:
        arrays |= encode_rows(name, getattr(repeat, name))
    write_arrays(path, arrays)


def read_repeat(path: Path, case: FlowCase) -> FlowCase:
    """Read a repeat of a case.

    Raises:
        DataError: If it is a repeat of a case with other faces or points.
    """
    arrays = read_arrays(path)
    values = {name: decode_rows(arrays, name) for name in FIELDS}
    for name, value in values.items():
        if len(value) != len(getattr(case, name)):
            raise DataError(
                f"repeat must have {len(getattr(case, name))} rows of {name} as its case has, "
                f"got {len(value)} in {path.name}; generate it anew"
            )
    return replace(case, **values, info=json.loads(str(arrays["info"])))


def _faces(case: FlowCase) -> tuple[ndarray, ndarray]:
    areas = np.linalg.norm(case.face_areas, axis=1, keepdims=True)
    return case.face_points, case.face_areas / np.maximum(areas, 1e-12)
