"""Compiled kernels that order points by a ball tree.

Coordinates are stored axis by axis as integers that sort like the floats they encode; the index of
a point in the input is one more column. Comparing the split axis first and then all columns in turn
is a total order, so every split has exactly one result, whichever algorithm computes it.

The workspace has two sides with room for all points each, and a split moves its node to the other
side. The selection follows Floyd and Rivest (1975): two keys that probably bracket the wanted rank
are estimated from a random sample, so that one pass over the node usually settles nearly all points
and only those between the two keys are processed again.

The kernels release Python's global lock and share no state, so any number of threads may call them.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from mspt.compiling import compiled

NUM_COLUMNS = 5
"""Four axes, of which unused ones are constant, and the index in the input."""

MAX_LEAF = 16
"""Largest node inside one patch that is sorted, not split: this halved the time of the tree."""

MAX_SMALL = 32
"""Largest node that is split by counting ranks; the loops over this constant become SIMD code."""

MAX_SAMPLE = 256
"""Largest sample from which the two limits of a split are estimated."""

NUM_DEVIATIONS = 1.2
"""Distance of either limit from the wanted rank, in standard deviations of the sample's rank."""

Node = tuple[int, int, int, int]  # start, stop, number of patches, side of the workspace

# `no_type_check` keeps the run-time type checks of the tests out of the compiled functions.
# Points are finite and -0.0 is stored as 0.0, so "no NaN" and "no signed zeros" are safe.
kernel = compiled(nogil=True, fastmath={"nnan", "nsz"})
# Every call updates the reference counts of all arrays it passes on. In splits of few points this
# would dominate the time, so their helpers are inlined.
inlined = njit(nogil=True, inline="always", fastmath={"nnan", "nsz"})


class Workspace(NamedTuple):
    """Arrays of one cloud: keys and results, shared by all threads, and scratch of one thread."""

    # Side 0, side 1, and a margin because blocks of MAX_SMALL keys are read past the end of a node.
    keys: np.ndarray  # (NUM_COLUMNS, 2 N + MAX_SMALL)
    scale: float  # 0.5 where the extent of float64 coordinates would overflow, else 1
    order: np.ndarray  # (N,), a result
    bits: np.ndarray  # (X, N), a result: the coordinates in leaf order
    # Scratch arrays: each thread has its own.
    sample: np.ndarray  # (MAX_SAMPLE,)
    ranks: np.ndarray  # (MAX_SMALL,)
    less: np.ndarray  # (MAX_SMALL,)
    limit_bits: np.ndarray  # (2,)
    limits: np.ndarray  # the memory of ``limit_bits``, read as floats


@inlined
@no_type_check
def sortable_bits(bits: int, largest: int) -> int:
    """Turn the bits of a float into an integer that sorts like the float, and back.

    Positive floats already sort like their bits. Negative floats sort in reverse, so all bits but
    the sign are flipped.
    """
    return bits if bits >= 0 else bits ^ largest


@inlined
@no_type_check
def _difference(work: Workspace, low: int, high: int) -> float:
    """Return the distance of two keys on their axis."""
    largest = np.iinfo(work.keys.dtype).max
    work.limit_bits[0], work.limit_bits[1] = (
        sortable_bits(low, largest),
        sortable_bits(high, largest),
    )
    low_value, high_value = np.float64(work.limits[0]), np.float64(work.limits[1])
    return high_value * work.scale - low_value * work.scale


