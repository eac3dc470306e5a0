"""A second ball tree over turned axes, for models whose blocks use two trees in turn.

The splits of a ball tree are perpendicular to the axes, so its patches have borders in common with
each other, through which points of neighboring patches exchange nothing but supernodes. A tree over
turned axes has its borders elsewhere: a border of one tree lies inside patches of the other. Erwin
(Zhdanov et al., 2025) turns its tree between blocks for the same reason.

Letters: N points, X space axes.
"""

import math
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from mspt.partition.ball_tree import Partition, leaf_order, ordered_partition

LATTICE = 2.0**-18
"""Step, relative to the extent of the cloud, that turned coordinates are rounded to.

Points of a grid lie on common diagonals. Rounding errors of their coordinates (6e-8) would order
the points of one diagonal at random; rounded, they are equal and the first tree orders them."""

_HALF = math.sqrt(0.5)
_TURNS: dict[int, tuple[tuple[float, ...], ...]] = {
    2: ((_HALF, _HALF), (-_HALF, _HALF)),  # 45 degrees
    # 60 degrees about the diagonal (1, 1, 1): every new axis has a part of all three.
    3: ((2 / 3, -1 / 3, 2 / 3), (2 / 3, 2 / 3, -1 / 3), (-1 / 3, 2 / 3, 2 / 3)),
    4: (
        (0.5, 0.5, 0.5, 0.5),
        (0.5, -0.5, 0.5, -0.5),
        (0.5, 0.5, -0.5, -0.5),
        (0.5, -0.5, -0.5, 0.5),
    ),
}


def rotation(space_dim: int) -> Float[Tensor, "X X"]:
    """Return the rotation whose rows are the turned axes, in float64.

    Raises:
        ValueError: If there is one axis only, which cannot be turned, or more than four.

    Examples:
        >>> (rotation(3) @ rotation(3).T).round(decimals=12).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if space_dim not in _TURNS:
        raise ValueError(
            f"space_dim must be 2, 3 or 4 to turn axes, got {space_dim}; use one ball tree"
        )
    return torch.tensor(_TURNS[space_dim], dtype=torch.float64)


def add_turned(points: Float[Tensor, "N X"], partition: Partition) -> Partition:
    """Return the partition with a second one, of as many patches, over turned axes.

    Equal points excepted, neither depends on the order in which points are given.

    Args:
        points: The cloud, with 2 to 4 space axes.
        partition: Its ball tree.

    Raises:
        ValueError: If the axes cannot be turned.

    Examples:
        >>> from mspt.partition.ball_tree import build_partition
        >>> points = torch.cartesian_prod(torch.arange(4.0), torch.arange(4.0))
        >>> both = add_turned(points, build_partition(points, num_patches=2))
        >>> both.patch_of_point.tolist()
        [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]
        >>> both.turned.patch_of_point.tolist()
        [0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 1, 1, 1]
    """
    axes = rotation(points.shape[1])
    # In the first tree's order, because the order of equal points is that of the input.
    places = points.detach()[partition.order].cpu().double()
    # Sums of products, not a matrix product: the latter may round equal rows differently.
    turned = torch.zeros_like(places)
    for axis in range(places.shape[1]):
        turned += places[:, axis, None] * axes[:, axis]
    step = LATTICE * (turned.amax(0) - turned.amin(0)).amax()
    if step > 0:
        turned = (turned / step).round()
    num_patches = len(partition.offsets) - 1
    found = leaf_order(turned, num_patches).to(partition.order.device)
    second = ordered_partition(points, partition.order[found], num_patches)
    return replace(partition, turned=second)
