"""The canvas a person draws on, its presets, and the file a drawing can be kept in."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import streamlit as st

from mspt.data.registry import get_dataset
from mspt.figures.theme import two_value_scale
from mspt.solvers.darcy import sample_permeability
from mspt.solvers.elasticity import RADIUS_RANGE, sample_hole
from mspt.solvers.elasticity_mesh import build_mesh, ring_angles

Drawing = list[list[float]] | list[int]

FOLDER = Path("assets/draw")
RANDOM = "Random"
PRESETS = {
    "elasticity": ("Circle", "Ellipse", "Star", RANDOM),
    "darcy": ("Stripes", "Channel", "Disc", RANDOM),
}
HANDLE_RANGE = (RADIUS_RANGE[0] + 0.01, RADIUS_RANGE[1] - 0.01)
TRAINED_RANGE = (0.2, 0.4)  # radii in the data set
HINTS = {
    "elasticity": "Drag a handle, or choose one and use the arrow keys; drag anywhere else to draw "
    "a new outline. Clamped at the bottom, pulled at the top. Dashed: the range of radii in the "
    "training cases.",
    "darcy": "Paint with mouse or finger, or with arrow keys and Space. Strong color lets the "
    "fluid through four times as well as the pale one.",
}


def start_of(dataset: str, preset: str, seed: int) -> Drawing:
    """Return what the canvas shows before a person changes it."""
    if dataset == "elasticity":
        return _hole(preset, seed)
    return _map(preset, seed)


def canvas(dataset: str, start: Drawing, *, version: str, dark: bool) -> Drawing:
    """Show the canvas and return the drawing, the start until something is drawn.

    A new ``version`` puts the start back on the canvas.
    """
    if dataset == "elasticity":
        data = {
            "version": version,
            "polygon": start,
            "low": HANDLE_RANGE[0],
            "high": HANDLE_RANGE[1],
            "trained": TRAINED_RANGE,
        }
        drawn = _component("hole")(data=data, key="draw_hole", on_shape_change=_nothing).shape
        return drawn["polygon"] if drawn and drawn["version"] == version else start
    levels, scale = get_dataset(dataset).features[0].levels, two_value_scale(dark=dark)
    data = {
        "version": version,
        "cells": start,
        "size": get_dataset(dataset).grid_shape[0],
        "colors": [scale[0][1], scale[-1][1]],
        "labels": [f"{level:g}" for level in levels],
    }
    drawn = _component("paint")(data=data, key="draw_map", on_map_change=_nothing).map
    return drawn["cells"] if drawn and drawn["version"] == version else start


def permeability(cells: list[int]) -> np.ndarray:
    """Return the map of values that painted cells stand for, row by row from the bottom."""
    dataset = get_dataset("darcy")
    return np.array(dataset.features[0].levels)[np.array(cells)].reshape(dataset.grid_shape)


def drawing_file(dataset: str, drawing: Drawing) -> str:
    """Return the file that ``python -m mspt solve`` takes."""
    if dataset == "elasticity":
        return json.dumps({"dataset": dataset, "polygon": drawing})
    return json.dumps({"dataset": dataset, "permeability": permeability(drawing).tolist()})


def _hole(preset: str, seed: int) -> list[list[float]]:
    angle = ring_angles()
    radii = {
        "Circle": np.full_like(angle, 0.3),
        "Ellipse": 0.24 * 0.38 / np.hypot(0.24 * np.cos(angle), 0.38 * np.sin(angle)),
        "Star": 0.3 + 0.07 * np.cos(5 * angle - np.pi / 2),
    }.get(preset)
    radii = sample_hole(seed) if radii is None else radii
    return build_mesh(radii).points[: len(radii)].round(5).tolist()


def _map(preset: str, seed: int) -> list[int]:
    high = get_dataset("darcy").features[0].levels[1]
    y, x = np.indices(get_dataset("darcy").grid_shape) / (get_dataset("darcy").grid_shape[0] - 1)
    cells = {
        "Stripes": np.sin(6 * np.pi * x) > 0,
        "Channel": np.abs(y - 0.5 - 0.2 * np.sin(2 * np.pi * x)) < 0.12,
        "Disc": np.hypot(x - 0.5, y - 0.5) < 0.27,
    }.get(preset)
    cells = sample_permeability(seed) == high if cells is None else cells
    return cells.astype(int).ravel().tolist()


def _component(name: str):
    """Register a canvas; done on every run, as a server may be started more than once."""
    css, js = _source("draw.css"), _source(f"{name}.js")
    return st.components.v2.component(
        f"mspt_{name}", html="<div class='draw'></div>", css=css, js=js
    )


@cache
def _source(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def reset() -> None:
    """Put the start back on the canvas."""
    st.session_state["draw_resets"] += 1


def _nothing() -> None:
    """Stand for a callback: naming one makes the component return the value."""
