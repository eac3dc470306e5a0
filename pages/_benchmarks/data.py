"""What the page on benchmarks reads: headers of checkpoints, times of a pass, rows of ablations."""

import io
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pandas as pd

from mspt.benchmarks.passes import PassRow, read_passes
from mspt.data.registry import datasets
from mspt.evaluation.accuracy import SeedSpread, TrainedModel, seed_spreads, trained_models
from mspt.evaluation.cases import CaseScored
from mspt.evaluation.literature import KINDS, published_errors
from mspt.evaluation.mistakes import KNOWN_MISTAKES
from mspt.evaluation.predictions import PredictionScores, error_on
from mspt.evaluation.score import final_scores
from mspt.figures.charts.series import RunPoint
from pages._shared import jobs, own, runs
from pages._shared.cache import all_checkpoints, load, test_cases
from pages._shared.charts import PERCENT
from pages._shared.datasets import has_flow, num_test_cases

PASSES_FILE = Path("assets/benchmarks/passes.csv")
COSTS = {
    "Parameters": "trainable parameters",
    "Training": "minutes of training, wall time",
    "A pass": "seconds of a forward pass",
}
"""What the error is drawn against, with the title of the axis."""
FORMATS = {
    "Checkpoint": "{}",
    "Model": "{}",
    "Over seeds": "{}",
    "Seed": "{:.0f}",
    "Epochs": "{:.0f}",
    "Parameters": "{:,.0f}",
    "Minutes": "{:.0f}",
    "Seconds a pass": "{:.3f}",
}
"""Columns of the table of checkpoints that hold no shares."""


def dataset_names() -> tuple[str, ...]:
    """Return the data sets that are generated here, have published errors, or have a checkpoint.

    The published files of a set that is generated here are left out until a model is trained on
    them: the published errors stand beside the set.
    """
    trained = {one.info.get("dataset") for one in all_checkpoints()}
    return tuple(
        one.name
        for one in datasets()
        if one.can_generate or one.name in trained or published_errors(one.name)
    )


def first_dataset() -> str:
    """Return the data set that the page shows first: one with checkpoints and runs, if there is."""
    with_models = {one.info.get("dataset") for one in all_checkpoints()}
    with_runs = {row.dataset for row in runs.every_row()}
    names = dataset_names()
    return next((one for one in names if one in with_models & with_runs), names[0])


def models(dataset: str) -> tuple[TrainedModel, ...]:
    """Return the scored checkpoints of a data set and the visitor's predictions, best first."""
    known = trained_models(all_checkpoints(), dataset)
    return tuple(sorted((*known, *(one.row() for one in brought(dataset))), key=_error))


def _error(one: TrainedModel) -> float:
    return one.error


def brought(dataset: str) -> list[PredictionScores]:
    """Return the scores of the predictions that the visitor has brought for a data set."""
    return [one for one in own.scores().values() if one.dataset == dataset]


def own_without_scores(dataset: str) -> list[own.OwnModel]:
    """Return the models that the visitor has brought and that nobody has scored yet."""
    return [
        one
        for one in own.models().values()
        if one.info["dataset"] == dataset and one.metrics.get("relative_l2") is None
    ]


def score_steps(model: own.OwnModel) -> Generator[jobs.Step, None, None]:
    """Score a model on all test cases; the entries of its header are the result."""
    for event in final_scores(load(model.key)):
        if isinstance(event, CaseScored):
            yield jobs.Step(event.done / event.total, f"Predicted {event.done} of {event.total}")
        else:
            yield jobs.Step(1.0, "Scored", event)


def _on_same_cases(found: tuple[TrainedModel, ...]) -> dict[str, list[float | None]]:
    """Return a column for predictions of some cases alone: the errors of all models on these."""
    columns, headers = {}, {one.name: one for one in all_checkpoints()}
    for scores in brought(found[0].dataset):
        if len(scores.errors) == scores.num_cases:
            continue
        mean = scores.metrics()["relative_l2"]
        columns[f"On these {len(scores.errors)} cases"] = [
            mean
            if one.name == scores.row_name
            else error_on(headers[one.name], scores.errors)
            if one.name in headers
            else None
            for one in found
        ]
    return columns


