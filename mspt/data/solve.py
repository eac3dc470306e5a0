"""The real solver's answer: for a case by its name, or for a drawing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from mspt.data.capabilities import Drawing
from mspt.data.case import Case, Inputs
from mspt.data.dataset import Dataset
from mspt.data.registry import dataset_of_case, datasets
from mspt.errors import DataError, SolverError
from mspt.progress import ShareDone, last_event
from mspt.reading import read_array, read_object, shortened

FORM = "download one from the page Draw a domain to see its form"
MAX_BYTES = 2 * 1024**2
"""Size of the largest drawing in JSON: 128 x 128 numbers with all digits take 0.4 MB."""
MAX_ROWS = 10_000
"""Rows of a drawing that may have any number: outlines are drawn with some hundred points."""
LARGEST = 1e6
"""Largest number of a drawing: usual ones are below 100, and products of large ones overflow."""


UNSOLVABLE = (ArithmeticError, RuntimeError, np.linalg.LinAlgError, MemoryError)
"""How solvers end on numbers that no rule of theirs refuses: singular matrices, overflow."""


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
    """Read a drawing from a JSON file, or its table of numbers alone from an ``.npy`` file.

    An array names no data set: it is a drawing of the one whose tables have its rows and columns.

    Raises:
        DataError: If the file is absent or of another kind.
    """
    rule, advice = "drawing must be a .json or .npy file", FORM
    if path.suffix.lower() == ".npy":
        return _of_array(read_array(path, rule=rule, advice=advice))
    return read_object(path, rule=rule, advice=advice, most=MAX_BYTES)


def _drawable() -> dict[str, tuple[Dataset, Drawing]]:
    """Return the data sets that can be drawn by name, with how each is drawn."""
    return {one.name: (one, one.drawing) for one in datasets() if one.drawing is not None}


def _of_array(values: np.ndarray) -> dict[str, Any]:
    """Return the drawing that an array is the table of.

    Raises:
        DataError: If no data set has such tables.
    """
    for dataset, drawing in _drawable().values():
        if None not in drawing.shape and drawing.shape == values.shape:
            return {"dataset": dataset.name, drawing.key: values}
    known = [
        f"{rows} x {columns} for {dataset.name}"
        for dataset, drawing in _drawable().values()
        for rows, columns in [drawing.shape]
        if rows is not None
    ]
    raise DataError(
        f"array must have the rows and columns of a drawing, {', '.join(known)}, got shape "
        f"{values.shape}; use a .json file for others"
    )


def solve_drawing(drawing: dict[str, Any]) -> Solved:
    """Solve a drawing with the data set's solver; see :func:`drawing_steps`.

    Raises:
        DataError: If the drawing names no data set that can be drawn, or lacks its input.
        SolverError: If the solver cannot solve it; the message says why.
    """
    return last_event(one for one in drawing_steps(drawing) if isinstance(one, Solved))


def drawing_steps(drawing: dict[str, Any]) -> Iterator[ShareDone | Solved]:
    """Solve a drawing with the data set's solver, yielding the progress and then the result.

    The time of the solver leaves out what is done between two events.

    Args:
        drawing: The data set's name and its input, such as
            ``{"dataset": "elasticity", "polygon": [[x, y], ...]}`` with the outline of a hole, or
            ``{"dataset": "darcy", "permeability": [[...], ...]}`` with one value for each node of
            the grid, row by row from the bottom.

    Raises:
        DataError: If the drawing names no data set that can be drawn, or lacks its input.
        SolverError: If the solver cannot solve it; the message says why.
    """
    _, how, given = _read_input(drawing)
    events, seconds = _solving(how, given), 0.0
    while True:
        start = perf_counter()
        try:
            event = next(events)
        except UNSOLVABLE as error:
            raise SolverError(
                f"{how.key} must be one that the solver can solve, got numbers from "
                f"{given.min():.3g} to {given.max():.3g} with which it fails; change them less "
                "from those of an example"
            ) from error
        seconds += perf_counter() - start
        if isinstance(event, Case):
            yield Solved(event, seconds)
            return
        yield event


def _solving(how: Drawing, given: np.ndarray) -> Iterator[ShareDone | Case]:
    """Yield the progress of a solver, if it reports any, and then the case."""
    if how.steps is None:
        yield how.solve(given)
    else:
        yield from how.steps(given)


def drawing_inputs(drawing: dict[str, Any]) -> Inputs | None:
    """Return what a model reads of a drawing; None where only the solver can tell.

    Raises:
        DataError: If the drawing names no data set that can be drawn, or lacks its input.
        SolverError: If the solver would refuse the drawing before it begins.
    """
    _, how, given = _read_input(drawing)
    return None if how.inputs is None else how.inputs(given)


def drawn_dataset(drawing: dict[str, Any]) -> Dataset:
    """Return the data set of a drawing.

    Raises:
        DataError: If the drawing names no data set that can be drawn, or lacks its input.
    """
    return _read_input(drawing)[0]


def _read_input(drawing: dict[str, Any]) -> tuple[Dataset, Drawing, np.ndarray]:
    """Return the data set of a drawing, how it is drawn, and its table of numbers."""
    drawable = _drawable()
    name = drawing.get("dataset") if isinstance(drawing, dict) else None
    if not isinstance(name, str) or name not in drawable:
        raise DataError(
            f"dataset must be one of {', '.join(drawable)} in a drawing, got {shortened(name)}; "
            f"{FORM}"
        )
    dataset, how = drawable[name]
    if how.key not in drawing:
        raise DataError(
            f"{how.key} must be a table of numbers in a drawing, got none; name the table so"
        )
    given = _table(drawing[how.key], how.key)
    rows, columns = how.shape
    fits = given.ndim == 2 and given.shape[1] == columns and rows in (None, len(given))
    if not fits or len(given) > MAX_ROWS:
        raise DataError(
            f"{how.key} must be a table of {'some' if rows is None else rows} x {columns} numbers "
            f"in a drawing of {name}, got shape {given.shape}; {FORM}"
        )
    if (size := np.nanmax(np.abs(given), initial=0.0)) > LARGEST and np.isfinite(size):
        raise DataError(
            f"{how.key} must hold numbers up to {LARGEST:g} in a drawing, got {size:.3g}; "
            "draw it in the units of the data set"
        )
    return dataset, how, given


def _table(values: Any, key: str) -> np.ndarray:  # noqa: ANN401 - whatever JSON can hold
    """Return a table of numbers; values that are missing are NaN."""
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise DataError(
            f"{key} must be a table of numbers in a drawing, got {shortened(values)}; {FORM}"
        ) from error


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
