"""What the page for shapes shows: the 3-D view, coefficients, trust, findings on the mesh."""

from functools import partial

import streamlit as st

from mspt.data.sets.car.clouds import LAYOUT
from mspt.data.sets.car.flow_case import drag_history, unsettled_words
from mspt.evaluation.flows import FlowScore, label_noise
from mspt.figures.charts.convergence import convergence_figure
from mspt.figures.report.pdf import has_browser
from mspt.figures.scenes.surface import surface_comparison
from mspt.figures.vtk.shape import SHAPE_LAYERS, placed_plotter, shape_plotter
from mspt.geometry.placement import Placement, place_mesh
from mspt.inference.physical import in_units
from mspt.inference.shapes import ShapeResult
from mspt.inference.surface import solved_pressure
from mspt.inference.trust import Check
from mspt.metrics.conditions import OperatingConditions, force_in_newtons
from mspt.solvers.openfoam.case import STEADY_RESIDUALS
from pages._shared import frame, notes, units, viewer, vtk
from pages._shared.numbers import (
    MEASURED,
    STORED,
    Card,
    device_name,
    minus,
    number_row,
    percent,
    scatter_words,
)
from pages._shared.shapes import Shape, prepared
from pages._upload import cards as physical
from pages._upload import data, views
from pages._upload.data import Chosen, ResultKey, Truth

BESIDE, MARKED = "Truth and error", "Shape"
HEIGHT = 500
_BADGES = {
    "good": ("green", "check_circle"),
    "fair": ("orange", "warning"),
    "poor": ("red", "error"),
}
_MARK_COLORS = {"open": "violet", "crowded": "violet", "added": "green", "left out": "orange"}
"""Names of Streamlit's colors that are like those of the marks in the view."""


# --- the 3-D view --------------------------------------------------------------------------------


def flow_view(
    key: ResultKey,
    result: ShapeResult,
    truth: Truth | None,
    conditions: OperatingConditions | None,
) -> None:
    """Show the body or the flow around it, in the chosen units."""
    options = [*((BESIDE,) if truth else ()), *SHAPE_LAYERS, *views.options(result)]
    layer = st.segmented_control(
        "View",
        options,
        default="Pressure",
        key="view",
        required=True,
        bind="query-params",
        wrap=True,
    )
    if layer == BESIDE and truth is not None:
        _beside(result, truth, conditions)
        return
    if layer in views.options(result):
        views.show(key, result, layer, truth=truth, conditions=conditions)
        return
    dark = frame.is_dark()
    # Fields do not depend on the length of the body.
    of_fields = None if conditions is None else (conditions.speed, conditions.density)
    vtk.show(
        lambda: shape_plotter(
            result,
            layer,
            marks=data.marks(key.shape, result) if layer == MARKED else None,
            conditions=conditions,
            dark=dark,
            height=HEIGHT,
        ),
        scene=(key, str(result.placement_facts()), result.seed, layer, of_fields),
        key="flow_view",
        height=HEIGHT,
        label=f"{layer} of the flow around the shape, in 3-D",
    )
    if layer == MARKED:
        _legend(key, result)


def _legend(key: ResultKey, result: ShapeResult) -> None:
    """Name the marks on the body by their colors."""
    marks = data.marks(key.shape, result).describe()
    words = [f":{_MARK_COLORS[kind]}[■ **{text}**]" for kind, text in marks]
    st.caption(" · ".join(words) or "Nothing to mark: the surface was sound and stays as it is.")


def _beside(result: ShapeResult, truth: Truth, conditions: OperatingConditions | None) -> None:
    """Show the solver's pressure, the model's, and their difference."""
    if words := unsettled_words(truth.case.info):
        st.caption(
            f":red[:material/error: **The solver's run has {words}.**] The error is against it."
        )
    mesh, predicted = result.prediction.fine_mesh, result.prediction.fine["C_p"]
    solved = solved_pressure(mesh, truth.case, truth.flow)
    quantity, solved = in_units(LAYOUT.fields[0], solved, conditions)
    _, predicted = in_units(LAYOUT.fields[0], predicted, conditions)
    scene = surface_comparison(mesh, solved, predicted, quantity=quantity)
    label = f"{quantity.name} on the body by the solver, by the model, and their difference"
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


