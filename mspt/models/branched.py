"""MSPT in two branches: surface and volume have weights of their own and share supernodes.

The paper names this as future work (section 5). Each branch partitions its own points; in every
block each branch pools its patches, and a point attends, in one softmax, to its own patch and to
the supernodes of both branches. The attention is PMSA with a longer list of supernodes.

Letters: B batch, N points, X space axes, F input features, C output channels, D model width,
S supernodes of both branches.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mspt.config import ModelConfig
from mspt.models.arrangement import arrange, in_input_order, with_shared_supernodes
from mspt.models.blocks import PatchTransformer, output_of, walk_blocks
from mspt.models.embedding import initialize
from mspt.partition.ball_tree import Partition, build_partition
from mspt.partition.turned import add_turned


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
    """Return the partitions of both branches.

    The patches of the config are divided in proportion to the points of the branches, so that
    patches of both have about the same size; each branch has at least one.

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
        surface=_partition(config, points[:num_surface], share),
        volume=_partition(config, points[num_surface:], max(1, total - share)),
    )


def _partition(config: ModelConfig, points: Float[Tensor, "N X"], num_patches: int) -> Partition:
    partition = build_partition(points, num_patches=num_patches)
    return add_turned(points, partition) if config.partition == "alternating_trees" else partition


class BranchedMSPT(nn.Module):
    """Two branches of MSPT whose points attend to the supernodes of both.

    Raises:
        ValueError: If the config carries supernodes or is conditioned on time, which branches
            do not.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.carry or config.time_conditioned:
            raise ValueError("carry and time_conditioned must be off for a branched model")
        self.config = config
        self.surface = PatchTransformer(config)
        self.volume = PatchTransformer(config)
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
            partitions: One for each cloud; all have equally many points and patches in a branch.
        """
        split = partitions[0].num_surface
        branches = (self.surface, self.volume)
        rows = (slice(0, split), slice(split, None))
        parts = ([one.surface for one in partitions], [one.volume for one in partitions])
        clouds = [
            arrange(
                self.config, points[:, own], None if features is None else features[:, own], part
            )
            for own, part in zip(rows, parts, strict=True)
        ]
        clouds = with_shared_supernodes(clouds)
        hidden = [
            branch.embed(cloud.of_block(0)) for branch, cloud in zip(branches, clouds, strict=True)
        ]
        outputs, last = output_of(walk_blocks(branches, hidden, clouds)), self.config.num_blocks - 1
        fields = [
            in_input_order(own, part, block=last) for own, part in zip(outputs, parts, strict=True)
        ]
        return torch.cat(fields, dim=1)
