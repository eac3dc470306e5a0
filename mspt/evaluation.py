"""Score a checkpoint on a split, and write down what a checkpoint's header says of its training.

Letters: B cases.
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
from mspt.errors import DataError
from mspt.inference import partitions_for, pick_device, predict_stack
from mspt.metrics import field_metrics, relative_l2


@dataclass(frozen=True)
class Evaluation:
    """Errors of a checkpoint on a split.

    Attributes:
        relative_l2: Relative L2 of each case, over all fields.
        by_field: Mean relative L2 over the cases of each field, by name.
        mean_only: Mean relative L2 of predicting the training mean everywhere.
    """

    relative_l2: Float[Tensor, " B"]
    by_field: dict[str, float]
    mean_only: float

    def metrics(self) -> dict[str, float]:
        """Return the numbers of a checkpoint's header."""
        return {
            "relative_l2": self.relative_l2.mean().item(),
            "median": self.relative_l2.median().item(),
            "worst": self.relative_l2.max().item(),
            "mean_only": self.mean_only,
            "cases": len(self.relative_l2),
            **self.by_field,
        }


def evaluate(checkpoint: Checkpoint, cases: CaseStack, *, device: str = "cpu") -> Evaluation:
    """Predict every case of a split and compare with its truth.

    Raises:
        DataError: If the checkpoint was trained on another data set.
    """
    if (trained_on := checkpoint.info.get("dataset", cases.dataset)) != cases.dataset:
        raise DataError(
            f"cases must be of the checkpoint's data set {trained_on!r}, got {cases.dataset!r}"
        )
    encoded, _ = checkpoint.normalizer.encode(cases.points, cases.features)
    predicted = predict_stack(
        checkpoint.model.to(pick_device(device)),
        checkpoint.normalizer,
        cases.points,
        cases.features,
        partitions=partitions_for(checkpoint.config, encoded),
    )
    names = tuple(field.name for field in get_dataset(cases.dataset).fields)
    mean = checkpoint.normalizer.fields_mean.expand_as(cases.fields)
    return Evaluation(
        relative_l2=relative_l2(predicted, cases.fields),
        by_field=field_metrics(predicted, cases.fields, names=names),
        mean_only=relative_l2(mean, cases.fields).mean().item(),
    )


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
