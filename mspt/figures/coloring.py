"""Colors of patches such that patches that touch differ.

Letters: K groups, P pairs.
"""

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from mspt.figures.theme import ALIKE, PATCH_COLORS
from mspt.figures.viewer.scene import GroupColors

MOST_COLORED = 2048
"""Most groups whose colors are chosen by what they touch; the time grows with their square."""


def merged_pairs(
    pairs: Int[ndarray, "P 2"], groups: Int[ndarray, " K"]
) -> Int[ndarray, "merged 2"]:
    """Return the pairs of coarser groups that touch; ``groups[k]`` contains the group ``k``.

    Examples:
        >>> merged_pairs(np.array([[0, 1], [1, 2]]), np.array([0, 0, 1])).tolist()
        [[0, 1]]
    """
    low, high = np.sort(groups.astype(np.int64)[pairs], axis=1).T
    count = int(groups.max(initial=0)) + 1
    # A pair as one number: sorting numbers is much faster than sorting rows.
    return np.stack(np.divmod(np.unique((low * count + high)[low != high]), count), axis=1)


def color_levels(
    pairs: Int[ndarray, "P 2"], count: int, levels: Int[ndarray, "levels K"] | None = None
) -> GroupColors:
    """Return colors of groups, and of the coarser groups at each level.

    Args:
        pairs: Int[ndarray, "P 2"] of groups that touch.
        count: Number of groups.
        levels: Coarser groups; see :class:`~mspt.figures.viewer.scene.Labels`.
    """
    rows = [np.arange(count)] if levels is None else list(levels)
    found = [color_groups(merged_pairs(pairs, row), int(row.max()) + 1) for row in rows]
    numbers, differ = zip(*found, strict=True)
    return GroupColors(numbers=numbers, differ=differ)


def color_groups(
    pairs: Int[ndarray, "P 2"], count: int, *, colors: int = len(PATCH_COLORS)
) -> tuple[Int[ndarray, " K"], bool]:
    """Return a color for each group, and whether all pairs of touching groups differ.

    Greedy coloring in the order of saturation (DSATUR: D. Brelaz, Communications of the ACM 22,
    1979): the group whose neighbors have the most colors comes next. It gets the color that is
    least used so far among those that its neighbors do not have, so that all colors are used; if
    that does not suffice, colors are used up in order, which needs fewer of them. More than
    :data:`MOST_COLORED` groups get colors by their number.

    Args:
        pairs: Int[ndarray, "P 2"] of groups that touch.
        count: Number of groups.
        colors: Number of colors.

    Examples:
        >>> ring = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [0, 4]])
        >>> found, differ = color_groups(ring, 5, colors=3)
        >>> differ, bool((found[ring[:, 0]] != found[ring[:, 1]]).all())
        (True, True)
        >>> color_groups(ring, 5, colors=2)[1]
        False
    """
    if count > MOST_COLORED:
        chosen = (np.arange(count) + np.arange(count) // colors) % colors
        return chosen, _differ(pairs, chosen)
    even = _greedy(pairs, count, colors=colors, spreads=True)
    if _differ(pairs, even):
        return even, True
    sparing = _greedy(pairs, count, colors=colors, spreads=False)
    return sparing, _differ(pairs, sparing)


def _differ(pairs: Int[ndarray, "P 2"], chosen: Int[ndarray, " K"]) -> bool:
    return bool((chosen[pairs[:, 0]] != chosen[pairs[:, 1]]).all())


def _greedy(
    pairs: Int[ndarray, "P 2"], count: int, *, colors: int, spreads: bool
) -> Int[ndarray, " K"]:
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    degree = np.bincount(both[:, 0], minlength=count)
    first = np.concatenate([[0], np.cumsum(degree)])
    # How many neighbors of each group have each color; groups that are done rank last.
    near = np.zeros((count, colors), dtype=np.int64)
    rank = degree.astype(np.int64)
    twin = np.arange(colors)
    if colors > max(ALIKE):
        twin[list(ALIKE)] = ALIKE[::-1]
    chosen, used = np.zeros(count, dtype=np.int64), np.zeros(colors, dtype=np.int64)
    for _ in range(count):
        group = int(rank.argmax())
        fewest = near[group] == near[group].min()
        even = used + count * near[group][twin]  # two greens beside each other only if need be
        wanted = np.where(fewest, even if spreads else np.arange(colors), np.iinfo(np.int64).max)
        color = int(wanted.argmin())
        chosen[group] = color
        used[color] += 1
        rank[group] = -1
        others = both[first[group] : first[group + 1], 1]
        fresh = others[(near[others, color] == 0) & (rank[others] >= 0)]
        rank[fresh] += count  # one more color among the neighbors outweighs any number of neighbors
        near[others, color] += 1
    return chosen
