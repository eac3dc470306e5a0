"""Numbers and pictures of a drawn sample."""

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mspt.data.registry import get_dataset
from mspt.evaluation.comparison import compare, primary_error, views_of
from mspt.figures.charts.fields import comparison_figure, field_figure
from mspt.figures.charts.patches import patch_figure
from mspt.inference.drawings import drawing_of
from mspt.inference.predict import Prediction
from mspt.inference.sample import Sample
from pages._draw.charts import Sheet, sheet_of, shown_name, shown_quantity, values_of
from pages._shared.datasets import primary_quantity
from pages._shared.numbers import MEASURED, Card, device_name, duration, number_row, percent

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
    dataset = get_dataset(sample.dataset)
    norm = "Relative L2 error: ‖prediction − truth‖ / ‖truth‖"
    error = percent(primary_error(sample, prediction.fields))
    if dataset.time is None:
        label = f"Error of {primary_quantity(dataset).name}"
        return [Card(label=label, value=error, help_text=f"{norm}.")]
    shown = compare(sample, prediction.fields, views_of(sample)[shown_quantity(dataset, time).name])
    return [
        Card(
            label="Error, all times", value=error, help_text=f"{norm}, over all fields and times."
        ),
        Card(
            label=f"Error of {shown_name(dataset, time)}",
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
    dataset = get_dataset(sample.dataset)
    quantity = shown_quantity(dataset, time)
    predicted = None if prediction is None else prediction.fields
    known = predicted if sample.truth is None else sample.truth
    if known is None:
        return
    sheet = sheet_of(sample, known, quantity)
    drawn = [
        values_of(sample, fields, quantity)[sheet.rows]
        for fields in (sample.truth, predicted)
        if fields is not None
    ]
    name = shown_name(dataset, time)
    if quantity.components:  # a picture shows one number at a point
        name = f"length of {name}"
    quantity = replace(quantity, name=name)
    if len(drawn) == 2:
        figure = comparison_figure(
            sheet.raster, sheet.points, *drawn, columns=2, dark=dark, quantity=quantity
        )
    else:
        figure = field_figure(
            sheet.raster, sheet.points, *drawn, quantity=quantity, dark=dark, height=HEIGHT
        )
        st.markdown("**Prediction (model)**" if sample.truth is None else "**Truth (solver)**")
    st.plotly_chart(figure, key="draw_comparison")
    if drawing_of(dataset).position:
        by = "the model" if sample.truth is None else "the solver"
        st.caption(f"Points are drawn where {by} moves them up to the chosen time.")
    _patches(sheet, prediction, row, dark=dark)


def _patches(
    sheet: Sheet, prediction: Prediction | None, row: DeltaGenerator, *, dark: bool
) -> None:
    if prediction is None or prediction.partition is None:
        return
    with row.container(width=400):
        st.markdown("**The model's patches**")
        patch = prediction.partition.patch_of_point.numpy()[sheet.rows]
        st.plotly_chart(
            patch_figure(sheet.raster, sheet.points, patch, dark=dark), key="draw_patches"
        )
