"""The nodes of a ball tree level by level, for displays that step through the levels.

Letters: K patches.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from mspt.partition.ball_tree import BallTree


@dataclass(frozen=True, kw_only=True, eq=False)
class TreeLevels:
    """The balls into which a tree has divided the cloud after each number of splits.

    At level 0 the whole cloud is one ball; at the last level the balls are the patches. A patch
    that is reached before the last level is a ball of all later levels.

    Attributes:
        groups: Index of the ball that contains each patch, at each level, in leaf order.
        nodes: Index in the tree of each ball, level after level.
        level: Level of each of ``nodes``.
    """

    groups: Int[ndarray, "levels K"]
    nodes: Int[ndarray, " balls"]
    level: Int[ndarray, " balls"]


def tree_levels(tree: BallTree) -> TreeLevels:
    """Return which ball contains each patch at each level of a tree.

    Examples:
        >>> import torch
        >>> from mspt.partition.ball_tree import build_partition
        >>> tree = build_partition(torch.arange(3.0)[:, None], num_patches=3).tree
        >>> tree_levels(tree).groups.tolist()
        [[0, 0, 0], [0, 1, 1], [0, 1, 2]]
    """
    level, patches, start = (
        getattr(tree, name).numpy() for name in ("level", "num_patches", "start")
    )
    leaves = start[patches == 1]
    groups, nodes, levels = [], [], []
    for depth in range(int(level.max()) + 1):
        shown = np.flatnonzero((level == depth) | ((patches == 1) & (level < depth)))
        groups.append(np.searchsorted(start[shown], leaves, side="right") - 1)
        nodes.append(shown)
        levels.append(np.full(len(shown), depth))
    return TreeLevels(
        groups=np.stack(groups), nodes=np.concatenate(nodes), level=np.concatenate(levels)
    )
