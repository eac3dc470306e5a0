"""Score a checkpoint on cases of one size, and describe its surroundings for a header.

Letters: B cases, N points, C output channels.
"""

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mspt.checkpoint import Checkpoint
from mspt.data.case import CaseStack
from mspt.data.registry import get_dataset
from mspt.data.symmetry import turn, turn_features, turn_fields
from mspt.errors import DataError
from mspt.evaluation.regions import errors_by_region
from mspt.inference.predict import predict_cases
from mspt.metrics.fields import field_metrics


@dataclass(frozen=True, kw_only=True)
class CaseScored:
    """Progress of an evaluation.

    Attributes:
        done: Predictions made.
        total: Predictions in all.
    """

    done: int
    total: int


@dataclass(frozen=True)
class Evaluation:
    """Errors of a checkpoint on a split.

    Attributes:
        names: Of the cases.
        relative_l2: Relative L2 of each case, of the data set's primary group of fields.
        symmetric: The same for the mean of the predictions under all symmetries of the data set;
            None where it was not evaluated, or where the identity is the only one.
        by_field: Mean relative L2 over the cases of each field, by name.
        mean_only: Mean of the same error for predicting the training mean everywhere.
        by_region: Mean error of each of the data set's regions, by name; empty where it has none.
    """

    names: tuple[str, ...]
    relative_l2: Float[Tensor, " B"]
    symmetric: Float[Tensor, " B"] | None
    by_field: dict[str, float]
    mean_only: float
    by_region: dict[str, float | None] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.names)

    def metrics(self) -> dict[str, Any]:
        """Return the numbers of a checkpoint's header."""
        found: dict[str, Any] = {
            "relative_l2": self.relative_l2.mean().item(),
            "median": self.relative_l2.median().item(),
            "worst": self.relative_l2.max().item(),
            "mean_only": self.mean_only,
            "cases": len(self.relative_l2),
            **self.by_field,
        }
        if self.by_region:
            found["by_region"] = self.by_region
        if self.symmetric is None:
            return found
        return found | {"symmetric": self.symmetric.mean().item()}

    def header(self) -> dict[str, Any]:
        """Return what a checkpoint's header stores of it."""
        return {"metrics": self.metrics(), "scores": self.scores()}

    def scores(self) -> list[dict[str, Any]]:
        """Return the error of each case, for a checkpoint's header."""
        columns = {"relative_l2": self.relative_l2.tolist()}
        if self.symmetric is not None:
            columns["symmetric"] = self.symmetric.tolist()
        rounded = ([round(value, 6) for value in column] for column in columns.values())
        return [
            {"name": name, **dict(zip(columns, row, strict=True))}
            for name, *row in zip(self.names, *rounded, strict=True)
        ]


def evaluate(
    checkpoint: Checkpoint,
    cases: CaseStack,
    *,
    symmetries: bool = False,
    device: str = "cpu",
) -> Iterator[CaseScored | Evaluation]:
    """Predict every case of a split and compare with its truth; the evaluation comes last.

    Args:
        checkpoint: The model, trained on the data set of the cases.
        cases: The cases of the split.
        symmetries: Whether to predict each case under the other symmetries of the data set too,
            and to score the mean of these predictions.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.

    Raises:
        DataError: If the checkpoint was trained on another data set.
    """
    if (trained_on := checkpoint.info.get("dataset", cases.dataset)) != cases.dataset:
        raise DataError(
            f"cases must be of the checkpoint's data set {trained_on!r}, got {cases.dataset!r}"
        )
    dataset = get_dataset(cases.dataset)
    used = dataset.symmetries if symmetries else dataset.symmetries[:1]
    total, predicted = len(used) * len(cases), []
    for number, symmetry in enumerate(used):
        points = turn(cases.points, symmetry)
        features, fields = turn_features(cases.features, symmetry), []
        for one in predict_cases(checkpoint, points, features, device=device):
            fields.append(turn_fields(one.fields, symmetry))
            yield CaseScored(done=number * len(cases) + len(fields), total=total)
        predicted.append(torch.stack(fields))
    first, *others = predicted
    mean = checkpoint.normalizer.decode(torch.zeros_like(cases.fields))

    def errors(fields: Float[Tensor, "B N C"]) -> Float[Tensor, " B"]:
        return dataset.layout.errors(fields, cases.fields)[0]

    yield Evaluation(
        names=cases.names,
        relative_l2=errors(first),
        symmetric=errors(sum(others, first) / len(used)) if others else None,
        by_field=field_metrics(first, cases.fields, names=dataset.layout.field_channels),
        mean_only=errors(mean).mean().item(),
        by_region=errors_by_region(first, cases),
    )


def num_parameters(model: nn.Module) -> int:
    """Return the number of trainable parameters of a model."""
    return sum(parameter.numel() for parameter in model.parameters())


def surroundings() -> dict[str, Any]:
    """Return hardware and library versions, for a header."""
    cuda = torch.cuda.is_available()
    return {
        "hardware": torch.cuda.get_device_name() if cuda else f"CPU {platform.machine()}",
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "numpy", "scipy")},
        },
    }


def rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of scores for a header: five decimals, and None for what is not defined.

    Examples:
        >>> rounded({"name": "car-0001", "C_p": 0.1234567, "wheels": float("nan")})
        {'name': 'car-0001', 'C_p': 0.12346, 'wheels': None}
    """
    return {
        key: None if value != value else round(value, 5) if isinstance(value, float) else value
        for key, value in row.items()
    }
