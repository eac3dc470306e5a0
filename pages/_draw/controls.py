"""The controls of the page for drawings: data set, preset, the canvas itself, solver, time."""

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from mspt.data.dataset import Dataset
from mspt.data.registry import get_dataset
from mspt.data.solve import Solved
from mspt.errors import MSPTError
from mspt.figures.theme import error_scale, two_value_scale
from mspt.inference.drawing_links import pack_drawing, rounded, unpack_drawing
from mspt.inference.drawings import (
    RANDOM,
    CanvasContent,
    drawing_of,
    field_canvas,
    grid_shape,
    points_canvas,
    preset_drawing,
)
from pages._draw import data
from pages._shared import frame, jobs
from pages._shared.cache import ListedCheckpoint, all_checkpoints
from pages._shared.pickers import pick_checkpoint, pick_dataset

FOLDER = Path("assets/draw")
_LINK = "drawing"
"""Name in an address."""
_KEPT = 12
"""Drawings that a session keeps, those last seen."""

# For each kind of drawing: its canvas, the name of the message that the canvas sends, and the part
# of the message with the drawing.
_CANVASES = {
    "outline": ("hole", "shape", "polygon"),
    "map": ("paint", "map", "cells"),
    "points": ("points", "numbers", "values"),
    "field": ("field", "field", "blobs"),
}
_KEYS = {"outline": "draw_hole", "map": "draw_map", "points": "draw_points", "field": "draw_field"}


def pick() -> tuple[Dataset, ListedCheckpoint | None, str, int]:
    """Show a choice of data set, checkpoint, preset and seed; None where there is no model."""
    top = st.columns([3.2, 2.4, 3.9, 1.3], vertical_alignment="top")
    with top[0]:
        dataset = get_dataset(pick_dataset(with_cases=False))
    with top[1]:
        checkpoint = _pick_model(dataset.name)
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


def _pick_model(dataset: str) -> ListedCheckpoint | None:
    """Show a choice of the models of a data set, or how to get one."""
    if any(one.info.get("dataset") == dataset for one in all_checkpoints()):
        return pick_checkpoint(dataset)
    st.caption(
        f"There is no model for {dataset} here yet, so nothing is predicted; drawing and solver "
        f"work. `python -m mspt train {dataset} --out pretrained` trains one."
    )
    return None


def draw(dataset: Dataset, preset: str, seed: int, *, dark: bool) -> CanvasContent:
    """Show the canvas and return the drawing, the preset until something is drawn."""
    linked = _linked(dataset)
    resets = st.session_state.setdefault("draw_resets", 0)
    # A new version puts the preset back on the canvas.
    version = f"{dataset.name} {preset} {seed if preset == RANDOM else ''} {resets}"
    # Streamlit forgets what a canvas held when the visitor opens another page or data set.
    drawings = st.session_state.setdefault("drawings", {})
    known = drawings.pop(version, None) if linked is None else linked
    start = known or preset_drawing(dataset, preset, seed=seed)
    drawings[version] = drawn = canvas(dataset, start, version=version, dark=dark)
    if _LINK in st.query_params and rounded(drawn) != rounded(start):
        del st.query_params[_LINK]  # the address no longer shows what is on the canvas
    while len(drawings) > _KEPT:
        del drawings[next(iter(drawings))]
    return drawn


def _linked(dataset: Dataset) -> CanvasContent | None:
    """Return the drawing that the address carries, once; a damaged one is refused in one line."""
    state, text = st.session_state, st.query_params.get(_LINK)
    if text is None or state.get("draw_link") == text:
        return None
    state["draw_link"] = text
    try:
        found = unpack_drawing(dataset, text)
    except MSPTError as error:
        frame.show_error(str(error))
        del st.query_params[_LINK]
        return None
    state["draw_resets"] = state.get("draw_resets", 0) + 1
    return found


def link(dataset: Dataset, preset: str, drawn: CanvasContent) -> None:
    """Show the address of the page with the drawing in it, to copy."""
    with st.popover("Link to this drawing", icon=":material/link:"):
        try:
            text = pack_drawing(dataset, drawn)
        except MSPTError as error:
            frame.show_error(str(error))
            return
        query = {"dataset": dataset.name, f"{dataset.name}_start": preset, _LINK: text}
        base = (st.context.url or "/draw").partition("?")[0]
        st.code(f"{base}?{urlencode(query)}", language=None, wrap_lines=True)
        st.caption(
            "Whoever opens it sees this drawing, where the app runs under the same address. "
            "Numbers keep six digits; the file keeps all."
        )


