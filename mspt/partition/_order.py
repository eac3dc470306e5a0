"""Order points by a ball tree and measure its balls, in parts that threads work on."""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain, pairwise
from typing import no_type_check

import numpy as np

from mspt.partition._kernels import (
    MAX_SAMPLE,
    MAX_SMALL,
    NUM_COLUMNS,
    Node,
    Workspace,
    grow,
    kernel,
    sortable_bits,
)

DISTANCE_BLOCK = 512
"""Points whose squared distances are computed together: 4 KiB, which stay in the first cache."""

ParallelMap = Callable[..., Iterable]
"""The built-in ``map``, or the method of that name of a thread pool."""


def order_points(
    coordinates: np.ndarray, num_patches: int, num_parts: int, parallel_map: ParallelMap
) -> tuple[np.ndarray, np.ndarray]:
    """Return the points in leaf order, and their coordinates in that order, axis by axis.

    Args:
        coordinates: Finite coordinates (N, X), contiguous.
        num_patches: Number of patches K.
        num_parts: Number of parts to divide the work into.
        parallel_map: Maps a function over the parts.
    """
    work = _workspace(coordinates)
    bits = coordinates.view(work.keys.dtype)
    cuts = np.linspace(0, len(bits), num_parts + 1, dtype=np.int64)
    list(parallel_map(lambda cut: _fill_keys(work.keys, bits, *cut), pairwise(cuts.tolist())))
    nodes: list[Node] = [(0, len(bits), num_patches, 0)]
    while len(nodes) < num_parts:
        nodes = list(chain.from_iterable(parallel_map(partial(_split_once, work), nodes)))
    list(parallel_map(partial(_grow_to_leaves, work), nodes))
    return work.order, work.bits.view(coordinates.dtype)


def measure_nodes(
    points: np.ndarray, nodes: np.ndarray, num_parts: int, parallel_map: ParallelMap
) -> tuple[np.ndarray, np.ndarray]:
    """Return center and radius of every node.

    Args:
        points: Coordinates in leaf order, axis by axis.
        nodes: Start, stop and number of patches of every node, depth first.
        num_parts: Number of parts to divide the work into.
        parallel_map: Maps a function over the parts.
    """
    # Parts of about equally many points, not nodes: the time goes with the points.
    shares = np.cumsum(nodes[1] - nodes[0]) / (nodes[1] - nodes[0]).sum()
    cuts = np.searchsorted(shares, np.arange(1, num_parts) / num_parts).tolist()
    parts = list(pairwise([0, *cuts, len(shares)]))
    center = np.empty((len(shares), len(points)))
    list(parallel_map(lambda part: _center_leaves(points, nodes, center, *part), parts))
    _center_parents(nodes, center)
    rounded, radius = center.astype(points.dtype), np.empty(len(center))
    list(parallel_map(lambda part: _measure_radii(points, nodes, rounded, radius, *part), parts))
    return rounded, _round_up(radius, points.dtype)


def _workspace(coordinates: np.ndarray) -> Workspace:
    num_points, space_dim = coordinates.shape
    dtype = np.dtype(np.int32 if coordinates.dtype == np.float32 else np.int64)
    # Extents are computed in float64, which holds those of float32 coordinates in any case.
    with np.errstate(over="ignore"):
        overflows = dtype == np.int64 and np.isinf(np.ptp(coordinates))
    limits = np.empty(2, coordinates.dtype)
    return Workspace(
        keys=np.empty((NUM_COLUMNS, 2 * num_points + MAX_SMALL), dtype),
        scale=0.5 if overflows else 1.0,
        order=np.empty(num_points, np.int64),
        bits=np.empty((space_dim, num_points), dtype),
        sample=np.empty(MAX_SAMPLE, dtype),
        ranks=np.empty(MAX_SMALL, dtype),
        less=np.empty(MAX_SMALL, dtype),
        limits=limits,
        limit_bits=limits.view(dtype),
    )


def _with_own_scratch(work: Workspace) -> Workspace:
    """Return the same workspace with new scratch arrays."""
    limits = np.empty_like(work.limits)
    return work._replace(
        sample=np.empty_like(work.sample),
        ranks=np.empty_like(work.ranks),
        less=np.empty_like(work.less),
        limits=limits,
        limit_bits=limits.view(work.keys.dtype),
    )


def _split_once(work: Workspace, node: Node) -> list[Node]:
    """Return the two children of a node: every smaller node is postponed."""
    children = np.empty((2, 4), np.int64)
    grow(_with_own_scratch(work), node, node[1] - node[0] - 1, children)
    return [(start, stop, patches, side) for start, stop, patches, side in children.tolist()]


