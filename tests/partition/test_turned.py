"""The second tree: over turned axes, of the same points, independent of their order."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from torch import Tensor

from mspt.partition.ball_tree import (
    Partition,
    build_partition,
    ordered_partition,
    sequence_partition,
)
from mspt.partition.turned import add_turned, rotation
from mspt.seeding import generator


def cloud(num_points: int, space_dim: int, seed: int = 0) -> Tensor:
    return torch.rand(num_points, space_dim, generator=generator(seed, "cloud")) * 2 - 1


def both(points: Tensor, num_patches: int) -> Partition:
    return add_turned(points, build_partition(points, num_patches))


@pytest.mark.parametrize("space_dim", [2, 3, 4])
def test_axes_are_turned_and_each_is_a_mixture_of_all(space_dim: int) -> None:
    axes = rotation(space_dim)
    torch.testing.assert_close(axes @ axes.T, torch.eye(space_dim, dtype=torch.float64))
    assert torch.linalg.det(axes) == pytest.approx(1.0)
    assert (axes.abs() > 0.3).all()


@given(
    num_points=st.integers(2, 80),
    num_patches=st.integers(1, 12),
    space_dim=st.integers(2, 4),
    seed=st.integers(0, 2**16),
)
def test_second_tree_is_a_tree_over_turned_coordinates(
    num_points: int, num_patches: int, space_dim: int, seed: int
) -> None:
    """The same splits as a tree that is built over the turned points themselves."""
    num_patches = min(num_patches, num_points)
    points = cloud(num_points, space_dim, seed)
    found = both(points, num_patches).turned
    assert found is not None
    turned = torch.from_numpy(points.double().numpy() @ rotation(space_dim).numpy().T)
    expected = build_partition(turned, num_patches)
    assert torch.equal(found.patch_of_point, expected.patch_of_point)
    assert torch.equal(found.offsets, expected.offsets)


def test_balls_of_the_second_tree_are_those_of_its_points_where_they_were_given() -> None:
    points = cloud(200, 3)
    second = both(points, 16).turned
    assert second is not None
    assert second.tree is not None
    tree = second.tree
    for node in range(len(tree.start)):
        own = points[second.order[tree.start[node] : tree.stop[node]]].double().numpy()
        np.testing.assert_allclose(tree.center[node].numpy(), own.mean(0), atol=1e-6)
        reach = np.linalg.norm(own - own.mean(0), axis=1).max()
        assert tree.radius[node] == pytest.approx(reach, abs=1e-5)


@given(seed=st.integers(0, 2**16), gridded=st.booleans())
def test_both_trees_ignore_the_order_of_the_points(seed: int, *, gridded: bool) -> None:
    line = torch.linspace(-1, 1, 9)
    points = torch.cartesian_prod(line, line) if gridded else cloud(81, 2, seed)
    shuffle = torch.randperm(81, generator=generator(seed, "shuffle"))
    first, second = both(points, 7), both(points[shuffle], 7)
    for block in (0, 1):
        one, other = first.of_block(block), second.of_block(block)
        torch.testing.assert_close(points[one.order], points[shuffle][other.order])


def test_points_of_a_diagonal_of_a_grid_are_divided_where_it_crosses_a_border() -> None:
    """Rounding errors must not order them at random: a patch is then a connected set of rows."""
    line = torch.linspace(-1, 1, 17)
    points = torch.cartesian_prod(line, line)
    second = both(points, 2).turned
    assert second is not None
    diagonal = points[:, 0] + points[:, 1]
    for patch in (0, 1):
        on_border = (diagonal.abs() < 1e-6) & (second.patch_of_point == patch)
        places = points[on_border, 0].sort().values
        assert (places.diff() < 0.13).all()


def test_rows_lead_from_one_leaf_order_to_the_other_and_back() -> None:
    points = cloud(50, 2)
    pair = both(points, 6)
    assert pair.turned is not None
    first, second = points[pair.order], points[pair.turned.order]
    assert torch.equal(first[pair.rows_to_turned], second)
    assert torch.equal(second[pair.rows_from_turned], first)
    assert pair.rows_to_turned is pair.rows_to_turned  # computed once


def test_blocks_use_the_trees_in_turn() -> None:
    pair = both(cloud(30, 2), 3)
    assert [pair.of_block(block) is pair for block in range(4)] == [True, False, True, False]
    alone = build_partition(cloud(30, 2), 3)
    assert all(alone.of_block(block) is alone for block in range(4))


def test_a_border_of_one_tree_lies_inside_patches_of_the_other() -> None:
    """Of neighbors that the first tree separates, the second one joins most."""
    line = torch.linspace(-1, 1, 32)
    pair = both(torch.cartesian_prod(line, line), 16)
    first, second = (pair.of_block(block).patch_of_point.reshape(32, 32) for block in (0, 1))
    apart = first[:, 1:] != first[:, :-1]
    joined = second[:, 1:] == second[:, :-1]
    assert (apart & joined).sum() > 0.6 * apart.sum()


def test_one_axis_cannot_be_turned() -> None:
    points = cloud(10, 1)
    with pytest.raises(ValueError, match="space_dim must be 2, 3 or 4 to turn axes, got 1"):
        both(points, 2)


def test_coinciding_points_have_a_second_tree_too() -> None:
    pair = both(torch.ones(9, 3), 3)
    assert pair.turned is not None
    assert pair.turned.order.sort().values.tolist() == list(range(9))


def test_a_partition_without_a_second_one_has_no_rows_to_it() -> None:
    alone = sequence_partition(4, 2)
    with pytest.raises(ValueError, match="must have a second one over turned axes, got None"):
        _ = alone.rows_to_turned


def test_a_known_leaf_order_gives_the_same_tree() -> None:
    points = cloud(70, 3)
    built = build_partition(points, 9)
    again = ordered_partition(points, built.order, 9)
    assert built.tree is not None
    assert again.tree is not None
    for name in ("start", "stop", "level", "parent", "num_patches", "center", "radius"):
        assert torch.equal(getattr(again.tree, name), getattr(built.tree, name)), name
