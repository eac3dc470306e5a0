"""The controls of the page for shapes: shape, checkpoint, placement, solver."""

import shlex
from dataclasses import replace
from functools import partial
from typing import Any, get_args

import streamlit as st

from mspt.geometry.axes import (
    Axis,
    Orientation,
    flipped,
    stood_up,
    turned,
    with_forward,
    with_up,
)
from mspt.geometry.placement import METERS, Placement
from mspt.inference.shapes import ShapeResult
from mspt.inference.surface import placed_size
from mspt.metrics.conditions import OperatingConditions
from mspt.solvers.openfoam.run import INSTALL, is_installed
from pages._shared import frame, jobs, notes, units
from pages._shared.cache import ListedCheckpoint
from pages._shared.datasets import SHAPES
from pages._shared.pickers import pick_checkpoint
from pages._shared.shapes import (
    SAMPLES,
    PlacementChoice,
    Shape,
    choice_of,
    placement_of,
    prepared,
    sample_shape,
    uploaded_shape,
)
from pages._upload import data
from pages._upload.data import Chosen
from pages._upload.panels import BESIDE

PICTURE = 190
"""Width of the picture of the placement."""

KINDS = ("stl", "obj", "ply", "vtp", "vtu", "vtk", "glb", "gltf")


def pick() -> Chosen | None:
    """Show a choice of shape, checkpoint and placement; return None until it is made."""
    shape, is_own, checkpoint = _pick_shape()
    shape = _pick_reading(shape)
    if not _is_direction_known(shape):
        return None
    placement = _pick_placement(shape)
    key = data.result_key(shape, placement, checkpoint, frame.device())
    return Chosen(shape=shape, is_own=is_own, placement=placement, checkpoint=checkpoint, key=key)


# --- the shape -----------------------------------------------------------------------------------


def _pick_shape() -> tuple[Shape, bool, ListedCheckpoint]:
    """Show where a shape comes from; return it, whether it is the visitor's own, and the model.

    An own shape stays until another one takes its place or the visitor prefers a sample: the
    uploader itself is empty again whenever its page has been left.
    """
    state = st.session_state
    if frame.is_new_page() and "sample" in st.query_params:
        state["prefers_sample"] = True  # a link to a sample
    first, second, third = st.columns([4, 2.5, 2.5], vertical_alignment="top")
    with first:
        mine = _pick_own()
    is_own = mine is not None and not state.get("prefers_sample", False)
    with second:
        shape = _own_instead_of_sample(mine) if is_own else _pick_sample(mine)
    with third:
        checkpoint = pick_checkpoint(SHAPES)
    return shape, is_own, checkpoint


def _pick_own() -> Shape | None:
    """Show the uploader; return the visitor's own shape, if there is one."""
    state = st.session_state
    number = state.setdefault("uploads", 0)
    upload = st.file_uploader(
        "Your shape",
        type=list(KINDS),
        max_upload_size=120,
        key=f"shape_file_{number}",
        on_change=_note_upload,
        args=(f"shape_file_{number}",),
    )
    if upload is not None and not state.get("prefers_sample", False):
        shape = uploaded_shape(upload.getvalue(), upload.name)
        known: Shape = state.get("my_shape", shape)
        reading = known.reading if known.digest == shape.digest else shape.reading
        state["my_shape"] = replace(shape, reading=reading)
    return state.get("my_shape")


def _own_instead_of_sample(mine: Shape) -> Shape:
    """Name the visitor's own shape, with a button to leave it."""
    st.markdown(f"Shape: **{notes.plain(mine.file_name)}**")
    st.button("Use a sample instead", key="use_sample", on_click=_prefer_sample)
    return mine


def _pick_sample(mine: Shape | None) -> Shape:
    """Show a choice of samples, and a button to go back to the visitor's own shape.

    The last sample stays when the page is left, unless an address names one.
    """
    state = st.session_state
    if not frame.is_history_step() and "sample" not in st.query_params:
        state.setdefault("sample", state.get("last_sample", SAMPLES[0]))
    name = st.selectbox("Or a sample", SAMPLES, key="sample", bind="query-params")
    state["last_sample"] = name
    if mine is not None:
        st.button(
            f"Back to {notes.plain(mine.file_name)}",
            key="use_mine",
            icon=":material/undo:",
            on_click=state.__setitem__,
            args=("prefers_sample", False),
        )
    return sample_shape(name)


