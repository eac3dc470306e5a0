"""Cuts of a ball tree: every point once, fine nearby, coarse far away."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch import Tensor

from mspt.partition.ball_tree import BallTree, build_partition, sequence_partition
from mspt.partition.cuts import add_cuts, cut_size, patch_cuts
from mspt.partition.turned import add_turned
from mspt.seeding import generator


def cloud(num_points: int, space_dim: int = 2, seed: int = 0) -> Tensor:
    return torch.rand(num_points, space_dim, generator=generator(seed, "cloud"))


def tree_of(points: Tensor, num_patches: int) -> BallTree:
    tree = build_partition(points, num_patches).tree
    assert tree is not None
    return tree


@given(
    num_patches=st.integers(1, 40),
    size=st.integers(1, 40),
    space_dim=st.integers(1, 3),
    seed=st.integers(0, 2**16),
)
def test_every_cut_holds_each_point_once_and_the_patch_itself(
    num_patches: int, size: int, space_dim: int, seed: int
) -> None:
    size = min(size, num_patches)
    tree = tree_of(cloud(97, space_dim, seed), num_patches)
    cuts = patch_cuts(tree, size)
    assert cuts.shape == (num_patches, size)
    (leaves,) = torch.where(tree.num_patches == 1)
    for patch, cut in enumerate(cuts):
        held = torch.cat([torch.arange(tree.start[n], tree.stop[n]) for n in cut])
        assert held.tolist() == list(range(97))
        if size > tree.level[leaves[patch]]:  # enough to come down to the patch
            assert leaves[patch] in cut


def test_the_finest_cut_is_all_patches() -> None:
    tree = tree_of(cloud(60), 13)
    (leaves,) = torch.where(tree.num_patches == 1)
    assert torch.equal(patch_cuts(tree, 13), leaves.expand(13, -1))


def test_nodes_are_small_nearby_and_large_far_away() -> None:
    line = torch.linspace(0, 1, 64)
    tree = tree_of(torch.cartesian_prod(line, line), 256)
    cut = patch_cuts(tree, 40)[0]
    distance = (tree.center[cut] - tree.center[cut[0]]).norm(dim=1)
    radius = tree.radius[cut]
    near, far = distance < 0.2, distance > 0.7
    assert radius[near].max() < radius[far].min()
    # No node is seen under a much larger angle than any that was divided.
    assert (radius[1:] / distance[1:]).max() < 0.8


def test_cuts_of_both_trees_are_added() -> None:
    points = cloud(200)
    both = add_cuts(add_turned(points, build_partition(points, 32)), 2)
    assert both.turned is not None
    for partition in (both, both.turned):
        assert partition.cuts is not None
        assert partition.tree is not None
        assert torch.equal(partition.cuts, patch_cuts(partition.tree, 10))


def test_nothing_is_added_where_a_cut_would_hold_all_patches() -> None:
    partition = build_partition(cloud(40), 6)
    assert add_cuts(partition, 2) is partition
    assert add_cuts(sequence_partition(40, 1), 1).cuts is None


def test_runs_of_the_given_order_have_no_nodes() -> None:
    with pytest.raises(ValueError, match="partition must have a tree whose nodes can be keys"):
        add_cuts(sequence_partition(40, 20), 1)


@given(num_patches=st.integers(1, 5000), keys=st.integers(1, 9))
def test_size_grows_with_the_logarithm(num_patches: int, keys: int) -> None:
    size = cut_size(num_patches, keys)
    assert 1 <= size <= num_patches
    assert cut_size(2 * num_patches, keys) <= size + max(keys, size)
    assert cut_size(2**20, keys) == 20 * keys


def test_patches_at_one_place_have_cuts_too() -> None:
    cuts = patch_cuts(tree_of(torch.ones(32, 3), 16), 7)
    assert cuts.shape == (16, 7)
