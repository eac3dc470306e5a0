"""Attention weights as numbers for people: on the cloud, as shares, as entropy, by patch.

A weight on a supernode is spread evenly over the points that the supernode was pooled from, so that
the weights of a point sum to one over the cloud. With mean pooling this is exactly the weight of
each point's value in the result; with the other poolings it shows where the attention goes.

Letters: N points, K patches, L points per patch, S supernodes in all, H heads, P picked points,
M keys that a point attends to (L + S, or fewer with nodes of several levels).
"""

from dataclasses import dataclass
from math import log

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mspt.models.attention import PMSATrace
from mspt.partition.ball_tree import Partition
from mspt.partition.runs import patch_runs


@dataclass(frozen=True, kw_only=True, eq=False)
class Spread:
    """Weights of picked points on every point of the cloud, in the order of the input.

    Attributes:
        local: Weights on the points of the own patch.
        through_supernodes: Weights on supernodes, divided evenly among the points of each.
    """

    local: Float[Tensor, "H P N"]
    through_supernodes: Float[Tensor, "H P N"]

    @property
    def total(self) -> Float[Tensor, "H P N"]:
        """Their sum, which is one over the cloud."""
        return self.local + self.through_supernodes


@dataclass(frozen=True, kw_only=True)
class PatchRead:
    """The attention of a point to the supernodes of one patch.

    Attributes:
        patch: Number of the patch.
        weight: Sum of the weights on its supernodes.
        distance: From the point to the mean of the patch's points.
        own: Whether the point lies in it.
    """

    patch: int
    weight: float
    distance: float
    own: bool


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Shares and entropy of the attention of one point, or their means over several points.

    Attributes:
        local_share: Attention to the points of the own patch.
        global_share: Attention to all supernodes.
        entropy: Of the weights over all keys, in bits.
        effective_keys: Number of keys with equal weights that have the same entropy.
        num_keys: Number of keys.
    """

    local_share: float
    global_share: float
    entropy: float
    effective_keys: float
    num_keys: int


def supernode_of_point(partition: Partition, num_supernodes: int) -> Int[Tensor, " N"]:
    """Return the supernode that each point is pooled into, in the order of the input.

    Args:
        partition: The cloud's partition.
        num_supernodes: Supernodes Q of a patch, each of a contiguous sub-block.

    Examples:
        >>> from mspt.partition.ball_tree import sequence_partition
        >>> supernode_of_point(sequence_partition(5, num_patches=2), 1).tolist()
        [0, 0, 0, 1, 1]
    """
    sizes = [
        run.size
        for patch in partition.offsets.diff().tolist()
        for run in patch_runs(patch, num_supernodes)
        for _ in range(run.count)
    ]
    nodes = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return nodes[partition.inverse]


def spread_on_cloud(trace: PMSATrace, partition: Partition) -> Spread:
    """Spread the weights of picked points over the cloud; see the head of this module.

    Args:
        trace: Weights of picked points in one block.
        partition: The partition that the model used.
    """
    heads, picks, num_nodes = trace.supernodes.shape
    num_points, num_patches = len(partition.order), len(partition.offsets) - 1
    # The last column takes the weights at -1, of rows that shorter patches do not have.
    local = trace.local.new_zeros(heads, picks, num_points + 1)
    where = torch.where(trace.local_rows < 0, num_points, trace.local_rows)
    local.scatter_(-1, where.expand(heads, -1, -1), trace.local)
    node = supernode_of_point(partition, num_nodes // num_patches)
    sizes = torch.bincount(node, minlength=num_nodes)
    return Spread(
        local=local[..., :-1][..., partition.inverse],
        through_supernodes=(trace.supernodes / sizes)[..., node],
    )


def global_share(trace: PMSATrace) -> Float[Tensor, "H P"]:
    """Return the share of each picked point's attention that goes to supernodes."""
    return trace.supernodes.sum(-1)


def patch_weights(trace: PMSATrace, num_patches: int) -> Float[Tensor, "H P K"]:
    """Return the share of the attention that goes to the supernodes of each patch."""
    return trace.supernodes.unflatten(-1, (num_patches, -1)).sum(-1)


def all_weights(trace: PMSATrace) -> Float[Tensor, "H P M"]:
    """Return the weights on all keys: points of the own patch, then supernodes or tree nodes.

    Nodes of the tree that are no keys of a point have the weight 0.
    """
    far = trace.supernodes if trace.nodes is None else trace.nodes
    return torch.cat([trace.local, far], dim=-1)


