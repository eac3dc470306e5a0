"""Numbers and pictures of a drawn case."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mspt.data.registry import get_dataset
from mspt.evaluation.comparison import primary_error
from mspt.figures.charts.fields import comparison_figure
from mspt.figures.charts.patches import patch_figure
from mspt.inference.predict import Prediction
from mspt.inference.sample import Sample
from pages._shared.datasets import primary_quantity
from pages._shared.numbers import MEASURED, Card, device_name, milliseconds, number_row, percent
from pages._shared.sheets import primary_fields, raster_of


def numbers(sample: Sample, prediction: Prediction, solver_seconds: float) -> None:
    """Show the error of a drawn case, and the times of model and solver."""
    ratio, partition = solver_seconds / prediction.seconds, prediction.partition
    field = primary_quantity(get_dataset(sample.dataset)).name
    cards = [
        Card(
            label=f"Error of {field}",
            value=percent(primary_error(sample, prediction.fields)),
            help_text="Relative L2 error: ‖prediction − truth‖ / ‖truth‖.",
        ),
        Card(label="Model, forward pass", value=milliseconds(prediction.seconds)),
        Card(label="Solver, truth", value=milliseconds(solver_seconds)),
        Card(label="Solver time over model time", value=f"{ratio:.1f} ×"),
    ]
    patches = "no patches" if partition is None else f"K = {len(partition.offsets) - 1} patches"
    state = (
        f"this drawing · N = {len(sample.points):,} points · {patches} · "
        f"{device_name(prediction.device)}"
    )
    number_row(cards, origin=MEASURED, state=state)


def pictures(sample: Sample, prediction: Prediction, row: DeltaGenerator, *, dark: bool) -> None:
    """Show truth, prediction and error here, and the patches in a further part of the row."""
    raster, points = raster_of(sample), sample.points.numpy()
    quantity, truth, predicted = primary_fields(sample, prediction.fields)
    figure = comparison_figure(
        raster, points, truth, predicted, columns=2, dark=dark, quantity=quantity
    )
    st.plotly_chart(figure, key="draw_comparison")
    if prediction.partition is None:
        return
    with row.container(width=400):
        st.markdown("**The model's patches**")
        patch = prediction.partition.patch_of_point.numpy()
        st.plotly_chart(patch_figure(raster, points, patch, dark=dark), key="draw_patches")
