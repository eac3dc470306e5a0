"""The controls of the page for shapes: shape, checkpoint, placement, solver."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mspt.figures.charts.placements import placement_figure
from mspt.geometry.files.readers import checked_suffix
from mspt.geometry.placement import METERS, Axis, Placement, place_mesh
from mspt.inference.shapes import ShapeResult, with_choices
from mspt.inference.surface import placed_size
from mspt.solvers.openfoam.run import INSTALL, is_installed
from pages._shared import frame, jobs
from pages._shared.cache import ListedCheckpoint
from pages._shared.datasets import SHAPES
from pages._shared.pickers import pick_checkpoint
from pages._shared.shapes import SAMPLES, Shape, prepared, sample_shape, uploaded_shape
from pages._upload import data
from pages._upload.panels import BESIDE


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """A shape in the wind tunnel, and the model to predict its flow.

    Attributes:
        shape: The shape.
        placement: Its unit, nose, top and clearance.
        checkpoint: The model.
        key: All that the prediction depends on.
    """

    shape: Shape
    placement: Placement
    checkpoint: ListedCheckpoint
    key: data.ResultKey


def pick(*, question: DeltaGenerator) -> Chosen | None:
    """Show a choice of shape, checkpoint and placement; return None until it is made.

    Args:
        question: Where to ask which way a shape faces, if its form does not tell.
    """
    upload = st.file_uploader(
        "Your shape: STL, OBJ, PLY, VTP, VTU, VTK, GLB",
        type=["stl", "obj", "ply", "vtp", "vtu", "vtk", "glb", "gltf"],
        max_upload_size=50,
        key="shape_file",
    )
    first, second = st.columns(2, vertical_alignment="bottom")
    name = first.selectbox(
        "Or a sample",
        SAMPLES,
        key="sample",
        bind="query-params",
        disabled=upload is not None,
    )
    with second:
        checkpoint = pick_checkpoint(SHAPES)
    shape = _pick_reading(_shape_of(upload, name))
    with question:
        guess = _pick_direction(shape)
    if guess is None:
        return None
    placement = _pick_placement(shape, guess)
    key = data.result_key(shape, placement, checkpoint, frame.device())
    return Chosen(shape=shape, placement=placement, checkpoint=checkpoint, key=key)


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
    if st.session_state.get("my_shape") == shape:
        st.session_state["my_shape"] = chosen  # other pages show the same body
    return chosen


def _pick_direction(shape: Shape) -> Placement | None:
    """Return the likely placement; show its alternatives first if the form does not decide."""
    found = prepared(shape)
    guess, body = found.guess, found.body
    if not guess.alternatives:
        return guess.best
    options = [guess.best, *guess.alternatives]
    chosen = st.session_state.get(f"direction_{shape.key}")
    if chosen is not None:
        return options[chosen]
    st.info(f"Which way does it face? The form does not tell, as {guess.reason}.")
    for column, (index, option) in zip(st.columns(len(options)), enumerate(options), strict=True):
        with column:
            picture = placement_figure(place_mesh(body, option).mesh, dark=frame.is_dark())
            st.plotly_chart(picture, key=f"direction_{index}", config={"displayModeBar": False})
            if st.button(
                f"Nose {option.forward}, up {option.up}",
                key=f"direction_{index}_{shape.key}",
                width="stretch",
            ):
                st.session_state[f"direction_{shape.key}"] = index
                st.rerun()
    return None


def _shape_of(upload: Any, name: str) -> Shape:
    """Return the uploaded shape, or the chosen sample."""
    if upload is None:
        return sample_shape(name)
    # The name comes from outside; nothing of it but its ending is used.
    shape = uploaded_shape(upload.getvalue(), checked_suffix(Path(upload.name).suffix))
    st.session_state["my_shape"] = shape  # other pages offer it, too
    return shape


def _pick_placement(shape: Shape, guess: Placement) -> Placement:
    """Show how the shape is placed, and let the visitor change it."""
    body = prepared(shape)
    with st.expander("Placement: unit, nose, up", icon=":material/3d_rotation:"):
        columns = [part for _ in range(2) for part in st.columns(2, vertical_alignment="bottom")]
        chosen = {
            name: columns[index].selectbox(
                label,
                options,
                index=options.index(getattr(guess, name)),
                key=f"{name}_{shape.key}_{guess.forward}_{guess.up}",
            )
            for index, (name, label, options) in enumerate(
                (
                    ("unit", "Unit of the file", list(METERS)),
                    ("forward", "The nose points along", list(get_args(Axis))),
                    ("up", "Up is", list(get_args(Axis))),
                )
            )
        }
        clearance = columns[3].number_input(
            "Clearance, % of the length",
            min_value=0.0,
            max_value=50.0,
            value=round(100 * guess.clearance, 2),
            step=0.5,
            key=f"clearance_{shape.key}_{guess.forward}_{guess.up}",
            help="Height of the lowest point over the ground.",
        )
        placement = with_choices(body, **chosen, clearance=clearance / 100)
        length, width, height = placed_size(body.body, placement)
        st.caption(
            f"In the wind tunnel: {length:.3g} m long, {width:.3g} m wide, {height:.3g} m high. "
            "Predictions hold for a Reynolds number of 4 million, moving ground and no yaw."
        )
    return placement


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
            "title": f"Solving the flow around: {chosen.shape.name}",
            "uses": (jobs.SOLVER,),
            "keep": {"my_shape": chosen.shape} if chosen.shape.name not in SAMPLES else None,
        },
    )
    jobs.follow(job)
    return None


def commands(chosen: Chosen) -> tuple[str, ...]:
    """Return the commands for the same prediction and for the solver's result."""
    name, placement = f"shape{chosen.shape.suffix}", chosen.placement
    where = (
        f"--unit {placement.unit} --forward={placement.forward} --up={placement.up} "
        f"--clearance {placement.clearance:.4g}"
    )
    reading = chosen.shape.reading
    if reading.half != "auto":
        where += f" --half {reading.half}"
    if reading.domain != "auto":
        where += f" --domain {reading.domain}"
    used = f"--checkpoint {chosen.checkpoint.path.as_posix()}"
    return (
        f"python -m mspt predict {name} {used} {where} --out prediction.vtp",
        f"python -m mspt solve {name} {where} --out truth.npz",
    )
