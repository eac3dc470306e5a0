"""Which nodes of a ball tree a patch attends to: small ones nearby, large ones far away.

A cut is a set of nodes that hold every point of the cloud once. The finest cut consists of all K
patches. A patch far from a node sees it under a small angle, and a single supernode represents it
well, as in the methods of Barnes and Hut (1986) and of fast multipoles (Greengard and Rokhlin,
1987). With a fixed number of keys for each doubling of the cloud, a point has O(log K) of them.

Letters: K patches, M nodes of a cut, X space axes.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float64, Int, Int64
from numpy import ndarray
from torch import Tensor

from mspt.partition.ball_tree import BallTree, Partition


def cut_size(num_patches: int, keys_per_level: int) -> int:
    """Return M: so many nodes for each doubling of the patches, and at most all K patches.

    Examples:
        >>> [cut_size(k, 4) for k in (8, 64, 1024, 1_000_000)]
        [8, 24, 40, 80]
    """
    if num_patches == 1:
        return 1
    return min(num_patches, keys_per_level * math.ceil(math.log2(num_patches)))


def add_cuts(partition: Partition, keys_per_level: int) -> Partition:
    """Return the partition, and its second one where there is one, with a cut for each patch.

    A model needs none where a cut would hold all patches: then nothing is added.

    Args:
        partition: With a tree.
        keys_per_level: Nodes for each doubling of the patches.

    Raises:
        ValueError: If there is no tree.
    """
    num_patches = len(partition.offsets) - 1
    if (size := cut_size(num_patches, keys_per_level)) >= num_patches:
        return partition
    if partition.tree is None:
        raise ValueError("partition must have a tree whose nodes can be keys, got none")
    second = partition.turned
    return replace(
        partition,
        cuts=patch_cuts(partition.tree, size),
        turned=None if second is None else add_cuts(second, keys_per_level),
    )


def patch_cuts(tree: BallTree, size: int) -> Int[Tensor, "K M"]:
    """Return for each patch a cut of ``size`` nodes, finest where the patch is.

    Starting from the root, the node that the patch sees under the largest angle (radius over the
    distance of both centers) is replaced by its children. A node that holds the patch itself is
    always replaced, so that the patch is a node of its own cut.

    Args:
        tree: The ball tree down to the patches.
        size: Number of nodes M, from 1 to K.

    Returns:
        Indices of nodes in ascending order, which is leaf order.

    Examples:
        >>> from mspt.partition.ball_tree import build_partition
        >>> tree = build_partition(torch.arange(8.0)[:, None], num_patches=8).tree
        >>> patch_cuts(tree, 4)[0].tolist()  # two points, a pair of points, and the other half
        [3, 4, 5, 8]
    """
    nodes = _nodes_of(tree)
    count = int(nodes.num_patches[0])
    patch = np.arange(count)
    cut = np.zeros((count, size), dtype=np.int64)
    angles = np.full((count, size), -np.inf)
    for held in range(1, size):  # starting from the root alone
        place = angles[:, :held].argmax(axis=1)
        node = cut[patch, place]
        left, right = node + 1, node + 2 * (nodes.num_patches[node] // 2)
        cut[patch, place], cut[:, held] = left, right
        angles[patch, place], angles[:, held] = _angles(nodes, left), _angles(nodes, right)
    return torch.from_numpy(np.sort(cut, axis=1)).to(tree.start.device)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Nodes:
    """What decides how a patch sees a node.

    Attributes:
        num_patches: Patches of each node.
        first: The first of them.
        center: Center of each node.
        radius: Radius of each node.
    """

    num_patches: Int64[ndarray, " nodes"]
    first: Int64[ndarray, " nodes"]
    center: Float64[ndarray, "nodes X"]
    radius: Float64[ndarray, " nodes"]


def _nodes_of(tree: BallTree) -> _Nodes:
    num_patches = tree.num_patches.cpu().numpy()
    is_leaf = num_patches == 1
    return _Nodes(
        num_patches=num_patches,
        # Leaves come in patch order, and a node's first leaf is the first at or after it.
        first=np.cumsum(is_leaf) - is_leaf,
        center=tree.center.double().cpu().numpy(),
        radius=tree.radius.double().cpu().numpy(),
    )


def _angles(nodes: _Nodes, seen: Int64[ndarray, " K"]) -> Float64[ndarray, " K"]:
    """Return the angle under which each patch sees a node; infinite for a node that holds it."""
    patch, own = np.arange(len(seen)), nodes.center[nodes.num_patches == 1]
    distance = np.linalg.norm(own - nodes.center[seen], axis=1)
    angle = nodes.radius[seen] / np.maximum(distance, np.finfo(np.float64).tiny)
    first, count = nodes.first[seen], nodes.num_patches[seen]
    angle[(first <= patch) & (patch < first + count)] = np.inf
    angle[count == 1] = -np.inf  # a patch is not divided any further
    return angle