def entropy_bits(weights: Float[Tensor, "*B M"]) -> Float[Tensor, "*B"]:
    """Return the entropy of weights that sum to one, in bits.

    Examples:
        >>> entropy_bits(torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])).tolist()
        [1.0, 0.0]
    """
    return torch.special.entr(weights).sum(-1) / log(2.0)


def over_heads(values: Float[Tensor, "H ..."], head: int | None) -> Float[Tensor, "..."]:
    """Return the values of one head, counted from 0, or the mean over heads for None.

    Raises:
        ValueError: If there is no such head.

    Examples:
        >>> over_heads(torch.tensor([[1.0], [3.0]]), None).tolist()
        [2.0]
    """
    if head is None:
        return values.mean(0)
    if not 0 <= head < len(values):
        raise ValueError(f"head must lie between 0 and {len(values) - 1}, got {head}")
    return values[head]


def summaries_of(trace: PMSATrace, head: int | None) -> tuple[Summary, ...]:
    """Return shares and entropy of each picked point, for one head or for the mean over heads.

    The entropy for the mean over heads is that of the mean weights, not the mean of entropies.

    Args:
        trace: Weights of picked points in one block.
        head: Counted from 0; None for the mean.
    """
    weights = over_heads(all_weights(trace), head)
    shares = over_heads(global_share(trace), head)
    local_keys = (trace.local_rows >= 0).sum(-1)
    if trace.nodes is None:
        counts = local_keys + trace.supernodes.shape[-1]
    else:  # a softmax gives no key the weight 0
        counts = local_keys + (trace.nodes[0] > 0).sum(-1)
    return tuple(
        Summary(
            local_share=1 - share,
            global_share=share,
            entropy=bits,
            effective_keys=2**bits,
            num_keys=count,
        )
        for share, bits, count in zip(
            shares.tolist(), entropy_bits(weights).tolist(), counts.tolist(), strict=True
        )
    )


def mean_summary(found: tuple[Summary, ...]) -> Summary:
    """Return the means over points; the effective number of keys is that of the mean entropy."""

    def mean(name: str) -> float:
        return sum(getattr(one, name) for one in found) / len(found)

    return Summary(
        local_share=mean("local_share"),
        global_share=mean("global_share"),
        entropy=mean("entropy"),
        effective_keys=2 ** mean("entropy"),
        num_keys=round(mean("num_keys")),
    )


def most_read(
    trace: PMSATrace,
    partition: Partition,
    points: Float[Tensor, "N X"],
    *,
    head: int | None,
    count: int = 3,
) -> tuple[PatchRead, ...]:
    """Return the patches with the largest weights on their supernodes, as means over the points.

    Args:
        trace: Weights of picked points in one block.
        partition: The cloud's partition.
        points: Coordinates, in the unit that distances are wanted in.
        head: Counted from 0; None for the mean.
        count: How many patches.
    """
    num_patches = len(partition.offsets) - 1
    weights = over_heads(patch_weights(trace, num_patches), head).mean(0)
    picked = partition.order[trace.rows]
    own = set(partition.patch_of_point[picked].tolist())
    apart = torch.cdist(points[picked], patch_centers(partition, points)).mean(0)
    return tuple(
        PatchRead(
            patch=patch,
            weight=float(weights[patch]),
            distance=float(apart[patch]),
            own=patch in own,
        )
        for patch in weights.topk(min(count, num_patches)).indices.tolist()
    )


def patch_centers(partition: Partition, points: Float[Tensor, "N X"]) -> Float[Tensor, "K X"]:
    """Return the mean of each patch's points.

    Examples:
        >>> from mspt.partition.ball_tree import sequence_partition
        >>> patch_centers(sequence_partition(3, num_patches=2), torch.tensor([[0.0], [2.0], [5.0]]))
        tensor([[1.],
                [5.]])
    """
    return _group_means(partition.patch_of_point, points)


def _group_means(group: Int[Tensor, " N"], points: Float[Tensor, "N X"]) -> Float[Tensor, "G X"]:
    sizes = torch.bincount(group)
    sums = points.new_zeros(len(sizes), points.shape[1]).index_add_(0, group, points)
    return sums / sizes[:, None]
