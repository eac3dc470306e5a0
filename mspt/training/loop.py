"""Training as a generator of events; it can be stopped after any of them.

Letters: B batch, N points, X space axes, F input features, C output channels.
"""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter, process_time

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import AdamW, Muon, Optimizer

from mspt.checkpoint import load_checkpoint
from mspt.data.descriptors import described_cases
from mspt.errors import CheckpointError
from mspt.inference.predict import pick_device
from mspt.models.normalizer import Normalizer
from mspt.models.registry import build_model
from mspt.models.rollout import roll_out
from mspt.seeding import generator
from mspt.training.batches import Batch, Cases, Source, coarsen, fit_normalizer, source_of
from mspt.training.failures import failure, infinite_weight
from mspt.training.optimizers import Lion
from mspt.training.presets import Preset, TrainConfig
from mspt.training.ranks import mean_of_ranks, on_all_ranks, own_part, saves_run
from mspt.training.state import Progress, Training, load_state, save_state

SAVE_SECONDS = 120.0
"""A run is saved at least this often, and after every epoch."""


@dataclass(frozen=True)
class StepDone:
    """One optimizer step.

    Attributes:
        step: Steps done in all.
        num_steps: Steps of the whole run.
        loss: Mean relative L2 of the batch.
        learning_rate: Rate of this step.
        seconds_left: Estimate for the rest of the run.
    """

    step: int
    num_steps: int
    loss: float
    learning_rate: float
    seconds_left: float


@dataclass(frozen=True)
class EpochDone:
    """One pass over the training cases.

    Attributes:
        epoch: Passes done in all.
        train_error: Mean relative L2 over the steps of this pass.
        validation_error: Mean relative L2 of the averaged weights over the validation cases.
        minutes: Training time so far, earlier sessions included.
    """

    epoch: int
    train_error: float
    validation_error: float
    minutes: float


@dataclass(frozen=True)
class TrainingStopped:
    """The last event: all steps are done, or the time is up.

    Attributes:
        progress: Steps, minutes and the curve, earlier sessions included.
        complete: Whether all steps are done.
    """

    progress: Progress
    complete: bool


def prepare(preset: Preset, *, cases: Cases, validation: Cases, device: str = "cpu") -> Training:
    """Build a seeded model, its normalizer and its optimizers, or take over a trained model.

    Raises:
        CheckpointError: If the run is to start from a checkpoint that cannot be read, or of another
            model.
        DataError: If the model reads descriptors of bodies and the cases have none.
    """
    groups = preset.model.descriptors
    cases, validation = described_cases(cases, groups), described_cases(validation, groups)
    model, normalizer = _begin(preset, cases)
    model = model.to(pick_device(device))
    return Training(
        preset=preset,
        model=model,
        average=copy.deepcopy(model).eval().requires_grad_(requires_grad=False),
        normalizer=normalizer,
        optimizers=build_optimizers(model, preset.train),
        cases=cases,
        coarse=coarsen(cases) if preset.train.coarse_epochs else None,
        validation=validation,
    )


def _begin(preset: Preset, cases: Cases) -> tuple[nn.Module, Normalizer]:
    if not (start := preset.train.start):
        return build_model(preset.model, seed=preset.train.seed), fit_normalizer(
            cases, preset.model
        )
    begun = load_checkpoint(start)
    if begun.config != preset.model:
        wanted, found = preset.model.to_dict(), begun.config.to_dict()
        others = [
            f"{key} {found.get(key)}, not {wanted.get(key)}"
            for key in {**wanted, **found}
            if found.get(key) != wanted.get(key)
        ]
        raise CheckpointError(
            f"start must be a checkpoint of the same model, got {start} with {'; '.join(others)}; "
            "choose a preset with that model"
        )
    return begun.model.train(), begun.normalizer