def _grow_to_leaves(work: Workspace, node: Node) -> None:
    grow(_with_own_scratch(work), node, 0, np.empty((0, 4), np.int64))


def _round_up(radius: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Round up, so that distances computed in ``dtype`` do not exceed the radius either.

    Such a distance has a few rounding errors, of the differences, squares, sum and root: hence four
    units in the last place, and then the next larger number, because the cast may round down.
    """
    with np.errstate(over="ignore"):
        rounded = (radius * (1 + 4 * np.finfo(dtype).eps)).astype(dtype)
    return np.where(radius > 0, np.nextafter(rounded, np.inf, dtype=dtype), rounded)


@kernel
@no_type_check
def _fill_keys(keys: np.ndarray, bits: np.ndarray, start: int, stop: int) -> None:
    """Write the keys of some points to side 0; missing axes get a constant."""
    limits = np.iinfo(keys.dtype)
    for axis in range(NUM_COLUMNS - 1):
        for i in range(start, stop):
            own = bits[i, axis] if axis < bits.shape[1] else limits.min
            # These are the bits of -0.0, which must sort like 0.0.
            keys[axis, i] = sortable_bits(own, limits.max) if own != limits.min else 0
    for i in range(start, stop):
        keys[NUM_COLUMNS - 1, i] = i


@kernel
@no_type_check
def _center_leaves(
    points: np.ndarray, nodes: np.ndarray, center: np.ndarray, first: int, last: int
) -> None:
    """Compute the mean of the points of each leaf."""
    for node in range(first, last):
        start, stop, patches = nodes[:, node]
        if patches > 1:
            continue
        for axis in range(len(points)):
            # Differences from the first point make the mean of equal points exact; halving them
            # keeps them finite where coordinates are close to the largest float.
            origin, half, share = np.float64(points[axis, start]), 0.0, 1.0 / (stop - start)
            for i in range(start, stop):
                half += (points[axis, i] * 0.5 - origin * 0.5) * share
            center[node, axis] = origin + half + half


@kernel
@no_type_check
def _center_parents(nodes: np.ndarray, center: np.ndarray) -> None:
    """Compute the mean of each inner node from the means of its children."""
    for node in range(len(center) - 1, -1, -1):  # children come after their parent
        start, stop, patches = nodes[:, node]
        if patches == 1:
            continue
        left, right = node + 1, node + 2 * (patches // 2)
        share = (nodes[1, right] - nodes[0, right]) / (stop - start)
        for axis in range(center.shape[1]):
            half = (center[right, axis] * 0.5 - center[left, axis] * 0.5) * share
            center[node, axis] = center[left, axis] + half + half


@kernel
@no_type_check
def _measure_radii(
    points: np.ndarray,
    nodes: np.ndarray,
    center: np.ndarray,
    radius: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Compute the radius of some nodes: the largest distance of a point from the center."""
    squares = np.empty(DISTANCE_BLOCK)
    for node in range(first, last):
        start, stop, _ = nodes[:, node]
        farthest = 0.0
        for block in range(start, stop, DISTANCE_BLOCK):
            size = min(DISTANCE_BLOCK, stop - block)
            squares[:] = 0.0
            for axis in range(len(points)):
                own, middle = points[axis, block : block + size], np.float64(center[node, axis])
                for i in range(size):
                    squares[i] += (own[i] - middle) ** 2
            for i in range(size):
                farthest = max(farthest, squares[i])
        radius[node] = np.sqrt(farthest)
        # Squares of smaller radii are close to the smallest float64 (1e-308) and lose digits.
        if not 1e-140 < radius[node] < np.inf:
            radius[node] = _farthest(points[:, start:stop], center[node])


@kernel
@no_type_check
def _farthest(points: np.ndarray, center: np.ndarray) -> float:
    """Return the largest distance where its square is too small or too large for float64.

    Offsets are divided by the largest one, as in the BLAS routine ``nrm2``.
    """
    size, farthest = 0.0, 0.0
    for axis in range(len(points)):
        for i in range(points.shape[1]):
            size = max(size, abs(points[axis, i] - np.float64(center[axis])))
    if size == 0.0 or size == np.inf:
        return size
    for i in range(points.shape[1]):
        square = 0.0
        for axis in range(len(points)):
            square += ((points[axis, i] - np.float64(center[axis])) / size) ** 2
        farthest = max(farthest, square)
    return size * np.sqrt(farthest)
