"""The predictor: from points and features to fields, all in physical units, on any device.

:func:`predict_case` is the one way from inputs to fields: encode, partition, run, decode. Cases,
clouds around bodies, samples and the checks of trust all call it.

Letters: B cases, N points, X space axes, F input features, C output channels.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, overload

import torch
from jaxtyping import Float
from torch import Tensor

from mspt.checkpoint import Checkpoint
from mspt.config import PATCHED, ModelConfig
from mspt.errors import MSPTError
from mspt.inference.budget import PassPlan, memory_bytes, plan_pass
from mspt.models.branched import SplitPartition, split_partition
from mspt.models.mspt import partition_points
from mspt.models.ranks import is_one_of_several
from mspt.models.rollout import roll_out
from mspt.models.streaming import Streaming
from mspt.partition.ball_tree import Partition


@dataclass(frozen=True)
class Prediction:
    """A prediction for one cloud.

    Attributes:
        fields: Predicted fields in physical units, in the order of the given points.
        partition: The partition used; None for a model without one.
        seconds: Time of the forward pass alone, or of all passes of a roll-out: partition, encoding
            and transfer excluded.
        partition_seconds: Time to build the partition; 0 where it was given.
        device: Where it ran.
    """

    fields: Float[Tensor, "N C"]
    partition: Partition | SplitPartition | None
    seconds: float
    partition_seconds: float
    device: str


def available_devices() -> tuple[str, ...]:
    """Return the names of the devices of this machine, ``auto`` first and ``cpu`` last.

    Examples:
        >>> available_devices()[0], available_devices()[-1]
        ('auto', 'cpu')
    """
    accelerators = [
        name
        for name, present in (
            ("cuda", torch.cuda.is_available()),
            ("mps", torch.backends.mps.is_available()),
        )
        if present
    ]
    return ("auto", *accelerators, "cpu")


def pick_device(name: str = "auto") -> torch.device:
    """Return the device of that name; ``auto`` takes the fastest kind present.

    Raises:
        MSPTError: If this machine has no such device.
    """
    known = available_devices()
    if name not in known:
        raise MSPTError(f"device must be one of {', '.join(known)} on this machine, got {name!r}")
    return torch.device(known[1] if name == "auto" else name)


@overload
def partitions_for(
    config: ModelConfig, points: Float[Tensor, "B N X"]
) -> tuple[Partition, ...] | None: ...


@overload
def partitions_for(
    config: ModelConfig, points: Float[Tensor, "B N X"], *, num_surface: int
) -> tuple[Partition | SplitPartition, ...] | None: ...


def partitions_for(
    config: ModelConfig, points: Float[Tensor, "B N X"], *, num_surface: int = 0
) -> tuple[Partition, ...] | tuple[Partition | SplitPartition, ...] | None:
    """Return each cloud's partition, or None for a model without partitions.

    A cloud that equals the one before it gets the same partition, which is not built again: all
    cases on a grid have one.

    Args:
        config: Of the model.
        points: Encoded coordinates.
        num_surface: Surface points of each cloud, which come first; for a branched model.
    """
    if config.architecture not in PATCHED:
        return None
    found = []
    for index, cloud in enumerate(points):
        if index > 0 and torch.equal(cloud, points[index - 1]):
            found.append(found[-1])
        elif config.architecture == "branched":
            found.append(split_partition(config, cloud, num_surface=num_surface))
        else:
            found.append(partition_points(config, cloud))
    return tuple(found)


def synchronize(device: torch.device) -> None:
    """Wait until a device has finished all work given to it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@dataclass(frozen=True, eq=False)
class EncodedInputs:
    """One cloud in the form that a model takes.

    Attributes:
        points: Normalized coordinates.
        features: Normalized features.
        partition: The cloud's partition; None for a model without one.
        partition_seconds: Time to build the partition; 0 where it was given.
    """

    points: Float[Tensor, "N X"]
    features: Float[Tensor, "N F"]
    partition: Partition | SplitPartition | None
    partition_seconds: float


def encode_inputs(
    checkpoint: Checkpoint,
    points: Float[Tensor, "N X"],
    features: Float[Tensor, "N F"],
    *,
    num_surface: int = 0,
    partition: Partition | SplitPartition | None = None,
) -> EncodedInputs:
    """Normalize one cloud and build its partition.

    Args:
        checkpoint: Whose model is to take the cloud.
        points: Coordinates in the data set's unit.
        features: Further inputs in their units.
        num_surface: Surface points, which come first; for a branched model.
        partition: The cloud's partition, if it is known already.

    Raises:
        MSPTError: If the inputs do not fit the checkpoint.
    """
    config = checkpoint.config
    for name, values, expected in (
        ("points", points, config.space_dim),
        ("features", features, config.in_features),
    ):
        if values.shape[-1] != expected:
            raise MSPTError(
                f"{name} must have {expected} columns for this checkpoint, "
                f"got {values.shape[-1]}; choose a checkpoint of the same data set"
            )
    encoded_points, encoded_features = checkpoint.normalizer.encode(points, features)
    if partition is not None:
        return EncodedInputs(encoded_points, encoded_features, partition, partition_seconds=0.0)
    start = perf_counter()
    built = partitions_for(config, encoded_points[None], num_surface=num_surface)
    return EncodedInputs(
        points=encoded_points,
        features=encoded_features,
        partition=built[0] if built else None,
        partition_seconds=perf_counter() - start,
    )


