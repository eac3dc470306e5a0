"""The Multi-Scale Patch Transformer (MSPT), section 3 of the paper.

Letters: B batch, N points, X space axes, F input features, C output channels, D model width,
K patches, S supernodes in all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mspt.config import ModelConfig
from mspt.models.attention import PMSA, PMSATrace
from mspt.models.embedding import Embedding, FeedForward, initialize, stream_rows
from mspt.partition.ball_tree import Partition, build_partition, sequence_partition
from mspt.partition.runs import patch_runs


def partition_points(config: ModelConfig, points: Float[Tensor, "N X"]) -> Partition:
    """Return the partition that a model of this config uses for a cloud; keep it and pass it on."""
    num_patches = config.patches_for(len(points))
    if config.partition == "sequence":
        return sequence_partition(len(points), num_patches)
    return build_partition(points, num_patches=num_patches)


class Block(nn.Module):
    """PMSA and a point-wise network, each on normalized features and with a residual path.

    The last block has no network: the task head stands in its place. ``forward`` keeps what a
    gradient needs. ``stream_`` computes the same in place, a few patches at a time: first every
    patch is pooled, then every patch attends.
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

    def supernodes(
        self, hidden: Float[Tensor, "B N D"], num_patches: int, carried: Tensor | None
    ) -> Float[Tensor, "B S D"]:
        """Pool all patches, a few at a time where no gradient is needed."""
        num_rows = hidden.shape[1] if torch.is_grad_enabled() else stream_rows(hidden.device)
        pieces = (
            self.attention.pool_patches(self.norm_attention(hidden[:, piece.rows]), piece)
            for run in patch_runs(hidden.shape[1], num_patches)
            for piece in run.pieces(num_rows)
        )
        pooled = torch.cat(list(pieces), dim=1)
        return pooled if carried is None else pooled + carried

    def next_carried(
        self, hidden: Float[Tensor, "B N D"], supernodes: Float[Tensor, "B S D"], num_patches: int
    ) -> Tensor | None:
        """Return the supernodes to carry on (equation 12), or None where none are."""
        if not self.attention.carry:
            return None
        x = self.norm_attention(hidden)
        return self.attention.update_supernodes(x, supernodes, num_patches)

    def forward(
        self, hidden: Float[Tensor, "B N D"], supernodes: Float[Tensor, "B S D"], num_patches: int
    ) -> Float[Tensor, "B N D"]:
        """Return the features after this block; each point sees its patch and all supernodes."""
        x = self.norm_attention(hidden)
        hidden = hidden + self.attention(x, supernodes, num_patches)
        return hidden if self.mlp is None else hidden + self.mlp(hidden)

    def stream_(
        self, hidden: Float[Tensor, "B N D"], supernodes: Float[Tensor, "B S D"], num_patches: int
    ) -> None:
        """Do what ``forward`` does in place of ``hidden``, with a small working memory."""
        shared = self.attention.shared_keys(supernodes)
        for run in patch_runs(hidden.shape[1], num_patches):
            for piece in run.pieces(stream_rows(hidden.device)):
                rows = hidden[:, piece.rows]
                rows += self.attention.attend(self.norm_attention(rows), shared, piece)
                if self.mlp is not None:
                    rows += self.mlp(rows)

    def advance(
        self, hidden: Float[Tensor, "B N D"], supernodes: Float[Tensor, "B S D"], num_patches: int
    ) -> Float[Tensor, "B N D"]:
        """Return the features after this block: in place where no gradient is needed."""
        if torch.is_grad_enabled():
            return self(hidden, supernodes, num_patches)
        self.stream_(hidden, supernodes, num_patches)
        return hidden


@dataclass(frozen=True)
class ModelTrace:
    """What picked points of one cloud look at, block by block.

    Attributes:
        partition: The partition used.
        points: The picked points, in the order of the input.
        blocks: One trace per block; its rows are rows in leaf order.
        output: The prediction for the whole cloud.
    """

    partition: Partition
    points: Int[Tensor, " P"]
    blocks: tuple[PMSATrace, ...]
    output: Float[Tensor, "N C"]


