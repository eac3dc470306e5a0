"""The rows of a batch of clouds in leaf order, as the blocks of a model take them.

In leaf order a patch is a run of rows. A model whose blocks use two partitions in turn has two leaf
orders; its rows are moved from one to the other between blocks.

Letters: B clouds, N points, R some rows of each cloud, X space axes, F input features, D model
width, C output channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from mspt.config import ModelConfig
from mspt.models.nodes import NodeTable, node_supernodes, node_table
from mspt.models.pooling import pool_mean
from mspt.models.ranks import RowExchange, Share, exchange_rows, plan_exchange
from mspt.models.rotary import Phases, rotary_phases
from mspt.models.streaming import Streaming
from mspt.partition.ball_tree import Partition
from mspt.partition.runs import PatchRun, patch_runs

MOVED_CHANNELS = 16
"""Channels that are moved at once where no gradient is needed: one cache line of float32 numbers.

A second copy of all features would double the memory of a forward pass."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LeafOrder:
    """The leaf order that some blocks of a model use, for a batch of clouds.

    Attributes:
        num_patches: Patches K of each cloud.
        order: The point that each row is; None where no block needs the points.
        rows_before: Row in the leaf order of the block before of each row; None where all blocks
            have the same order.
        points: Coordinates as given to the model, in the order of the input.
        features: Further inputs, likewise; None for a model without.
        rotary: Frequencies per axis of the rotary embedding; 0 for none.
        all_phases: Its phases for all rows, where a gradient is needed: all blocks share them.
        supernode_phases: Its phases for all supernodes that the points attend to.
        table: How supernodes of nodes of the tree follow from those of the patches; None where the
            points attend to the supernodes of all patches.
        selected: Supernodes of nodes that the points of each patch attend to; None for all.
        share: The patches of this rank, where the cloud is divided over several; then all rows and
            patches here are those of this rank, and the supernodes those of all.
        exchange: Between ranks, in place of ``rows_before``.
        streaming: Pieces of a pass without gradients; None for those of the device.
    """

    num_patches: int
    order: Int[Tensor, "B N"] | None = None
    rows_before: Int[Tensor, "B N"] | None = None
    points: Float[Tensor, "B N X"] | None = None
    features: Float[Tensor, "B N F"] | None = None
    rotary: int = 0
    all_phases: Phases | None = None
    supernode_phases: Phases | None = None
    table: NodeTable | None = None
    selected: Int[Tensor, "B K _MQ"] | None = None
    share: Share | None = None
    exchange: RowExchange | None = None
    streaming: Streaming | None = None

    def fetch(self, x: Tensor) -> Tensor:
        """Return some rows where they are computed."""
        return x if self.streaming is None else self.streaming.fetch(x)

    def all_supernodes(self, own: Float[Tensor, "B S D"]) -> Float[Tensor, "B _S D"]:
        """Return the supernodes of all ranks, given those of this one."""
        return own if self.share is None else self.share.gather_supernodes(own)

    @property
    def first_patch(self) -> int:
        """Number of the first patch here; above 0 where other ranks have those before it."""
        return 0 if self.share is None else self.share.patches.start

    def selected_by(self, run: PatchRun) -> Int[Tensor, "B _K _MQ"] | None:
        """Return the supernodes that the points of some patches attend to; None for all."""
        if self.selected is None:
            return None
        return self.fetch(self.selected[:, run.first : run.first + run.count])

    def places(self, rows: slice | Int[Tensor, " R"] = slice(None)) -> Float[Tensor, "B R X"]:
        """Return the coordinates of some rows, or of all.

        Raises:
            ValueError: If the order was made without points.
        """
        if self.order is None or self.points is None:
            raise ValueError("points must be given for a model that reads them again, got None")
        return reorder(self.points, self.order[:, rows])

    def phases(self, rows: slice | Int[Tensor, " R"] = slice(None)) -> Phases | None:
        """Return the phases of the rotary embedding for some rows; None without one."""
        if not self.rotary:
            return None
        if self.all_phases is not None:
            cos, sin = self.all_phases
            return cos[:, rows], sin[:, rows]
        return rotary_phases(self.fetch(self.places(rows)), self.rotary)

    @property
    def num_rows(self) -> int:
        """Points N of each cloud; 0 where no block needs the points."""
        return 0 if self.order is None else self.order.shape[1]

    def inputs(
        self, rows: slice = slice(None)
    ) -> tuple[Float[Tensor, "B R X"], Float[Tensor, "B R F"] | None]:
        """Return coordinates and features of some rows, or of all.

        Raises:
            ValueError: If the order was made without points.
        """
        places = self.places(rows)
        if self.features is None or self.order is None:
            return places, None
        return places, reorder(self.features, self.order[:, rows])


