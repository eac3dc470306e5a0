"""The real solver's answer: for a case by its name, a drawn hole or a painted map."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from mspt.data.capabilities import Drawing
from mspt.data.case import Case
from mspt.data.dataset import Dataset
from mspt.data.registry import dataset_of_case, datasets
from mspt.errors import DataError


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
    """Read a drawing from a JSON file, or a painted map from an ``.npy`` file.

    Raises:
        DataError: If the file is absent or of another kind.
    """
    try:
        if path.suffix == ".npy":
            return _of_map(np.load(path, allow_pickle=False))
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"drawing must be a .json or .npy file, got {path.name}: {error}"
        ) from error


def _drawable() -> dict[str, tuple[Dataset, Drawing]]:
    """Return the data sets that can be drawn by name, with how each is drawn."""
    return {one.name: (one, one.drawing) for one in datasets() if one.drawing is not None}


def _of_map(values: np.ndarray) -> dict[str, Any]:
    """Return the drawing of an array, which names no data set: that of a grid of this shape."""
    maps = [one for one in _drawable().values() if one[1].kind == "map"]
    fitting = [one for one in maps if one[0].grid_shape == values.shape]
    dataset, drawing = (fitting or maps)[0]
    return {"dataset": dataset.name, drawing.key: values}


def solve_drawing(drawing: dict[str, Any]) -> Solved:
    """Solve a drawing with the data set's solver.

    Args:
        drawing: The data set's name and its input, such as
            ``{"dataset": "elasticity", "polygon": [[x, y], ...]}`` with the outline of a hole, or
            ``{"dataset": "darcy", "permeability": [[...], ...]}`` with one value for each node of
            the grid, row by row from the bottom.

    Raises:
        DataError: If the drawing names no data set that can be drawn, or lacks its input.
        SolverError: If the solver cannot solve it; the message says why.
    """
    drawable = _drawable()
    name = drawing.get("dataset") if isinstance(drawing, dict) else None
    if name not in drawable:
        raise DataError(f"dataset must be one of {', '.join(drawable)} in a drawing, got {name!r}")
    how = drawable[name][1]
    try:
        given = np.array(drawing[how.key], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{how.key} must be a table of numbers in a drawing") from error
    start = perf_counter()
    case = how.solve(given)
    return Solved(case, perf_counter() - start)


def solve_case(name: str) -> Solved:
    """Solve a case of a data set anew, such as ``elasticity-1107``.

    Raises:
        DataError: If there is no such case, or its data set is not solved case by case.
    """
    dataset = dataset_of_case(name)
    if dataset.make_case is None:
        raise DataError(
            f"case must be of a data set that is solved case by case, got {name}; use "
            f"`python -m mspt generate {dataset.name}`"
        )
    seed = dataset.case_seed(dataset.case_index(name))
    start = perf_counter()
    case = replace(dataset.make_case(seed), name=name)
    return Solved(case, perf_counter() - start)