def canvas(dataset: Dataset, start: CanvasContent, *, version: str, dark: bool) -> CanvasContent:
    """Show a canvas with a drawing on it and return what is drawn.

    Args:
        dataset: A data set that can be drawn.
        start: What is on the canvas at first.
        version: Another version puts ``start`` on the canvas again.
        dark: Whether the page is dark.
    """
    kind = drawing_of(dataset).kind
    name, message, part = _CANVASES[kind]
    component = _component(name)(
        data={"version": version} | _shown(dataset, start, dark=dark),
        key=_KEYS[kind],
        **{f"on_{message}_change": _nothing},
    )
    drawn = getattr(component, message)
    if not drawn or drawn["version"] != version:
        return start
    return {**start, part: drawn[part]} if isinstance(start, dict) else drawn[part]


def _shown(dataset: Dataset, start: CanvasContent, *, dark: bool) -> dict[str, Any]:
    """Return what a canvas shows besides its version."""
    drawing = drawing_of(dataset)
    if isinstance(start, dict):
        colors = [color for _, color in error_scale(dark=dark)]
        return field_canvas(dataset, start) | {"colors": colors}
    if drawing.kind == "points":
        return points_canvas(dataset, start)
    if drawing.kind == "outline":
        return {
            "polygon": start,
            "low": drawing.radii[0],
            "high": drawing.radii[1],
            "trained": drawing.trained_radii,
        }
    scale = two_value_scale(dark=dark)
    return {
        "cells": start,
        "size": grid_shape(dataset)[0],
        "colors": [scale[0][1], scale[-1][1]],
        "labels": [f"{level:g}" for level in dataset.features[0].levels],
    }


def _component(name: str):
    """Register a canvas; on every run, as a process may start more than one server."""
    css, js = _source("draw.css"), _source(f"{name}.js")
    return st.components.v2.component(
        f"mspt_{name}", html="<div class='draw'></div>", css=css, js=js
    )


@cache
def _source(name: str) -> str:
    return frame.asset(FOLDER / name)


def _reset() -> None:
    """Put the preset back on the canvas."""
    st.session_state["draw_resets"] += 1


def _nothing() -> None:
    """Do nothing: a component reports a value only where a callback is given for it."""


# --- the solver ----------------------------------------------------------------------------------


def solve_buttons(dataset: Dataset, drawing: str) -> None:
    """Show buttons to solve and to reset; a quick solver also follows each change, if wanted.

    Args:
        dataset: The data set of the drawing.
        drawing: The text of its file.
    """
    is_quick = data.is_quick(dataset)
    with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
        pressed = st.button(
            "Solve it now",
            type="primary",
            key="draw_solve",
            icon=":material/play_arrow:",
            disabled=not is_quick and jobs.is_running(_job(dataset)),
            on_click=None if is_quick else _start,
            args=(dataset, drawing),
        )
        st.button("Reset", key="draw_reset", icon=":material/restart_alt:", on_click=_reset)
        live = is_quick and st.toggle(
            "Live",
            value=True,
            key="draw_live",
            persist_state="session",
            help="Solve and predict after each change.",
        )
    if is_quick and (pressed or live):
        st.session_state["draw_solved"] = drawing


def solved(dataset: Dataset, drawing: str) -> Solved | None:
    """Show how far the solver is and return its result for a drawing, once there is one.

    Raises:
        MSPTError: If a quick solver cannot take the drawing; slow ones show the reason themselves.
    """
    if not data.is_quick(dataset):
        return _follow(dataset, drawing)
    if st.session_state.get("draw_solved") != drawing:
        return None
    with st.status("The solver computes the truth …") as status:
        try:
            found = data.solve(drawing)
        except MSPTError:
            status.update(label="The solver cannot take this drawing", state="error")
            raise
        status.update(label="Solved", state="complete")
    return found


def _job(dataset: Dataset) -> str:
    return f"solve drawing {dataset.name}"


def _start(dataset: Dataset, drawing: str) -> None:
    """Let the solver work in the background."""
    st.session_state[f"{_job(dataset)} of"] = data.digest(drawing)
    jobs.start(
        _job(dataset),
        data.solve_steps(drawing),
        title=f"Solving a drawing: {dataset.title}",
        uses=(jobs.DRAWING,),
        keep={"drawings": dict(st.session_state["drawings"])},
    )


def _follow(dataset: Dataset, drawing: str) -> Solved | None:
    key, now = _job(dataset), data.digest(drawing)
    data.take_truth(key)
    if (found := data.truths().get(now)) is not None:
        return found
    is_other = st.session_state.get(f"{key} of", now) != now
    if jobs.is_running(key) or not is_other:
        jobs.follow(key)
    if jobs.is_running(key) and is_other:
        st.caption("This is the drawing as it was when you pressed *Solve it now*.")
    return None


# --- what the result shows -----------------------------------------------------------------------


def command(dataset: Dataset, checkpoint: ListedCheckpoint | None) -> str:
    """Return the command that solves the drawing and, with a model, predicts it."""
    name = f"drawn-{dataset.name}"
    model = "" if checkpoint is None else f"--checkpoint {checkpoint.path.as_posix()} "
    return f"python -m mspt solve {name}.json {model}--out {name}.vtp"
