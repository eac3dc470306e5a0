"""Partitions to hold beside the ball tree: the given order, chance, and a regular grid.

All keep what a partition promises: patch sizes differ by at most one, the larger ones come first.

Letters: N points, K patches, X space axes.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from mspt.config import require_choice
from mspt.partition.ball_tree import Partition, build_partition, sequence_partition
from mspt.seeding import generator

Cut = Literal["ball_tree", "sequence", "random", "grid"]
CUTS: tuple[Cut, ...] = get_args(Cut)


def cut_points(
    points: Float[Tensor, "N X"], num_patches: int, *, cut: Cut = "ball_tree", seed: int = 0
) -> Partition:
    """Cut a cloud into patches by one of ``CUTS``.

    Args:
        points: Finite coordinates.
        num_patches: Number of patches K, at most N.
        cut: How to cut.
        seed: Of ``random``; the others make no random choice.

    Raises:
        ValueError: If there is no such cut, or ``num_patches`` is not between 1 and N.
    """
    require_choice("cut", cut, CUTS)
    makers: dict[Cut, Callable[[], Partition]] = {
        "ball_tree": lambda: build_partition(points, num_patches),
        "sequence": lambda: sequence_partition(len(points), num_patches),
        "random": lambda: random_partition(len(points), num_patches, seed=seed),
        "grid": lambda: grid_partition(points, num_patches),
    }
    return makers[cut]()


def random_partition(num_points: int, num_patches: int, *, seed: int) -> Partition:
    """Deal points out to patches by chance.

    Raises:
        ValueError: If ``num_points`` is not positive or ``num_patches`` not between 1 and N.

    Examples:
        >>> sorted(random_partition(5, 2, seed=0).order.tolist())
        [0, 1, 2, 3, 4]
    """
    plain = sequence_partition(num_points, num_patches)
    shuffled = torch.randperm(num_points, generator=generator(seed, "random partition"))
    return _in_order(plain, shuffled)


def grid_partition(points: Float[Tensor, "N X"], num_patches: int) -> Partition:
    """Cut a cloud by a regular grid with about one cell for each patch.

    The bounding box is filled with K equal cells, as cubic as can be; points are read cell by
    cell, every other row backwards, and cut into K runs. Where points are spread evenly a run is
    a cell; where they are not, runs straddle cells: patches must hold equally many points.

    Raises:
        ValueError: If ``num_patches`` is not between 1 and N.

    Examples:
        >>> points = torch.tensor([[0.9, 0.1], [0.1, 0.1], [0.9, 0.9], [0.1, 0.9]])
        >>> grid_partition(points, 4).order.tolist()
        [1, 3, 2, 0]
    """
    plain = sequence_partition(len(points), num_patches)
    places = points.detach().cpu().double().numpy()
    low, extent = places.min(axis=0), np.ptp(places, axis=0)
    counts = _cells_per_axis(extent, num_patches)
    unit = (places - low) / np.where(extent > 0, extent, 1.0)
    cells = np.minimum((unit * counts).astype(np.int64), counts - 1)
    keys = _serpentine(cells, counts)
    order = np.lexsort([*places.T[::-1], *keys[::-1]])
    return _in_order(plain, torch.from_numpy(order))


def _cells_per_axis(extent: ndarray, num_cells: int) -> ndarray:
    """Return the cells along each axis: the axis of the longest cells gets one more, over again."""
    counts = np.ones(len(extent), dtype=np.int64)
    while counts.prod() < num_cells and (extent > 0).any():
        sides = extent / counts
        counts[sides.argmax()] += 1
    return counts


def _serpentine(cells: ndarray, counts: ndarray) -> list[ndarray]:
    """Return the place of each cell along each axis, turned round where the axes before say so."""
    keys, turns = [], np.zeros(len(cells), dtype=np.int64)
    for axis in range(cells.shape[1]):
        own = cells[:, axis]
        keys.append(np.where(turns % 2, counts[axis] - 1 - own, own))
        turns = turns * counts[axis] + keys[-1]
    return keys


def _in_order(plain: Partition, order: Tensor) -> Partition:
    """Return runs of another order."""
    inverse = torch.empty_like(order).scatter_(0, order, torch.arange(len(order)))
    return replace(plain, order=order, inverse=inverse)
