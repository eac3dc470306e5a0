"""Drawings of the two-dimensional data sets: presets to start from, and their file."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mspt.data.registry import get_dataset
from mspt.solvers.darcy import sample_permeability
from mspt.solvers.elasticity import RADIUS_RANGE, sample_hole
from mspt.solvers.elasticity_mesh import build_mesh, ring_angles

Drawing = list[list[float]] | list[int]
"""The corners of a hole, or for each node of a grid which of two levels it has."""

RANDOM = "Random"
PRESETS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "elasticity": ("Circle", "Ellipse", "Star", RANDOM),
        "darcy": ("Stripes", "Channel", "Disc", RANDOM),
    }
)
HANDLE_RANGE = (RADIUS_RANGE[0] + 0.01, RADIUS_RANGE[1] - 0.01)
"""Radii that a drawn hole may have: the solver's limits with a margin for rounding in the file."""
TRAINED_RANGE = (0.2, 0.4)
"""Radii of the holes in the training cases."""


def preset_drawing(dataset: str, preset: str, *, seed: int) -> Drawing:
    """Return the drawing of a preset.

    Args:
        dataset: Name of the data set.
        preset: One of its ``PRESETS``.
        seed: Of the random preset; the same seed gives the same drawing.
    """
    return _hole(preset, seed) if dataset == "elasticity" else _levels(preset, seed)


def drawing_file(dataset: str, drawing: Drawing) -> str:
    """Return the text of the JSON file that ``python -m mspt solve`` reads."""
    if dataset == "elasticity":
        return json.dumps({"dataset": dataset, "polygon": drawing})
    return json.dumps({"dataset": dataset, "permeability": permeability(drawing).tolist()})


def permeability(levels: Drawing) -> Float[ndarray, "rows columns"]:
    """Return the permeability at each node of the grid, row by row from the bottom."""
    low_and_high = np.array(get_dataset("darcy").features[0].levels)
    return low_and_high[np.array(levels)].reshape(grid_shape("darcy"))


def grid_shape(dataset: str) -> tuple[int, int]:
    """Return the rows and columns of a data set that is painted node by node.

    Raises:
        ValueError: If its points are no grid.
    """
    shape = get_dataset(dataset).grid_shape
    if shape is None:
        raise ValueError(f"dataset must lie on a grid to be painted, got {dataset!r}")
    return shape


def _hole(preset: str, seed: int) -> list[list[float]]:
    """Return a hole about the center of the unit square; radii in sides of the square."""
    angle = ring_angles()
    short, long = 0.24, 0.38  # half axes; both within the radii of the training cases
    radii = {
        "Circle": np.full_like(angle, 0.3),
        "Ellipse": short * long / np.hypot(short * np.cos(angle), long * np.sin(angle)),
        # Five points, one of them upward.
        "Star": 0.3 + 0.07 * np.cos(5 * angle - np.pi / 2),
    }.get(preset)
    radii = sample_hole(seed) if radii is None else radii
    return build_mesh(radii).points[: len(radii)].round(5).tolist()


def _levels(preset: str, seed: int) -> list[int]:
    """Return for each node of the grid whether it has the higher permeability."""
    shape = grid_shape("darcy")
    y, x = np.indices(shape) / (shape[0] - 1)
    levels = {
        "Stripes": np.sin(6 * np.pi * x) > 0,
        "Channel": np.abs(y - 0.5 - 0.2 * np.sin(2 * np.pi * x)) < 0.12,
        "Disc": np.hypot(x - 0.5, y - 0.5) < 0.27,
    }.get(preset)
    if levels is None:
        levels = sample_permeability(seed) == get_dataset("darcy").features[0].levels[1]
    return levels.astype(int).ravel().tolist()
