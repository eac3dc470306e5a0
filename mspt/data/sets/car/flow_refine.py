"""The discretization error of the labels: the same bodies on a finer mesh."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.spatial import KDTree

from mspt.data.sets.car.flow_case import FlowCase
from mspt.data.sets.car.other_meshes import on_faces_of
from mspt.solvers.openfoam.case import Recipe

FINER = Recipe(cell=0.067)


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
    distance, row = KDTree(fine.points).query(coarse.points)
    same = np.asarray(distance) < 1e-4
    return coarse.velocity[same], fine.velocity[np.asarray(row)[same]]


def _relative(found: ndarray, truth: ndarray) -> float:
    return float(np.linalg.norm(found - truth) / np.linalg.norm(truth))
