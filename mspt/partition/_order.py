"""Order points by a ball tree and measure its balls, shared out over threads."""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain, pairwise
from typing import no_type_check

import numpy as np

from mspt.partition._kernels import COLUMNS, MAX_SAMPLE, SMALL, Node, Work, grow, kernel, mirror

BLOCK = 512  # points whose distances are computed together

Spread = Callable[..., Iterable]  # ``map``, or that of a thread pool


def order_points(
    coordinates: np.ndarray, num_patches: int, num_parts: int, spread: Spread
) -> tuple[np.ndarray, np.ndarray]:
    """Return the points in leaf order, and their coordinates in that order, axis by axis."""
    work = _work(coordinates)
    bits = coordinates.view(work.keys.dtype)
    cuts = np.linspace(0, len(bits), num_parts + 1, dtype=np.int64)
    list(spread(lambda cut: _fill(work.keys, bits, *cut), pairwise(cuts.tolist())))
    nodes: list[Node] = [(0, len(bits), num_patches, 0)]
    while len(nodes) < num_parts:
        nodes = list(chain.from_iterable(spread(partial(_split_once, work), nodes)))
    list(spread(partial(_finish, work), nodes))
    return work.order, work.bits.view(coordinates.dtype)


def measure_nodes(
    points: np.ndarray, nodes: np.ndarray, num_parts: int, spread: Spread
) -> tuple[np.ndarray, np.ndarray]:
    """Return center and radius of every node.

    Args:
        points: Coordinates in leaf order, axis by axis.
        nodes: Start, stop and number of patches of every node, depth first.
        num_parts: Into how many parts to cut the work.
        spread: How to share the parts out.
    """
    shares = np.cumsum(nodes[1] - nodes[0]) / (nodes[1] - nodes[0]).sum()
    cuts = np.searchsorted(shares, np.arange(1, num_parts) / num_parts).tolist()
    parts = list(pairwise([0, *cuts, len(shares)]))
    center = np.empty((len(shares), len(points)))
    list(spread(lambda part: _center_leaves(points, nodes, center, *part), parts))
    _center_parents(nodes, center)
    rounded, radius = center.astype(points.dtype), np.empty(len(center))
    list(spread(lambda part: _measure(points, nodes, rounded, radius, *part), parts))
    return rounded, _round_up(radius, points.dtype)


def _work(coordinates: np.ndarray) -> Work:
    num_points, space_dim = coordinates.shape
    dtype = np.dtype(np.int32 if coordinates.dtype == np.float32 else np.int64)
    with np.errstate(over="ignore"):
        overflows = dtype == np.int64 and np.isinf(np.ptp(coordinates))
    limits = np.empty(2, coordinates.dtype)
    return Work(
        keys=np.empty((COLUMNS, 2 * num_points + SMALL), dtype),
        scale=0.5 if overflows else 1.0,
        order=np.empty(num_points, np.int64),
        bits=np.empty((space_dim, num_points), dtype),
        sample=np.empty(MAX_SAMPLE, dtype),
        ranks=np.empty(SMALL, dtype),
        less=np.empty(SMALL, dtype),
        limits=limits,
        limit_bits=limits.view(dtype),
    )


def _own(work: Work) -> Work:
    """Return the same work with scratch arrays of its own."""
    limits = np.empty_like(work.limits)
    return work._replace(
        sample=np.empty_like(work.sample),
        ranks=np.empty_like(work.ranks),
        less=np.empty_like(work.less),
        limits=limits,
        limit_bits=limits.view(work.keys.dtype),
    )


def _split_once(work: Work, node: Node) -> list[Node]:
    children = np.empty((2, 4), np.int64)
    grow(_own(work), node, node[1] - node[0] - 1, children)
    return [(start, stop, patches, side) for start, stop, patches, side in children.tolist()]


def _finish(work: Work, node: Node) -> None:
    grow(_own(work), node, 0, np.empty((0, 4), np.int64))


def _round_up(radius: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Round so that distances computed in the same type do not exceed the radius either."""
    with np.errstate(over="ignore"):
        rounded = (radius * (1 + 4 * np.finfo(dtype).eps)).astype(dtype)
    return np.where(radius > 0, np.nextafter(rounded, np.inf, dtype=dtype), rounded)


@kernel
@no_type_check
def _fill(keys: np.ndarray, bits: np.ndarray, start: int, stop: int) -> None:
    """Lay the keys of some points down on side 0; missing axes are constant."""
    limits = np.iinfo(keys.dtype)
    for axis in range(COLUMNS - 1):
        for i in range(start, stop):
            own = bits[i, axis] if axis < bits.shape[1] else limits.min
            # The smallest integer is -0.0, which is no smaller than 0.0.
            keys[axis, i] = mirror(own, limits.max) if own != limits.min else 0
    for i in range(start, stop):
        keys[COLUMNS - 1, i] = i


@kernel
@no_type_check
def _center_leaves(
    points: np.ndarray, nodes: np.ndarray, center: np.ndarray, first: int, last: int
) -> None:
    for node in range(first, last):
        start, stop, patches = nodes[:, node]
        if patches > 1:
            continue
        for axis in range(len(points)):
            # Differences from one of the points, halved: exact for equal points, and finite.
            origin, half, share = np.float64(points[axis, start]), 0.0, 1.0 / (stop - start)
            for i in range(start, stop):
                half += (points[axis, i] * 0.5 - origin * 0.5) * share
            center[node, axis] = origin + half + half


@kernel
@no_type_check
def _center_parents(nodes: np.ndarray, center: np.ndarray) -> None:
    for node in range(len(center) - 1, -1, -1):
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
def _measure(
    points: np.ndarray,
    nodes: np.ndarray,
    center: np.ndarray,
    radius: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Find the largest distance from the center of some nodes."""
    squares = np.empty(BLOCK)
    for node in range(first, last):
        start, stop, _ = nodes[:, node]
        farthest = 0.0
        for block in range(start, stop, BLOCK):
            size = min(BLOCK, stop - block)
            squares[:] = 0.0
            for axis in range(len(points)):
                own, middle = points[axis, block : block + size], np.float64(center[node, axis])
                for i in range(size):
                    squares[i] += (own[i] - middle) ** 2
            for i in range(size):
                farthest = max(farthest, squares[i])
        radius[node] = np.sqrt(farthest)
        if not 1e-140 < radius[node] < np.inf:
            radius[node] = _farthest(points[:, start:stop], center[node])


@kernel
@no_type_check
def _farthest(points: np.ndarray, center: np.ndarray) -> float:
    """Return the largest distance where squares are too small or too large for float64."""
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
