"""What checkpoints have reached, from their headers alone, and its spread over seeds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from mspt.checkpoint import CheckpointInfo
from mspt.data.dataset import Dataset
from mspt.data.registry import get_dataset
from mspt.evaluation._card_parts import describe_model, repeat_command

COEFFICIENTS: Mapping[str, str] = {
    "C_D_relative": "C_D",
    "C_D_pressure_relative": "C_D by pressure",
}
"""Relative errors of coefficients in a header, and the words for them."""


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """One checkpoint, from its header.

    Attributes:
        name: Name of its file without the ending.
        dataset: Data set that it was trained on.
        architecture: Architecture.
        words: Architecture and sizes in a few words.
        parameters: Trainable parameters.
        epochs: Passes over the training cases; None where the header does not say.
        minutes: Wall time of the training; None likewise.
        hardware: Where it was trained; empty likewise.
        seed: Seed of weights and order; None likewise.
        cases: Test cases.
        error: Mean relative L2 error over the test cases, of the primary fields.
        symmetric: The same for the mean over all symmetries; None where it was not evaluated.
        mean_only: The same for predicting the training mean; None likewise.
        errors: Further errors by name: of other fields, regions, coefficients and splits.
        curve: Training and validation error after each epoch.
        configuration: Equal for checkpoints that differ in their seed alone.
        command: Command that trains it again; empty where there is none.
    """

    name: str
    dataset: str
    architecture: str
    words: str
    parameters: int | None
    epochs: int | None
    minutes: float | None
    hardware: str
    seed: int | None
    cases: int
    error: float
    symmetric: float | None
    mean_only: float | None
    errors: Mapping[str, float]
    curve: tuple[tuple[float, float], ...]
    configuration: str
    command: str


@dataclass(frozen=True, kw_only=True)
class SeedSpread:
    """Test errors of checkpoints that differ in their seed alone.

    Attributes:
        models: Names of the checkpoints.
        mean: Of their test errors.
        low: Least of them.
        high: Largest of them.
    """

    models: tuple[str, ...]
    mean: float
    low: float
    high: float


def trained_models(checkpoints: Sequence[CheckpointInfo], dataset: str) -> tuple[TrainedModel, ...]:
    """Return the scored checkpoints of a data set, the smallest test error first."""
    found = [
        _model(one)
        for one in checkpoints
        if one.info.get("dataset") == dataset
        and one.info.get("metrics", {}).get("relative_l2") is not None
    ]
    return tuple(sorted(found, key=lambda one: one.error))


def _model(one: CheckpointInfo) -> TrainedModel:
    info, metrics = one.info, one.info["metrics"]
    return TrainedModel(
        name=one.path.stem,
        dataset=info["dataset"],
        architecture=one.config.architecture,
        words=describe_model(one),
        parameters=info.get("parameters"),
        epochs=info.get("epochs"),
        minutes=info.get("minutes"),
        hardware=info.get("hardware", ""),
        seed=info.get("seed"),
        cases=metrics.get("cases", 0),
        error=metrics["relative_l2"],
        symmetric=metrics.get("symmetric"),
        mean_only=metrics.get("mean_only"),
        errors=_further_errors(get_dataset(info["dataset"]), info),
        curve=tuple((train, validation) for train, validation in info.get("curve", ())),
        configuration=_configuration(one),
        command=repeat_command(one) if "train" in info else "",
    )


def _further_errors(dataset: Dataset, info: Mapping[str, Any]) -> dict[str, float]:
    """Return errors of a header beside the primary one, by the words for them."""
    metrics = info["metrics"]
    groups = {
        group.title or group.name.replace("_", " "): metrics.get(group.name)
        for group in dataset.layout.groups[1:]
    }
    coefficients = {words: metrics.get(name) for name, words in COEFFICIENTS.items()}
    splits = {
        f"{split} split": info.get(f"metrics_{split}", {}).get("relative_l2")
        for split in dataset.splits
    }
    regions = metrics.get("by_region", {})
    every = groups | coefficients | splits | regions
    return {name: value for name, value in every.items() if value is not None}


def _configuration(one: CheckpointInfo) -> str:
    train = {name: value for name, value in one.info.get("train", {}).items() if name != "seed"}
    cases = one.info.get("train_cases"), one.info.get("data_hash")
    return json.dumps([one.info["dataset"], one.config.to_dict(), train, cases], sort_keys=True)


def seed_spreads(models: Sequence[TrainedModel]) -> dict[str, SeedSpread]:
    """Return by the name of each model the spread over all models of its configuration."""
    groups: dict[str, list[TrainedModel]] = {}
    for one in models:
        groups.setdefault(one.configuration, []).append(one)
    found = {}
    for own in groups.values():
        errors = [one.error for one in own]
        spread = SeedSpread(
            models=tuple(one.name for one in own),
            mean=fmean(errors),
            low=min(errors),
            high=max(errors),
        )
        found |= {one.name: spread for one in own}
    return found
