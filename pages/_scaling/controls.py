"""The controls of the page on scaling: what grows, what it costs, which models, what to measure."""

import streamlit as st

from mspt.benchmarks.rows import MeasuredQuantity, ScalingRow, Sweep, SweepAxis
from mspt.figures.charts.scaling import MODEL_NAMES, Origin
from pages._scaling import data
from pages._shared import frame, jobs

AXES: dict[str, SweepAxis] = {
    "Points N": "points",
    "Patches K": "patches",
    "Supernodes Q": "supernodes",
}
QUANTITIES: dict[str, MeasuredQuantity] = {"Time": "seconds", "Peak memory": "peak_bytes"}
VIEWS = ("Curves", "Forecast", "Hard clouds")
ORIGINS: dict[str, Origin] = {
    "Stored": "stored",
    "Here": "here",
    "Formula": "closed form",
    "Paper": "paper",
}


def pick_view() -> str:
    """Show a choice: curves of measurements, a forecast for chosen sizes, or hard clouds."""
    return st.segmented_control(
        "View",
        VIEWS,
        default=VIEWS[0],
        key="view",
        required=True,
        bind="query-params",
        label_visibility="collapsed",
    )


def pick() -> tuple[SweepAxis, MeasuredQuantity, list[str]]:
    """Show a choice of what grows, what it costs, and models by name."""
    top = st.columns([2.9, 1.9, 4.6], vertical_alignment="bottom")
    shared = {"required": True, "bind": "query-params"}
    axis = top[0].segmented_control(
        "What grows", list(AXES), default="Points N", key="axis", **shared
    )
    quantity = top[1].segmented_control(
        "What it costs", list(QUANTITIES), default="Time", key="quantity", **shared
    )
    names = top[2].pills(
        "Models",
        list(MODEL_NAMES.values()),
        default=list(MODEL_NAMES.values()),
        selection_mode="multi",
        key="models",
        bind="query-params",
    )
    return AXES[axis], QUANTITIES[quantity], names


def pick_origins() -> list[Origin]:
    """Show a choice of curves."""
    names = st.pills(
        "Curves",
        list(ORIGINS),
        default=["Stored", "Here", "Formula"],
        selection_mode="multi",
        key="curves",
        bind="query-params",
    )
    return [ORIGINS[name] for name in names]


def axis_words(sweep: Sweep) -> str:
    """Return what grows in a sweep, such as ``points N``."""
    name = next(name for name, axis in AXES.items() if axis == sweep.axis)
    return name[:1].lower() + name[1:]


def measure_here(sweep: Sweep, stored: list[ScalingRow], here: list[ScalingRow]) -> tuple[int, ...]:
    """Show how far to measure, a button to start it, and its progress; return the values."""
    running = jobs.is_running(data.JOB)
    last = st.select_slider(
        "Measure on this machine, up to",
        sweep.values,
        value=sweep.values[2],
        key=f"up_to_{sweep.axis}",
        format_func="{:,}".format,
        disabled=running,
        bind="query-params",
    )
    values = data.up_to(sweep, last)
    if st.button(
        "Measure here",
        type="primary",
        key="scaling_measure",
        icon=":material/play_arrow:",
        disabled=running or not sweep.models,
    ):
        steps = data.measure(sweep, values, frame.device(), here=here, stored=stored)
        title = f"Measuring time and memory over {axis_words(sweep)}"
        jobs.start(data.JOB, steps, title=title, uses=jobs.WHOLE_MACHINE)
        st.rerun()
    jobs.follow(data.JOB)
    if not running:
        st.caption(data.plan(sweep, values, frame.device(), here=here, stored=stored))
    return values
