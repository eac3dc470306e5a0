"""Compiled kernels that order points by a ball tree.

Coordinates are kept axis by axis as integers that sort like them; the place of a point in the input
is one more column. Comparing the split axis first and then all columns in turn is a total order, so
a split has exactly one result, whatever way leads to it. There is room for all points on two sides,
and a split moves its node to the other side: mostly in a single pass, because two keys around the
wanted rank are guessed from a sample, and only what lies between them is looked at again.

The kernels release Python's lock and share no state: any number of threads may call them.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

COLUMNS = 5  # four axes, unused ones constant, and the place in the input
LEAF = 16  # nodes of one patch up to this size are sorted instead of split
SMALL = 32  # nodes up to this size are split by counting ranks, SMALL at a time
MAX_SAMPLE = 256

Node = tuple[int, int, int, int]  # start, stop, patches, side

# `no_type_check` keeps the run-time type checks of the tests out of what is compiled.
kernel = njit(nogil=True, cache=True, fastmath={"nnan", "nsz"})
# A call counts references to every array it hands over, which is what a split of few points costs.
inlined = njit(nogil=True, inline="always", fastmath={"nnan", "nsz"})


class Work(NamedTuple):
    """What all kernels of one cloud share."""

    keys: np.ndarray  # (COLUMNS, 2 N + SMALL): side 0, side 1, and room to read beyond
    scale: float  # keeps extents finite
    order: np.ndarray  # (N,), a result
    bits: np.ndarray  # (X, N), a result: the coordinates in leaf order
    # What follows is a thread's own.
    sample: np.ndarray  # (MAX_SAMPLE,)
    ranks: np.ndarray  # (SMALL,)
    less: np.ndarray  # (SMALL,)
    limit_bits: np.ndarray  # (2,)
    limits: np.ndarray  # the memory of ``limit_bits``, read as floats


@inlined
@no_type_check
def mirror(bits: int, largest: int) -> int:
    """Turn the bits of a float into an integer that sorts like it, and back."""
    return bits if bits >= 0 else bits ^ largest


@inlined
@no_type_check
def _difference(work: Work, low: int, high: int) -> float:
    """Return the distance of two keys on their axis."""
    largest = np.iinfo(work.keys.dtype).max
    work.limit_bits[0], work.limit_bits[1] = mirror(low, largest), mirror(high, largest)
    low_value, high_value = np.float64(work.limits[0]), np.float64(work.limits[1])
    return high_value * work.scale - low_value * work.scale


@inlined
@no_type_check
def _widest_axis(work: Work, place: int, count: int) -> int:
    widest, largest = np.int64(0), -1.0  # a plain 0 is a type of its own, compiled twice
    for axis in range(len(work.bits)):
        keys = work.keys[axis, place : place + count]
        low = high = keys[0]
        for i in range(count):
            low, high = min(low, keys[i]), max(high, keys[i])
        extent = _difference(work, low, high)
        if extent > largest:
            widest, largest = axis, extent
    return widest


@kernel
@no_type_check
def _guess(keys: np.ndarray, rank: int, spread: float, sample: np.ndarray) -> tuple[int, int]:
    """Return two keys, from a random sample, that probably enclose the rank.

    Without a ``spread`` they are one and the same, near the rank.
    """
    count = len(keys)
    size = min(MAX_SAMPLE, max(9, int(np.sqrt(count) * 0.5)))
    state = np.uint64(count)
    for j in range(size):
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        key = keys[((state >> np.uint64(32)) * np.uint64(count)) >> np.uint64(32)]
        i = j
        while i > 0 and sample[i - 1] > key:
            sample[i] = sample[i - 1]
            i -= 1
        sample[i] = key
    share = rank / count
    margin = spread * (np.sqrt(size * share * (1 - share)) + 0.5)
    low, high = int(np.floor(share * size - margin)), int(np.floor(share * size + margin))
    limits = np.iinfo(sample.dtype)
    return (
        sample[low] if low >= 0 else limits.min,
        sample[high] if high < size else limits.max,
    )


@kernel
@no_type_check
def _copy(work: Work, source: int, target: int, count: int) -> None:
    for c in range(COLUMNS):
        for i in range(count):
            work.keys[c, np.uint64(target + i)] = work.keys[c, np.uint64(source + i)]


@kernel
@no_type_check
def _sieve(
    work: Work, source: int, target: int, count: int, column: int, limits: tuple[int, int]
) -> tuple[int, int]:
    """Move points into three runs: below both limits, between them, above; return the cuts.

    Points between the limits are first gathered at the source, in what has been read already.
    """
    keys, (low, high) = work.keys, limits
    front, back, between = target, target + count - 1, source
    for i in range(source, source + count):
        key = keys[column, np.uint64(i)]
        below, above = key < low, key > high
        to = back if above else between
        to = front if below else to
        for c in range(COLUMNS):
            keys[c, np.uint64(to)] = keys[c, np.uint64(i)]
        front += below
        back -= above
        between += 1 - below - above
    _copy(work, source, front, between - source)
    return front - target, front - target + between - source


@inlined
@no_type_check
def _rank(work: Work, place: int, count: int, axis: int) -> None:
    """Rank by the axis; equal keys share a rank."""
    ranks, keys = work.ranks, work.keys[axis, place : place + SMALL]
    ranks[:] = 0
    for i in range(count):
        key = keys[i]
        for j in range(SMALL):
            ranks[j] += key < keys[j]


@kernel
@no_type_check
def _rank_ties(work: Work, place: int, count: int, axis: int) -> None:
    """Rank by the axis and then by all columns, which leaves no ties."""
    work.ranks[:] = 0
    last = COLUMNS - 1
    for i in range(count):
        work.less[:] = 0
        for step in range(last + 2):
            keys = work.keys[last - step if step <= last else axis, place : place + SMALL]
            key = keys[i]
            for j in range(SMALL):
                work.less[j] = (key < keys[j]) | ((key == keys[j]) & work.less[j])
        for j in range(SMALL):
            work.ranks[j] += work.less[j]


@kernel
@no_type_check
def _split_small(work: Work, source: int, target: int, count: int, rank: int, axis: int) -> None:
    """Move at most SMALL points, the ``rank`` lowest first."""
    ranks = work.ranks
    _rank(work, source, count, axis)
    num_front = 0
    for i in range(count):
        num_front += ranks[i] < rank
    if num_front != rank:  # equal keys on both sides of the split
        _rank_ties(work, source, count, axis)
    front, back = target, target + rank
    for i in range(count):
        is_front = ranks[i] < rank
        to = front if is_front else back
        for c in range(COLUMNS):
            work.keys[c, np.uint64(to)] = work.keys[c, np.uint64(source + i)]
        front += is_front
        back += 1 - is_front


@kernel
@no_type_check
def _split_large(work: Work, source: int, target: int, count: int, rank: int, axis: int) -> None:
    """Move more than SMALL points, the ``rank`` lowest first.

    Points from ``start`` to ``stop`` are still mixed, and alike in the columns before ``column``:
    the axis, then all in turn.
    """
    start, stop, column, next_column, spread, origin = 0, count, axis, 0, 1.2, source
    while start < rank < stop:
        size, here, there = stop - start, origin + start, source + target - origin + start
        if size <= SMALL:
            _split_small(work, here, there, size, rank - start, axis)
            _copy(work, there, here, size)
            return
        keys = work.keys[column, here : here + size]
        limits = _guess(keys, rank - start, spread, work.sample)
        below, through = _sieve(work, here, there, size, column, limits)
        if origin == target:
            _copy(work, there, here, size)
        origin, spread = target, 1.2
        if rank - start <= below:
            stop = start + below
        elif rank - start >= through:
            start += through
        else:
            if limits[0] == limits[1]:
                next_column += next_column == axis
                column, next_column = next_column, next_column + 1
            elif through - below == size:  # the limits sorted nothing out, a single key will
                spread = 0.0
            start, stop = start + below, start + through


@inlined
@no_type_check
def _num_left(count: int, patches: int) -> int:
    """Return how many points go left: patches differ by at most one, the larger come first."""
    if patches == 1:
        return count // 2
    left = patches // 2
    return left * (count // patches) + min(count % patches, left)


@inlined
@no_type_check
def _split(work: Work, node: Node) -> tuple[Node, Node]:
    start, stop, patches, side = node
    middle = start + _num_left(stop - start, patches)
    source, target = side * len(work.order) + start, (1 - side) * len(work.order) + start
    axis = _widest_axis(work, source, stop - start)
    if stop - start <= SMALL:
        _split_small(work, source, target, stop - start, middle - start, axis)
    else:
        _split_large(work, source, target, stop - start, middle - start, axis)
    left = patches // 2
    return (start, middle, max(left, 1), 1 - side), (middle, stop, patches - left, 1 - side)


@inlined
@no_type_check
def _write_leaf(work: Work, node: Node) -> None:
    """Write out at most LEAF points of one patch, sorted along their widest axis."""
    start, stop, _, side = node
    place, count = side * len(work.order) + start, stop - start
    axis = _widest_axis(work, place, count)
    _rank(work, place, count, axis)
    taken = 0
    for i in range(count):
        taken |= 1 << work.ranks[i]
    if taken != (1 << count) - 1:  # equal keys
        _rank_ties(work, place, count, axis)
    for i in range(count):
        work.order[start + work.ranks[i]] = work.keys[COLUMNS - 1, place + i]
    for axis in range(len(work.bits)):
        for i in range(count):
            key = work.keys[axis, place + i]
            work.bits[axis, start + work.ranks[i]] = mirror(key, np.iinfo(work.keys.dtype).max)


@kernel
@no_type_check
def grow(work: Work, root: Node, pause: int, paused: np.ndarray) -> int:
    """Split a node to leaves, written out, or to ``pause``; return the number ``paused``."""
    pending = np.empty((128, 4), np.int64)
    pending[0] = root
    num_pending, num_paused = 1, 0
    while num_pending:
        num_pending -= 1
        start, stop, patches, side = pending[num_pending]
        node, count = (start, stop, patches, side), stop - start
        if count <= pause:
            paused[num_paused] = node
            num_paused += 1
        elif patches == 1 and count <= LEAF:
            _write_leaf(work, node)
        else:
            pending[num_pending + 1], pending[num_pending] = _split(work, node)
            num_pending += 2
    return num_paused
