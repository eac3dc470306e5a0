"""The patches of a ball tree level by level, as a slider walks through them.

Letters: K patches.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from mspt.partition.ball_tree import BallTree


@dataclass(frozen=True, kw_only=True, eq=False)
class TreeLevels:
    """The patches that a tree is cut into after each number of splits.

    At level 0 the cloud is one ball; at the last level the balls are the patches. A patch that is
    done before the last level stays as it is.

    Attributes:
        groups: Ball of each patch at each level, counted in leaf order.
        nodes: Node of the tree behind each ball, level after level.
        level: Level of each of ``nodes``.
    """

    groups: Int[ndarray, "levels K"]
    nodes: Int[ndarray, " balls"]
    level: Int[ndarray, " balls"]


def tree_levels(tree: BallTree) -> TreeLevels:
    """Return which ball holds each patch at each level of a tree."""
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
