"""A run on disk: everything that an exact resumption needs, in one safetensors file."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.optim import Optimizer

from mspt.errors import CheckpointError
from mspt.models.normalizer import Normalizer
from mspt.reading import DAMAGED
from mspt.training.batches import Cases
from mspt.training.presets import Preset
from mspt.writing import write_bytes

STATE_NAME = "state.safetensors"


@dataclass(frozen=True)
class Training:
    """Everything that a run consists of; training changes modules and optimizers in place.

    Attributes:
        preset: What is trained, and how.
        model: The model being fitted.
        average: Its moving average, which is evaluated and saved.
        normalizer: Fitted on the training cases.
        optimizers: One or two, for disjoint parameters.
        cases: Training cases.
        coarse: The same on a quarter of the points; None where no epoch uses them.
        validation: Validation cases.
    """

    preset: Preset
    model: nn.Module
    average: nn.Module
    normalizer: Normalizer
    optimizers: tuple[Optimizer, ...]
    cases: Cases
    coarse: Cases | None
    validation: Cases


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    Attributes:
        step: Steps done.
        minutes: Training time so far.
        core_minutes: Processor time of it, that of all threads together: unlike ``minutes`` it does
            not grow while other work keeps the processor busy.
        loss_sum: Sum of the losses of the current epoch.
        loss_count: Their number.
        curve: Training and validation error after each epoch.
    """

    step: int = 0
    minutes: float = 0.0
    core_minutes: float = 0.0
    loss_sum: float = 0.0
    loss_count: int = 0
    curve: tuple[tuple[float, float], ...] = ()

    def after_step(self, loss: float, *, minutes: float, core_minutes: float) -> "Progress":
        """Return the progress after one more step."""
        return replace(
            self,
            step=self.step + 1,
            minutes=minutes,
            core_minutes=core_minutes,
            loss_sum=self.loss_sum + loss,
            loss_count=self.loss_count + 1,
        )

    def after_epoch(self, validation_error: float) -> "Progress":
        """Return the progress after the last step of an epoch."""
        point = (self.loss_sum / self.loss_count, validation_error)
        return replace(self, loss_sum=0.0, loss_count=0, curve=(*self.curve, point))


def save_state(folder: Path, run: Training, progress: Progress) -> None:
    """Write the run; the file is replaced only when the new one is complete.

    Raises:
        OutputError: If it cannot be written, as on a full disk; the state before stays.
    """
    tensors = {f"model.{name}": value for name, value in run.model.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in run.average.state_dict().items()}
    for index, optimizer in enumerate(run.optimizers):
        tensors |= {f"optimizer.{index}.{k}": v for k, v in _optimizer_tensors(optimizer).items()}
    header = {
        "step": progress.step,
        "minutes": progress.minutes,
        "core_minutes": progress.core_minutes,
        "loss_sum": progress.loss_sum,
        "loss_count": progress.loss_count,
        "curve": progress.curve,
        "preset": _identity(run.preset),
    }
    contiguous = {name: value.contiguous().cpu() for name, value in tensors.items()}
    write_bytes(folder / STATE_NAME, save(contiguous, {"run": json.dumps(header)}))


def load_state(folder: Path, run: Training) -> Progress:
    """Put a saved run back into ``run``; a fresh one where nothing was saved.

    Raises:
        CheckpointError: If the file is damaged or belongs to other settings.
    """
    path = folder / STATE_NAME
    if not path.exists():
        return Progress()
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads(file.metadata()["run"])
        return _put_back(path, run, header)
    except (*DAMAGED, SafetensorError, RecursionError) as error:
        raise CheckpointError(
            f"{path.name} must be a complete saved run, got one that is cut off or damaged; "
            "delete it to start again"
        ) from error


def _put_back(path: Path, run: Training, header: dict[str, Any]) -> Progress:
    """Put the saved tensors into a run; errors of many kinds arise from those of other shapes."""
    tensors = load_file(path)
    if header.pop("preset") != json.loads(json.dumps(_identity(run.preset))):
        raise CheckpointError(
            f"{path.name} must belong to the same settings, got those of another run; "
            "choose another folder or delete it to start again"
        )
    run.model.load_state_dict(_below("model.", tensors))
    run.average.load_state_dict(_below("average.", tensors))
    for index, optimizer in enumerate(run.optimizers):
        _load_optimizer(optimizer, _below(f"optimizer.{index}.", tensors))
    curve = tuple((train, validation) for train, validation in header.pop("curve"))
    return Progress(**header, curve=curve)


def _identity(preset: Preset) -> dict[str, Any]:
    return {
        "dataset": preset.dataset,
        "model": preset.model.to_dict(),
        "train": preset.train.to_dict(),
    }


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    return {
        f"{index}.{name}": torch.as_tensor(value)
        for index, entries in optimizer.state_dict()["state"].items()
        for name, value in entries.items()
    }


def _load_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    # The optimizer keeps the tensors that it is given. Those of a file are a view of it, and a file
    # in use cannot be replaced on Windows.
    state = {i: {k: v.clone() for k, v in entries.items()} for i, entries in state.items()}
    optimizer.load_state_dict(
        {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
    )
