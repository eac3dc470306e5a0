"""The numbers of a case above its picture: of one model, or of two side by side."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from mspt.data.registry import get_dataset
from mspt.data.sets.car.flow_case import unsettled_words
from mspt.evaluation.comparison import primary_error
from mspt.evaluation.flows import label_noise
from mspt.evaluation.over_time import errors_of_all_times
from mspt.figures.charts.fields import suffix
from mspt.metrics.fields import max_error
from mspt.metrics.forces import drag_counts
from pages._explore import scores
from pages._explore.controls import ALL_POINTS
from pages._explore.data import Chosen, whole_flow
from pages._shared.cache import ListedCheckpoint, SamplePrediction
from pages._shared.datasets import primary_quantity, primary_words
from pages._shared.numbers import (
    MEASURED,
    STORED,
    Card,
    badge,
    device_name,
    milliseconds,
    minus,
    noise_words,
    number_row,
    percent,
    scatter_words,
    significant,
)

RELATIVE = "Relative L2 error: ‖prediction − truth‖ / ‖truth‖."
COEFFICIENTS = ("C_D", "C_L")


def numbers(chosen: Chosen, view: str) -> None:
    """Show the error of the case, and for bodies drag and lift."""
    if len(chosen.checkpoints) > 1:
        _side_by_side(chosen)
    elif chosen.has_flow:
        _flow_numbers(chosen, view)
    else:
        _sheet_numbers(chosen)


def _sheet_numbers(chosen: Chosen) -> None:
    prediction, words = chosen.prediction, primary_words(get_dataset(chosen.source))
    largest, unit = _largest(chosen, prediction)
    cards = [
        Card(
            label=f"Error of {words}",
            value=percent(primary_error(chosen.sample, prediction.fields)),
            help_text=RELATIVE,
        ),
        _average(chosen, f"{chosen.checkpoint.metrics.get('cases', 0)} test cases"),
        Card(
            label=f"Largest error of {words}",
            value=f"{significant(largest)}{unit}",
        ),
        _forward_pass(prediction),
    ]
    number_row(cards, origin=MEASURED, state=chosen.words)


def _largest(chosen: Chosen, prediction: SamplePrediction) -> tuple[float, str]:
    """Return the largest error of what the primary score is about, and its unit."""
    sample, dataset = chosen.sample, get_dataset(chosen.source)
    quantity = primary_quantity(dataset)
    named = quantity.name if chosen.time is None else dataset.primary.quantity
    columns = sample.layout.columns(named)
    found = max_error(prediction.fields[None, :, columns], sample.truth[None, :, columns])
    return found.item(), suffix(quantity)


def _forward_pass(prediction: SamplePrediction) -> Card:
    return Card(
        label="Forward pass" if prediction.num_passes == 1 else f"{prediction.num_passes} passes",
        value=milliseconds(prediction.seconds),
        note=f"on {device_name(prediction.device)}",
    )


def _average(chosen: Chosen, of: str, *, note: str = "", help_text: str | None = None) -> Card:
    """Return the stored average over the test cases, which are scored with as many points as N."""
    where = (
        "" if chosen.as_trained else f"at the N = {len(chosen.trained.sample.points):,} of training"
    )
    return Card(
        label=f"Average over {of}",
        value=percent(chosen.checkpoint.metrics.get("relative_l2")),
        note="; ".join(part for part in (where, note) if part),
        origin=STORED,
        help_text=help_text,
    )


def _flow_numbers(chosen: Chosen, view: str) -> None:
    metrics = chosen.checkpoint.metrics
    words = noise_words(chosen.checkpoint)
    help_text = f"{RELATIVE} Scatter of the solver: {words}" if words else RELATIVE
    error, state = primary_error(chosen.sample, chosen.prediction.fields), chosen.words
    if view in ALL_POINTS:  # its picture has all stored points
        whole = whole_flow(chosen)
        error = primary_error(whole.sample, whole.fields)
        state = f"{chosen.checkpoint.name} on {chosen.name} · all {len(whole.sample.points):,} "
        state += "stored points"
    # The scatter is that of all stored points, and so is the error to hold it against.
    score, scatter = scores.score_of(chosen), scores.noise_of(chosen.name).get("surface_pressure")
    cards = [
        Card(
            label="Error of C_p",
            value=percent(error),
            note=f"at all stored points: {score['surface_pressure']:.1%}  \n"
            + scatter_words(scatter),
            help_text=help_text,
        ),
        _average(
            chosen,
            f"{metrics.get('cases', 0)} test bodies",
            note=scatter_words(label_noise(metrics).get("surface_pressure")),
            help_text=help_text,
        ),
        *_coefficients(score),
    ]
    number_row(
        cards,
        origin=MEASURED,
        state=f"{state} · averages, C_D and C_L are of all stored points",
    )
    if (flow := chosen.trained.flow) and (words := unsettled_words(flow.info)):
        st.caption(f":red[:material/error: The solver's run of this case has **{words}**.]")


def _coefficients(score: Mapping[str, Any]) -> Iterator[Card]:
    """Yield the errors of drag and lift, of all stored faces of the body."""
    for letter in COEFFICIENTS:
        model, solver = score[letter], score[f"{letter}_true"]
        yield Card(
            label=f"Error of {letter}",
            value=minus(f"{_counts(score, letter):+,.0f} counts"),
            note=minus(f"model {model:.3f}, solver {solver:.3f}"),
            origin=STORED if score["stored"] else MEASURED,
            help_text="One count is 0.0001. Pressure and friction of all stored faces of the body.",
        )


def _counts(score: Mapping[str, Any], letter: str) -> float:
    return drag_counts(score[letter]) - drag_counts(score[f"{letter}_true"])


# --- two models ----------------------------------------------------------------------------------


def _side_by_side(chosen: Chosen) -> None:
    """Show the numbers of two models on the same case, with their differences."""
    rows = [*_field_rows(chosen), *_other_rows(chosen)]
    st.table(_two_columns(chosen, rows), border="horizontal", width="stretch")
    st.caption(
        f"{badge(MEASURED)} {chosen.words} · errors of fields are relative L2 at these points, "
        "their differences are in percentage points"
    )


def _two_columns(chosen: Chosen, rows: list[tuple[str, str, str, str]]) -> pd.DataFrame:
    first, second = (one.name for one in chosen.checkpoints)
    titles = [f"A: {first}", f"B: {second}", "B − A"]
    table = pd.DataFrame([row[1:] for row in rows], columns=pd.Index(titles))
    return table.set_index(pd.Index([row[0] for row in rows]))


def _points(first: float | None, second: float | None) -> str:
    """Return a difference of two shares in percentage points."""
    if first is None or second is None:
        return "–"
    return minus(f"{100 * (second - first):+.2f}")


def _field_rows(chosen: Chosen) -> Iterator[tuple[str, str, str, str]]:
    predictions = chosen.predictions.values()
    first, second = (errors_of_all_times(chosen.sample, one.fields) for one in predictions)
    when = "" if chosen.time is None else f", all {len(chosen.time.outputs)} times"
    for name, error in first.items():
        other = second[name]
        yield f"Error of {name}{when}", percent(error), percent(other), _points(error, other)


def _other_rows(chosen: Chosen) -> Iterator[tuple[str, str, str, str]]:
    predictions = list(chosen.predictions.values())
    if chosen.has_flow:
        found = [scores.score_of(chosen, one) for one in chosen.checkpoints]
        for letter in COEFFICIENTS:
            first, second = (_counts(score, letter) for score in found)
            solver = minus(f"{found[0][f'{letter}_true']:.3f}")
            yield (
                f"Error of {letter}, all stored faces; solver {solver}",
                *(minus(f"{value:+,.0f} counts") for value in (first, second, second - first)),
            )
    else:
        (first, unit), (second, _) = (_largest(chosen, one) for one in predictions)
        yield (
            f"Largest error of {primary_words(get_dataset(chosen.source))}",
            f"{significant(first)}{unit}",
            f"{significant(second)}{unit}",
            minus(f"{'+' if second >= first else ''}{significant(second - first)}{unit}"),
        )
    first, second = (one.seconds for one in predictions)
    yield (
        f"Forward pass on {device_name(predictions[0].device)}",
        milliseconds(first),
        milliseconds(second),
        minus(f"{1000 * (second - first):+.0f} ms"),
    )


def stored_averages(chosen: Chosen, words: Mapping[str, str]) -> pd.DataFrame:
    """Return the stored averages over the test cases of both models, with their differences.

    Args:
        chosen: The case with both models.
        words: Names on screen of the errors that both may have.
    """
    first, second = (one.metrics for one in chosen.checkpoints)
    rows = [
        (text, percent(first[name]), percent(second[name]), _points(first[name], second[name]))
        for name, text in words.items()
        if first.get(name) is not None and second.get(name) is not None
    ]
    return _two_columns(chosen, rows)


def same_test_cases(first: ListedCheckpoint, second: ListedCheckpoint) -> bool:
    """Return whether the stored averages of two checkpoints are of as many cases."""
    return first.metrics.get("cases") == second.metrics.get("cases")
