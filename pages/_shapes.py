"""Pieces of the page for shapes: placement, numbers, trust and findings."""

from pathlib import Path
from typing import Any, get_args

import streamlit as st

from mspt.checkpoint import CheckpointInfo
from mspt.evaluation.flows import FlowScore
from mspt.geometry.files.readers import checked_suffix
from mspt.geometry.placement import METERS, Axis, Placement
from mspt.inference.shapes import ShapeResult, with_choices
from mspt.solvers.openfoam.run import INSTALL, is_installed
from pages import _flows, _jobs, _parts, _views

_BADGES = {
    "good": ("green", "check_circle"),
    "fair": ("orange", "warning"),
    "poor": ("red", "error"),
}


def shape_of(upload: Any, example: str) -> _flows.Shape:
    """Return the uploaded shape, or the chosen sample."""
    if upload is None:
        return _flows.example_shape(example)
    shape = _flows.uploaded_shape(upload.getvalue(), checked_suffix(Path(upload.name).suffix))
    st.session_state["my_shape"] = shape  # other pages can look at it too
    return shape


def pick_placement(shape: _flows.Shape) -> Placement:
    """Show how the shape is placed, and let a person overrule the guess."""
    guess = _flows.guessed(shape.digest, shape.suffix, shape.mesh)
    with st.expander("Placement: unit, nose, up", icon=":material/3d_rotation:"):
        columns = [part for _ in range(2) for part in st.columns(2, vertical_alignment="bottom")]
        chosen = {
            name: columns[index].selectbox(
                label,
                options,
                index=options.index(getattr(guess, name)),
                key=f"{name}_{shape.digest}",
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
            key=f"clearance_{shape.digest}",
            help="Height of the lowest point over the ground.",
        )
        placement = with_choices(shape.mesh, guess, **chosen, clearance=clearance / 100)
        length, width, height = (float(part) for part in _sizes(shape, placement))
        st.caption(
            f"In the wind tunnel: {length:.3g} m long, {width:.3g} m wide, {height:.3g} m high. "
            "Predictions hold for a Reynolds number of 4 million, moving ground and no yaw."
        )
    return placement


def _sizes(shape: _flows.Shape, placement: Placement) -> tuple[float, float, float]:
    order = ["xyz".index(placement.forward[1]), "xyz".index(placement.up[1])]
    extent = shape.mesh.extent * METERS[placement.unit]
    lateral = next((axis for axis in range(3) if axis not in order), 1)
    return extent[order[0]], extent[lateral], extent[order[1]]


def solver(shape: _flows.Shape, placement: Placement, result: ShapeResult) -> _flows.Truth | None:
    """Let a person ask for the solver's answer, and return it once it is there."""
    key = _flows.truth_key(shape, placement)
    job = f"solve {key}"
    if _flows.take_truth(job, key):
        st.session_state["view"] = _views.BESIDE
    truth = _flows.known(key)
    if isinstance(truth, _flows.Truth):
        return truth
    if not is_installed():
        st.caption(f"The solver is not on this machine: {INSTALL}.")
        return None
    st.button(
        "Solve it now",
        key="shape_solve",
        icon=":material/play_arrow:",
        disabled=_jobs.is_running(job),
        on_click=_jobs.start,
        args=(job, _flows.solve(result)),
    )
    _jobs.follow(job)
    return None


def numbers(result: ShapeResult, header: CheckpointInfo) -> None:
    """Show coefficients with their parts, and how large errors of C_D usually are."""
    found, prediction = result.prediction.coefficients, result.prediction
    metrics = header.info.get("metrics", {})
    first, second, third, fourth = st.columns(4)
    with first:
        _parts.number(
            "C_D, drag",
            f"{found.C_D:.3f} ± {prediction.drag_spread:.3f}",
            origin=_parts.MEASURED,
            help_text="± is the spread between clouds of points, not the error.",
        )
    with second:
        _parts.number(
            "Pressure + friction",
            f"{found.C_D_pressure:.3f} + {found.C_D_friction:.3f}",
            origin=_parts.MEASURED,
            help_text="The two parts of C_D.",
        )
    with third:
        _parts.number(
            "C_L, lift",
            _parts.minus(f"{found.C_L:+.3f}"),
            origin=_parts.MEASURED,
            help_text=_parts.minus(
                f"Pressure {found.C_L_pressure:+.3f}, friction {found.C_L_friction:+.3f}."
            ),
        )
    with fourth:
        _parts.number(
            "Usual error of C_D",
            _parts.percent(metrics.get("C_D_relative")),
            origin=_parts.STORED,
            help_text=f"Mean over {metrics.get('cases', 0)} test shapes not learned from.",
        )


def truth_numbers(
    result: ShapeResult, truth: _flows.Truth, score: FlowScore, header: CheckpointInfo
) -> None:
    """Show the solver's coefficients and the model's real error."""
    first, second, third, fourth = st.columns(4)
    drag = truth.case.info["C_D"]
    miss = result.prediction.coefficients.C_D / drag - 1
    with first:
        _parts.number("C_D of the solver", f"{drag:.3f}", origin=_parts.MEASURED)
    with second:
        _parts.number("Error of C_D", _parts.minus(f"{miss:+.1%}"), origin=_parts.MEASURED)
    with third:
        _parts.number(
            "L2 error of C_p",
            _parts.percent(score.surface_pressure_by_area),
            origin=_parts.MEASURED,
            help_text="Relative L2 of the model's C_p to the solver's, weighted by area.",
        )
    with fourth:
        _parts.number("Solver", f"{truth.flow.cpu_seconds:.0f} s", origin=_parts.MEASURED)
    if words := _parts.noise_words(header):
        st.caption(f"Label noise: {words}")


def trust_strip(result: ShapeResult) -> None:
    """Show each check with its number, what it is and what it is not."""
    for line in result.placed.warnings:
        st.warning(f"{line[0].upper()}{line[1:]}.", icon=":material/warning:")
    st.markdown("**How far to trust it**")
    for check in result.trust.checks:
        color, icon = _BADGES[check.verdict]
        st.markdown(
            f"{check.name}: **{_short(check.value)}{check.unit}** "
            f":{color}-badge[:material/{icon}: {check.verdict}]",
            help=f"{check.meaning} {check.caveat}",
        )
    nearest = ", ".join(f"{name} ({family})" for name, family, _ in result.trust.nearest)
    st.caption(f"Most like the training shapes {nearest}.")


def _short(value: float) -> str:
    return "0" if abs(value) < 1e-6 else f"{value:.2g}"


def findings(result: ShapeResult, placement: Placement) -> None:
    """Show what is wrong with the mesh, what was mended, and where it was put."""
    lines = result.report.describe()
    label = "Mesh: nothing to mend" if not lines else f"Mesh: {len(lines)} findings"
    report = result.report
    with st.expander(label, icon=":material/fact_check:"):
        for line in (*lines, *result.repairs):
            st.markdown(f"- {line}")
        area = result.prediction.coefficients.reference_area
        length = placement.length_m
        facts = {
            "Triangles": f"{report.triangles:,}",
            "Watertight": "yes" if report.watertight else "no",
            "Bodies": f"{report.bodies}",
            "Frontal area": f"{area * length**2:.3g} m²" if length else f"{area:.4f} L²",
            "Length": f"{length:.3g} m" if length else "–",
            "Time of all steps": f"{result.seconds:.1f} s",
            "Time of the model": f"{result.prediction.seconds:.1f} s on {result.prediction.device}",
        }
        st.table(facts, border="horizontal", width="stretch")


def commands(shape: _flows.Shape, placement: Placement, header: CheckpointInfo) -> tuple[str, ...]:
    """Return what to type for the same prediction and for the solver's answer."""
    name = f"shape{shape.suffix}"
    where = (
        f"--unit {placement.unit} --forward={placement.forward} --up={placement.up} "
        f"--clearance {placement.clearance:.4g}"
    )
    used = f"--checkpoint {header.path.as_posix()}"
    return (
        f"python -m mspt predict {name} {used} {where} --out prediction.vtp",
        f"python -m mspt solve {name} {where} --out truth.npz",
    )
