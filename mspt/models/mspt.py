"""The Multi-Scale Patch Transformer (MSPT), section 3 of the paper.

Letters: B batch, N points, P picked points, X space axes, F input features, C output channels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mspt.config import ModelConfig
from mspt.models.arrangement import Arrangement, arrange, in_input_order
from mspt.models.attention import PMSATrace
from mspt.models.blocks import (
    BlockPooled,
    KeyMask,
    OutputDone,
    PatchTransformer,
    output_of,
    walk_blocks,
)
from mspt.models.embedding import initialize
from mspt.models.ranks import Share, is_one_of_several, share_of_cloud
from mspt.models.streaming import Streaming
from mspt.partition.alternatives import random_partition
from mspt.partition.ball_tree import Partition, build_partition, sequence_partition
from mspt.partition.cuts import add_cuts
from mspt.partition.turned import add_turned


def partition_points(config: ModelConfig, points: Float[Tensor, "N X"]) -> Partition:
    """Return the partition of a cloud for a model of this config.

    Build it once per cloud and pass it to every forward pass over that cloud.
    """
    num_patches = config.patches_for(len(points))
    if config.partition == "sequence":
        return sequence_partition(len(points), num_patches)
    if config.partition == "random":
        return random_partition(len(points), num_patches, seed=0)
    partition = build_partition(points, num_patches=num_patches)
    if config.partition == "alternating_trees":
        partition = add_turned(points, partition)
    return add_cuts(partition, config.keys_per_level) if config.keys_per_level else partition


@dataclass(frozen=True)
class ModelTrace:
    """Exact attention weights of picked points of one cloud, in every block.

    Attributes:
        partition: The partition used; ``partition.of_block(index)`` is that of a block.
        points: The picked points, in the order of the input.
        blocks: One trace per block; its rows are rows in the leaf order of that block.
        output: The prediction for the whole cloud.
    """

    partition: Partition
    points: Int[Tensor, " P"]
    blocks: tuple[PMSATrace, ...]
    output: Float[Tensor, "N C"]


class MSPT(PatchTransformer):
    """Embedding, blocks of PMSA, and a task head in place of the last block's network.

    Every cloud is handled in the leaf order of its partition, in which a patch is a run of rows.
    Without gradients the blocks run in place and on a few patches at a time, which gives the same
    result in a fraction of the memory; no point is ever left out.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.config = config
        self.apply(initialize)

    def forward(
        self,
        points: Float[Tensor, "B N X"],
        features: Float[Tensor, "B N F"] | None = None,
        *,
        partitions: Sequence[Partition] | None = None,
        time: Float[Tensor, " B"] | None = None,
        num_points: Sequence[int] | None = None,
        over_ranks: bool = False,
        streaming: Streaming | None = None,
    ) -> Float[Tensor, "B N C"]:
        """Predict the fields of a batch of clouds.

        Args:
            points: Coordinates, normalized to about -1 to 1.
            features: Further inputs per point, normalized.
            partitions: One for each cloud; built here where absent.
            time: Time of each cloud, for a time-conditioned model.
            num_points: True size of each cloud of a padded batch. Rows beyond it are never read
                and come back as zeros.
            over_ranks: Whether to divide one cloud over the ranks of the process group, if there
                are several: every rank passes the same inputs and gets the whole output. A rank's
                gradients of the weights are its part of the sum over all ranks.
            streaming: Pieces of a pass without gradients; None for those of the device. With a
                device of its own, points and features lie in the memory of the host, and the
                output does, too.

        Raises:
            ValueError: If features or time do not fit the model, partitions do not fit the clouds,
                or a batch is to be divided over ranks.
        """
        if num_points is not None and any(count != points.shape[1] for count in num_points):
            return self._forward_ragged(points, features, partitions, time, num_points)
        if partitions is None:
            partitions = [partition_points(self.config, cloud) for cloud in points]
        _check_partitions(partitions, points)
        share = _share(points, partitions) if over_ranks and is_one_of_several() else None
        cloud = arrange(self.config, points, features, partitions, share=share, streaming=streaming)
        hidden = self.embed(cloud.of_block(0), time=time)
        (fields,) = output_of(self.walk(hidden, cloud))
        if share is not None:
            fields = share.gather_rows(fields)
        return in_input_order(fields, partitions, block=self.config.num_blocks - 1)

    def walk(
        self,
        hidden: Float[Tensor, "B N D"],
        cloud: Arrangement,
        *,
        first: int = 0,
        mask: KeyMask | None = None,
    ) -> Iterator[BlockPooled | OutputDone]:
        """Run the blocks and the task head; see :func:`mspt.models.blocks.walk_blocks`.

        Args:
            hidden: Features before block ``first``, in its leaf order: for block 0 what ``embed``
                returns. Overwritten without gradients.
            cloud: Leaf orders of the batch.
            first: Block to start from.
            mask: Keys that no point may attend to.
        """
        return walk_blocks([self], [hidden], [cloud], first=first, mask=mask)

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
            picked: The points whose weights are wanted, in the order of the input.
            partition: The cloud's partition, built here where absent.
            time: Its time, for a time-conditioned model.
        """
        partition = partition or partition_points(self.config, points)
        described = None if features is None else features[None]
        cloud = arrange(self.config, points[None], described, [partition])
        hidden = self.embed(cloud.of_block(0), time=time)
        traces, output = [], hidden.new_empty(0)
        for event in self.walk(hidden, cloud):
            if isinstance(event, BlockPooled):
                x = event.block.norm_attention(event.hidden)[0]
                layer, nodes = event.block.attention, event.supernodes[0]
                rows = partition.of_block(event.index).inverse[picked]
                traces.append(layer.trace(x, nodes, order=event.order, rows=rows))
            else:
                last = self.config.num_blocks - 1
                output = in_input_order(event.fields[0], [partition], block=last)[0]
        return ModelTrace(partition, picked, tuple(traces), output)


def _share(points: Float[Tensor, "B N X"], partitions: Sequence[Partition]) -> Share:
    if len(points) != 1:
        raise ValueError(
            f"points must be one cloud to be divided over ranks, got {len(points)}; "
            "predict one cloud after the other"
        )
    return share_of_cloud(points.shape[1], len(partitions[0].offsets) - 1)


def _check_partitions(partitions: Sequence[Partition], points: Float[Tensor, "B N X"]) -> None:
    sizes = {
        (len(one.order), len(one.offsets), one.turned is None, one.cuts is None)
        for one in partitions
    }
    if len(partitions) != len(points) or len(sizes) != 1 or sizes.pop()[0] != points.shape[1]:
        raise ValueError(
            "partitions must be one for each cloud, of its points and with equally many patches, "
            f"got {[len(partition.order) for partition in partitions]} points "
            f"for clouds of {points.shape[1]}"
        )
