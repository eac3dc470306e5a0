"""What is said of a run whose numbers are no longer finite, and how that is found."""

from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from mspt.data.case import CaseStack
from mspt.data.dataset import Cases
from mspt.errors import TrainingError
from mspt.training.state import STATE_NAME, Training

MAX_NAMED = 3
"""Damaged cases that a message names."""


def failure(what: str, training: Training, *, folder: Path | None) -> TrainingError:
    """Return the error of a run that cannot go on.

    Args:
        what: The number that is not finite, and the step.
        training: The run, whose cases may be the cause.
        folder: Where the run is saved; None where it is not.
    """
    broken = [name for part in (training.cases, training.validation) for name in damaged(part)]
    advice = "try a lower learning rate"
    if broken:
        more = f" and {len(broken) - MAX_NAMED} more" if len(broken) > MAX_NAMED else ""
        advice = f"repair or leave out {', '.join(broken[:MAX_NAMED])}{more}, whose data hold some"
    saved = folder is not None and (folder / STATE_NAME).exists()
    kept = f"; {folder}/{STATE_NAME} keeps the last good state" if saved else ""
    return TrainingError(f"training must meet neither NaN nor infinity, got {what}; {advice}{kept}")


def damaged(cases: Cases) -> Iterator[str]:
    """Yield the names of the cases with NaN or infinity in coordinates, features or fields."""
    for row, name in enumerate(cases.names):
        if isinstance(cases, CaseStack):
            parts = (cases.points[row], cases.features[row], cases.fields[row])
        else:
            half = cases.halves[row]
            parts = (half.points, half.features, half.fields)
        if not all(_is_finite(part) for part in parts):
            yield name


def infinite_weight(training: Training) -> str | None:
    """Return the name of a weight or a statistic with NaN or infinity, if any."""
    parts = {"": training.model, "average.": training.average, "normalizer.": training.normalizer}
    for prefix, module in parts.items():
        for name, tensor in module.state_dict().items():
            if not _is_finite(tensor):
                return prefix + name
    return None


def _is_finite(tensor: Tensor) -> bool:
    return bool(tensor.isfinite().all())