def _note_upload(key: str) -> None:
    """A file that is chosen replaces the shape; one that is removed gives way to a sample."""
    st.session_state["prefers_sample"] = st.session_state[key] is None


def _prefer_sample() -> None:
    st.session_state["prefers_sample"] = True
    st.session_state["uploads"] += 1  # another key empties the uploader


def _pick_reading(shape: Shape) -> Shape:
    """Show how to read a file that may hold half a body or a flow; return the shape so read."""
    found = prepared(shape)
    reading = shape.reading
    if found.half is not None:
        whole, complete = "The whole body", "One half of it"
        answer = st.segmented_control(
            f"The file, flat at {found.half.describe()}, holds",
            [whole, complete],
            default=complete if found.is_completed else whole,
            required=True,
            key=f"half_{shape.digest}",
        )
        if (answer == complete) != found.is_completed:
            reading = replace(reading, half="complete" if answer == complete else "whole")
    if found.domain is not None:
        inner, outer = "The inner body", "The outer box"
        answer = st.segmented_control(
            "The file holds a body inside a box. Predict",
            [inner, outer],
            default=inner if found.domain_is_body else outer,
            required=True,
            key=f"domain_{shape.digest}",
        )
        if (answer == inner) != found.domain_is_body:
            reading = replace(reading, domain="body" if answer == inner else "whole")
    if reading == shape.reading:
        return shape
    chosen = replace(shape, reading=reading)
    if st.session_state.get("my_shape") is shape:
        st.session_state["my_shape"] = chosen  # other pages show the same body
    return chosen


# --- its placement -------------------------------------------------------------------------------


def _choose(key: str, **changes: Any) -> None:
    """Change what is chosen of a shape's placement; it stays when the page is left."""
    known = st.session_state["placements"]
    known[key] = replace(known.get(key, PlacementChoice()), **changes)


def _choose_from(widget: str, key: str, name: str) -> None:
    """Take over the value of a widget."""
    value = st.session_state[widget]
    _choose(key, **{name: value / 100 if name == "clearance" else value})


def _is_direction_known(shape: Shape) -> bool:
    """Return whether it is known which way a shape faces; if not, show the alternatives."""
    guess = prepared(shape).guess
    if not guess.alternatives or choice_of(shape).orientation is not None:
        return True
    options = [guess.best, *guess.alternatives]
    notes.info("Which way does it face? The form does not tell, as {}.", guess.reason)
    for column, (index, option) in zip(st.columns(len(options)), enumerate(options), strict=True):
        with column:
            picture = data.side_view(shape, option, length="", dark=frame.is_dark(), width=PICTURE)
            st.plotly_chart(picture, key=f"direction_{index}", config={"displayModeBar": False})
            st.button(
                f"Nose {option.forward}, up {option.up}",
                key=f"direction_{index}_{shape.key}",
                width="stretch",
                on_click=_choose,
                args=(shape.key,),
                kwargs={"orientation": option.orientation},
            )
    return False


def _pick_placement(shape: Shape) -> Placement:
    """Show how a shape is placed, with what changes it beside the picture."""
    found, placement = prepared(shape), placement_of(shape)
    length, width, height = placed_size(found.body, placement)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width=PICTURE):
            picture = data.side_view(
                shape, placement, length=f"{length:.3g} m", dark=frame.is_dark(), width=PICTURE
            )
            st.plotly_chart(picture, key="placement_picture", config={"displayModeBar": False})
        with st.container(key="placing", gap="xsmall"):  # app.css wraps it on phones
            st.markdown(
                f"**{length:.3g} m long, nose this way, up this way: right?** "
                f":gray[{width:.3g} m wide, {height:.3g} m high, "
                f"{placement.clearance * length:.3g} m over the ground.]"
            )
            with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
                _turn_buttons(shape.key, placement.orientation)
                _measures(shape.key, placement)
    return placement


def _turn_buttons(key: str, orientation: Orientation) -> None:
    """Show the buttons that turn a shape."""
    for label, icon, turn, meaning in (
        ("Flip", "swap_horiz", flipped, "Exchange nose and tail."),
        ("Turn", "rotate_left", turned, "A quarter turn, seen from above."),
        ("Stand up", "arrow_upward", stood_up, "A quarter turn: the nose becomes the top."),
    ):
        st.button(
            label,
            key=f"place_{label}",
            icon=f":material/{icon}:",
            help=meaning,
            on_click=_choose,
            args=(key,),
            kwargs={"orientation": turn(orientation)},
        )