def verdict(result: ShapeResult) -> None:
    """Show the worst grade of all checks in words, above all numbers."""
    worst = result.trust.verdict
    color, icon = _BADGES[worst]
    named = [check for check in result.trust.checks if check.verdict == worst]
    words = {
        "good": "**All checks are good**, as they are for shapes that the model knows.",
        "fair": f"**Use with care**: {_names(named)} only fair.",
        "poor": f"**Do not rely on these numbers**: {_names(named)} poor.",
    }[worst]
    st.markdown(f":{color}-badge[:material/{icon}: {worst}] {words}")


def _names(checks: list[Check]) -> str:
    names = [f"{check.name.lower()} ({_short(check.value)}{check.unit})" for check in checks]
    if len(names) == 1:
        return f"{names[0]} is"
    return f"{', '.join(names[:-1])} and {names[-1]} are"


def numbers(chosen: Chosen, result: ShapeResult, conditions: OperatingConditions | None) -> None:
    """Show drag and lift with their parts, and the usual error of C_D unless a check is poor."""
    prediction, metrics = result.prediction, chosen.checkpoint.metrics
    found, is_poor = prediction.coefficients, result.trust.verdict == "poor"
    cards = [
        views.drag_card(result, note=physical.drag_at_usual_speed(result))
        or Card(
            label="C_D, drag",
            value=f"{found.C_D:.3f} ± {prediction.drag_spread:.3f}",
            note=physical.drag_at_usual_speed(result),
            help_text="± is the spread between clouds of points, not the error.",
        ),
        Card(
            label="C_D: pressure + friction",
            value=f"{found.C_D_pressure:.3f} + {found.C_D_friction:.3f}",
        ),
        Card(
            label="C_L, lift",
            value=minus(f"{found.C_L:+.3f}"),
            help_text=minus(
                f"Pressure {found.C_L_pressure:+.3f}, friction {found.C_L_friction:+.3f}."
            ),
        ),
    ]
    if conditions is not None:
        cards = physical.forces(result, conditions)
    expected = views.pressure_card(result)
    if expected is not None:
        cards.append(expected)
    elif (error := metrics.get("C_D_relative")) is not None and not is_poor:
        cards.append(
            Card(
                label="Error of C_D",
                value=percent(error),
                note=f"Average over {metrics.get('cases', 0)} test bodies",
                origin=STORED,
                help_text="Not that of this shape: its own is not known without a solver.",
            )
        )
    state = (
        f"{chosen.title}, predicted by {chosen.checkpoint.name} · "
        f"{len(prediction.volume_points):,} points in the flow · {device_name(prediction.device)}"
    )
    number_row(cards, origin=MEASURED, state=state, is_poor=is_poor)
    if conditions is not None:
        units.caption(conditions)


# --- the solver's answer -------------------------------------------------------------------------


def truth_numbers(
    chosen: Chosen,
    result: ShapeResult,
    truth: Truth,
    score: FlowScore,
    conditions: OperatingConditions | None,
) -> None:
    """Show whether the solver's run has settled, its coefficients and the model's real error."""
    info, noise = truth.case.info, label_noise(chosen.checkpoint.metrics)
    words = unsettled_words(info)
    if words:
        notes.error(
            "The solver's run has **{}**. Errors below are against an unsettled run.", words
        )
    against = "against an unsettled run" if words else ""
    found = result.prediction.coefficients
    cards = [
        *physical.of_solver(result, info, conditions),
        Card(
            label="Error of C_D",
            value=minus(f"{found.C_D / info['C_D'] - 1:+.1%}"),
            note=_lines(against, scatter_words(noise.get("C_D_relative"))),
        ),
        Card(
            label="Error of C_p",
            value=percent(score.surface_pressure_by_area),
            note=_lines(against, scatter_words(noise.get("surface_pressure_by_area"))),
            help_text="Relative L2 of the model's C_p to the solver's, weighted by area.",
        ),
        Card(
            label="Time of the solver",
            value=f"{truth.flow.cpu_seconds:.0f} s",
            note="on CPU",
            help_text="Processor time of all its programs.",
        ),
    ]
    number_row(cards, origin=MEASURED, state=f"{chosen.title}, solver beside the model")
    with st.expander(
        "Residuals and drag of the solver's run",
        expanded=bool(words),
        icon=":material/show_chart:",
    ):
        convergence(truth, conditions)


