"""Predictions of other models, scored on the same cases and in the same way as checkpoints.

Letters: B cases, N points, C fields.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from mspt.checkpoint import CheckpointInfo
from mspt.data.brought.arrays import FileArrays, read_file
from mspt.data.case import CaseStack
from mspt.data.dataset import Dataset
from mspt.errors import DataError
from mspt.evaluation.accuracy import TrainedModel
from mspt.evaluation.flows import body_of, score_prediction, summarize
from mspt.evaluation.regions import errors_by_region
from mspt.geometry.files.names import stem_of
from mspt.metrics.fields import field_metrics

FORM = (
    "save np.savez('predictions.npz', names=names, fields=fields) with the names of test cases and "
    "one row of fields for each"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """Fields that another model has predicted.

    Attributes:
        title: Name of the file without its ending.
        dataset: The data set whose cases they are of.
        fields: In physical units, by the name of the case.
    """

    title: str
    dataset: str
    fields: Mapping[str, ndarray]


@dataclass(frozen=True, kw_only=True)
class PredictionScores:
    """How good predictions are.

    Attributes:
        title: Name of what predicted.
        dataset: Data set.
        errors: Primary relative L2 error of each case, by its name.
        further: Means of other errors by name: of fields, regions and coefficients.
        num_cases: Test cases that there are.
    """

    title: str
    dataset: str
    errors: Mapping[str, float]
    further: Mapping[str, float]
    num_cases: int

    def metrics(self) -> dict[str, Any]:
        """Return the numbers as the command ``evaluate`` prints them."""
        values = np.array(list(self.errors.values()))
        return {
            "relative_l2": float(values.mean()),
            "median": float(np.median(values)),
            "worst": float(values.max()),
            "cases": len(values),
            **self.further,
        }

    @property
    def row_name(self) -> str:
        """Its name in the table of checkpoints, unlike that of any file there."""
        return f"{self.title} (yours)"

    def row(self) -> TrainedModel:
        """Return them as a row of the table of checkpoints."""
        metrics = self.metrics()
        missing = self.num_cases - len(self.errors)
        words = "predictions brought as a file"
        return TrainedModel(
            name=self.row_name,
            dataset=self.dataset,
            architecture="predictions",
            words=f"{words}, {missing} cases missing" if missing else words,
            parameters=None,
            epochs=None,
            minutes=None,
            hardware="",
            seed=None,
            cases=len(self.errors),
            error=metrics["relative_l2"],
            symmetric=None,
            mean_only=None,
            errors={},
            curve=(),
            configuration=f"predictions {self.title}",
            command=f"python -m mspt evaluate --predictions {self.title}.npz "
            f"--dataset {self.dataset}",
        )


def read_predictions(content: bytes, name: str, dataset: Dataset) -> Predictions:
    """Return the predictions in a file.

    It holds an array for each case, named after it, such as ``elasticity-1100``; or ``fields`` of
    shape (B, N, C), or (B, N) for one field, with ``names`` of the cases. Without names the rows
    are the test cases in order.

    Args:
        content: Of the file.
        name: Of the file, ``.npz``.
        dataset: Data set whose test cases are predicted.

    Raises:
        DataError: If the file holds none, or some of cases that are not there.
    """
    if Path(name).suffix.lower() != ".npz":
        raise DataError(f"predictions must be an .npz file, got {Path(name).name[:80]}; {FORM}")
    file, known = read_file(content, name), dataset.names("test")
    if not known:
        raise DataError(
            f"{dataset.name} must have test cases here to score predictions of, found none; make "
            f"them with `python -m mspt generate {dataset.name} --out data`"
        )
    found = _by_name(file, known)
    if unknown := [one for one in found if one not in known]:
        raise DataError(
            f"predictions must be of test cases, {known[0]} to {known[-1]}, got {unknown[0][:80]!r}"
            f"; {FORM}"
        )
    title = re.sub(r"[^\w.+-]+", "-", stem_of(name))[:60].strip("-.") or "predictions"
    return Predictions(title=title, dataset=dataset.name, fields=found)


def _by_name(file: FileArrays, known: tuple[str, ...]) -> dict[str, ndarray]:
    """Return the arrays of a file by the name of their case."""
    fields = file.arrays.get("fields", file.arrays.get("predictions"))
    if fields is None:
        found = {one: values for one, values in file.arrays.items() if one != "case"}
        if not found or not set(found) & set(known):
            held = ", ".join(file.arrays)[:80] or "no numbers"
            raise DataError(f"predictions must hold an array named fields, got {held}; {FORM}")
        return found
    names = file.texts.get("names", list(known[: len(fields)]))
    if fields.ndim < 2 or len(names) != len(fields):
        raise DataError(
            f"fields must have a row for each of {len(names):,} cases, got shape {fields.shape}; "
            f"{FORM}"
        )
    if len(set(names)) < len(names):
        raise DataError(f"names must differ from each other, got some twice; {FORM}")
    return dict(zip(names, fields, strict=True))


def score_predictions(predictions: Predictions, dataset: Dataset) -> PredictionScores:
    """Return the errors of predictions, computed as those of checkpoints are.

    Raises:
        DataError: If a prediction has another shape than the fields of its case, or is not finite.
    """
    names = dataset.names("test")
    if dataset.body is not None:
        return _score_flows(predictions, dataset, num_cases=len(names))
    stack = dataset.cases("test", limit=len(names))
    if not isinstance(stack, CaseStack):
        raise DataError(
            f"data set must be one whose cases have one size, or of flows, got {dataset.name}; "
            "predictions of others cannot be scored here"
        )
    rows = [row for row, name in enumerate(stack.names) if name in predictions.fields]
    cases = CaseStack(
        dataset=stack.dataset,
        names=tuple(stack.names[row] for row in rows),
        points=stack.points[rows],
        features=stack.features[rows],
        fields=stack.fields[rows],
    )
    predicted = torch.stack(
        [
            _fields(predictions.fields[name], truth, name)
            for name, truth in zip(cases.names, cases.fields, strict=True)
        ]
    )
    errors = dataset.layout.errors(predicted, cases.fields)[0].tolist()
    further = field_metrics(predicted, cases.fields, names=dataset.layout.field_channels)
    regions = {
        name: value
        for name, value in errors_by_region(predicted, cases).items()
        if value is not None
    }
    return PredictionScores(
        title=predictions.title,
        dataset=dataset.name,
        errors=dict(zip(cases.names, errors, strict=True)),
        further=further | regions,
        num_cases=len(names),
    )


def _score_flows(predictions: Predictions, dataset: Dataset, *, num_cases: int) -> PredictionScores:
    """Return the errors of predictions at all stored points of flows, on both sides of the body."""
    scores = []
    for name, values in predictions.fields.items():
        flow = dataset.load(name)
        body = body_of(flow)
        scores.append(score_prediction(name, flow, body, _fields(values, body.fields, name)))
    return PredictionScores(
        title=predictions.title,
        dataset=dataset.name,
        errors={one.name: one.surface_pressure for one in scores},
        further={
            key: value for key, value in summarize(scores).items() if isinstance(value, float)
        },
        num_cases=num_cases,
    )


def _fields(values: ndarray, truth: Float[Tensor, "N C"], name: str) -> Float[Tensor, "N C"]:
    """Return a prediction in the shape of its truth."""
    shaped = values[:, None] if values.ndim == 1 else values
    if shaped.shape != tuple(truth.shape):
        raise DataError(
            f"prediction of {name} must have the shape {tuple(truth.shape)} of its fields, got "
            f"{values.shape}; {FORM}"
        )
    found = torch.from_numpy(np.array(shaped, dtype=np.float32))
    if not torch.isfinite(found).all():
        raise DataError(
            f"prediction of {name} must be finite, got NaN or infinity; leave the case out"
        )
    return found


def error_on(checkpoint: CheckpointInfo, names: Mapping[str, float]) -> float | None:
    """Return the stored mean error of a checkpoint on some cases; None where it is not known."""
    scores = {one["name"]: one for one in checkpoint.info.get("scores", [])}
    keys = ("relative_l2", "surface_pressure")
    found = [
        next((scores[name][key] for key in keys if key in scores[name]), None)
        for name in names
        if name in scores
    ]
    known = [one for one in found if one is not None]
    return sum(known) / len(known) if known and len(known) == len(names) else None
