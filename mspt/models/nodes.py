"""Supernodes of all nodes of a ball tree, from those of its patches: keys for distant patches.

A node has Q supernodes, as a patch has. They join, two at a time, the 2 Q supernodes of its
children in leaf order, weighted by their points. With mean pooling each is the mean of its points.

Letters: B clouds, K patches, Q supernodes of a patch or node, S supernodes of all patches (K Q),
T supernodes of all nodes ((2 K - 1) Q), D model width.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from mspt.partition.ball_tree import tree_nodes
from mspt.partition.runs import patch_offsets


@dataclass(frozen=True, kw_only=True, eq=False)
class Level:
    """Nodes of one level whose children's supernodes are known.

    Attributes:
        parent: The nodes.
        left: First child of each.
        right: Second child of each.
        share: Share of the points of each supernode in the two that it joins.
    """

    parent: Int[Tensor, " nodes"]
    left: Int[Tensor, " nodes"]
    right: Int[Tensor, " nodes"]
    share: Float[Tensor, "nodes Q 2 1"]


@dataclass(frozen=True, kw_only=True, eq=False)
class NodeTable:
    """Which supernodes of a tree join which; the same for all clouds of one size.

    Attributes:
        num_nodes: Nodes of the tree.
        num_supernodes: Supernodes Q of each.
        leaves: Node of each patch.
        levels: Inner nodes, the deepest level first.
    """

    num_nodes: int
    num_supernodes: int
    leaves: Int[Tensor, " K"]
    levels: tuple[Level, ...]


@lru_cache(maxsize=32)
@torch.inference_mode(mode=False)  # kept: a training that follows an inference uses it, too
def node_table(
    num_points: int, num_patches: int, num_supernodes: int, device: torch.device
) -> NodeTable:
    """Return how the supernodes of a tree follow from those of its patches.

    Args:
        num_points: Points N.
        num_patches: Patches K.
        num_supernodes: Supernodes Q of each patch.
        device: Where the indices lie.
    """
    _, _, depth, _, patches = tree_nodes(num_points, num_patches)
    points = np.zeros((len(patches), num_supernodes))
    (leaves,) = np.nonzero(patches == 1)
    sizes = np.diff(patch_offsets(num_points, num_patches))
    for size in np.unique(sizes):
        points[leaves[sizes == size]] = np.diff(patch_offsets(int(size), num_supernodes))
    levels = []
    for level in range(int(depth.max()) - 1, -1, -1):
        (parent,) = np.nonzero((depth == level) & (patches > 1))
        left, right = parent + 1, parent + 2 * (patches[parent] // 2)
        joined = np.concatenate([points[left], points[right]], axis=1)
        joined = joined.reshape(len(parent), num_supernodes, 2)
        points[parent] = joined.sum(-1)
        share = joined / points[parent][..., None]
        levels.append(
            Level(
                parent=torch.as_tensor(parent, device=device),
                left=torch.as_tensor(left, device=device),
                right=torch.as_tensor(right, device=device),
                share=torch.as_tensor(share[..., None], device=device),
            )
        )
    return NodeTable(
        num_nodes=len(patches),
        num_supernodes=num_supernodes,
        leaves=torch.as_tensor(leaves, device=device),
        levels=tuple(levels),
    )


def node_supernodes(supernodes: Float[Tensor, "B S D"], table: NodeTable) -> Float[Tensor, "B T D"]:
    """Return the supernodes of all nodes, node after node.

    Args:
        supernodes: Of the patches, patch after patch.
        table: Of the tree.

    Examples:
        >>> pair = node_table(3, 2, 1, torch.device("cpu"))  # patches of two points and of one
        >>> node_supernodes(torch.tensor([[[0.0], [3.0]]]), pair).flatten().tolist()
        [1.0, 0.0, 3.0]
    """
    own = rearrange(supernodes, "b (k q) d -> b k q d", q=table.num_supernodes)
    shape = (len(own), table.num_nodes, *own.shape[2:])
    values = own.new_zeros(shape).index_copy(1, table.leaves, own)
    for level in table.levels:
        pairs = torch.cat([values[:, level.left], values[:, level.right]], dim=2)
        pairs = rearrange(pairs, "b n (q two) d -> b n q two d", two=2)
        joined = (pairs * level.share.to(values.dtype)).sum(3)
        values.index_copy_(1, level.parent, joined)
    return values.flatten(1, 2)


def spread_over_patches(weights: Float[Tensor, "*P T"], table: NodeTable) -> Float[Tensor, "*P S"]:
    """Return weights on the patches' supernodes that have the effect of weights on nodes.

    A node's supernode is a mean of patches' supernodes, so that its weight is theirs in the same
    proportions.

    Examples:
        >>> pair = node_table(3, 2, 1, torch.device("cpu"))
        >>> spread_over_patches(torch.tensor([0.75, 0.0, 0.25]), pair).tolist()
        [0.5, 0.5]
    """
    values = weights.unflatten(-1, (table.num_nodes, table.num_supernodes)).clone()
    for level in reversed(table.levels):
        parts = values[..., level.parent, :, None] * level.share[..., 0].to(values.dtype)
        left, right = parts.flatten(-2).chunk(2, dim=-1)
        values[..., level.left, :] += left
        values[..., level.right, :] += right
    return values[..., table.leaves, :].flatten(-2)