def build_optimizers(model: nn.Module, config: TrainConfig) -> tuple[Optimizer, ...]:
    """Return AdamW or Lion for all parameters, or Muon for the blocks' matrices and AdamW for rest.

    Weight decay applies to matrices only. Muon's rate is scaled to AdamW's size of update.
    """
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    is_hidden = {name: "blocks." in name and p.ndim == 2 for name, p in named}
    use_muon = config.optimizer == "muon"
    rest = [p for name, p in named if not (use_muon and is_hidden[name])]
    groups = [
        {"params": [p for p in rest if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
    ]
    if config.optimizer == "lion":
        return (Lion(groups, lr=config.learning_rate),)
    adamw = AdamW(groups, lr=config.learning_rate)
    if not use_muon:
        return (adamw,)
    muon = Muon(
        [p for name, p in named if is_hidden[name]],
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        adjust_lr_fn="match_rms_adamw",
    )
    return (muon, adamw)


def learning_rate(step: int, num_steps: int, *, config: TrainConfig) -> float:
    """Return the rate of a step: linear warm-up, then a cosine to zero.

    Examples:
        >>> config = TrainConfig(epochs=1, learning_rate=1.0, warmup=0.5)
        >>> [round(learning_rate(step, 4, config=config), 2) for step in range(4)]
        [0.5, 1.0, 1.0, 0.5]
    """
    num_warmup = round(config.warmup * num_steps)
    if step < num_warmup:
        return config.learning_rate * (step + 1) / num_warmup
    progress = (step - num_warmup) / max(1, num_steps - num_warmup)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def train(
    training: Training, *, folder: Path | None = None, minutes: float | None = None
) -> Iterator[StepDone | EpochDone | TrainingStopped]:
    """Fit the model in place, yielding after each step, after each epoch and at the end.

    A run saved in ``folder`` goes on where it stopped, with the same numbers as an uninterrupted
    one.

    Args:
        training: What :func:`prepare` returned.
        folder: Where the run is saved; None to save nothing.
        minutes: Stop, and save, after this time.

    Raises:
        TrainingError: If a loss, a gradient, a weight or a validation error is not finite. The
            weights of the step before stay in the model, and what was saved stays in ``folder``.
        CheckpointError: If the saved run is damaged or belongs to other settings.
    """
    config, num_cases = training.preset.train, len(training.cases)
    steps_per_epoch = math.ceil(num_cases / config.batch_size)
    num_steps = config.epochs * steps_per_epoch
    progress = load_state(folder, training) if folder else Progress()
    first_step = progress.step
    if name := infinite_weight(training):
        raise failure(f"one in {name} before step {first_step + 1:,}", training, folder=folder)
    start, saved, spent = perf_counter(), perf_counter(), progress.minutes
    core_start = process_time() - 60 * progress.core_minutes
    resolutions = [cases for cases in (training.coarse, training.cases) if cases]
    stages = [_source(training, cases, is_fitted=True) for cases in resolutions]
    validation = _source(training, training.validation)
    divided = on_all_ranks(training.model, batch_size=config.batch_size)
    forward = torch.compile(divided) if config.compile else divided
    for step in range(first_step, num_steps):
        at = f"at step {step + 1:,} of {num_steps:,}"
        rows, weight = own_part(_batch_rows(step, steps_per_epoch, num_cases, config))
        rate = learning_rate(step, num_steps, config=config)
        is_coarse = step < config.coarse_epochs * steps_per_epoch
        batch = stages[0 if is_coarse else -1].batch(rows, step // steps_per_epoch)
        try:
            loss = _step(training, forward, batch, rate, weight=weight)
        except FloatingPointError as error:
            raise failure(f"{error} {at}", training, folder=folder) from error
        _average(training, step)
        now = perf_counter()
        progress = progress.after_step(
            loss,
            minutes=spent + (now - start) / 60,
            core_minutes=(process_time() - core_start) / 60,
        )
        left = (now - start) / (step + 1 - first_step) * (num_steps - step - 1)
        yield StepDone(step + 1, num_steps, loss, rate, left)
        if (step + 1) % steps_per_epoch == 0:
            progress = progress.after_epoch(validation_error(training, validation))
            if not math.isfinite(progress.curve[-1][1]):
                what = f"a validation error of {progress.curve[-1][1]} {at}"
                raise failure(what, training, folder=folder)
            yield EpochDone(len(progress.curve), *progress.curve[-1], progress.minutes)
        out_of_time = minutes is not None and now - start > 60 * minutes
        epoch_ended = (step + 1) % steps_per_epoch == 0
        if folder and saves_run() and (epoch_ended or out_of_time or now - saved > SAVE_SECONDS):
            if name := infinite_weight(training):
                raise failure(f"one in {name} {at}", training, folder=folder)
            save_state(folder, training, progress)
            saved = now
        if out_of_time:
            break
    yield TrainingStopped(progress, complete=progress.step == num_steps)


def _source(training: Training, cases: Cases, *, is_fitted: bool = False) -> Source:
    """Return a source of batches; those that the model is fitted to may be turned and differ."""
    preset = training.preset
    return source_of(
        cases,
        normalizer=training.normalizer,
        config=preset.model,
        seed=preset.train.seed,
        augment=is_fitted and preset.train.augment,
        derivatives=is_fitted and preset.train.derivative_weight > 0,
    )


@torch.inference_mode()
def validation_error(training: Training, source: Source | None = None) -> float:
    """Return the mean relative L2 of the averaged weights over the validation cases.

    A flow has several groups of fields; each counts the same. Frames are rolled out.
    """
    source = source or _source(training, training.validation)
    device = next(training.average.parameters()).device
    errors = []
    for first in range(0, len(source.cases), training.preset.train.batch_size):
        last = min(first + training.preset.train.batch_size, len(source.cases))
        batch = source.batch(list(range(first, last)), epoch=-1)
        points, features = batch.points.to(device), batch.features.to(device)
        forward = partial(training.average, points, partitions=batch.partitions)
        output = roll_out(forward, features, training.preset.model).float().cpu()
        errors.append(batch.errors(training.normalizer.decode(output)).mean(0))
    return torch.cat(errors).mean().item()


def _batch_rows(step: int, steps_per_epoch: int, num_cases: int, config: TrainConfig) -> list[int]:
    epoch, place = divmod(step, steps_per_epoch)
    order = torch.randperm(num_cases, generator=generator(config.seed, "order", epoch))
    return order[place * config.batch_size : (place + 1) * config.batch_size].tolist()


def _step(
    training: Training,
    forward: Callable[..., Tensor],
    batch: Batch,
    rate: float,
    *,
    weight: float,
) -> float:
    """Change the model by one step, and return the loss before it.

    Args:
        training: The run.
        forward: The model, which may be one of several ranks.
        batch: The cases of this rank.
        rate: Learning rate.
        weight: Of their mean loss; see :func:`mspt.training.ranks.own_part`.

    Raises:
        FloatingPointError: If the loss or a gradient is not finite; the model is not changed then.
    """
    config = training.preset.train
    device = next(training.model.parameters()).device
    inputs = [tensor.to(device) for tensor in (batch.points, batch.features)]
    mixed = config.precision == "bfloat16"
    with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
        output = forward(*inputs, partitions=batch.partitions)
    error, loss = (
        weight * value for value in _loss(output.float(), batch, training.normalizer, config)
    )
    for optimizer in training.optimizers:
        optimizer.zero_grad()
        for group in optimizer.param_groups:
            group["lr"] = rate
    if not math.isfinite(loss.item()):
        raise FloatingPointError(f"a loss of {loss.item()}")
    loss.backward()
    norm = nn.utils.clip_grad_norm_(training.model.parameters(), config.clip_norm).item()
    if not math.isfinite(norm):
        raise FloatingPointError(f"a gradient of norm {norm}")
    for optimizer in training.optimizers:
        optimizer.step()
    return mean_of_ranks(error)


def _loss(
    output: Float[Tensor, "B N C"], batch: Batch, normalizer: Normalizer, config: TrainConfig
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Return the mean relative L2 in physical units, and what is minimized."""
    scale, mean = normalizer.fields_scale.to(output), normalizer.fields_mean.to(output)
    there, fields = replace(batch, fields=batch.fields.to(output)), output * scale + mean
    error = there.errors(fields).mean()
    if not config.derivative_weight:
        return error, error
    return error, error + config.derivative_weight * there.derivative_errors(fields).mean()


@torch.no_grad()
def _average(training: Training, step: int) -> None:
    """Move the average toward the model; early on it follows faster."""
    decay = min(training.preset.train.ema_decay, (1 + step) / (10 + step))
    for averaged, current in zip(
        training.average.parameters(), training.model.parameters(), strict=True
    ):
        averaged.lerp_(current, 1 - decay)