@inlined
@no_type_check
def _widest_axis(work: Workspace, place: int, count: int) -> int:
    widest, largest = np.int64(0), -1.0  # numba would compile a second version for a literal 0
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
def _bracket_rank(
    keys: np.ndarray, rank: int, spread: float, sample: np.ndarray
) -> tuple[int, int]:
    """Return two keys of a random sample that probably enclose the rank.

    A spread of 0 gives the same key twice, near the rank. Results do not depend on the sample:
    it only decides how many passes a split needs.
    """
    count = len(keys)
    # A sample of the order of sqrt(N) costs little beside a pass over N points.
    size = min(MAX_SAMPLE, max(9, int(np.sqrt(count) * 0.5)))
    # Knuth's 64-bit linear congruential generator; the high 32 bits are scaled to 0 .. count - 1.
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
    # The sample's rank of the wanted key is binomial: its standard deviation sets the margin.
    margin = spread * (np.sqrt(size * share * (1 - share)) + 0.5)
    low, high = int(np.floor(share * size - margin)), int(np.floor(share * size + margin))
    limits = np.iinfo(sample.dtype)
    return (
        sample[low] if low >= 0 else limits.min,
        sample[high] if high < size else limits.max,
    )


@kernel
@no_type_check
def _copy(work: Workspace, source: int, target: int, count: int) -> None:
    for c in range(NUM_COLUMNS):
        for i in range(count):
            work.keys[c, np.uint64(target + i)] = work.keys[c, np.uint64(source + i)]


@kernel
@no_type_check
def _split_by_limits(
    work: Workspace, source: int, target: int, count: int, column: int, limits: tuple[int, int]
) -> tuple[int, int]:
    """Move points into three runs: below, between and above the limits; return where they meet.

    Points between the limits are first collected at the source, over points that have already been
    moved, because their final position is known only after the pass.
    """
    keys, (low, high) = work.keys, limits
    front, back, between = target, target + count - 1, source
    for i in range(source, source + count):
        key = keys[column, np.uint64(i)]
        below, above = key < low, key > high
        # Selections and sums instead of branches: which way a point goes cannot be predicted.
        to = back if above else between
        to = front if below else to
        for c in range(NUM_COLUMNS):
            keys[c, np.uint64(to)] = keys[c, np.uint64(i)]
        front += below
        back -= above
        between += 1 - below - above
    _copy(work, source, front, between - source)
    return front - target, front - target + between - source


@inlined
@no_type_check
def _rank(work: Workspace, place: int, count: int, axis: int) -> None:
    """Rank keys along one axis by counting smaller keys; equal keys get the same rank."""
    # All MAX_SMALL lanes are computed, whatever the count: a fixed length is vectorized, and the
    # ranks past ``count`` are not used.
    ranks, keys = work.ranks, work.keys[axis, place : place + MAX_SMALL]
    ranks[:] = 0
    for i in range(count):
        key = keys[i]
        for j in range(MAX_SMALL):
            ranks[j] += key < keys[j]


@kernel
@no_type_check
def _rank_ties(work: Workspace, place: int, count: int, axis: int) -> None:
    """Rank by the axis and then by all columns, which leaves no ties.

    Columns are compared from the least significant one: each later column overrules the result
    so far unless its keys are equal.
    """
    work.ranks[:] = 0
    last = NUM_COLUMNS - 1
    for i in range(count):
        work.less[:] = 0
        for step in range(last + 2):
            keys = work.keys[last - step if step <= last else axis, place : place + MAX_SMALL]
            key = keys[i]
            for j in range(MAX_SMALL):
                work.less[j] = (key < keys[j]) | ((key == keys[j]) & work.less[j])
        for j in range(MAX_SMALL):
            work.ranks[j] += work.less[j]


@kernel
@no_type_check
def _split_small(
    work: Workspace, source: int, target: int, count: int, rank: int, axis: int
) -> None:
    """Move at most MAX_SMALL points to the target, the ``rank`` lowest first."""
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
        for c in range(NUM_COLUMNS):
            work.keys[c, np.uint64(to)] = work.keys[c, np.uint64(source + i)]
        front += is_front
        back += 1 - is_front


