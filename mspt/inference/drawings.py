"""Drawings of a data set: presets to start from, what a canvas shows, and their file."""

import json

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mspt.data.capabilities import Drawing
from mspt.data.dataset import Dataset

CanvasContent = list[list[float]] | list[int]
"""The corners of an outline, or for each node of a grid which of two levels it has."""

RANDOM = "Random"
"""The example of a data set that depends on the seed."""


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
    given = drawing.examples[preset](seed)
    if drawing.kind == "outline":
        return given.round(5).tolist()
    return (given == dataset.features[0].levels[1]).astype(int).ravel().tolist()


def drawing_file(dataset: Dataset, content: CanvasContent) -> str:
    """Return the text of the JSON file that ``python -m mspt solve`` reads.

    Raises:
        ValueError: If the data set cannot be drawn.
    """
    drawing = drawing_of(dataset)
    given = content if drawing.kind == "outline" else painted_values(dataset, content).tolist()
    return json.dumps({"dataset": dataset.name, drawing.key: given})


def painted_values(dataset: Dataset, content: CanvasContent) -> Float[ndarray, "rows columns"]:
    """Return the value of the first feature at each node of the grid, row by row from the bottom.

    Raises:
        ValueError: If the points of the data set are no grid.
    """
    levels = np.array(dataset.features[0].levels)
    return levels[np.array(content)].reshape(grid_shape(dataset))


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
