"""The same bodies on meshes of another cell size: the noise of the labels.

Cells 1 % larger or smaller make an equally good mesh, and yet the flow in wakes and at wheels
differs. Most of the difference between the labels of two such meshes is random, so that no model
can predict it; the mean over several meshes is nearer to the truth than any one of them.

A repeat holds the fields of another mesh where the case has its own. In the flow these are the same
places, which depend on the body alone; to faces they are carried from the nearest ones.

Shapes: F faces of the body, G of another mesh, P points of the flow, V values.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy  # its parts are loaded when first used
from jaxtyping import Float
from numpy import ndarray

from mspt.data.codec import decode_rows, encode_rows
from mspt.data.files import read_arrays, write_arrays
from mspt.data.sets.car.flow_case import FlowCase
from mspt.errors import DataError
from mspt.geometry.transfer import transfer_values
from mspt.reading import DAMAGED
from mspt.solvers.openfoam.case import Recipe

FINER = Recipe(cell=0.067)
"""Cells a sixth smaller, for the discretization error of the labels."""
REPEATS: Mapping[str, Recipe] = {"larger": Recipe(cell=0.0808), "smaller": Recipe(cell=0.0792)}
"""Meshes with cells a hundredth larger and smaller than those of the data set."""

FIELDS = ("face_pressure", "face_shear", "velocity", "pressure")
COEFFICIENTS = ("C_D", "C_L")
FACE_NORMAL_WEIGHT = 0.03
"""Body lengths that a normal turned by one radian counts for when faces are matched."""
SAME_PLACE = 3e-4
"""Body lengths that rounding moves a stored point by, at most."""


def on_points_of(case: FlowCase, other: FlowCase) -> FlowCase:
    """Return the fields of another mesh on the faces and points of a case of the same body.

    Raises:
        DataError: If the other case was not sampled at the same points of the flow.
    """
    distance, row = scipy.spatial.KDTree(other.points).query(case.points)
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
        values, _faces(other), _faces(case), normal_weight=FACE_NORMAL_WEIGHT, count=4
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
        DataError: If it is no repeat, or one of a case with other faces or points.
    """
    arrays = read_arrays(path)
    try:
        values = {name: decode_rows(arrays, name) for name in FIELDS}
        info = json.loads(str(arrays["info"]))
    except DAMAGED as error:
        raise DataError(
            f"{path.name} must hold a repeat of a flow, got other arrays; generate it anew"
        ) from error
    for name, value in values.items():
        if len(value) != len(getattr(case, name)):
            raise DataError(
                f"repeat must have {len(getattr(case, name))} rows of {name} as its case has, "
                f"got {len(value)} in {path.name}; generate it anew"
            )
    return replace(case, **values, info=info)


def _faces(case: FlowCase) -> tuple[ndarray, ndarray]:
    areas = np.linalg.norm(case.face_areas, axis=1, keepdims=True)
    return case.face_points, case.face_areas / np.maximum(areas, 1e-12)


def compare_meshes(coarse: FlowCase, fine: FlowCase) -> dict[str, float]:
    """Return relative L2 differences between two meshes, and the difference in C_D.

    C_p is compared on the coarse mesh's faces, weighted with their areas; velocity at the points
    that both have in common, which are the same for one body and one seed.
    """
    areas = np.linalg.norm(coarse.face_areas, axis=1)
    found = on_faces_of(coarse, fine, fine.face_pressure[:, None])[:, 0]
    miss = areas @ (found - coarse.face_pressure) ** 2
    here, there = _common(coarse, fine)
    stream = np.array([1.0, 0.0, 0.0])
    return {
        "surface_pressure_by_area": float(np.sqrt(miss / (areas @ coarse.face_pressure**2))),
        "velocity": _relative(there, here),
        "velocity_change": _relative(there - stream, here - stream),
        "C_D_coarse": coarse.info["C_D"],
        "C_D_fine": fine.info["C_D"],
        "C_D_relative": abs(fine.info["C_D"] / coarse.info["C_D"] - 1),
    }


def mean_differences(rows: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Return the means over bodies, and their number."""
    means = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    return {"cases": len(rows), **means}


def _common(coarse: FlowCase, fine: FlowCase) -> tuple[ndarray, ndarray]:
    distance, row = scipy.spatial.KDTree(fine.points).query(coarse.points)
    same = np.asarray(distance) < 1e-4
    return coarse.velocity[same], fine.velocity[np.asarray(row)[same]]


def _relative(found: ndarray, truth: ndarray) -> float:
    return float(np.linalg.norm(found - truth) / np.linalg.norm(truth))
