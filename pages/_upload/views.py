"""The expected error of a prediction and the gradient of its drag, on the page for shapes."""

import streamlit as st

from mspt.figures.vtk.expected import drag_change_plotter, expected_error_plotter
from mspt.figures.vtk.inside import FlowAround
from mspt.inference.calibration import ExpectedError
from mspt.inference.gradient import BUMP_HEIGHT, BUMP_RADIUS
from mspt.inference.shapes import ShapeResult
from mspt.metrics.conditions import OperatingConditions
from pages._shared import frame, inside, notes, vtk
from pages._shared.numbers import STORED, Card
from pages._upload import data
from pages._upload.data import Chosen, ResultKey, Truth

ERROR, GRADIENT, INSIDE = "Expected error", "Where to push", "Inside the flow"
HEIGHT = 500


def options(result: ShapeResult) -> tuple[str, ...]:
    """Return the views that this module shows of a prediction."""
    known = (ERROR,) if result.trust.expected is not None else ()
    return (INSIDE, *known, GRADIENT)


def interval_words(expected: ExpectedError) -> str:
    """Return the interval of C_D in words, such as "0.28 to 0.34"."""
    return f"{expected.C_D_low:.3f} to {expected.C_D_high:.3f}"


def outside(chosen: Chosen, result: ShapeResult) -> None:
    """Say first and largest where a shape lies outside what the model knows, and why."""
    expected = result.trust.expected
    if expected is None or not expected.is_outside:
        return
    st.header(
        ":red[:material/wrong_location:] This shape is outside what the model knows", anchor=False
    )
    named = "; ".join(one.words for one in expected.unusual)
    unusual = (
        f"Unusual, compared with all training bodies: {notes.plain(named)}. "
        if named
        else "Models disagree about it more than about any body whose error is known. "
    )
    st.markdown(
        f"{unusual}C_D may lie far from **{expected.C_D:.2f}**: even the interval of "
        f"{interval_words(expected)} was never tried on such a shape. *Solve it now* computes the "
        f"flow around {chosen.title}."
    )


def drag_card(result: ShapeResult, *, note: str = "") -> Card | None:
    """Return the card of C_D with its interval, and a note; None without a calibration."""
    expected = result.trust.expected
    if expected is None:
        return None
    share = f"{expected.coverage:.0%}"
    where = "untried on such shapes" if expected.is_outside else f"{share} of such shapes"
    return Card(
        label="C_D, drag",
        value=f"{expected.C_D:.3f} ± {expected.half_width:.3f}",
        note="; ".join(one for one in (f"{where}: {interval_words(expected)}", note) if one),
        help_text=(
            f"For {share} of the bodies of a kind that was left out, the solver's C_D lay within "
            "such an interval. The points alone change C_D by "
            f"± {result.prediction.drag_spread:.3f}."
        ),
    )


def pressure_card(result: ShapeResult) -> Card | None:
    """Return the card of the expected error of C_p; None without a calibration."""
    expected = result.trust.expected
    if expected is None:
        return None
    return Card(
        label="Expected error of C_p",
        value=f"{expected.C_p_error:.0%}",
        note=(
            "untried on such shapes"
            if expected.is_outside
            else f"{expected.coverage:.0%} below {expected.C_p_error_high:.0%}"
        ),
        origin=STORED,
        help_text="Relative L2 error on the surface; as many are larger as smaller.",
    )


def show(
    key: ResultKey,
    result: ShapeResult,
    view: str,
    *,
    truth: Truth | None = None,
    conditions: OperatingConditions | None = None,
) -> None:
    """Show one of the views of :func:`options`."""
    if view == INSIDE:
        _inside(key, result, truth, conditions)
        return
    dark, field = frame.is_dark(), data.surface_view(key, result, view == GRADIENT)
    plotter = drag_change_plotter if view == GRADIENT else expected_error_plotter
    vtk.show(
        lambda: plotter(result.prediction.fine_mesh, field, dark=dark, height=HEIGHT),
        scene=(key, str(result.placement_facts()), result.seed, view),
        key="flow_view",
        height=HEIGHT,
        label=f"{view} on the shape, in 3-D",
    )
    st.caption(_GRADIENT_WORDS if view == GRADIENT else _ERROR_WORDS)


def _inside(
    key: ResultKey,
    result: ShapeResult,
    truth: Truth | None,
    conditions: OperatingConditions | None,
) -> None:
    """Show the flow from inside, the solver's beside the model's if it has been solved."""
    prediction = result.prediction
    flow = FlowAround(
        title="Prediction (model)",
        points=prediction.volume_points,
        velocity=prediction.velocity,
        pressure=prediction.volume_pressure,
    )
    inside.show(
        [*([] if truth is None else [inside.flow_of_case(truth.case)]), flow],
        mesh=result.placed.mesh,
        scene=(key, str(result.placement_facts()), result.seed, truth is not None),
        key="flow_inside",
        name="flow",
        conditions=conditions,
    )


_ERROR_WORDS = (
    "Where models that were trained apart disagree, scaled to the expected error of C_p. Where all "
    "of them are wrong in the same way, it is too small."
)
_GRADIENT_WORDS = (
    f"Change of C_D, in counts of 0.0001, by a bump {BUMP_RADIUS} lengths in radius and "
    f"{BUMP_HEIGHT} high, by the gradient of the model at fixed reference area. Red raises drag. "
    "It is what the model would say, not what the air would do: no solved shapes confirm it."
)
