"""Small models that are trained while somebody watches, several of them in turn.

All contestants see the same cases in the same order for equally many steps, so that what differs
between two of them is what was chosen differently.

Letters: N points, C output channels.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from jaxtyping import Float
from torch import Tensor

from mspt.checkpoint import Checkpoint
from mspt.config import PATCH_OPTIONS, Architecture, PartitionKind, Pooling, Preset
from mspt.data.case import CaseStack
from mspt.inference.predict import predict_case
from mspt.training.loop import StepDone, Training, TrainingStopped, train, validation_error
from mspt.training.presets import get_preset

BATCH_SIZE = 4
"""Cases of a step: with more, a small model takes hardly fewer steps and each takes longer."""

HEAD_WIDTH = 16
LEARNING_RATE = 1e-2


@dataclass(frozen=True, kw_only=True)
class LiveModel:
    """What one contestant is.

    Attributes:
        architecture: Architecture.
        width: Width D, a multiple of 16.
        num_blocks: Blocks.
        num_patches: Patches K; also the number of slices of Transolver.
        num_supernodes: Supernodes Q per patch.
        pooling: How a patch becomes supernodes.
        partition: How patches are made.
    """

    architecture: Architecture = "mspt"
    width: int = 32
    num_blocks: int = 3
    num_patches: int = 4
    num_supernodes: int = 8
    pooling: Pooling = "mean"
    partition: PartitionKind = "ball_tree"


def live_preset(dataset: str, model: LiveModel, *, epochs: int, seed: int = 0) -> Preset:
    """Return a short training run of a small model on a data set.

    What is not chosen is that of the data set's default run; options that other architectures do
    not have are off, so that all contestants read the same inputs; but the published variant has no
    sines and cosines of the coordinates.

    Args:
        dataset: Name of a data set.
        model: The contestant.
        epochs: Passes over the training cases.
        seed: Of weights and order.

    Raises:
        MSPTError: If there is no such data set.
        ValueError: If a model of these settings cannot be built.

    Examples:
        >>> preset = live_preset("elasticity", LiveModel(architecture="transolver"), epochs=3)
        >>> preset.model.architecture, preset.model.num_slices, preset.train.epochs
        ('transolver', 32, 3)
    """
    base = get_preset(dataset)
    plain: dict[str, Any] = dict.fromkeys(PATCH_OPTIONS, 0) | {"inputs_at_head": False}
    is_mspt = model.architecture == "mspt"
    partition = model.partition if is_mspt else "ball_tree"
    if model.architecture == "published":
        plain, partition = plain | {"fourier_features": 0}, "sequence"
    config = replace(
        base.model,
        **plain,
        architecture=model.architecture,
        width=model.width,
        num_heads=max(1, model.width // HEAD_WIDTH),
        num_blocks=model.num_blocks,
        mlp_ratio=2,
        num_patches=model.num_patches,
        patch_size=None,
        num_supernodes=model.num_supernodes,
        num_slices=max(1, model.num_patches * model.num_supernodes),
        pooling=model.pooling if is_mspt else "mean",
        partition=partition,
        carry=False,
        structured_shape=None,
    )
    settings = replace(
        base.train,
        epochs=epochs,
        coarse_epochs=0,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        derivative_weight=0.0,
        augment=False,
        seed=seed,
        start="",
    )
    return replace(base, model=config, train=settings)


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshot:
    """One contestant after some more steps.

    Attributes:
        name: Its name.
        step: Steps done.
        num_steps: Steps in all.
        seconds: Time of its own steps so far.
        losses: Training loss of each step since the last snapshot.
        error: Mean relative L2 over the validation cases.
        fields: Its prediction of the case in view, in physical units.
    """

    name: str
    step: int
    num_steps: int
    seconds: float
    losses: tuple[float, ...]
    error: float
    fields: Float[Tensor, "N C"]


def race(
    trainings: Mapping[str, Training], *, shown: int = 0, steps: int = 25
) -> Iterator[Snapshot]:
    """Train models in turn, yielding a snapshot of each at the start and after every few steps.

    Closing the generator stops all; the models stay as they are.

    Args:
        trainings: What :func:`mspt.training.loop.prepare` returned, by name.
        shown: Which validation case to predict.
        steps: Steps of a turn.

    Raises:
        TrainingError: If a loss or a weight is not finite.
    """
    running = {name: train(training) for name, training in trainings.items()}
    spent = dict.fromkeys(trainings, 0.0)
    for name, training in trainings.items():
        yield _snapshot(name, training, shown=shown, turn=None, seconds=0.0)
    while running:
        for name in list(running):
            start = perf_counter()
            turn = _take_turn(running[name], steps)
            spent[name] += perf_counter() - start
            if turn.losses:
                yield _snapshot(name, trainings[name], shown=shown, turn=turn, seconds=spent[name])
            if turn.has_ended:
                del running[name]


@dataclass(frozen=True)
class _Turn:
    losses: tuple[float, ...]
    step: int
    num_steps: int
    has_ended: bool


def _take_turn(events: Iterator[Any], steps: int) -> _Turn:
    losses, step, num_steps = [], 0, 0
    while len(losses) < steps:
        event = next(events)
        if isinstance(event, TrainingStopped):
            return _Turn(tuple(losses), step, num_steps, has_ended=True)
        if isinstance(event, StepDone):
            losses.append(event.loss)
            step, num_steps = event.step, event.num_steps
    return _Turn(tuple(losses), step, num_steps, has_ended=False)


def _snapshot(
    name: str, training: Training, *, shown: int, turn: _Turn | None, seconds: float
) -> Snapshot:
    cases = training.validation
    if not isinstance(cases, CaseStack):
        raise TypeError(f"cases must be a stack of clouds of one size, got {type(cases).__name__}")
    case = cases.case(shown)
    found = predict_case(as_checkpoint(training), case.points, case.features, device="cpu")
    batches = -(-len(training.cases) // training.preset.train.batch_size)
    return Snapshot(
        name=name,
        step=turn.step if turn else 0,
        num_steps=turn.num_steps if turn else batches * training.preset.train.epochs,
        seconds=seconds,
        losses=turn.losses if turn else (),
        error=validation_error(training),
        fields=found.fields,
    )


def as_checkpoint(training: Training, **info: object) -> Checkpoint:
    """Return the averaged model of a run as if it had been loaded, with facts for its header."""
    facts = {"dataset": training.preset.dataset, "metrics": {}} | info
    return Checkpoint(training.average, training.preset.model, training.normalizer, facts)
