"""Blocks of PMSA, and the one loop that runs them (equation 12 of the paper).

Training, inference, tracing, recording and masking all use :func:`walk_blocks`.

Letters: B batch, N points, X space axes, F input features, C output channels, D model width,
K patches, S supernodes that a point attends to.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mspt.config import ModelConfig
from mspt.models.arrangement import Arrangement, LeafOrder, move_rows
from mspt.models.attention import PMSA
from mspt.models.embedding import Embedding, FeedForward, stream_rows
from mspt.models.streaming import Streaming
from mspt.partition.runs import PatchRun, patch_runs

# --- arguments and events of the loop -------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class KeyMask:
    """Keys that no point attends to, as if they did not exist; everything else is unchanged.

    Attributes:
        points: Masked points, as rows in the leaf order of each block. No point attends to them,
            not even they themselves. They are still pooled into supernodes.
        supernodes: Masked supernodes.
        blocks: Blocks in which the mask applies, counted from 0; None for all.
    """

    points: Bool[Tensor, " N"]
    supernodes: Bool[Tensor, " S"]
    blocks: tuple[int, ...] | None = None

    def applies_to(self, block: int) -> bool:
        """Return whether the mask applies in a block."""
        return self.blocks is None or block in self.blocks

    def readable_keys(self, run: PatchRun) -> Bool[Tensor, "K 1 1 M"]:
        """Return which of its M keys each patch of a run may attend to: points, then supernodes."""
        points = rearrange(~self.points[run.rows], "(k l) -> k 1 1 l", k=run.count)
        supernodes = (~self.supernodes).expand(run.count, 1, 1, -1)
        return torch.cat([points, supernodes], dim=-1)


@dataclass(frozen=True, eq=False)
class BlockPooled:
    """A block has pooled its supernodes and is about to change the hidden features.

    Attributes:
        index: Which block, counted from 0.
        branch: Which branch of the model; 0 where there is one only.
        block: The block.
        order: The leaf order that it uses.
        hidden: Features before the block, in that order. Without gradients the block overwrites
            them: clone them to use them later.
        supernodes: The supernodes that its points attend to, carried part included.
    """

    index: int
    branch: int
    block: "PMSABlock"
    order: LeafOrder
    hidden: Float[Tensor, "B N D"]
    supernodes: Float[Tensor, "B S D"]


@dataclass(frozen=True, eq=False)
class OutputDone:
    """All blocks and the task head have run.

    Attributes:
        fields: Output of each branch, in the leaf order of the last block.
    """

    fields: tuple[Float[Tensor, "B _N C"], ...]


# --- one block -----------------------------------------------------------------------------------


class PMSABlock(nn.Module):
    """PMSA and a feed-forward network, each on normalized features and with a residual path.

    The last block has no feed-forward network: the task head takes its place.

    There are two ways to run a block, with equal results. ``forward`` allows gradients.
    ``stream_`` works in place and on a few patches at a time. That is safe because patches exchange
    information through the supernodes alone, and all of these are pooled before any row changes.
    """

    def __init__(self, config: ModelConfig, *, is_last: bool) -> None:
        super().__init__()
        width = config.width
        self.norm_attention = nn.LayerNorm(width)
        self.attention = PMSA(
            width,
            num_heads=config.num_heads,
            num_supernodes=config.num_supernodes,
            pooling=config.pooling,
            carry=config.carry,
        )
        self.mlp = (
            None
            if is_last
            else nn.Sequential(
                nn.LayerNorm(width),
                FeedForward(width, hidden=config.mlp_ratio * width, out_width=width),
            )
        )

    def pool(self, hidden: Float[Tensor, "B N D"], order: LeafOrder) -> Float[Tensor, "B KQ D"]:
        """Return the supernodes of all patches, S = [S_1; ...; S_K] (equations 1 and 2).

        They are pooled from the normalized features. Without gradients this takes a few patches at
        a time, so that the normalized copy of all features never exists.
        """
        if not order.num_patches:  # a rank without patches
            return hidden
        pieces = [
            self.attention.pool_patches(rows, piece)
            for piece, rows in self._normalized(hidden, order)
        ]
        return torch.cat(pieces, dim=1)

    def _normalized(
        self, hidden: Float[Tensor, "B N D"], order: LeafOrder
    ) -> Iterator[tuple[PatchRun, Float[Tensor, "B _R D"]]]:
        """Yield patches with their normalized features; few at a time without gradients."""
        pieces = streaming_of(order, hidden.device)
        num_rows = hidden.shape[1] if torch.is_grad_enabled() else pieces.rows
        for run in patch_runs(hidden.shape[1], order.num_patches):
            for piece in run.pieces(num_rows):
                yield piece, self.norm_attention(pieces.fetch(hidden[:, piece.rows]))

    def supernodes_to_carry(
        self, hidden: Float[Tensor, "B N D"], supernodes: Float[Tensor, "B S D"], order: LeafOrder
    ) -> Float[Tensor, "B S D"] | None:
        """Return the supernodes that the next block adds to its own (S of equation 12), or None."""
        if not self.attention.carry:
            return None
        if not order.num_patches:  # a rank without patches
            return order.all_supernodes(supernodes[:, :0])
        patches = self._normalized(hidden, order)
        return order.all_supernodes(self.attention.update_supernodes(patches, supernodes, order))

    def forward(
        self, hidden: Float[Tensor, "B N D"], supernodes: Float[Tensor, "B S D"], order: LeafOrder
    ) -> Float[Tensor, "B N D"]:
        """Return the features after this block (H of equation 12)."""
        x = self.norm_attention(hidden)
        hidden = hidden + self.attention(x, supernodes, order)
        return hidden if self.mlp is None else hidden + self.mlp(hidden)

    def stream_(
        self,
        hidden: Float[Tensor, "B N D"],
        supernodes: Float[Tensor, "B S D"],
        order: LeafOrder,
        *,
        mask: KeyMask | None = None,
    ) -> None:
        """Compute ``forward`` in place of ``hidden``, with a small working memory.

        Args:
            hidden: Features in leaf order; overwritten.
            supernodes: The supernodes that the points attend to.
            order: The leaf order.
            mask: Keys that no point may attend to; for one cloud only.
        """
        shared = self.attention.shared_keys(supernodes, order)
        pieces = streaming_of(order, hidden.device)
        for run in patch_runs(hidden.shape[1], order.num_patches):
            for piece in run.pieces(pieces.rows):
                readable = None if mask is None else mask.readable_keys(piece).to(supernodes.device)
                # A view, so that adding to it changes ``hidden``, or a copy on another device.
                rows = pieces.fetch(hidden[:, piece.rows])
                # Without a name the normalized rows are freed before the network needs memory.
                rows += self.attention.attend(
                    self.norm_attention(rows),
                    shared,
                    piece,
                    order,
                    readable=readable,
                )
                if self.mlp is not None:
                    rows += self.mlp(rows)
                pieces.store(rows, to=hidden[:, piece.rows])

    def advance(
        self,
        hidden: Float[Tensor, "B N D"],
        supernodes: Float[Tensor, "B S D"],
        order: LeafOrder,
        *,
        mask: KeyMask | None = None,
    ) -> Float[Tensor, "B N D"]:
        """Return the features after this block, computed in place where no gradient is needed."""
        if not order.num_patches:
            # No rows, but the supernodes' gradient, which the ranks compute together.
            return torch.cat([hidden, supernodes[:, :0]], dim=1)
        if mask is None and torch.is_grad_enabled():
            return self(hidden, supernodes, order)
        self.stream_(hidden, supernodes, order, mask=mask)
        return hidden


def streaming_of(order: LeafOrder, device: torch.device) -> Streaming:
    """Return the pieces of a pass: those that were chosen, or those of the features' device."""
    return order.streaming or Streaming(rows=stream_rows(device))


