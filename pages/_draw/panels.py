"""Numbers and pictures of a drawn case."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mspt.evaluation.comparison import primary_error
from mspt.figures.charts.fields import comparison_figure
from mspt.figures.charts.patches import patch_figure
from mspt.inference.predict import Prediction
from mspt.inference.sample import Sample
from pages._shared.numbers import MEASURED, milliseconds, number, percent
from pages._shared.sheets import primary_fields, raster_of


def numbers(sample: Sample, prediction: Prediction, solver_seconds: float) -> None:
    """Show the error of a drawn case, and the times of model and solver."""
    ratio = solver_seconds / prediction.seconds
    first, second, third, fourth = st.columns(4)
    with first:
        error = percent(primary_error(sample, prediction.fields))
        number("Relative L2 of this drawing", error, origin=MEASURED)
    with second:
        number("Model, forward pass", milliseconds(prediction.seconds), origin=MEASURED)
    with third:
        number("Solver, truth", milliseconds(solver_seconds), origin=MEASURED)
    with fourth:
        number("Solver time over model time", f"{ratio:.1f} ×", origin=MEASURED)


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
