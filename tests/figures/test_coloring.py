from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import Delaunay

from mspt.figures.coloring import MOST_COLORED, color_groups, color_levels, merged_pairs
from mspt.figures.scenes.patches import ShownPartition, patch_scene
from mspt.figures.theme import PATCH_COLORS
from mspt.partition.ball_tree import build_partition
from mspt.partition.patches import measure_patches, nearest_points, touching_patches


@st.composite
def graphs(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """Pairs of touching groups, each once, and the number of groups."""
    count = draw(st.integers(1, 9))
    every = [pair for pair in product(range(count), repeat=2) if pair[0] < pair[1]]
    chosen = draw(st.lists(st.sampled_from(every), unique=True)) if every else []
    return np.array(sorted(chosen), dtype=np.int64).reshape(-1, 2), count


@given(graph=graphs(), colors=st.integers(1, 4))
def test_says_that_touching_groups_differ_exactly_where_they_do(
    graph: tuple[np.ndarray, int], colors: int
) -> None:
    pairs, count = graph
    chosen, differ = color_groups(pairs, count, colors=colors)
    assert chosen.shape == (count,)
    assert ((chosen >= 0) & (chosen < colors)).all()
    assert differ == all(chosen[first] != chosen[second] for first, second in pairs)


@given(graph=graphs())
def test_two_colors_suffice_wherever_two_are_enough(graph: tuple[np.ndarray, int]) -> None:
    """DSATUR is exact on graphs that can be colored with two colors (Brelaz, 1979)."""
    pairs, count = graph
    split = [
        sides
        for sides in product((0, 1), repeat=count)
        if all(sides[first] != sides[second] for first, second in pairs)
    ]
    assert color_groups(pairs, count, colors=2)[1] == bool(split)


@given(seed=st.integers(0, 2**16))
def test_six_colors_suffice_in_the_plane_and_all_eight_are_used(seed: int) -> None:
    points = np.random.default_rng(seed).random((200, 2))
    corners = Delaunay(points).simplices
    pairs = merged_pairs(
        np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]]),
        np.arange(200),
    )
    assert color_groups(pairs, 200, colors=6)[1]
    chosen, differ = color_groups(pairs, 200)
    assert differ
    assert np.bincount(chosen, minlength=len(PATCH_COLORS)).min() >= 15


@given(graph=graphs(), data=st.data())
def test_coarser_groups_touch_if_any_of_their_members_do(
    graph: tuple[np.ndarray, int], data: st.DataObject
) -> None:
    pairs, count = graph
    groups = np.array(data.draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)))
    expected = {tuple(sorted(groups[list(pair)])) for pair in pairs}
    expected = sorted(pair for pair in expected if pair[0] != pair[1])
    assert [tuple(pair) for pair in merged_pairs(pairs, groups)] == expected


@pytest.mark.parametrize("axes", [2, 3])
def test_patches_of_a_cloud_differ_at_every_level_where_a_point_has_another_patch_near(
    axes: int,
) -> None:
    points = torch.rand(3000, axes, generator=torch.Generator().manual_seed(5))
    partition, nearest = build_partition(points, 48), nearest_points(points)
    shown = ShownPartition(
        title="ball tree",
        partition=partition,
        shapes=measure_patches(points, partition),
        touching=touching_patches(partition, nearest),
    )
    coloring = patch_scene(points, shown, unit="m").panels[0].coloring
    assert len(coloring.levels) == len(coloring.colors.numbers) == len(coloring.colors.differ) > 4
    for groups, numbers, differ in zip(
        coloring.levels, coloring.colors.numbers, coloring.colors.differ, strict=True
    ):
        own = groups[coloring.labels]
        apart = own[:, None] != own[nearest]
        same = numbers[own][:, None] == numbers[own[nearest]]
        assert differ == (not (apart & same).any())
        assert differ or axes == 3


def test_very_many_groups_get_colors_at_once() -> None:
    count = MOST_COLORED + 1
    pairs = np.column_stack([np.arange(count - 1), np.arange(1, count)])
    colors = color_levels(pairs, count)
    assert colors.differ == (True,)
    assert len(np.unique(colors.numbers[0])) == len(PATCH_COLORS)