@kernel
@no_type_check
def _split_large(
    work: Workspace, source: int, target: int, count: int, rank: int, axis: int
) -> None:
    """Move more than MAX_SMALL points to the target, the ``rank`` lowest first.

    Points from ``start`` to ``stop`` are not yet separated, and are equal in all columns compared
    before ``column``: the axis, then all columns in turn.
    """
    start, stop, column, next_column, spread, origin = 0, count, axis, 0, NUM_DEVIATIONS, source
    while start < rank < stop:
        size, here, there = stop - start, origin + start, source + target - origin + start
        if size <= MAX_SMALL:
            _split_small(work, here, there, size, rank - start, axis)
            _copy(work, there, here, size)
            return
        keys = work.keys[column, here : here + size]
        limits = _bracket_rank(keys, rank - start, spread, work.sample)
        below, not_above = _split_by_limits(work, here, there, size, column, limits)
        if origin == target:
            _copy(work, there, here, size)
        origin, spread = target, NUM_DEVIATIONS
        if rank - start <= below:
            stop = start + below
        elif rank - start >= not_above:
            start += not_above
        else:
            if limits[0] == limits[1]:  # the rest is equal in this column: compare the next one
                next_column += next_column == axis
                column, next_column = next_column, next_column + 1
            elif not_above - below == size:  # no point was separated; one limit separates some
                spread = 0.0
            start, stop = start + below, start + not_above


@inlined
@no_type_check
def _num_left(count: int, patches: int) -> int:
    """Return the points of the left child: patch sizes differ by at most one, larger ones first."""
    if patches == 1:
        return count // 2
    left = patches // 2
    return left * (count // patches) + min(count % patches, left)


@inlined
@no_type_check
def _split(work: Workspace, node: Node) -> tuple[Node, Node]:
    start, stop, patches, side = node
    middle = start + _num_left(stop - start, patches)
    source, target = side * len(work.order) + start, (1 - side) * len(work.order) + start
    axis = _widest_axis(work, source, stop - start)
    if stop - start <= MAX_SMALL:
        _split_small(work, source, target, stop - start, middle - start, axis)
    else:
        _split_large(work, source, target, stop - start, middle - start, axis)
    left = patches // 2
    return (start, middle, max(left, 1), 1 - side), (middle, stop, patches - left, 1 - side)


@inlined
@no_type_check
def _write_leaf(work: Workspace, node: Node) -> None:
    """Write at most MAX_LEAF points of one patch to the results, sorted along their widest axis."""
    start, stop, _, side = node
    place, count = side * len(work.order) + start, stop - start
    axis = _widest_axis(work, place, count)
    _rank(work, place, count, axis)
    taken = 0  # one bit for each rank: a rank that is missing reveals equal keys
    for i in range(count):
        taken |= 1 << work.ranks[i]
    if taken != (1 << count) - 1:
        _rank_ties(work, place, count, axis)
    for i in range(count):
        work.order[start + work.ranks[i]] = work.keys[NUM_COLUMNS - 1, place + i]
    for axis in range(len(work.bits)):
        for i in range(count):
            key = work.keys[axis, place + i]
            work.bits[axis, start + work.ranks[i]] = sortable_bits(
                key, np.iinfo(work.keys.dtype).max
            )


@kernel
@no_type_check
def grow(work: Workspace, root: Node, max_postponed: int, postponed: np.ndarray) -> int:
    """Split a node down to leaves, which are written out; return the number of nodes postponed.

    Args:
        work: The cloud.
        root: Node to split.
        max_postponed: Nodes of at most this many points are stored in ``postponed``, not split.
        postponed: Receives those nodes, a row each.
    """
    # Every level adds at most one waiting node, and the number of levels is logarithmic in N.
    pending = np.empty((128, 4), np.int64)
    pending[0] = root
    num_pending, num_postponed = 1, 0
    while num_pending:
        num_pending -= 1
        start, stop, patches, side = pending[num_pending]
        node, count = (start, stop, patches, side), stop - start
        if count <= max_postponed:
            postponed[num_postponed] = node
            num_postponed += 1
        elif patches == 1 and count <= MAX_LEAF:
            _write_leaf(work, node)
        else:
            pending[num_pending + 1], pending[num_pending] = _split(work, node)
            num_pending += 2
    return num_postponed
