"""What the page for shapes shows: the 3-D view, coefficients, trust, findings on the mesh."""

import streamlit as st

from mspt.data.sets.car.clouds import LAYOUT
from mspt.evaluation.flows import FlowScore
from mspt.figures.scenes.surface import surface_comparison
from mspt.figures.vtk.shape import SHAPE_LAYERS, placed_plotter, shape_plotter
from mspt.geometry.placement import Placement, place_mesh
from mspt.inference.shapes import ShapeResult
from mspt.inference.surface import solved_pressure
from pages._shared import frame, viewer, vtk
from pages._shared.cache import ListedCheckpoint
from pages._shared.numbers import MEASURED, STORED, minus, noise_words, number, percent
from pages._shared.shapes import Shape, prepared
from pages._upload.data import ResultKey, Truth

BESIDE = "Truth and error"
HEIGHT = 500
_BADGES = {
    "good": ("green", "check_circle"),
    "fair": ("orange", "warning"),
    "poor": ("red", "error"),
}


# --- the 3-D view --------------------------------------------------------------------------------


def flow_view(key: ResultKey, result: ShapeResult, truth: Truth | None) -> None:
    """Show the body or the flow around it."""
    options = [*((BESIDE,) if truth else ()), *SHAPE_LAYERS]
    layer = st.segmented_control(
        "View", options, default="Pressure", key="view", required=True, bind="query-params"
    )
    if layer == BESIDE and truth is not None:
        _beside(result, truth)
        return
    dark = frame.is_dark()
    vtk.show(
        lambda: shape_plotter(result, layer, dark=dark, height=HEIGHT),
        scene=(key, str(result.placement_facts()), result.seed, layer),
        key="flow_view",
        height=HEIGHT,
        label=f"{layer} of the flow around the shape, in 3-D",
    )


def _beside(result: ShapeResult, truth: Truth) -> None:
    """Show the solver's C_p, the model's, and their difference."""
    mesh, predicted = result.prediction.fine_mesh, result.prediction.fine["C_p"]
    solved = solved_pressure(mesh, truth.case, truth.flow)
    scene = surface_comparison(mesh, solved, predicted, quantity=LAYOUT.fields[0])
    label = "C_p on the body by the solver, by the model, and their difference"
    viewer.show(scene, key="flow_beside", label=label)


def preview(shape: Shape, placement: Placement) -> None:
    """Show the shape in the wind tunnel without a prediction."""
    dark, body = frame.is_dark(), place_mesh(prepared(shape).body, placement).mesh
    vtk.show(
        lambda: placed_plotter(body, dark=dark, height=HEIGHT),
        scene=(shape.key, str(placement), "preview"),
        key="flow_preview",
        height=HEIGHT,
        label="The shape in the wind tunnel, in 3-D",
    )


# --- numbers -------------------------------------------------------------------------------------


def numbers(result: ShapeResult, checkpoint: ListedCheckpoint) -> None:
    """Show coefficients with their parts, and the usual error of C_D."""
    found, prediction = result.prediction.coefficients, result.prediction
    metrics = checkpoint.metrics
    first, second, third, fourth = st.columns(4)
    with first:
        number(
            "C_D, drag",
            f"{found.C_D:.3f} ± {prediction.drag_spread:.3f}",
            origin=MEASURED,
            help_text="± is the spread between clouds of points, not the error.",
        )
    with second:
        number(
            "Pressure + friction",
            f"{found.C_D_pressure:.3f} + {found.C_D_friction:.3f}",
            origin=MEASURED,
            help_text="The two parts of C_D.",
        )
    with third:
        number(
            "C_L, lift",
            minus(f"{found.C_L:+.3f}"),
            origin=MEASURED,
            help_text=minus(
                f"Pressure {found.C_L_pressure:+.3f}, friction {found.C_L_friction:+.3f}."
            ),
        )
    with fourth:
        number(
            "Usual error of C_D",
            percent(metrics.get("C_D_relative")),
            origin=STORED,
            help_text=f"Mean over {metrics.get('cases', 0)} test shapes that training did not use.",
        )


def truth_numbers(
    result: ShapeResult, truth: Truth, score: FlowScore, checkpoint: ListedCheckpoint
) -> None:
    """Show the solver's coefficients and the model's real error."""
    first, second, third, fourth = st.columns(4)
    drag = truth.case.info["C_D"]
    error = result.prediction.coefficients.C_D / drag - 1
    with first:
        number("C_D of the solver", f"{drag:.3f}", origin=MEASURED)
    with second:
        number("Error of C_D", minus(f"{error:+.1%}"), origin=MEASURED)
    with third:
        number(
            "L2 error of C_p",
            percent(score.surface_pressure_by_area),
            origin=MEASURED,
            help_text="Relative L2 of the model's C_p to the solver's, weighted by area.",
        )
    with fourth:
        number("Solver", f"{truth.flow.cpu_seconds:.0f} s", origin=MEASURED)
    if words := noise_words(checkpoint):
        st.caption(f"Label noise: {words}")


# --- trust and mesh ------------------------------------------------------------------------------


def warnings(result: ShapeResult) -> None:
    """Show all reasons to doubt the body or its placement, and what was changed before."""
    for line in result.warnings():
        st.warning(f"{line[0].upper()}{line[1:]}.", icon=":material/warning:")
    if changes := result.shape.changes(result.unit):
        st.caption(f"Changed before the prediction: {'; '.join(changes)}.")


def trust_strip(result: ShapeResult) -> None:
    """Show each check of the prediction with its number, its meaning and its limits."""
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
    return "0" if abs(value) < 1e-6 else f"{value:.2g}"  # smaller values are rounding


def findings(result: ShapeResult) -> None:
    """Show the defects of the mesh, what was changed, and sizes and times."""
    defects, changes = result.shape.report.describe(), result.shape.changes(result.unit)
    count = "1 change" if len(changes) == 1 else f"{len(changes)} changes"
    label = f"Mesh: {count} before the prediction" if changes else "Mesh: taken as it is"
    with st.expander(label, icon=":material/fact_check:"):
        for title, lines in (("Changed", changes), ("Found in the file", defects)):
            if lines:
                st.markdown(f"{title}:\n" + "\n".join(f"- {line}" for line in lines))
        st.table(_facts(result), border="horizontal", width="stretch")


def _facts(result: ShapeResult) -> dict[str, str]:
    """Return sizes with their units and times."""
    found, placement = result.summary(), result.placement
    report, body = result.shape.report, result.shape.body
    sizes = {
        "Frontal area": f"{found['frontal_area']:.4f} lengths²",
        "Length": f"{found['length_in_file']:.4g} {result.unit}",
    }
    if placement is not None:
        area, length = found["frontal_area_m2"], placement.length_m
        sizes["Frontal area"] = f"{area:.4g} m² = {sizes['Frontal area']}"
        if placement.unit != "m":
            sizes["Length"] = f"{length:.4g} m = {sizes['Length']}"
    seconds = result.prediction.seconds
    return {
        **sizes,
        "Triangles in the file": f"{report.triangles:,}",
        "Triangles of the body": f"{len(body.triangles):,}",
        "Watertight in the file": "yes" if report.watertight else "no",
        "Time of all steps": f"{result.seconds:.1f} s",
        "Time of the model": f"{seconds:.1f} s on {result.prediction.device}",
    }
