"""Score a checkpoint on a split, and write down what a checkpoint's header says of its training.

Letters: B cases, N points, C output channels.
"""

import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mspt.checkpoint import Checkpoint
from mspt.data.case import CaseStack
from mspt.data.registry import get_dataset
from mspt.data.symmetry import Symmetry, turn
from mspt.errors import DataError
from mspt.inference.predict import partitions_for, pick_device, predict_stack
from mspt.metrics.fields import field_metrics, relative_l2
from mspt.progress import OnProgress, quiet


@dataclass(frozen=True)
class Evaluation:
    """Errors of a checkpoint on a split.

    Attributes:
        names: Of the cases.
        relative_l2: Relative L2 of each case, over all fields.
        symmetric: The same for the mean of the predictions under all symmetries of the data set;
            None where nobody asked.
        by_field: Mean relative L2 over the cases of each field, by name.
        mean_only: Mean relative L2 of predicting the training mean everywhere.
    """

    names: tuple[str, ...]
    relative_l2: Float[Tensor, " B"]
    symmetric: Float[Tensor, " B"] | None
    by_field: dict[str, float]
    mean_only: float

    def metrics(self) -> dict[str, float]:
        """Return the numbers of a checkpoint's header."""
        found = {
            "relative_l2": self.relative_l2.mean().item(),
            "median": self.relative_l2.median().item(),
            "worst": self.relative_l2.max().item(),
            "mean_only": self.mean_only,
            "cases": len(self.relative_l2),
            **self.by_field,
        }
        if self.symmetric is None:
            return found
        return found | {"symmetric": self.symmetric.mean().item()}

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
    on_progress: OnProgress = quiet,
) -> Evaluation:
    """Predict every case of a split and compare with its truth.

    Args:
        checkpoint: What predicts.
        cases: Of its data set.
        symmetries: Whether to predict each case under the other symmetries of the data set too,
            and to score the mean.
        device: Where.
        on_progress: Called after each pass.

    Raises:
        DataError: If the checkpoint was trained on another data set.
    """
    if (trained_on := checkpoint.info.get("dataset", cases.dataset)) != cases.dataset:
        raise DataError(
            f"cases must be of the checkpoint's data set {trained_on!r}, got {cases.dataset!r}"
        )
    dataset = get_dataset(cases.dataset)
    asked = dataset.symmetries if symmetries else dataset.symmetries[:1]
    first, *others = (
        _predict(
            checkpoint, cases, symmetry, device, place=(place, len(asked)), on_progress=on_progress
        )
        for place, symmetry in enumerate(asked)
    )
    symmetric = relative_l2(sum(others, first) / len(asked), cases.fields) if symmetries else None
    names = tuple(field.name for field in dataset.fields)
    mean = checkpoint.normalizer.fields_mean.expand_as(cases.fields)
    return Evaluation(
        names=cases.names,
        relative_l2=relative_l2(first, cases.fields),
        symmetric=symmetric,
        by_field=field_metrics(first, cases.fields, names=names),
        mean_only=relative_l2(mean, cases.fields).mean().item(),
    )


def _predict(
    checkpoint: Checkpoint,
    cases: CaseStack,
    symmetry: Symmetry,
    device: str,
    *,
    place: tuple[int, int],
    on_progress: OnProgress,
) -> Float[Tensor, "B N C"]:
    """Predict turned cases; the fields stay with their points."""
    points = turn(cases.points, symmetry)
    encoded, _ = checkpoint.normalizer.encode(points, cases.features)
    partitions = partitions_for(checkpoint.config, encoded)
    model = checkpoint.model.to(pick_device(device))
    predicted = []
    for row in range(len(cases)):
        one = slice(row, row + 1)
        cut = None if partitions is None else partitions[one]
        predicted.append(
            predict_stack(
                model, checkpoint.normalizer, points[one], cases.features[one], partitions=cut
            )
        )
        on_progress(place[0] * len(cases) + row + 1, place[1] * len(cases))
    return torch.cat(predicted)


def num_parameters(model: nn.Module) -> int:
    """Count the learned numbers of a model."""
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
