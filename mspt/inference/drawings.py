"""Drawings of a data set: presets to start from, what a canvas shows, and their file."""

import json
from dataclasses import asdict
from typing import Any, TypedDict

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mspt.data.canvas import ControlPoints, Line, PaintedField, blobs_on_torus
from mspt.data.capabilities import Drawing
from mspt.data.dataset import Dataset


class PaintedContent(TypedDict):
    """What a canvas for fields holds: the example to start from and the blobs added to it.

    A blob is x, y, standard deviation and value in its middle.
    """

    preset: str
    seed: int
    blobs: list[list[float]]


CanvasContent = list[list[float]] | list[int] | PaintedContent
"""The corners of an outline or the numbers that points change, row by row; for each node of a grid
which of two levels it has; or a painted field."""

RANDOM = "Random"
"""The example of a data set that depends on the seed."""

DECIMALS = 5
"""Of numbers that canvases only draw."""


def preset_drawing(dataset: Dataset, preset: str, *, seed: int) -> CanvasContent:
    """Return what a canvas shows of an example.

    Args:
        dataset: A data set that can be drawn.
        preset: Name of one of its examples.
        seed: Seed of a random example; the same seed gives the same drawing.

    Raises:
        ValueError: If the data set cannot be drawn.
    """
    drawing = drawing_of(dataset)
    if drawing.kind == "field":
        return {"preset": preset, "seed": seed, "blobs": []}
    given = drawing.examples[preset](seed)
    if drawing.kind == "points":
        return given.tolist()
    if drawing.kind == "outline":
        return given.round(DECIMALS).tolist()
    return (given == dataset.features[0].levels[1]).astype(int).ravel().tolist()


def drawing_file(dataset: Dataset, content: CanvasContent) -> str:
    """Return the text of the JSON file that ``python -m mspt solve`` reads.

    Raises:
        ValueError: If the data set cannot be drawn.
    """
    drawing = drawing_of(dataset)
    given: Any = content
    if isinstance(content, dict):
        given = painted_field(dataset, content).tolist()
    elif drawing.kind == "map":
        given = painted_values(dataset, content).tolist()
    return json.dumps({"dataset": dataset.name, drawing.key: given})


def painted_values(dataset: Dataset, content: CanvasContent) -> Float[ndarray, "rows columns"]:
    """Return the value of the first feature at each node of the grid, row by row from the bottom.

    Raises:
        ValueError: If the points of the data set are no grid.
    """
    levels = np.array(dataset.features[0].levels)
    return levels[np.array(content)].reshape(grid_shape(dataset))


def painted_field(dataset: Dataset, content: PaintedContent) -> Float[ndarray, "rows columns"]:
    """Return the values of a painted field: the example it starts from, with its blobs added.

    Raises:
        ValueError: If the data set cannot be drawn.
    """
    start = drawing_of(dataset).examples[content["preset"]](content["seed"])
    if not content["blobs"]:
        return start  # not changed by rounding
    return start + blobs_on_torus(np.array(content["blobs"], dtype=np.float64), start.shape)


def grid_shape(dataset: Dataset) -> tuple[int, int]:
    """Return the rows and columns of a data set that is painted node by node.

    Raises:
        ValueError: If its points are no grid.
    """
    if dataset.grid_shape is None:
        raise ValueError(f"dataset must lie on a grid to be painted, got {dataset.name!r}")
    return dataset.grid_shape


def drawing_of(dataset: Dataset) -> Drawing:
    """Return how a data set is drawn.

    Raises:
        ValueError: If it cannot be drawn.
    """
    if dataset.drawing is None:
        raise ValueError(f"dataset must be one that can be drawn, got {dataset.name!r}")
    return dataset.drawing


def control_points(dataset: Dataset) -> ControlPoints:
    """Return how a data set is drawn by moving points.

    Raises:
        ValueError: If it is not.
    """
    points = drawing_of(dataset).points
    if points is None:
        raise ValueError(f"dataset must be drawn by moving points, got {dataset.name!r}")
    return points


def painting(dataset: Dataset) -> PaintedField:
    """Return how a field of a data set is painted.

    Raises:
        ValueError: If it is not.
    """
    field = drawing_of(dataset).field
    if field is None:
        raise ValueError(f"dataset must be painted with blobs, got {dataset.name!r}")
    return field


# --- what is sent to a canvas --------------------------------------------------------------------


def points_canvas(dataset: Dataset, values: list[list[float]]) -> dict[str, Any]:
    """Return what a canvas needs to draw an input and all that its points can make of it.

    Lines that follow the numbers by an affine law are sent as their places where all numbers are
    zero (``base``) and the change of each y with each number (``slopes``, point by point).

    Args:
        dataset: A data set that is drawn by moving points.
        values: The input to start with.

    Raises:
        ValueError: If the data set is not drawn so.
    """
    how, given = control_points(dataset), np.array(values, dtype=np.float64)
    lines = how.lines(given) if how.law == "monotone" else how.lines(np.zeros_like(given))
    return {
        "values": [number for row in values for number in row],
        "columns": given.shape[1],
        "controls": [asdict(one) for one in how.controls],
        "handles": [asdict(one) for one in how.handles],
        "lines": [
            {"role": line.role, "corners": line.corners, "base": _rounded(line.points)}
            for line in lines
        ],
        "slopes": _slopes(how, lines, given.shape) if how.law == "affine" else None,
        "view": how.view,
        "height": how.height,
        "unit": how.unit,
    }


def _slopes(how: ControlPoints, lines: tuple[Line, ...], shape: tuple[int, int]) -> list[Any]:
    """Return for each line and each of its points how y changes with each number."""
    moved = [how.lines(one.reshape(shape)) for one in np.eye(shape[0] * shape[1])]
    return [
        _rounded(np.stack([one[index].points[:, 1] - line.points[:, 1] for one in moved], axis=-1))
        for index, line in enumerate(lines)
    ]


def field_canvas(dataset: Dataset, content: PaintedContent, *, size: int = 64) -> dict[str, Any]:
    """Return what a canvas needs to show a painted field and to add blobs to it.

    The start is sent at every so many points, in whole steps of a 127th of its largest value.

    Args:
        dataset: A data set whose fields are painted.
        content: What is painted.
        size: Rows and columns that are sent.

    Raises:
        ValueError: If its fields are not painted.
    """
    how = painting(dataset)
    start = painted_field(dataset, {**content, "blobs": []})
    shown = start[:: how.shape[0] // size, :: how.shape[1] // size]
    largest = float(np.abs(start).max()) or 1.0
    return {
        "blobs": content["blobs"],
        "start": np.rint(127 * shown / largest).astype(int).ravel().tolist(),
        "largest": largest,
        "size": size,
        "strengths": how.strengths,
        "widths": how.widths,
        "trained": how.trained,
    }


def _rounded(values: ndarray) -> list[Any]:
    return values.round(DECIMALS).tolist()