@torch.inference_mode()
def predict_case(
    checkpoint: Checkpoint,
    points: Float[Tensor, "N X"],
    features: Float[Tensor, "N F"],
    *,
    num_surface: int = 0,
    partition: Partition | SplitPartition | None = None,
    device: str = "auto",
    memory_budget: str | float | int | None = None,
) -> Prediction:
    """Predict the fields of one cloud, whatever it comes from.

    Args:
        checkpoint: A loaded checkpoint; its model is moved to the device.
        points: Coordinates in the data set's unit.
        features: Further inputs in their units.
        num_surface: Surface points, which come first; for a branched model.
        partition: The cloud's partition, built here where absent.
        device: ``auto`` or one of :func:`available_devices`.
        memory_budget: Most memory for inputs, partition, features and output on the device, such as
            ``4GB``; patches are computed in pieces that fit. The result is the same, but for
            rounding. None for no limit on a CPU, and for the free memory elsewhere.

    Raises:
        MSPTError: If the device does not exist here, the inputs do not fit the checkpoint, or the
            budget is below what one patch at a time needs.
    """
    target = pick_device(device)
    plan = pass_plan(checkpoint.config, len(points), device=target, memory_budget=memory_budget)
    inputs = encode_inputs(
        checkpoint, points, features, num_surface=num_surface, partition=partition
    )
    fields, seconds = _run(
        checkpoint,
        target,
        inputs.points[None],
        inputs.features[None],
        partitions=None if inputs.partition is None else [inputs.partition],
        # Without a limit the model takes the pieces that it likes.
        streaming=plan.streaming if memory_budget is not None or plan.host_bytes else None,
    )
    return Prediction(
        fields=fields[0],
        partition=inputs.partition,
        seconds=seconds,
        partition_seconds=inputs.partition_seconds,
        device=str(target),
    )


def pass_plan(
    config: ModelConfig,
    num_points: int,
    *,
    device: torch.device,
    memory_budget: str | float | int | None = None,
) -> PassPlan:
    """Return how a pass over one cloud is divided on a device of this machine.

    Args:
        config: Of the model.
        num_points: Points N.
        device: Where it is computed.
        memory_budget: As for :func:`predict_case`.

    Raises:
        MSPTError: If the budget is no amount, or too small.
    """
    free = float(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else math.inf
    budget = None if memory_budget is None else memory_bytes(memory_budget)
    return plan_pass(config, num_points, device=device, budget=budget, free=free)


def predict_cases(
    checkpoint: Checkpoint,
    points: Float[Tensor, "B N X"],
    features: Float[Tensor, "B N F"],
    *,
    device: str = "auto",
) -> Iterator[Prediction]:
    """Predict cases of one size one after the other, yielding after each.

    A partition is built once for neighboring cases with the same points, as on a grid.

    Args:
        checkpoint: A loaded checkpoint; its model is moved to the device.
        points: Coordinates in the data set's unit.
        features: Further inputs in their units.
        device: ``auto`` or one of :func:`available_devices`.

    Raises:
        MSPTError: If the device does not exist here, or the inputs do not fit the checkpoint.
    """
    partition = None
    for case in range(len(points)):
        if case > 0 and not torch.equal(points[case], points[case - 1]):
            partition = None
        prediction = predict_case(
            checkpoint, points[case], features[case], partition=partition, device=device
        )
        partition = prediction.partition
        yield prediction


def _over_ranks(config: ModelConfig) -> dict[str, bool]:
    """Return what makes a model divide a cloud over ranks, where there are several.

    Raises:
        MSPTError: If it cannot.
    """
    if not is_one_of_several():
        return {}
    if config.architecture != "mspt":
        raise MSPTError(
            "checkpoint must be of the architecture mspt to be divided over ranks, got "
            f"{config.architecture}; predict with it without torchrun"
        )
    return {"over_ranks": True}


@torch.inference_mode()
def _run(
    checkpoint: Checkpoint,
    device: torch.device,
    points: Float[Tensor, "B N X"],
    features: Float[Tensor, "B N F"],
    *,
    partitions: Sequence[Partition | SplitPartition] | None,
    streaming: Streaming | None,
) -> tuple[Float[Tensor, "B N C"], float]:
    """Return decoded fields on the CPU, and the seconds of the forward passes alone."""
    model = checkpoint.model.to(device)
    if streaming is None or streaming.device is None:
        points, features = points.to(device), features.to(device)
    options: dict[str, Any] = dict(_over_ranks(checkpoint.config))
    if streaming is not None:
        options["streaming"] = streaming
    # A GPU works in the background: without waiting, the clock would measure the launches alone.
    synchronize(device)
    start = perf_counter()
    forward = partial(model, points, partitions=partitions, **options)
    output = roll_out(forward, features, checkpoint.config)
    synchronize(device)
    seconds = perf_counter() - start
    return checkpoint.normalizer.decode(output.float().cpu()), seconds