class MSPT(nn.Module):
    """Embedding, blocks of PMSA, and a task head in place of the last block's network.

    Every cloud is handled in the leaf order of its partition, in which a patch is a run of rows.
    Without gradients the blocks run in place and a few patches at a time, which gives the same
    result in a fraction of the memory; no point is ever left out.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = Embedding(config)
        self.blocks = build_blocks(config)
        self.head = build_head(config)
        self.apply(initialize)

    def forward(
        self,
        points: Float[Tensor, "B N X"],
        features: Float[Tensor, "B N F"] | None = None,
        *,
        partitions: Sequence[Partition] | None = None,
        time: Float[Tensor, " B"] | None = None,
        num_points: Sequence[int] | None = None,
    ) -> Float[Tensor, "B N C"]:
        """Predict the fields of a batch of clouds.

        Args:
            points: Coordinates, normalized to about -1 to 1.
            features: Further inputs per point, normalized.
            partitions: One for each cloud; built here where absent.
            time: Time of each cloud, for a time-conditioned model.
            num_points: True size of each cloud of a padded batch. Rows beyond it are never read
                and come back as zeros.

        Raises:
            ValueError: If features or time do not fit the model, or partitions do not fit the
                clouds.
        """
        if num_points is not None and any(count != points.shape[1] for count in num_points):
            return self._forward_ragged(points, features, partitions, time, num_points)
        if partitions is None:
            partitions = [partition_points(self.config, cloud) for cloud in points]
        _check_partitions(partitions, points)
        order = torch.stack([partition.order for partition in partitions]).to(points.device)
        hidden = self.embedding.stream(
            reorder(points, order), None if features is None else reorder(features, order), time
        )
        num_patches = len(partitions[0].offsets) - 1
        leaf_output = self._run_blocks(hidden, num_patches)
        inverse = torch.stack([partition.inverse for partition in partitions])
        return reorder(leaf_output, inverse.to(points.device))

    def _forward_ragged(
        self,
        points: Tensor,
        features: Tensor | None,
        partitions: Sequence[Partition] | None,
        time: Tensor | None,
        num_points: Sequence[int],
    ) -> Tensor:
        clouds = []
        for index, count in enumerate(num_points):
            output = self(
                points[index : index + 1, :count],
                None if features is None else features[index : index + 1, :count],
                partitions=None if partitions is None else partitions[index : index + 1],
                time=None if time is None else time[index : index + 1],
            )
            clouds.append(nn.functional.pad(output, (0, 0, 0, points.shape[1] - count)))
        return torch.cat(clouds)

    def _each_block(self) -> Iterator[Block]:
        return (block for block in self.blocks if isinstance(block, Block))

    def _run_blocks(
        self, hidden: Float[Tensor, "B N D"], num_patches: int
    ) -> Float[Tensor, "B N C"]:
        carried = None
        for block in self._each_block():
            supernodes = block.supernodes(hidden, num_patches, carried)
            carried = block.next_carried(hidden, supernodes, num_patches)
            hidden = block.advance(hidden, supernodes, num_patches)
        return apply_head(self.head, hidden)

    @torch.no_grad()
    def trace(
        self,
        points: Float[Tensor, "N X"],
        features: Float[Tensor, "N F"] | None = None,
        *,
        picked: Int[Tensor, " P"],
        partition: Partition | None = None,
        time: Float[Tensor, " 1"] | None = None,
    ) -> ModelTrace:
        """Recompute the attention weights of picked points of one cloud, in every block.

        Args:
            points: Coordinates of one cloud, as for :meth:`forward`.
            features: Its further inputs.
            picked: The points to look from, in the order of the input.
            partition: The cloud's partition, built here where absent.
            time: Its time, for a time-conditioned model.
        """
        partition = partition or partition_points(self.config, points)
        rows = partition.inverse[picked]
        num_patches = len(partition.offsets) - 1
        hidden = self.embedding.stream(
            points[None, partition.order],
            None if features is None else features[None, partition.order],
            time,
        )
        traces, carried = [], None
        for block in self._each_block():
            supernodes = block.supernodes(hidden, num_patches, carried)
            traces.append(
                block.attention.trace(
                    block.norm_attention(hidden)[0],
                    supernodes[0],
                    offsets=partition.offsets,
                    rows=rows,
                )
            )
            carried = block.next_carried(hidden, supernodes, num_patches)
            block.stream_(hidden, supernodes, num_patches)
        output = self.head(hidden)[0, partition.inverse]
        return ModelTrace(partition, picked, tuple(traces), output)


def apply_head(head: nn.Module, hidden: Float[Tensor, "B N D"]) -> Float[Tensor, "B N C"]:
    """Apply the task head, some rows at a time where no gradient is needed."""
    if torch.is_grad_enabled():
        return head(hidden)
    pieces = hidden.split(stream_rows(hidden.device), dim=1)
    return torch.cat([head(piece) for piece in pieces], dim=1)


def build_blocks(config: ModelConfig) -> nn.ModuleList:
    """Return the blocks; the last one has no network."""
    last = config.num_blocks - 1
    return nn.ModuleList(Block(config, is_last=index == last) for index in range(last + 1))


def build_head(config: ModelConfig) -> nn.Module:
    """Return the task head, which stands in place of the last block's network."""
    hidden = config.mlp_ratio * config.width
    return nn.Sequential(
        nn.LayerNorm(config.width),
        FeedForward(config.width, hidden=hidden, out_width=config.out_channels),
    )


def reorder(x: Float[Tensor, "B N D"], order: Int[Tensor, "B N"]) -> Float[Tensor, "B N D"]:
    """Return the rows of each cloud in another order."""
    return x.gather(1, order[..., None].expand(-1, -1, x.shape[-1]))


def _check_partitions(partitions: Sequence[Partition], points: Float[Tensor, "B N X"]) -> None:
    sizes = {(len(partition.order), len(partition.offsets)) for partition in partitions}
    if len(partitions) != len(points) or len(sizes) != 1 or sizes.pop()[0] != points.shape[1]:
        raise ValueError(
            "partitions must be one for each cloud, of its points and with equally many patches, "
            f"got {[len(partition.order) for partition in partitions]} points "
            f"for clouds of {points.shape[1]}"
        )