def _measures(key: str, placement: Placement) -> None:
    """Show unit, clearance and axes, which stay in step with the buttons."""
    state, orientation = st.session_state, placement.orientation
    for name, value in (
        ("unit", placement.unit),
        ("clearance", round(100 * placement.clearance, 2)),
        ("forward", placement.forward),
        ("up", placement.up),
    ):
        state[f"place_{name}_{key}"] = value
    st.selectbox(
        "Unit",
        list(METERS),
        key=f"place_unit_{key}",
        on_change=_choose_from,
        args=(f"place_unit_{key}", key, "unit"),
        width=80,
    )
    st.number_input(
        "Clearance, % of the length",
        min_value=0.0,
        max_value=50.0,
        step=0.5,
        key=f"place_clearance_{key}",
        on_change=_choose_from,
        args=(f"place_clearance_{key}", key, "clearance"),
        help="Height of the lowest point over the ground.",
        width=180,
    )
    with st.popover("Axes", icon=":material/3d_rotation:"):
        for name, label, change in (
            ("forward", "The nose points along", with_forward),
            ("up", "Up is", with_up),
        ):
            st.selectbox(
                label,
                list(get_args(Axis)),
                key=f"place_{name}_{key}",
                on_change=_choose_axis,
                args=(f"place_{name}_{key}", key, change, orientation),
            )


def _choose_axis(widget: str, key: str, change: Any, orientation: Orientation) -> None:
    """Take over an axis; another one that does not fit gives way."""
    _choose(key, orientation=change(orientation, st.session_state[widget]))


# --- the solver and commands ---------------------------------------------------------------------


def solver(chosen: Chosen, result: ShapeResult) -> data.Truth | None:
    """Show a button that starts the solver; return its result once there is one."""
    key = chosen.key.shape
    job = f"solve {key}"
    if data.take_truth(job, key):
        st.session_state["view"] = BESIDE
    if (truth := data.truths().get(key)) is not None:
        return truth
    if not is_installed():
        st.caption(f"The solver is not on this machine: {INSTALL}.")
        return None
    st.button(
        "Solve it now",
        key="shape_solve",
        icon=":material/play_arrow:",
        disabled=jobs.is_running(job),
        on_click=jobs.start,
        args=(job, data.solve(result)),
        kwargs={
            "title": f"Solving the flow around: {chosen.title}, nose {chosen.placement.forward}, "
            f"up {chosen.placement.up}",
            "link": {} if chosen.is_own else {"sample": chosen.shape.name},
            "uses": (jobs.SOLVER,),
            "keep": {"my_shape": chosen.shape} | _kept_placement(chosen) if chosen.is_own else {},
        },
    )
    jobs.follow(job)
    return None


def _kept_placement(chosen: Chosen) -> dict[str, Any]:
    """Return what a session has to hold for the page to place a shape as it is placed now."""
    return {"placements": {chosen.shape.key: choice_of(chosen.shape)}}


def commands(chosen: Chosen, conditions: OperatingConditions | None) -> tuple[str, ...]:
    """Return the commands for the same prediction and for the solver's result."""
    shape, placement = chosen.shape, chosen.placement
    name = shlex.quote(shape.file_name)
    where = (
        f"--unit {placement.unit} --forward={placement.forward} --up={placement.up} "
        f"--clearance {placement.clearance:.4g}"
    )
    reading = shape.reading
    if reading.half != "auto":
        where += f" --half {reading.half}"
    if reading.domain != "auto":
        where += f" --domain {reading.domain}"
    out_of = partial(_quoted, shape)
    used = f"--checkpoint {chosen.checkpoint.path.as_posix()}"
    where_and_units = f"{where}{units.flags(conditions)}"
    return (
        f"python -m mspt predict {name} {used} {where_and_units} --out {out_of('prediction.vtp')}",
        f"python -m mspt solve {name} {where} --out {out_of('truth.npz')}",
    )


def _quoted(shape: Shape, what: str) -> str:
    """Return the name of a file made of a shape, for a command."""
    return shlex.quote(f"{shape.stem}-{what}")
