"""A prediction whose truth is not known: its picture, its numbers and its file."""

import streamlit as st

from mspt.data.export import csv_bytes, point_table
from mspt.figures.charts.fields import field_figure
from mspt.inference.frames import at_time, fields_at, time_of
from mspt.inference.sample import Sample
from pages._shared import frame, times
from pages._shared.cache import ListedCheckpoint, SamplePrediction
from pages._shared.charts import chart
from pages._shared.numbers import MEASURED, Card, milliseconds, number_row, significant
from pages._shared.sheets import raster_of


def prediction_alone(
    sample: Sample, prediction: SamplePrediction, checkpoint: ListedCheckpoint
) -> None:
    """Show a prediction beside nothing: there is no truth to compare it with."""
    time = time_of(sample)
    when = 0 if time is None else times.pick(time)
    shown = sample if time is None else at_time(sample, when)
    fields = prediction.fields if time is None else fields_at(sample, prediction.fields, when)
    names = [one.name for one in shown.channels]
    name = names[0]
    if len(names) > 1:
        name = st.segmented_control("Field", names, default=name, key="alone_field", required=True)
    column = names.index(name)
    quantity, values = shown.channels[column], fields[:, column].numpy()
    unit = "" if quantity.unit in ("", "1") else f" {quantity.unit}"
    cards = [
        Card(label=f"Least {name}", value=f"{significant(float(values.min()))}{unit}"),
        Card(label=f"Mean {name}", value=f"{significant(float(values.mean()))}{unit}"),
        Card(label=f"Largest {name}", value=f"{significant(float(values.max()))}{unit}"),
        Card(label="Forward pass", value=milliseconds(prediction.seconds)),
    ]
    number_row(
        cards,
        origin=MEASURED,
        state=f"{checkpoint.name} on {sample.title} · N = {len(sample.points):,} points · the "
        "truth is not known, so there is no error",
    )
    figure = field_figure(
        raster_of(shown), shown.points.numpy(), values, quantity=quantity, dark=frame.is_dark()
    )
    chart(figure, key="prediction_alone")
    st.download_button(
        "Table of the prediction (CSV)",
        lambda: _table(sample, prediction),
        file_name=f"{sample.key}-{checkpoint.name}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="alone_csv",
    )


def _table(sample: Sample, prediction: SamplePrediction) -> bytes:
    layout = sample.layout
    if layout is None:  # pragma: no cover - no model predicts such a cloud
        return b""
    table = point_table(
        sample.points,
        layout,
        truth=None,
        predictions={"model": prediction.fields},
        features=sample.features,
        time=time_of(sample),
    )
    return csv_bytes(table)
