"""Partitions to compare with the ball tree: the given order, random assignment and a regular grid.

All satisfy the invariant of a partition: patch sizes differ by at most one, and the larger patches
come first.

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

PartitionMethod = Literal["ball_tree", "sequence", "random", "grid"]
PARTITION_METHODS: tuple[PartitionMethod, ...] = get_args(PartitionMethod)


def divide_points(
    points: Float[Tensor, "N X"],
    num_patches: int,
    *,
    method: PartitionMethod = "ball_tree",
    seed: int = 0,
) -> Partition:
    """Partition a cloud by one of the methods in ``PARTITION_METHODS``.

    Args:
        points: Finite coordinates.
        num_patches: Number of patches K, at most N.
        method: Method of partitioning.
        seed: Seed of ``random``; the other methods are deterministic.

    Raises:
        ValueError: If the method is unknown, or ``num_patches`` is not between 1 and N.

    Examples:
        >>> points = torch.tensor([[0.0], [3.0], [1.0], [2.0]])
        >>> divide_points(points, 2, method="sequence").order.tolist()
        [0, 1, 2, 3]
    """
    require_choice("method", method, PARTITION_METHODS)
    makers: dict[PartitionMethod, Callable[[], Partition]] = {
        "ball_tree": lambda: build_partition(points, num_patches),
        "sequence": lambda: sequence_partition(len(points), num_patches),
        "random": lambda: random_partition(len(points), num_patches, seed=seed),
        "grid": lambda: grid_partition(points, num_patches),
    }
    return makers[method]()


def random_partition(num_points: int, num_patches: int, *, seed: int) -> Partition:
    """Assign points to patches at random: the baseline of the paper's Table 6.

    Args:
        num_points: Number of points N.
        num_patches: Number of patches K, at most N.
        seed: Seed; the same seed always gives the same partition.

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
    """Partition a cloud by a regular grid with about one cell for each patch.

    The bounding box is divided into at least K equal cells, as cubic as possible. Points are sorted
    by cell, in rows of alternating direction so that consecutive cells touch, and divided into K
    runs. For evenly spread points a run is about a cell; otherwise runs extend over several cells
    or share one, because all patches must hold equally many points.

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
    # Points on the upper face of the box, where ``unit`` is 1, belong to the last cell.
    cells = np.minimum((unit * counts).astype(np.int64), counts - 1)
    keys = _serpentine(cells, counts)
    # Inside a cell, points are sorted by coordinates, so that the order of the input has no effect.
    order = np.lexsort([*places.T[::-1], *keys[::-1]])
    return _in_order(plain, torch.from_numpy(order))


def _cells_per_axis(extent: ndarray, num_cells: int) -> ndarray:
    """Return the number of cells along each axis, at least ``num_cells`` in all.

    The axis along which cells are longest gets one more cell until there are enough, which keeps
    the cells close to cubes.
    """
    counts = np.ones(len(extent), dtype=np.int64)
    while counts.prod() < num_cells and (extent > 0).any():
        sides = extent / counts
        counts[sides.argmax()] += 1
    return counts


def _serpentine(cells: ndarray, counts: ndarray) -> list[ndarray]:
    """Return keys that sort cells along a serpentine path, one key for each axis.

    An axis is traversed backwards wherever the number of rows before it is odd.
    """
    keys, turns = [], np.zeros(len(cells), dtype=np.int64)
    for axis in range(cells.shape[1]):
        own = cells[:, axis]
        keys.append(np.where(turns % 2, counts[axis] - 1 - own, own))
        turns = turns * counts[axis] + keys[-1]
    return keys


def _in_order(plain: Partition, order: Tensor) -> Partition:
    """Return the partition with the same patch sizes over another order of the points."""
    inverse = torch.empty_like(order).scatter_(0, order, torch.arange(len(order)))
    return replace(plain, order=order, inverse=inverse)
