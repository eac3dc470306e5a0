"""What the page on benchmarks reads: headers of checkpoints, times of a pass, rows of ablations."""

from pathlib import Path

import pandas as pd

from mspt.benchmarks.passes import PassRow, read_passes
from mspt.data.registry import datasets
from mspt.evaluation.accuracy import SeedSpread, TrainedModel, seed_spreads, trained_models
from mspt.evaluation.literature import KINDS, published_errors
from mspt.evaluation.mistakes import KNOWN_MISTAKES
from mspt.figures.charts.series import RunPoint
from pages._shared import runs
from pages._shared.cache import all_checkpoints
from pages._shared.charts import PERCENT

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
    """Return the scored checkpoints of a data set, the best first."""
    return trained_models(all_checkpoints(), dataset)


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