# --- a stack of blocks between an embedding and a task head ---------------------------------------


class PatchTransformer(nn.Module):
    """Embedding, blocks of PMSA, and the task head that ends the last block."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        last = config.num_blocks - 1
        self.embedding = Embedding(config)
        self.inputs_at_head = config.inputs_at_head
        self.blocks = nn.ModuleList(
            PMSABlock(config, is_last=index == last) for index in range(config.num_blocks)
        )
        self.head = nn.Sequential(
            nn.LayerNorm(config.width),
            FeedForward(
                config.width + (self.embedding.num_inputs if config.inputs_at_head else 0),
                hidden=config.mlp_ratio * config.width,
                out_width=config.out_channels,
            ),
        )

    def block(self, index: int) -> PMSABlock:
        """Return one block, counted from 0.

        Raises:
            ValueError: If there is no such block.
        """
        if not 0 <= index < len(self.blocks):
            raise ValueError(f"block must lie between 0 and {len(self.blocks) - 1}, got {index}")
        return cast(PMSABlock, self.blocks[index])

    def embed(
        self, order: LeafOrder, *, time: Float[Tensor, " B"] | None = None
    ) -> Float[Tensor, "B N D"]:
        """Return the first hidden features, in leaf order: patch after patch.

        Where no gradient is needed this takes some rows at a time.

        Args:
            order: The leaf order of the first block, with the inputs.
            time: Time of each cloud, for a time-conditioned model.
        """
        if torch.is_grad_enabled() or order.points is None:
            return self.embedding(*order.inputs(), time)
        pieces = streaming_of(order, order.points.device)
        hidden = order.points.new_empty(len(order.points), order.num_rows, self.embedding.width)
        for rows in _runs(hidden.shape[1], pieces):
            hidden[:, rows] = self.embedding(*self._inputs(order, rows), time)
        return hidden

    def _inputs(
        self, order: LeafOrder, rows: slice
    ) -> tuple[Float[Tensor, "B R X"], Float[Tensor, "B R F"] | None]:
        """Return the inputs of some rows where they are computed."""
        points, features = order.inputs(rows)
        return order.fetch(points), None if features is None else order.fetch(features)

    def apply_head(
        self, hidden: Float[Tensor, "B N D"], order: LeafOrder
    ) -> Float[Tensor, "B N C"]:
        """Return the fields, computed on some rows at a time where no gradient is needed."""
        if torch.is_grad_enabled():
            return self._fields(hidden, order, slice(None))
        found = [
            self._fields(hidden, order, rows).to(hidden.device)
            for rows in _runs(hidden.shape[1], streaming_of(order, hidden.device))
        ]
        return torch.cat(found, dim=1)

    def _fields(
        self, hidden: Float[Tensor, "B N D"], order: LeafOrder, rows: slice
    ) -> Float[Tensor, "B R C"]:
        own = hidden[:, rows] if torch.is_grad_enabled() else order.fetch(hidden[:, rows])
        if not self.inputs_at_head:
            return self.head(own)
        norm, network = self.head
        described = self.embedding.describe(*self._inputs(order, rows))
        return network(torch.cat([norm(own), described], dim=-1))


def _runs(num_rows: int, pieces: Streaming) -> Iterator[slice]:
    """Yield runs of rows for layers that take each row by itself; one at least."""
    for start in range(0, max(1, num_rows), pieces.rows):  # a rank may have no rows
        yield slice(start, start + pieces.rows)


def walk_blocks(
    branches: Sequence[PatchTransformer],
    hidden: Sequence[Float[Tensor, "B _N D"]],
    clouds: Sequence[Arrangement],
    *,
    first: int = 0,
    mask: KeyMask | None = None,
) -> Iterator[BlockPooled | OutputDone]:
    """Run blocks and task heads, yielding before each block, and the output at the end.

    A block first pools the patches of all branches, then advances each branch: the points of a
    branch attend to the supernodes of all. MSPT has one branch. Without gradients ``hidden`` is
    overwritten.

    Args:
        branches: Models, with equally many blocks.
        hidden: Features of each branch before block ``first``, in the leaf order of that block.
        clouds: Leaf orders of the points of each branch.
        first: Block to start from, for a model that carries no supernodes.
        mask: Keys that no point may attend to; for one branch and one cloud, without gradients.
    """
    features, carried = list(hidden), None
    for index in range(first, len(branches[0].blocks)):
        blocks = [branch.block(index) for branch in branches]
        orders = [cloud.of_block(index) for cloud in clouds]
        if index > first:
            features = [
                move_rows(own, before=cloud.of_block(index - 1), after=cloud.of_block(index))
                for own, cloud in zip(features, clouds, strict=True)
            ]
        stages = list(zip(blocks, features, orders, strict=True))
        supernodes = torch.cat(
            [order.all_supernodes(block.pool(own, order)) for block, own, order in stages],
            dim=1,
        )
        if carried is not None:
            supernodes = supernodes + carried
        for branch, (block, own, order) in enumerate(stages):
            yield BlockPooled(index, branch, block, order, own, supernodes)
        # In equation 12 supernodes attend to the points of H before the block, so they are updated
        # before ``advance`` overwrites it. Only models of one branch carry supernodes.
        carried = None
        if index < len(branches[0].blocks) - 1:
            carried = blocks[0].supernodes_to_carry(features[0], supernodes, orders[0])
        block_mask = mask if mask is not None and mask.applies_to(index) else None
        features = [
            block.advance(own, supernodes, order, mask=block_mask) for block, own, order in stages
        ]
    last = [cloud.of_block(len(branches[0].blocks) - 1) for cloud in clouds]
    ends = zip(branches, features, last, strict=True)
    yield OutputDone(tuple(branch.apply_head(own, order) for branch, own, order in ends))


def output_of(events: Iterator[BlockPooled | OutputDone]) -> tuple[Float[Tensor, "B _N C"], ...]:
    """Run a walk to its end and return the fields of each branch, in the last leaf order."""
    return next(event.fields for event in events if isinstance(event, OutputDone))
