"""Partitions of a point cloud into patches: the balanced ball tree and runs of the given order.

Letters:
    N points    K patches (K_plus_1 offsets)    M nodes of the tree (2 K - 1)    X space axes
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

MAX_SPACE_DIM = 4
"""Most axes of a point: the compiled kernels have one column of keys for each."""

POINTS_PER_THREAD = 65_536
"""Points for each thread: with fewer, starting a thread costs more than it saves."""

PARTS_PER_THREAD = 4
"""Parts of the work for each thread, so that an unequal part does not leave the others idle."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BallTree:
    """Nodes of a ball tree, depth first: a parent, all nodes of its left child, then of its right.

    The root is node 0. A node ``i`` with ``k > 1`` patches has the children ``i + 1``, which holds
    ``k // 2`` of them, and ``i + 2 * (k // 2)``. A node with one patch is a leaf; leaves come in
    patch order.

    Attributes:
        start: Position of the node's first point in leaf order.
        stop: One past its last point: the node holds ``partition.order[start:stop]``.
        level: Number of splits above the node.
        parent: Index of the parent, -1 for the root.
        num_patches: Patches in the node.
        center: Mean of the node's points.
        radius: Largest distance of the node's points from ``center``, rounded up.
    """

    start: Int[Tensor, " M"]
    stop: Int[Tensor, " M"]
    level: Int[Tensor, " M"]
    parent: Int[Tensor, " M"]
    num_patches: Int[Tensor, " M"]
    center: Float[Tensor, "M X"]
    radius: Float[Tensor, " M"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Partition:
    """Assignment of the points of a cloud to patches.

    Patch sizes differ by at most one, and the larger patches come first.

    Attributes:
        order: Indices of the points in leaf order; patch ``k`` holds the points
            ``order[offsets[k]:offsets[k + 1]]``.
        inverse: Position of each point in leaf order: ``inverse[order[i]] == i``.
        offsets: Position of the first point of each patch in leaf order, and N at the end.
        tree: Nodes down to the patches; None for a partition without a tree.
        cuts: Nodes of the tree whose supernodes the points of each patch attend to; None for all
            patches. See :func:`mspt.partition.cuts.add_cuts`.
        turned: The partition that every second block of a model uses; None where all blocks use
            this one. See :func:`mspt.partition.turned.add_turned`.
    """

    order: Int[Tensor, " N"]
    inverse: Int[Tensor, " N"]
    offsets: Int[Tensor, " K_plus_1"]
    tree: BallTree | None = None
    cuts: Int[Tensor, "K _M"] | None = None
    turned: "Partition | None" = None

    @property
    def patch_of_point(self) -> Int[Tensor, " N"]:
        """Patch of each point, in the order of the input."""
        sizes = self.offsets.diff()
        patches = torch.arange(len(sizes), device=sizes.device)
        return patches.repeat_interleave(sizes)[self.inverse]

    def of_block(self, block: int) -> "Partition":
        """Return the partition that a block uses, counted from 0: this one, or ``turned``."""
        return self if self.turned is None or block % 2 == 0 else self.turned

    @cached_property
    def rows_to_turned(self) -> Int[Tensor, " N"]:
        """Row in leaf order here of each row in leaf order of ``turned``; computed once.

        Raises:
            ValueError: If there is no second partition.
        """
        with torch.inference_mode(mode=False):  # the result may be used in training later
            return self.inverse[self._second.order]

    @cached_property
    def rows_from_turned(self) -> Int[Tensor, " N"]:
        """Row in leaf order of ``turned`` of each row in leaf order here; computed once.

        Raises:
            ValueError: If there is no second partition.
        """
        with torch.inference_mode(mode=False):
            return self._second.inverse[self.order]

    @property
    def _second(self) -> "Partition":
        if self.turned is None:
            raise ValueError("partition must have a second one over turned axes, got None")
        return self.turned


def build_partition(points: Float[Tensor, "N X"], num_patches: int) -> Partition:
    """Split a point cloud into ``num_patches`` spatially compact patches by a balanced ball tree.

    This is the partition of the paper's section on the ball tree, after Erwin (Zhdanov et al.,
    2025), for any N and K.

    A node with k patches is split across its widest axis (the lowest of equally wide ones) into
    nodes with ``k // 2`` and ``k - k // 2`` patches and points in proportion. Points are compared
    by the split axis, then by the other axes from the lowest, then by their index in the input.
    Hence the sequence of coordinates in leaf order does not depend on the order of the input.

    Inside a patch, n points are split further into ``n // 2`` and ``n - n // 2``, down to leaves of
    at most 16 points, which are sorted along the leaf's widest axis. Contiguous parts of a patch,
    which mean and max pooling use, are therefore compact too.

    The work is done on the CPU, without gradients; the result lies on the device of ``points``.

    Args:
        points: Finite coordinates, float32 or float64, with 1 to 4 space axes.
        num_patches: Number of patches K, at most N.

    Returns:
        The partition with its tree. With ``L, r = divmod(N, K)`` the first r patches have L + 1
        points and the others L.

    Raises:
        TypeError: If ``points`` is neither float32 nor float64.
        ValueError: If ``points`` is not an (N, X) array of finite values with 1 to 4 axes, or
            ``num_patches`` is not between 1 and N.

    Examples:
        >>> partition = build_partition(torch.tensor([[0.0], [3.0], [1.0], [2.0]]), num_patches=2)
        >>> partition.order.tolist(), partition.offsets.tolist()
        ([0, 2, 3, 1], [0, 2, 4])
        >>> partition.tree.radius
        tensor([1.5000, 0.5000, 0.5000])
    """
    order, in_order = _leaf_order(points, num_patches)
    tree = _measured_tree(in_order, num_patches, device=points.device)
    return _partition(order, num_patches, tree=tree)


def leaf_order(points: Float[Tensor, "N X"], num_patches: int) -> Int[Tensor, " N"]:
    """Return the leaf order of :func:`build_partition`, without measuring its balls.

    Raises:
        TypeError: As :func:`build_partition`.
        ValueError: As :func:`build_partition`.

    Examples:
        >>> leaf_order(torch.tensor([[0.0], [3.0], [1.0], [2.0]]), num_patches=2).tolist()
        [0, 2, 3, 1]
    """
    return _leaf_order(points, num_patches)[0]


def ordered_partition(
    points: Float[Tensor, "N X"], order: Int[Tensor, " N"], num_patches: int
) -> Partition:
    """Return the partition whose leaf order is known, with the balls of its tree.

    Args:
        points: Finite coordinates, float32 or float64.
        order: Indices of the points in leaf order.
        num_patches: Number of patches K, at most N.

    Examples:
        >>> points = torch.tensor([[0.0], [3.0], [1.0], [2.0]])
        >>> ordered_partition(points, torch.tensor([0, 2, 3, 1]), 2).tree.center.flatten().tolist()
        [1.5, 0.5, 2.5]
    """
    _check_num_patches(num_patches, num_points=len(points))
    in_order = np.ascontiguousarray(points.detach()[order].cpu().numpy().T)
    tree = _measured_tree(in_order, num_patches, device=points.device)
    return _partition(order, num_patches, tree=tree)


def _leaf_order(
    points: Tensor, num_patches: int
) -> tuple[Int[Tensor, " N"], Float[np.ndarray, "X N"]]:
    """Return the leaf order, and the coordinates in that order, axis by axis."""
    _check_points(points)
    _check_num_patches(num_patches, num_points=len(points))
    # Imported here because numba takes longer to import than the rest of the library.
    from mspt.partition._order import order_points

    # Rows must be contiguous: the kernels read their bits as integers.
    coordinates = np.ascontiguousarray(points.detach().cpu().numpy())
    with _threads(len(points)) as (num_parts, parallel_map):
        order, in_order = order_points(coordinates, num_patches, num_parts, parallel_map)
    return torch.as_tensor(order, device=points.device), in_order


def _measured_tree(
    in_order: Float[np.ndarray, "X N"], num_patches: int, *, device: torch.device
) -> BallTree:
    """Return the tree over points in leaf order, with centers and radii of its nodes."""
    from mspt.partition._order import measure_nodes

    num_points = in_order.shape[1]
    start, stop, level, parent, patches = tree_nodes(num_points, num_patches)
    nodes = np.stack([start, stop, patches])
    with _threads(num_points) as (num_parts, parallel_map):
        center, radius = measure_nodes(in_order, nodes, num_parts, parallel_map)
    to_tensor = partial(torch.as_tensor, device=device)
    return BallTree(
        start=to_tensor(start),
        stop=to_tensor(stop),
        level=to_tensor(level),
        parent=to_tensor(parent),
        num_patches=to_tensor(patches),
        center=to_tensor(center),
        radius=to_tensor(radius),
    )


def sequence_partition(num_points: int, num_patches: int) -> Partition:
    """Split points into ``num_patches`` runs of consecutive points in the given order.

    The authors' published scripts partition clouds in this way; it needs no coordinates.

    Args:
        num_points: Number of points N.
        num_patches: Number of patches K, at most N.

    Returns:
        The partition, without a tree, on the CPU.

    Raises:
        ValueError: If ``num_points`` is not positive or ``num_patches`` not between 1 and N.

    Examples:
        >>> sequence_partition(5, num_patches=2).patch_of_point.tolist()
        [0, 0, 0, 1, 1]
    """
    if num_points < 1:
        raise ValueError(f"num_points must be at least 1, got {num_points}")
    _check_num_patches(num_patches, num_points=num_points)
    return _partition(torch.arange(num_points), num_patches, tree=None)


@contextmanager
def _threads(num_points: int) -> Iterator[tuple[int, Callable[..., Iterable]]]:
    """Yield the number of parts to divide the work into, and a ``map`` over them."""
    num_threads = min(torch.get_num_threads(), num_points // POINTS_PER_THREAD)
    if num_threads < 2:
        yield 1, map
        return
    with ThreadPoolExecutor(num_threads) as pool:
        yield PARTS_PER_THREAD * num_threads, pool.map


def _partition(order: Tensor, num_patches: int, *, tree: BallTree | None) -> Partition:
    places = torch.arange(len(order), device=order.device)
    inverse = torch.empty_like(order).scatter_(0, order, places)
    size, num_larger = divmod(len(order), num_patches)
    patches = torch.arange(num_patches + 1, device=order.device)
    offsets = patches * size + patches.clamp(max=num_larger)
    return Partition(order=order, inverse=inverse, offsets=offsets, tree=tree)


def tree_nodes(num_points: int, num_patches: int) -> tuple[np.ndarray, ...]:
    """Return start, stop, level, parent and number of patches of every node, depth first."""
    start, stop, level, parent, patches = np.zeros((5, 2 * num_patches - 1), dtype=np.int64)
    stop[0], parent[0], patches[0] = num_points, -1, num_patches
    # One level at a time: the sizes follow from N and K alone, without the points.
    nodes = np.flatnonzero(patches > 1)
    while len(nodes):
        patches_left = patches[nodes] // 2
        size, num_larger = np.divmod(stop[nodes] - start[nodes], patches[nodes])
        middle = start[nodes] + patches_left * size + np.minimum(num_larger, patches_left)
        left, right = nodes + 1, nodes + 2 * patches_left
        start[left], stop[left], patches[left] = start[nodes], middle, patches_left
        start[right], stop[right], patches[right] = (
            middle,
            stop[nodes],
            patches[nodes] - patches_left,
        )
        for child in (left, right):
            level[child], parent[child] = level[nodes] + 1, nodes
        nodes = np.concatenate([left, right])
        nodes = nodes[patches[nodes] > 1]
    return start, stop, level, parent, patches


def _check_points(points: Tensor) -> None:
    if points.dtype not in (torch.float32, torch.float64):
        raise TypeError(
            f"points must be float32 or float64, got {points.dtype}; convert them first"
        )
    if points.ndim != 2:
        raise ValueError(
            f"points must have two axes (N, X), got shape {tuple(points.shape)}; "
            "build one partition for each cloud of a batch"
        )
    num_points, space_dim = points.shape
    if num_points < 1:
        raise ValueError("points must contain at least one point, got 0; pass a cloud with points")
    if not 1 <= space_dim <= MAX_SPACE_DIM:
        raise ValueError(
            f"points must have 1 to {MAX_SPACE_DIM} space axes, got {space_dim}; "
            "pass coordinates without features"
        )
    if not torch.stack(points.aminmax()).isfinite().all():
        bad = int(points.isfinite().all(1).int().argmin())
        raise ValueError(
            f"points must be finite, got {points[bad].tolist()} for point {bad}; remove such points"
        )


def _check_num_patches(num_patches: int, *, num_points: int) -> None:
    if not 1 <= num_patches <= num_points:
        raise ValueError(
            f"num_patches must be between 1 and the number of points, got {num_patches} "
            f"for {num_points} points; choose fewer patches"
        )