@dataclass(frozen=True, eq=False)
class Arrangement:
    """The leaf orders of a batch of clouds: one for all blocks, or two in turn."""

    orders: tuple[LeafOrder, ...]

    def of_block(self, block: int) -> LeafOrder:
        """Return the order of a block, counted from 0."""
        return self.orders[block % len(self.orders)]


def arrange(
    config: ModelConfig,
    points: Float[Tensor, "B N X"],
    features: Float[Tensor, "B N F"] | None,
    partitions: Sequence[Partition],
    *,
    share: Share | None = None,
    streaming: Streaming | None = None,
) -> Arrangement:
    """Return the leaf orders of a batch of clouds with equally many patches.

    Args:
        config: Of the model.
        points: Coordinates, normalized.
        features: Further inputs, normalized.
        partitions: One for each cloud; all or none with a second one.
        share: The patches of this rank, for one cloud that is divided over several.
        streaming: Pieces of a pass without gradients; None for those of the device.

    Raises:
        ValueError: If a patch has fewer points than supernodes.
    """
    rows = slice(None) if share is None else share.rows
    num_patches = len(partitions[0].offsets) - 1
    if (smallest := points.shape[1] // num_patches) < config.num_supernodes:
        raise ValueError(
            "num_supernodes must be at most the points of the smallest patch, "
            f"got {config.num_supernodes} for a patch of {smallest}; use fewer patches"
        )

    def leaf_order(block: int, rows_before: Sequence[Tensor] | None) -> LeafOrder:
        order = LeafOrder(
            num_patches=num_patches if share is None else share.patches_of_ranks[share.rank],
            order=_stacked([one.of_block(block).order[rows] for one in partitions], points.device),
            points=points,
            features=features,
            rotary=config.rotary,
            share=share,
            streaming=streaming,
        )
        if rows_before is not None:
            order = _with_moves(order, _stacked(rows_before, points.device))
        if partitions[0].cuts is not None:
            order = _with_nodes(order, [one.of_block(block) for one in partitions], config)
        return _with_phases(order, config.num_supernodes) if config.rotary else order

    if partitions[0].turned is None:
        return Arrangement((leaf_order(0, None),))
    return Arrangement(
        (
            leaf_order(0, [one.rows_from_turned for one in partitions]),
            leaf_order(1, [one.rows_to_turned for one in partitions]),
        )
    )


def _with_moves(order: LeafOrder, rows_before: Int[Tensor, "B N"]) -> LeafOrder:
    if order.share is None:
        return replace(order, rows_before=rows_before)
    return replace(order, exchange=plan_exchange(rows_before[0], order.share))


def _with_nodes(
    order: LeafOrder, partitions: Sequence[Partition], config: ModelConfig
) -> LeafOrder:
    """Return the order with the nodes of the trees that each patch attends to."""
    device, count = partitions[0].order.device, config.num_supernodes
    if order.points is not None:
        device = order.points.device
    cuts = _stacked([one.cuts for one in partitions if one.cuts is not None], device)
    if order.share is not None:
        cuts = cuts[:, order.share.patches]
    within = torch.arange(count, device=device)
    size = len(partitions[0].order), len(partitions[0].offsets) - 1
    apart = None if order.streaming is None else order.streaming.device
    return replace(
        order,
        table=node_table(*size, count, apart or device),
        selected=(cuts[..., None] * count + within).flatten(2),
    )


def _with_phases(order: LeafOrder, num_supernodes: int) -> LeafOrder:
    """Return the order with the phases that all blocks share."""
    centers = order.all_supernodes(order.fetch(supernode_places(order, num_supernodes)))
    if order.table is not None:
        centers = node_supernodes(centers, order.table)
    return replace(
        order,
        # Without gradients those of a few rows are computed when they are needed.
        all_phases=order.phases() if torch.is_grad_enabled() else None,
        supernode_phases=rotary_phases(centers, order.rotary),
    )


def supernode_places(order: LeafOrder, num_supernodes: int) -> Float[Tensor, "B KQ X"]:
    """Return the mean place of the points of each supernode, patch after patch.

    Args:
        order: Of the clouds.
        num_supernodes: Supernodes Q per patch, each of a contiguous sub-block.
    """
    means = []
    if not order.num_patches:  # a rank without patches
        return order.places(slice(0))
    for run in patch_runs(order.num_rows, order.num_patches):
        patches = rearrange(order.places(run.rows), "b (k l) x -> (b k) l x", k=run.count)
        pooled = pool_mean(patches, num_supernodes)
        means.append(rearrange(pooled, "(b k) q x -> b (k q) x", k=run.count))
    return torch.cat(means, dim=1)


def with_shared_supernodes(clouds: Sequence[Arrangement]) -> list[Arrangement]:
    """Return the orders of branches whose points attend to the supernodes of all branches."""
    return [
        Arrangement(
            tuple(
                replace(
                    order,
                    supernode_phases=_joined(
                        [one.of_block(block).supernode_phases for one in clouds]
                    ),
                )
                for block, order in enumerate(cloud.orders)
            )
        )
        for cloud in clouds
    ]


def _joined(phases: Sequence[Phases | None]) -> Phases | None:
    found = [one for one in phases if one is not None]
    if not found:
        return None
    cosines, sines = zip(*found, strict=True)
    return torch.cat(cosines, dim=1), torch.cat(sines, dim=1)


def _stacked(indices: Sequence[Int[Tensor, "..."]], device: torch.device) -> Int[Tensor, "..."]:
    # One cloud is the usual case of inference, and needs no copy.
    stacked = indices[0][None] if len(indices) == 1 else torch.stack(tuple(indices))
    return stacked.to(device)


def reorder(x: Float[Tensor, "B N D"], order: Int[Tensor, "B R"]) -> Float[Tensor, "B R D"]:
    """Return some rows of each cloud in another order."""
    # Copies whole rows; ``gather`` would read an index for every number and takes twice as long.
    moved = [one.index_select(0, rows) for one, rows in zip(x, order, strict=True)]
    return moved[0][None] if len(moved) == 1 else torch.stack(moved)


class _Move(torch.autograd.Function):
    """Reordering by a permutation, whose gradient is reordering by the inverse one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: Tensor, inverse: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(inverse)
        return reorder(x, rows)

    @staticmethod
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,  # noqa: ANN401 - torch's own context object
        *grad_outputs: Tensor,
    ) -> tuple[Tensor, None, None]:
        (inverse,) = ctx.saved_tensors
        return reorder(grad_outputs[0], inverse), None, None


def move_rows(
    hidden: Float[Tensor, "B N D"], *, before: LeafOrder, after: LeafOrder
) -> Float[Tensor, "B N D"]:
    """Return features in the leaf order of the next block; in place where no gradient is needed.

    Args:
        hidden: Features; overwritten without gradients.
        before: Their leaf order.
        after: The leaf order of the result.
    """
    if after.exchange is not None:
        return exchange_rows(hidden, after.exchange)
    rows, inverse = after.rows_before, before.rows_before
    if rows is None or inverse is None:  # all blocks use one order
        return hidden
    if torch.is_grad_enabled():
        return _Move.apply(hidden, rows, inverse)  # pyright: ignore[reportReturnType]
    for channels in hidden.split(MOVED_CHANNELS, dim=-1):  # views of ``hidden``
        channels.copy_(reorder(channels, rows))
    return hidden


def in_input_order(
    fields: Float[Tensor, "B N C"], partitions: Sequence[Partition], *, block: int
) -> Float[Tensor, "B N C"]:
    """Return rows in the leaf order of a block in the order in which the points were given."""
    inverse = [partition.of_block(block).inverse for partition in partitions]
    return reorder(fields, _stacked(inverse, fields.device))
