"""The real solver's answer: for a case by its name, a drawn hole or a painted map."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy import ndarray

from mspt.data.case import Case
from mspt.data.generate import case_seed
from mspt.data.registry import get_dataset, grid_points, grid_triangles
from mspt.data.store import case_index
from mspt.errors import DataError
from mspt.solvers.darcy import solve_darcy
from mspt.solvers.elasticity import radii_from_polygon, solve_elasticity

INPUTS = {"elasticity": "polygon", "darcy": "permeability"}


@dataclass(frozen=True)
class Solved:
    """A case with the solver's answer.

    Attributes:
        case: The case; its fields are the truth.
        seconds: Time of the solver.
    """

    case: Case
    seconds: float


def read_drawing(path: Path) -> dict[str, Any]:
    """Read a drawing from a JSON file, or a permeability map from an ``.npy`` file.

    Raises:
        DataError: If the file is absent or no such file.
    """
    try:
        if path.suffix == ".npy":
            return {"dataset": "darcy", "permeability": np.load(path, allow_pickle=False)}
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"drawing must be a .json or .npy file, got {path.name}: {error}"
        ) from error


def solve_drawing(drawing: dict[str, Any]) -> Solved:
    """Solve a drawing with the data set's solver.

    Args:
        drawing: ``{"dataset": "elasticity", "polygon": [[x, y], ...]}`` with the outline of a
            hole, or ``{"dataset": "darcy", "permeability": [[...], ...]}`` with one value for
            each node of the grid, row by row from the bottom.

    Raises:
        DataError: If the drawing names no data set that can be drawn, or lacks its input.
        SolverError: If the solver cannot solve it; the message says what is wrong.
    """
    name = drawing.get("dataset") if isinstance(drawing, dict) else None
    if name not in INPUTS:
        raise DataError(f"dataset must be one of {', '.join(INPUTS)} in a drawing, got {name!r}")
    try:
        given = np.array(drawing[INPUTS[name]], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{INPUTS[name]} must be a table of numbers in a drawing") from error
    start = perf_counter()
    case = _pulled_cell(given) if name == "elasticity" else _flow_through(given)
    return Solved(case, perf_counter() - start)


def solve_case(name: str) -> Solved:
    """Solve a case of a data set anew, such as ``elasticity-1107``.

    Raises:
        DataError: If there is no such case.
    """
    dataset = get_dataset(name.rpartition("-")[0])
    seed = case_seed(dataset.name, case_index(dataset, name))
    start = perf_counter()
    case = replace(dataset.make_case(seed), name=name)
    return Solved(case, perf_counter() - start)


def _pulled_cell(polygon: ndarray) -> Case:
    solution = solve_elasticity(radii_from_polygon(polygon))
    return Case(
        dataset="elasticity",
        name="drawing",
        points=torch.from_numpy(solution.points).float(),
        features=torch.empty(len(solution.points), 0),
        fields=torch.from_numpy(solution.stress).float()[:, None],
        triangles=torch.from_numpy(solution.triangles),
    )


def _flow_through(permeability: ndarray) -> Case:
    pressure = solve_darcy(permeability)
    shape = get_dataset("darcy").grid_shape or permeability.shape
    return Case(
        dataset="darcy",
        name="drawing",
        points=grid_points(shape),
        features=torch.from_numpy(permeability).float().reshape(-1, 1),
        fields=torch.from_numpy(pressure).float().reshape(-1, 1),
        triangles=grid_triangles(shape),
    )
