from inspect import unwrap

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mspt.data.stress_clouds import STRESS_CLOUDS, stress_cloud
from mspt.partition.alternatives import (
    PARTITION_METHODS,
    divide_points,
    grid_partition,
    random_partition,
)
from mspt.partition.patches import compactness, measure_patches
from mspt.seeding import generator

KINDS = list(STRESS_CLOUDS)


@given(
    method=st.sampled_from(PARTITION_METHODS),
    kind=st.sampled_from(KINDS),
    num_points=st.integers(1, 200),
    space_dim=st.integers(1, 3),
    data=st.data(),
)
def test_every_cut_keeps_what_a_partition_promises(
    method: str, kind: str, num_points: int, space_dim: int, data: st.DataObject
) -> None:
    num_patches = data.draw(st.integers(1, num_points))
    points = stress_cloud(kind, num_points)[:, :space_dim].contiguous()
    partition = divide_points(points, num_patches, method=method, seed=5)
    size, num_larger = divmod(num_points, num_patches)
    expected = [size + (patch < num_larger) for patch in range(num_patches)]
    assert partition.offsets.diff().tolist() == expected
    assert sorted(partition.order.tolist()) == list(range(num_points))
    assert partition.order[partition.inverse].tolist() == list(range(num_points))
    assert (partition.tree is not None) == (method == "ball_tree")


def test_chance_is_decided_by_the_seed_alone() -> None:
    first, same, other = (random_partition(1000, 7, seed=seed).order for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_chance_spreads_every_patch_over_the_whole_cloud() -> None:
    points = stress_cloud("uniform", 4000)
    shapes = measure_patches(points, divide_points(points, 10, method="random"))
    assert compactness(shapes).share == pytest.approx(1.0, abs=0.02)


def test_cells_of_a_full_grid_are_its_patches() -> None:
    axis = torch.arange(8) / 8
    points = torch.cartesian_prod(axis, axis)[torch.randperm(64)]
    partition = grid_partition(points, 16)
    cells = (points * 4).long() @ torch.tensor([4, 1])
    for patch in range(16):
        assert len(cells[partition.patch_of_point == patch].unique()) == 1


def test_cells_that_follow_each_other_touch() -> None:
    axis = torch.arange(4) / 4
    points = torch.cartesian_prod(axis, axis, axis)
    order = (points * 4).long()[grid_partition(points, 64).order]
    assert (order.diff(dim=0).abs().sum(1) == 1).all()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "duplicates"])
def test_a_grid_does_not_depend_on_the_order_of_the_points(kind: str) -> None:
    points = stress_cloud(kind, 600)
    shuffle = torch.randperm(600, generator=torch.Generator().manual_seed(2))
    first, second = (grid_partition(cloud, 13) for cloud in (points, points[shuffle]))
    assert torch.equal(points[first.order], points[shuffle][second.order])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("num_patches", [16, 60, 256])
def test_the_ball_tree_is_far_more_compact_than_chance_on_every_cloud(
    kind: str, num_patches: int
) -> None:
    points = stress_cloud(kind, 8000)
    share = {
        method: compactness(
            measure_patches(points, divide_points(points, num_patches, method=method))
        ).share
        for method in PARTITION_METHODS
    }
    assert share["ball_tree"] < 0.35 * share["random"]
    assert share["ball_tree"] < 0.35 * share["sequence"]
    assert share["ball_tree"] < 1.25 * share["grid"]  # few patches of clusters: the grid may win


def test_equal_points_are_cut_all_the_same() -> None:
    points = torch.full((10, 3), 0.25)
    for method in PARTITION_METHODS:
        assert divide_points(points, 4, method=method).offsets.diff().tolist() == [3, 3, 2, 2]


def test_an_unknown_cut_is_refused() -> None:
    with pytest.raises(ValueError, match=r"method must be one of ball_tree, .*, got 'octree'"):
        unwrap(divide_points)(torch.zeros(3, 2), 1, method="octree")
    with pytest.raises(ValueError, match="num_patches must be between 1"):
        grid_partition(torch.from_numpy(np.zeros((3, 2))), 4)


def test_the_grid_does_not_depend_on_the_unit_of_length() -> None:
    points = torch.rand(200, 3, generator=generator(0, "cloud"))
    expected = grid_partition(points, 20).order
    for unit in (2.0**-10, 8.0):  # powers of two, which round nothing
        assert torch.equal(grid_partition(unit * points, 20).order, expected)
