"""Numbers and pictures of a drawn sample."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mspt.evaluation.comparison import primary_error
from mspt.figures.charts.fields import comparison_figure, field_figure
from mspt.figures.charts.patches import patch_figure
from mspt.figures.scenes.comparison import quantity_of
from mspt.inference.frames import time_of
from mspt.inference.predict import Prediction
from mspt.inference.sample import Sample
from pages._draw.charts import (
    compared_at,
    moved_sample,
    shown_sample,
    shown_words,
)
from pages._shared.numbers import MEASURED, Card, device_name, duration, number_row, percent
from pages._shared.sheets import raster_of

HEIGHT = 430
"""Of the picture of one field, in pixels."""


def numbers(
    sample: Sample, prediction: Prediction | None, solver_seconds: float | None, *, time: int
) -> None:
    """Show the error of a drawn sample, and the times of model and solver, as far as known.

    Args:
        sample: The sample, with the truth if it is solved.
        prediction: What a model predicts; None without one.
        solver_seconds: Time of the solver; None if the drawing is not solved.
        time: Which time of the result is shown.
    """
    cards = []
    if prediction is not None and solver_seconds is not None:
        cards += _errors(sample, prediction, time)
    if prediction is not None:
        cards.append(Card(label="Model, forward pass", value=duration(prediction.seconds)))
    if solver_seconds is not None:
        cards.append(Card(label="Solver, truth", value=duration(solver_seconds)))
    if prediction is not None and solver_seconds is not None:
        ratio = solver_seconds / prediction.seconds
        cards.append(Card(label="Solver time over model time", value=f"{ratio:.1f} ×"))
    state = f"this drawing · N = {len(sample.points):,} points"
    if prediction is not None:
        partition = prediction.partition
        patches = "no patches" if partition is None else f"K = {len(partition.offsets) - 1} patches"
        state += f" · {patches} · {device_name(prediction.device)}"
    number_row(cards, origin=MEASURED, state=state)


def _errors(sample: Sample, prediction: Prediction, time: int) -> list[Card]:
    """Return the error that scores are about and, for frames in time, that of the shown field."""
    norm = "Relative L2 error: ‖prediction − truth‖ / ‖truth‖"
    error, truth = percent(primary_error(sample, prediction.fields)), sample.truth
    frames = time_of(sample)
    if frames is None or truth is None:
        label = f"Error of {shown_words(sample, time)}"
        return [Card(label=label, value=error, help_text=f"{norm}.")]
    shown = compared_at(sample, truth, prediction.fields, time)
    return [
        Card(
            label="Error, all times", value=error, help_text=f"{norm}, over all fields and times."
        ),
        Card(
            label=f"Error of {shown.view.name}, {frames.words(time)}",
            value=percent(shown.relative_l2),
            help_text=f"{norm}, of this field at the chosen time.",
        ),
    ]


def pictures(
    sample: Sample, prediction: Prediction | None, row: DeltaGenerator, *, time: int, dark: bool
) -> None:
    """Show what is known of truth, prediction and error here, and the patches in a further part.

    Args:
        sample: The sample, with the truth if it is solved.
        prediction: What a model predicts; None without one.
        row: Where the patches go.
        time: Which time of the result is shown.
        dark: Whether the page is dark.
    """
    predicted = None if prediction is None else prediction.fields
    known = predicted if sample.truth is None else sample.truth
    if known is None:
        return
    shown = compared_at(sample, known, known if predicted is None else predicted, time)
    at = shown_sample(sample, known, time)
    raster, points, quantity = raster_of(at), at.points.numpy(), quantity_of(shown)
    if sample.truth is not None and predicted is not None:
        there = moved_sample(sample, predicted, time)
        figure = comparison_figure(
            raster,
            points,
            shown.truth,
            shown.prediction,
            quantity=quantity,
            columns=2,
            moved=None if there is None else (raster_of(there), there.points.numpy()),
            dark=dark,
        )
    else:
        figure = field_figure(
            raster, points, shown.truth, quantity=quantity, dark=dark, height=HEIGHT
        )
        by = "Prediction (model)" if sample.truth is None else "Truth (solver)"
        st.markdown(f"**{by}**, {shown_words(at, time)}")
    st.plotly_chart(figure, key="draw_comparison")
    if prediction is not None and prediction.partition is not None:
        with row.container(width=400):
            st.markdown("**The model's patches**")
            patch = prediction.partition.patch_of_point.numpy()
            st.plotly_chart(patch_figure(raster, points, patch, dark=dark), key="draw_patches")
