"""MSPT in two branches: surface and volume with weights of their own, exchanging supernodes.

The paper names this as future work (section 5). Each branch partitions its own points; in every
block each branch pools its patches, and a point attends, in one softmax, to its own patch and to
the supernodes of both branches. Attention is PMSA unchanged: only the list of supernodes is longer.

Letters: B batch, N points, X space axes, F input features, C output channels, D model width,
S supernodes of both branches.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mspt.config import ModelConfig
from mspt.models.embedding import Embedding, initialize
from mspt.models.mspt import Block, apply_head, build_blocks, build_head, reorder
from mspt.partition.ball_tree import Partition, build_partition


@dataclass(frozen=True)
class SplitPartition:
    """A partition of each branch of a cloud whose surface points come first."""

    surface: Partition
    volume: Partition

    @property
    def num_surface(self) -> int:
        """Points of the surface."""
        return len(self.surface.order)


def split_partition(
    config: ModelConfig, points: Float[Tensor, "N X"], *, num_surface: int
) -> SplitPartition:
    """Return the partitions of both branches; patches are shared out by their points.

    Raises:
        ValueError: If a branch would have no point.
    """
    if not 0 < num_surface < len(points):
        raise ValueError(
            f"num_surface must leave points to both branches, got {num_surface} of {len(points)}"
        )
    total = config.patches_for(len(points))
    share = min(max(1, round(total * num_surface / len(points))), max(1, total - 1))
    return SplitPartition(
        surface=build_partition(points[:num_surface], num_patches=share),
        volume=build_partition(points[num_surface:], num_patches=max(1, total - share)),
    )


class Branch(nn.Module):
    """Embedding, blocks and task head of one branch."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embedding = Embedding(config)
        self.blocks = build_blocks(config)
        self.head = build_head(config)

    def each_block(self) -> Iterator[Block]:
        """Return the blocks, the first one first."""
        return (block for block in self.blocks if isinstance(block, Block))

    def begin(
        self,
        points: Float[Tensor, "B N X"],
        features: Float[Tensor, "B N F"] | None,
        partitions: Sequence[Partition],
    ) -> Float[Tensor, "B N D"]:
        """Embed the branch's points, in leaf order."""
        order = torch.stack([one.order for one in partitions]).to(points.device)
        own = None if features is None else reorder(features, order)
        return self.embedding.stream(reorder(points, order), own)

    def end(
        self, hidden: Float[Tensor, "B N D"], partitions: Sequence[Partition]
    ) -> Float[Tensor, "B N C"]:
        """Return the branch's fields, in the order of its points."""
        inverse = torch.stack([one.inverse for one in partitions]).to(hidden.device)
        return reorder(apply_head(self.head, hidden), inverse)


class BranchedMSPT(nn.Module):
    """Two branches of MSPT that see each other's supernodes.

    Raises:
        ValueError: If the config carries supernodes or is conditioned on time, which branches
            do not.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.carry or config.time_conditioned:
            raise ValueError("carry and time_conditioned must be off for a branched model")
        self.config = config
        self.surface = Branch(config)
        self.volume = Branch(config)
        self.apply(initialize)

    def forward(
        self,
        points: Float[Tensor, "B N X"],
        features: Float[Tensor, "B N F"] | None = None,
        *,
        partitions: Sequence[SplitPartition],
    ) -> Float[Tensor, "B N C"]:
        """Predict the fields of a batch of clouds, surface points first.

        Args:
            points: Coordinates, normalized to about -1 to 1.
            features: Further inputs per point, normalized.
            partitions: One for each cloud, all with equally many points and patches a branch.
        """
        split = partitions[0].num_surface
        rows = (slice(0, split), slice(split, None))
        parts = ([one.surface for one in partitions], [one.volume for one in partitions])
        branches = (self.surface, self.volume)
        hidden = [
            branch.begin(points[:, span], None if features is None else features[:, span], part)
            for branch, span, part in zip(branches, rows, parts, strict=True)
        ]
        counts = [len(part[0].offsets) - 1 for part in parts]
        for pair in zip(self.surface.each_block(), self.volume.each_block(), strict=True):
            pooled = [
                block.supernodes(own, count, None)
                for block, own, count in zip(pair, hidden, counts, strict=True)
            ]
            supernodes = torch.cat(pooled, dim=1)
            hidden = [
                block.advance(own, supernodes, count)
                for block, own, count in zip(pair, hidden, counts, strict=True)
            ]
        fields = [
            branch.end(own, part) for branch, own, part in zip(branches, hidden, parts, strict=True)
        ]
        return torch.cat(fields, dim=1)
