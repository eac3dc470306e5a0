"""One forward pass kept, to look at its attention from any point later and to repeat it with masks.

A recording holds the features before each block, so that the weights of any point in any block
are recomputed without a further pass, and so that a pass that differs from some block on starts
there.

Letters: N points, X space axes, F input features, C output channels, D model width, H heads,
K patches, S supernodes, P picked points.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mspt.errors import MSPTError
from mspt.models.attention import PMSATrace
from mspt.models.embedding import STREAM_ROWS
from mspt.models.mspt import MSPT, Block, apply_head, partition_points
from mspt.partition.ball_tree import Partition
from mspt.partition.runs import patch_runs


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """What a model held in mind while it predicted one cloud.

    Attributes:
        model: The model, unchanged since.
        partition: The cloud's partition, on the CPU.
        hidden: Features before each block, in leaf order, where the model is.
        supernodes: Supernodes that the points read in each block.
        output: The prediction, as the model puts it out, in the order of the input, on the CPU.
    """

    model: MSPT
    partition: Partition
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Mask:
    """Keys that no point may read, as if they were not there; everything else stays.

    Attributes:
        points: Points that are masked, by place in leaf order: no point reads them, itself
            included. They are still pooled.
        supernodes: Supernodes that are masked.
        blocks: Blocks in which they are; None for all.
    """

    points: Bool[Tensor, " N"]
    supernodes: Bool[Tensor, " S"]
    blocks: tuple[int, ...] | None = None


@torch.inference_mode()
def record(
    model: MSPT,
    points: Float[Tensor, "N X"],
    features: Float[Tensor, "N F"] | None = None,
    *,
    partition: Partition | None = None,
) -> Recording:
    """Predict one cloud and keep what is needed to look at it.

    Args:
        model: The model, on any device.
        points: Coordinates of one cloud, normalized.
        features: Its further inputs, normalized.
        partition: The cloud's partition, built here where absent.
    """
    partition = partition or partition_points(model.config, points)
    device = next(model.parameters()).device
    order = partition.order
    now = model.embedding.stream(
        points[None, order].to(device),
        None if features is None else features[None, order].to(device),
        None,
    )
    num_patches = len(partition.offsets) - 1
    hidden, supernodes, carried = [], [], None
    for block in each_block(model):
        read = block.supernodes(now, num_patches, carried)
        carried = block.next_carried(now, read, num_patches)
        hidden.append(now[0].clone())
        supernodes.append(read[0])
        block.stream_(now, read, num_patches)
    return Recording(
        model=model,
        partition=partition,
        hidden=tuple(hidden),
        supernodes=tuple(supernodes),
        output=apply_head(model.head, now)[0].cpu()[partition.inverse],
    )


def each_block(model: MSPT) -> Sequence[Block]:
    """Return the blocks of a model, the first one first."""
    return [block for block in model.blocks if isinstance(block, Block)]


@torch.inference_mode()
def trace_points(recording: Recording, points: Int[Tensor, " P"], *, block: int) -> PMSATrace:
    """Recompute the weights of picked points alone in one block, counted from 0; on the CPU.

    Raises:
        ValueError: If there is no such block.
    """
    layer = _block(recording, block)
    hidden = recording.hidden[block]
    device = hidden.device
    found = layer.attention.trace(
        layer.norm_attention(hidden),
        recording.supernodes[block],
        offsets=recording.partition.offsets.to(device),
        rows=recording.partition.inverse[points].to(device),
    )
    return PMSATrace(
        *(part.cpu() for part in (found.rows, found.local_rows, found.local, found.supernodes))
    )


@torch.inference_mode()
def global_shares(recording: Recording, *, block: int) -> Float[Tensor, "H N"]:
    """Return the share of every point's attention that goes to supernodes, a few patches at a time.

    The points are in the order of the input; the block is counted from 0.

    Raises:
        ValueError: If there is no such block.
    """
    layer = _block(recording, block)
    hidden, supernodes = recording.hidden[block][None], recording.supernodes[block][None]
    shares = [
        layer.attention.global_share(
            layer.norm_attention(hidden[:, piece.rows]), supernodes, piece
        ).cpu()
        for run in patch_runs(hidden.shape[1], recording.num_patches)
        for piece in run.pieces(STREAM_ROWS)
    ]
    return torch.cat(shares, dim=1)[:, recording.partition.inverse]


@torch.inference_mode()
def repeat_masked(recording: Recording, mask: Mask) -> Float[Tensor, "N C"]:
    """Run the recorded pass again with some keys masked, from the first block that differs on.

    Returns:
        The output as the model puts it out, in the order of the input, on the CPU.

    Raises:
        MSPTError: If the model carries supernodes from block to block.
        ValueError: If the mask does not fit the cloud, or leaves a patch nothing to read.
    """
    blocks = _masked_blocks(recording, mask)
    if recording.model.config.carry:
        raise MSPTError(
            "checkpoint must not carry supernodes from block to block to be masked, got one that "
            "does; choose one trained without carry"
        )
    if not blocks:
        return recording.output
    first = min(blocks)
    now = recording.hidden[first][None].clone()
    for index, block in enumerate(each_block(recording.model)[first:], start=first):
        read = block.supernodes(now, recording.num_patches, None)
        if index in blocks:
            _advance_masked_(block, now, read, mask=mask, num_patches=recording.num_patches)
        else:
            block.stream_(now, read, recording.num_patches)
    output = apply_head(recording.model.head, now)[0].cpu()
    return output[recording.partition.inverse]


def _advance_masked_(
    block: Block,
    hidden: Float[Tensor, "1 N D"],
    supernodes: Float[Tensor, "1 S D"],
    *,
    mask: Mask,
    num_patches: int,
) -> None:
    """Do what ``Block.stream_`` does, with some keys masked."""
    points, nodes = (~part.to(hidden.device) for part in (mask.points, mask.supernodes))
    for run in patch_runs(hidden.shape[1], num_patches):
        for piece in run.pieces(STREAM_ROWS):
            rows = hidden[:, piece.rows]
            rows += block.attention.attend_readable(
                block.norm_attention(rows),
                supernodes,
                piece,
                points=points[piece.rows],
                nodes=nodes,
            )
            if block.mlp is not None:
                rows += block.mlp(rows)


def _block(recording: Recording, block: int) -> Block:
    blocks = each_block(recording.model)
    if not 0 <= block < len(blocks):
        raise ValueError(f"block must lie between 0 and {len(blocks) - 1}, got {block}")
    return blocks[block]


def _masked_blocks(recording: Recording, mask: Mask) -> tuple[int, ...]:
    """Return the blocks in which a mask hides anything, after a check of its sizes."""
    num_points, num_nodes = len(recording.output), len(recording.supernodes[0])
    if (len(mask.points), len(mask.supernodes)) != (num_points, num_nodes):
        raise ValueError(
            f"mask must be for {num_points} points and {num_nodes} supernodes, "
            f"got {len(mask.points)} and {len(mask.supernodes)}"
        )
    blocks = tuple(range(recording.num_blocks)) if mask.blocks is None else mask.blocks
    for block in blocks:
        _block(recording, block)
    if mask.supernodes.all() and (unread := _patches_without_points(recording, mask)):
        raise ValueError(
            "mask must leave every patch a key to read, got one that hides all supernodes and "
            f"all points of patch {unread[0]}"
        )
    return blocks if mask.points.any() or mask.supernodes.any() else ()


def _patches_without_points(recording: Recording, mask: Mask) -> list[int]:
    hidden = torch.tensor_split(mask.points, recording.partition.offsets[1:-1].cpu())
    return [patch for patch, rows in enumerate(hidden) if rows.all()]