def passes(found: tuple[TrainedModel, ...]) -> dict[str, PassRow]:
    """Return the stored time of a pass by checkpoint; an older file of a name does not count."""
    known = read_passes(PASSES_FILE)
    return {
        one.name: row
        for one in found
        if (row := known.get(one.name)) is not None and row.parameters == one.parameters
    }


def model_table(found: tuple[TrainedModel, ...]) -> pd.DataFrame:
    """Return one row for each checkpoint; columns that no checkpoint has are left out."""
    spreads, times = seed_spreads(found), passes(found)
    table = pd.DataFrame(
        [
            {
                "Checkpoint": one.name,
                "Test error": one.error,
                "Over symmetries": one.symmetric,
                **{name[:1].upper() + name[1:]: error for name, error in one.errors.items()},
                "Validation": one.curve[-1][1] if one.curve else None,
                "Training": one.curve[-1][0] if one.curve else None,
                "Parameters": one.parameters,
                "Epochs": one.epochs,
                "Minutes": one.minutes,
                "Seconds a pass": times[one.name].seconds if one.name in times else None,
                "Seed": one.seed,
                "Over seeds": spread_words(spreads[one.name]),
                "Model": one.words,
            }
            for one in found
        ]
    )
    for place, (title, column) in enumerate(_on_same_cases(found).items(), start=2):
        table.insert(place, title, column)
    return table.dropna(axis="columns", how="all")


def formats(table: pd.DataFrame) -> dict[str, str]:
    """Return how the columns of the table of checkpoints are shown: all others are shares."""
    return {title: FORMATS.get(title, PERCENT) for title in table}


def spread_words(spread: SeedSpread) -> str:
    """Return mean and range of the test error over the seeds of one configuration.

    >>> spread_words(SeedSpread(models=("a", "b"), mean=0.02, low=0.01, high=0.03))
    '2.00%, from 1.00% to 3.00% over 2'
    >>> spread_words(SeedSpread(models=("a",), mean=0.02, low=0.02, high=0.02))
    'one run'
    """
    if len(spread.models) == 1:
        return "one run"
    ends = f"from {spread.low:.2%} to {spread.high:.2%}"
    return f"{spread.mean:.2%}, {ends} over {len(spread.models)}"


def run_points(found: tuple[TrainedModel, ...], cost: str) -> list[RunPoint]:
    """Return error and cost of each configuration; those without a known cost are left out."""
    spreads, times = seed_spreads(found), passes(found)
    costs = {
        "Parameters": lambda one: one.parameters,
        "Training": lambda one: one.minutes,
        "A pass": lambda one: times[one.name].seconds if one.name in times else None,
    }
    return [
        RunPoint(
            name=one.name,
            cost=float(known),
            error=spreads[one.name].mean,
            low=spreads[one.name].low,
            high=spreads[one.name].high,
            place=place,
        )
        for place, one in enumerate(found)
        if (known := costs[cost](one)) and spreads[one.name].models[0] == one.name
    ]


def published_table(dataset: str) -> pd.DataFrame:
    """Return one row for each published number."""
    return pd.DataFrame(
        [
            {
                "Method": one.method,
                "Error": one.percent / 100,
                "Of": one.note,
                "Origin": KINDS[one.kind],
                "Source": one.source,
            }
            for one in published_errors(dataset)
        ]
    )


def mistakes_table() -> pd.DataFrame:
    """Return one row for each known mistake."""
    return pd.DataFrame(
        [
            {"Mistake": one.title, "Reported": one.where, "Effect": one.effect, "Test": one.test}
            for one in KNOWN_MISTAKES
        ]
    )


def has_sheets(dataset: str) -> bool:
    """Return whether the test cases of a data set are here and have one size."""
    return num_test_cases(dataset) > 0 and not has_flow(dataset)


def cases_file(dataset: str) -> bytes:
    """Return the test cases as an archive of plain arrays."""
    cases, content = test_cases(dataset), io.BytesIO()
    np.savez_compressed(
        content,
        names=np.array(cases.names),
        points=cases.points.numpy(),
        features=cases.features.numpy(),
        fields=cases.fields.numpy(),
    )
    return content.getvalue()
