"""The controls of the page for drawings: data set, preset, and the canvas itself."""

from functools import cache
from pathlib import Path

import streamlit as st

from mspt.data.dataset import Dataset
from mspt.data.registry import get_dataset
from mspt.figures.theme import two_value_scale
from mspt.inference.drawings import (
    RANDOM,
    CanvasContent,
    drawing_of,
    grid_shape,
    preset_drawing,
)
from pages._shared.cache import ListedCheckpoint
from pages._shared.pickers import pick_checkpoint, pick_dataset

FOLDER = Path("assets/draw")
_KEPT = 12
"""Drawings that a session keeps, those last seen."""


def pick() -> tuple[Dataset, ListedCheckpoint, str, int]:
    """Show a choice of data set, checkpoint, preset and seed."""
    top = st.columns([2, 2.6, 3.9, 1.5], vertical_alignment="top")
    with top[0]:
        dataset = get_dataset(pick_dataset())
    with top[1]:
        checkpoint = pick_checkpoint(dataset.name)
    presets = tuple(drawing_of(dataset).examples)
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


def draw(dataset: Dataset, preset: str, seed: int, *, dark: bool) -> CanvasContent:
    """Show the canvas and return the drawing, the preset until something is drawn."""
    resets = st.session_state.setdefault("draw_resets", 0)
    # A new version puts the preset back on the canvas.
    version = f"{dataset.name} {preset} {seed if preset == RANDOM else ''} {resets}"
    # Streamlit forgets what a canvas held when the visitor opens another page or data set.
    drawings = st.session_state.setdefault("drawings", {})
    start = drawings.pop(version, None) or preset_drawing(dataset, preset, seed=seed)
    drawings[version] = drawn = canvas(dataset, start, version=version, dark=dark)
    while len(drawings) > _KEPT:
        del drawings[next(iter(drawings))]
    return drawn


def canvas(dataset: Dataset, start: CanvasContent, *, version: str, dark: bool) -> CanvasContent:
    """Show a canvas with a drawing on it and return what is drawn.

    Args:
        dataset: A data set that can be drawn.
        start: What is on the canvas at first.
        version: Another version puts ``start`` on the canvas again.
        dark: Whether the page is dark.
    """
    drawing = drawing_of(dataset)
    if drawing.kind == "outline":
        data = {
            "version": version,
            "polygon": start,
            "low": drawing.radii[0],
            "high": drawing.radii[1],
            "trained": drawing.trained_radii,
        }
        drawn = _component("hole")(data=data, key="draw_hole", on_shape_change=_nothing).shape
        return drawn["polygon"] if drawn and drawn["version"] == version else start
    levels, scale = dataset.features[0].levels, two_value_scale(dark=dark)
    data = {
        "version": version,
        "cells": start,
        "size": grid_shape(dataset)[0],
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
