"""From points and features in physical units to fields in physical units, on any device.

Letters: B cases, N points, X space axes, F input features, C output channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import overload

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mspt.checkpoint import Checkpoint
from mspt.config import PATCHED, ModelConfig
from mspt.errors import MSPTError
from mspt.models.branched import SplitPartition, split_partition
from mspt.models.mspt import partition_points
from mspt.models.normalizer import Normalizer
from mspt.partition.ball_tree import Partition


@dataclass(frozen=True)
class Prediction:
    """A prediction for one cloud.

    Attributes:
        fields: Predicted fields in physical units, in the order of the given points.
        partition: The partition used; None for a model without one.
        seconds: Time of the forward pass alone: partition, encoding and transfer excluded.
        partition_seconds: Time to build the partition.
        device: Where it ran.
    """

    fields: Float[Tensor, "N C"]
    partition: Partition | None
    seconds: float
    partition_seconds: float
    device: str


def available_devices() -> tuple[str, ...]:
    """Return what a person can choose here: ``auto`` first, then what exists.

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
        MSPTError: If there is no such device here.
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
    """Return each cloud's partition, built once for clouds that repeat; None if unused.

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
    """Wait until a device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@torch.inference_mode()
def predict_stack(
    model: nn.Module,
    normalizer: Normalizer,
    points: Float[Tensor, "B N X"],
    features: Float[Tensor, "B N F"],
    *,
    partitions: Sequence[Partition] | None = None,
    batch_size: int = 1,
) -> Float[Tensor, "B N C"]:
    """Predict many cases of one size where the model is, in physical units, on the CPU."""
    device = next(model.parameters()).device
    predicted = []
    for first in range(0, len(points), batch_size):
        rows = slice(first, first + batch_size)
        inputs = normalizer.encode(points[rows], features[rows])
        output = model(
            *(tensor.to(device) for tensor in inputs),
            partitions=None if partitions is None else partitions[rows],
        )
        predicted.append(normalizer.decode(output.float().cpu()))
    return torch.cat(predicted)


@torch.inference_mode()
def predict_case(
    checkpoint: Checkpoint,
    points: Float[Tensor, "N X"],
    features: Float[Tensor, "N F"],
    *,
    device: str = "auto",
) -> Prediction:
    """Predict the fields of one cloud.

    Args:
        checkpoint: A loaded checkpoint; its model is moved to the device.
        points: Coordinates in the data set's unit.
        features: Further inputs in their units.
        device: ``auto`` or one of :func:`available_devices`.

    Raises:
        MSPTError: If the device is not here, or the inputs do not fit the checkpoint.
    """
    config, target = checkpoint.config, pick_device(device)
    for name, values, expected in (
        ("points", points, config.space_dim),
        ("features", features, config.in_features),
    ):
        if values.shape[-1] != expected:
            raise MSPTError(
                f"{name} must have {expected} columns for this checkpoint, "
                f"got {values.shape[-1]}; choose a checkpoint of the same data set"
            )
    model = checkpoint.model.to(target)
    encoded = checkpoint.normalizer.encode(points, features)
    start = perf_counter()
    partitions = partitions_for(config, encoded[0][None])
    partition_seconds = perf_counter() - start
    inputs = [tensor[None].to(target) for tensor in encoded]
    synchronize(target)
    start = perf_counter()
    output = model(*inputs, partitions=partitions)
    synchronize(target)
    seconds = perf_counter() - start
    return Prediction(
        fields=checkpoint.normalizer.decode(output[0].float().cpu()),
        partition=partitions[0] if partitions else None,
        seconds=seconds,
        partition_seconds=partition_seconds,
        device=str(target),
    )
