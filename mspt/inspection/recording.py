"""One forward pass, stored, so that its attention can be examined and the pass repeated with masks.

A recording holds the features before each block. From them the weights of any point in any block
are recomputed without a further pass, and a pass that differs from some block on starts there.

Letters: N points, X space axes, F input features, C output channels, D model width, H heads,
K patches, S supernodes, P picked points.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mspt.errors import MSPTError
from mspt.models.arrangement import Arrangement, arrange, in_input_order
from mspt.models.attention import PMSATrace
from mspt.models.blocks import BlockPooled, KeyMask, output_of
from mspt.models.embedding import stream_rows
from mspt.models.mspt import MSPT, partition_points
from mspt.partition.ball_tree import Partition
from mspt.partition.runs import patch_runs


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """The intermediate features of one forward pass over one cloud.

    Attributes:
        model: The model; it must not change afterwards.
        partition: The cloud's partition, on the CPU; ``partition_of`` returns that of a block.
        cloud: Its leaf orders and inputs, on the model's device.
        hidden: Features before each block, in its leaf order, on the model's device.
        supernodes: Supernodes that the points attend to in each block.
        output: The prediction, not decoded, in the order of the input, on the CPU.
    """

    model: MSPT
    partition: Partition
    cloud: Arrangement
    hidden: tuple[Float[Tensor, "N D"], ...]
    supernodes: tuple[Float[Tensor, "S D"], ...]
    output: Float[Tensor, "N C"]

    @property
    def num_blocks(self) -> int:
        """Blocks of the model."""
        return len(self.hidden)

    @property
    def num_patches(self) -> int:
        """Patches of the cloud."""
        return len(self.partition.offsets) - 1

    @property
    def num_supernodes(self) -> int:
        """Supernodes of a patch."""
        return self.model.config.num_supernodes

    def partition_of(self, block: int) -> Partition:
        """Return the partition that a block uses, counted from 0."""
        return self.partition.of_block(block)


@torch.inference_mode()
def record(
    model: MSPT,
    points: Float[Tensor, "N X"],
    features: Float[Tensor, "N F"] | None = None,
    *,
    partition: Partition | None = None,
) -> Recording:
    """Predict one cloud and store the features before each block.

    Args:
        model: The model, on any device.
        points: Coordinates of one cloud, normalized.
        features: Its further inputs, normalized.
        partition: The cloud's partition, built here where absent.
    """
    partition = partition or partition_points(model.config, points)
    device = next(model.parameters()).device
    inputs = points[None].to(device), None if features is None else features[None].to(device)
    cloud = arrange(model.config, *inputs, [partition])
    hidden, supernodes, output = [], [], points
    for event in model.walk(model.embed(cloud.of_block(0)), cloud):
        if isinstance(event, BlockPooled):
            hidden.append(event.hidden[0].clone())  # the block overwrites its input
            supernodes.append(event.supernodes[0])
        else:
            last = model.config.num_blocks - 1
            output = in_input_order(event.fields[0].cpu(), [partition], block=last)[0]
    return Recording(
        model=model,
        partition=partition,
        cloud=cloud,
        hidden=tuple(hidden),
        supernodes=tuple(supernodes),
        output=output,
    )


@torch.inference_mode()
def trace_points(recording: Recording, points: Int[Tensor, " P"], *, block: int) -> PMSATrace:
    """Recompute the attention weights of picked points in one block; on the CPU.

    Args:
        recording: The forward pass.
        points: The picked points, in the order of the input.
        block: Counted from 0.

    Raises:
        ValueError: If there is no such block.
    """
    layer = recording.model.block(block)
    hidden, partition = recording.hidden[block], recording.partition_of(block)
    device = hidden.device
    return layer.attention.trace(
        layer.norm_attention(hidden),
        recording.supernodes[block],
        order=recording.cloud.of_block(block),
        rows=partition.inverse[points].to(device),
    ).cpu()


@torch.inference_mode()
def global_shares(recording: Recording, *, block: int) -> Float[Tensor, "H N"]:
    """Return the share of every point's attention that goes to supernodes, in the input's order.

    The weights of all points together are N (L + S) numbers per head; a few patches at a time need
    a small part of that.

    Args:
        recording: The forward pass.
        block: Counted from 0.

    Raises:
        ValueError: If there is no such block.
    """
    layer = recording.model.block(block)
    hidden, supernodes = recording.hidden[block][None], recording.supernodes[block][None]
    shares = [
        layer.attention.global_share(
            layer.norm_attention(hidden[:, piece.rows]),
            supernodes,
            piece,
            recording.cloud.of_block(block),
        ).cpu()
        for run in patch_runs(hidden.shape[1], recording.num_patches)
        for piece in run.pieces(stream_rows(hidden.device))
    ]
    return torch.cat(shares, dim=1)[:, recording.partition_of(block).inverse]


@torch.inference_mode()
def repeat_masked(recording: Recording, mask: KeyMask) -> Float[Tensor, "N C"]:
    """Repeat a recorded pass with some keys masked, from the first masked block on.

    Returns:
        The prediction, not decoded, in the order of the input, on the CPU.

    Raises:
        MSPTError: If the model carries supernodes from block to block, or its points attend to
            nodes of several levels.
        ValueError: If the mask does not fit the cloud, or leaves a patch no key to attend to.
    """
    blocks = _masked_blocks(recording, mask)
    if recording.model.config.carry:
        raise MSPTError(
            "checkpoint must not carry supernodes from block to block to be masked, got one that "
            "does; choose one trained without carry"
        )
    if recording.partition.cuts is not None:
        raise MSPTError(
            "checkpoint must attend to the supernodes of all patches to be masked, got one with "
            "keys_per_level; a node far away stands for many patches"
        )
    if not blocks:
        return recording.output
    first = min(blocks)
    hidden = recording.hidden[first][None].clone()  # the walk overwrites its input
    events = recording.model.walk(hidden, recording.cloud, first=first, mask=mask)
    (fields,) = output_of(events)
    last = recording.num_blocks - 1
    return in_input_order(fields.cpu(), [recording.partition], block=last)[0]


def _masked_blocks(recording: Recording, mask: KeyMask) -> tuple[int, ...]:
    """Return the blocks in which a mask hides anything, after a check of its sizes."""
    num_points, num_nodes = len(recording.output), len(recording.supernodes[0])
    if (len(mask.points), len(mask.supernodes)) != (num_points, num_nodes):
        raise ValueError(
            f"mask must be for {num_points} points and {num_nodes} supernodes, "
            f"got {len(mask.points)} and {len(mask.supernodes)}"
        )
    blocks = tuple(range(recording.num_blocks)) if mask.blocks is None else mask.blocks
    for block in blocks:
        recording.model.block(block)  # refuses a block that the model does not have
    if mask.supernodes.all() and (unread := _patches_without_points(recording, mask)):
        # A softmax over no key is not a number.
        raise ValueError(
            "mask must leave every patch a key to attend to, got one that hides all supernodes "
            f"and all points of patch {unread[0]}"
        )
    return blocks if mask.points.any() or mask.supernodes.any() else ()


def _patches_without_points(recording: Recording, mask: KeyMask) -> list[int]:
    hidden = torch.tensor_split(mask.points, recording.partition.offsets[1:-1].cpu())
    return [patch for patch, rows in enumerate(hidden) if rows.all()]
