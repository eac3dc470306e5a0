"""The controls of the page for drawings: data set, preset, and the canvas itself."""

from functools import cache
from pathlib import Path

import streamlit as st

from mspt.data.registry import Dataset, get_dataset
from mspt.figures.theme import two_value_scale
from mspt.inference.drawings import (
    HANDLE_RANGE,
    PRESETS,
    RANDOM,
    TRAINED_RANGE,
    Drawing,
    preset_drawing,
)
from pages._shared.cache import ListedCheckpoint
from pages._shared.pickers import pick_checkpoint, pick_dataset

FOLDER = Path("assets/draw")
HINTS = {
    "elasticity": "Drag a handle, or choose one and use the arrow keys; drag anywhere else to draw "
    "a new outline. Clamped at the bottom, pulled at the top. Dashed: the range of radii in the "
    "training cases.",
    "darcy": "Paint with mouse or finger, or with arrow keys and Space. The strong color is four "
    "times as permeable as the pale one.",
}


def pick() -> tuple[Dataset, ListedCheckpoint, str, int]:
    """Show a choice of data set, checkpoint, preset and seed."""
    top = st.columns([2, 2.6, 3.9, 1.5], vertical_alignment="bottom")
    with top[0]:
        dataset = get_dataset(pick_dataset())
    with top[1]:
        checkpoint = pick_checkpoint(dataset.name)
    presets = PRESETS[dataset.name]
    preset = top[2].segmented_control(
        "Start from",
        presets,
        key=f"{dataset.name}_start",
        default=presets[-1],
        required=True,
        bind="query-params",
    )
    seed = top[3].number_input(
        "Seed",
        min_value=0,
        max_value=99999,
        value=7,
        key="seed",
        bind="query-params",
        disabled=preset != RANDOM,
        help="The same seed draws the same random domain.",
    )
    return dataset, checkpoint, preset, seed


def draw(dataset: str, preset: str, seed: int, *, dark: bool) -> Drawing:
    """Show the canvas and return the drawing, the preset until something is drawn."""
    resets = st.session_state.setdefault("draw_resets", 0)
    # A new version puts the preset back on the canvas.
    version = f"{dataset} {preset} {seed if preset == RANDOM else ''} {resets}"
    start = preset_drawing(dataset, preset, seed=seed)
    return canvas(dataset, start, version=version, dark=dark)


def canvas(dataset: str, start: Drawing, *, version: str, dark: bool) -> Drawing:
    """Show a canvas with a drawing on it and return what is drawn.

    Args:
        dataset: Name of the data set.
        start: What is on the canvas at first.
        version: Another version puts ``start`` on the canvas again.
        dark: Whether the page is dark.
    """
    shape = get_dataset(dataset).grid_shape
    if shape is None:  # a hole in a plate; a data set on a grid is painted node by node
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
        "size": shape[0],
        "colors": [scale[0][1], scale[-1][1]],
        "labels": [f"{level:g}" for level in levels],
    }
    drawn = _component("paint")(data=data, key="draw_map", on_map_change=_nothing).map
    return drawn["cells"] if drawn and drawn["version"] == version else start


def pick_when_to_solve() -> bool:
    """Show buttons to solve and to reset, and return whether to solve the drawing now."""
    with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
        pressed = st.button(
            "Solve it now", type="primary", key="draw_solve", icon=":material/play_arrow:"
        )
        st.button("Reset", key="draw_reset", icon=":material/restart_alt:", on_click=_reset)
        live = st.toggle(
            "Live",
            value=True,
            key="draw_live",
            persist_state="session",
            help="Solve and predict after each change.",
        )
    return pressed or live


def _component(name: str):
    """Register a canvas; on every run, as a process may start more than one server."""
    css, js = _source("draw.css"), _source(f"{name}.js")
    return st.components.v2.component(
        f"mspt_{name}", html="<div class='draw'></div>", css=css, js=js
    )


@cache
def _source(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _reset() -> None:
    """Put the preset back on the canvas."""
    st.session_state["draw_resets"] += 1


def _nothing() -> None:
    """Do nothing: a component reports a value only where a callback is given for it."""