def convergence(truth: Truth, conditions: OperatingConditions | None) -> None:
    """Show how the solver's run has converged."""
    flow, info = truth.flow, truth.case.info
    area, unit = info["frontal_area"], "1"
    drag = drag_history(flow, frontal_area=area)
    if conditions is not None:
        drag = force_in_newtons(drag, reference_area=area, conditions=conditions)
        unit = "N"
    st.plotly_chart(
        convergence_figure(
            flow.residual_history,
            drag,
            limits=(STEADY_RESIDUALS["p"], STEADY_RESIDUALS["U"]),
            averaged_from=flow.first_averaged,
            unit=unit,
            dark=frame.is_dark(),
        ),
        key="solver_convergence",
        config={"displayModeBar": False},
    )
    st.caption(
        f"{flow.iterations} iterations. Dotted: the residuals at which a run counts as steady. "
        "Shaded: the iterations over which forces and fields are averaged."
    )


def _lines(*lines: str) -> str:
    return "  \n".join(line for line in lines if line)


# --- trust and mesh ------------------------------------------------------------------------------


def warnings(result: ShapeResult) -> None:
    """Show all reasons to doubt the body or its placement, and what was changed before."""
    for line in result.warnings():
        notes.warning("{}", notes.sentence(line))
    if changes := result.shape.changes(result.unit):
        st.caption(f"Changed before the prediction: {notes.plain('; '.join(changes))}.")


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
    st.caption(f"Most like the training shapes {notes.plain(nearest)}.")
    st.caption("Predictions hold for a Reynolds number of 4 million, moving ground and no yaw.")


def _short(value: float) -> str:
    if abs(value) < 1e-6:  # rounding
        return "0"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}"


def findings(result: ShapeResult, conditions: OperatingConditions | None) -> None:
    """Show the defects of the mesh beside what was repaired, and sizes and times."""
    found, repaired = result.shape.report.describe(), result.shape.changes(result.unit)
    label = f"Mesh: {_counted(len(found), 'finding')}, {_counted(len(repaired), 'change')}"
    with st.expander(label, icon=":material/fact_check:"):
        columns = st.columns(2)
        for column, title, lines in (
            (columns[0], "Found in the file", found),
            (columns[1], "Repaired before the prediction", repaired),
        ):
            listed = "\n".join(f"- {notes.plain(line)}" for line in lines) or "Nothing."
            column.markdown(f"**{title}**\n\n{listed}")
        if found or repaired:
            st.caption(f"The view *{MARKED}* marks them on the body.")
        st.table(_facts(result) | physical.facts(conditions), border="horizontal", width="stretch")


def _counted(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number or 'no'} {noun}s"


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
    prediction = result.prediction
    return {
        **sizes,
        "Triangles in the file": f"{report.triangles:,}",
        "Triangles of the body": f"{len(body.triangles):,}",
        "Watertight in the file": "yes" if report.watertight else "no",
        "Number of points": f"{len(prediction.volume_points):,} in the flow",
        "Time of all steps": f"{result.seconds:.1f} s",
        "Time of the model": f"{prediction.seconds:.1f} s on {prediction.device.upper()}",
    }


def sample_file(shape: Shape) -> None:
    """Show a button that saves a sample, which the commands need as a file."""
    st.download_button(
        "Sample (STL)",
        shape.file,
        key="download_sample",
        file_name=shape.file_name,
        mime="model/stl",
        on_click="ignore",
        icon=":material/download:",
    )


def report_files(
    chosen: Chosen,
    result: ShapeResult,
    truth: Truth | None,
    conditions: OperatingConditions | None,
) -> None:
    """Offer a report with pictures: one HTML file, and a PDF where a browser is on the server."""
    kinds = [("Report (HTML)", "html", "text/html", data.report_file)]
    if has_browser():
        kinds.append(("Report (PDF)", "pdf", "application/pdf", data.pdf_file))
    for label, ending, kind, content in kinds:
        st.download_button(
            label,
            partial(content, chosen, result, truth, conditions),
            key=f"download_report_{ending}",
            file_name=f"{chosen.shape.stem}-report.{ending}",
            mime=kind,
            on_click="ignore",
            icon=":material/description:",
            help="Pictures, numbers in the chosen units, placement, checks, versions and hashes.",
        )


def solver_files(chosen: Chosen, result: ShapeResult, truth: Truth) -> None:
    """Offer the solver's fields: on the body beside the model's, and all that is stored."""
    for label, name, kind, content in (
        ("Solver (VTP)", "solver.vtp", "model/vtk", partial(data.solver_file, result, truth)),
        ("Solver (NPZ)", "truth.npz", "application/zip", partial(data.truth_file, truth)),
    ):
        st.download_button(
            label,
            content,
            key=f"download_{name}",
            file_name=f"{chosen.shape.stem}-{name}",
            mime=kind,
            on_click="ignore",
            icon=":material/download:",
        )
