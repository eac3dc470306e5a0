from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mspt.config import ModelConfig
from mspt.cost.formulas import forward_flops, recommended_patches
from mspt.data.store import load_split
from mspt.data.stress_clouds import STRESS_CLOUDS, stress_cloud
from mspt.models.pooling import pool_mean
from mspt.partition.alternatives import PARTITION_METHODS, divide_points
from mspt.partition.ball_tree import Partition, build_partition, sequence_partition
from mspt.partition.levels import tree_levels
from mspt.partition.patches import (
    attention_flops,
    compactness,
    error_shares,
    measure_patches,
    nearest_points,
    neighbor_lists,
    patch_overlap,
    patch_table,
    supernode_centers,
    touching_patches,
)

KINDS = list(STRESS_CLOUDS)


def each_patch(partition: Partition) -> list[np.ndarray]:
    patch = partition.patch_of_point.numpy()
    return [np.flatnonzero(patch == k) for k in range(len(partition.offsets) - 1)]


@pytest.mark.parametrize("method", PARTITION_METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_size_and_form_equal_a_loop_over_the_patches(kind: str, method: str) -> None:
    points = stress_cloud(kind, 700)
    partition = divide_points(points, 23, method=method)
    shapes = measure_patches(points, partition)
    for k, rows in enumerate(each_patch(partition)):
        own = points[rows].double().numpy()
        distance = np.linalg.norm(own - own.mean(0), axis=1)
        assert shapes.size[k] == len(rows)
        np.testing.assert_allclose(shapes.center[k], own.mean(0), atol=1e-12)
        assert shapes.radius[k] == pytest.approx(distance.max(), rel=1e-9, abs=1e-12)
        assert shapes.dispersion[k] == pytest.approx((distance**2).mean(), rel=1e-9, abs=1e-15)
        extents = np.linalg.svd(own - own.mean(0), compute_uv=False)
        if kind == "line":
            assert shapes.aspect[k] > 1e3
        else:
            assert shapes.aspect[k] == pytest.approx(extents[0] / extents[1], rel=1e-5)


def test_balls_of_patches_are_the_leaves_of_the_tree() -> None:
    points = stress_cloud("clustered", 900)
    partition = build_partition(points, 31)
    shapes = measure_patches(points, partition)
    leaves = partition.tree.num_patches == 1
    np.testing.assert_allclose(shapes.radius, partition.tree.radius[leaves], rtol=1e-5)
    np.testing.assert_allclose(shapes.center, partition.tree.center[leaves], atol=1e-6)


def test_far_from_zero_nothing_is_lost() -> None:
    near = stress_cloud("uniform", 500).double()
    partition = build_partition(near, 9)
    far = measure_patches(near + 1e6, partition)
    np.testing.assert_allclose(far.dispersion, measure_patches(near, partition).dispersion, 1e-6)


@given(seed=st.integers(0, 50), factor=st.floats(0.01, 100), angle=st.floats(0, 6))
def test_turning_changes_nothing_and_scaling_only_what_has_a_unit(
    seed: int, factor: float, angle: float
) -> None:
    points = stress_cloud("uniform", 120, seed=seed).double()
    partition = build_partition(points, 7)
    c, s = np.cos(angle), np.sin(angle)
    turn = torch.tensor([[c, -s, 0], [s, c, 0], [0, 0, 1]], dtype=torch.float64)
    moved = factor * points @ turn.T + 3
    before, after = measure_patches(points, partition), measure_patches(moved, partition)
    np.testing.assert_allclose(after.radius, factor * before.radius, rtol=1e-9)
    np.testing.assert_allclose(after.aspect, before.aspect, rtol=1e-6)
    assert compactness(after).share == pytest.approx(compactness(before).share, rel=1e-9)
    np.testing.assert_allclose(
        patch_overlap(moved, after), patch_overlap(points, before), atol=1e-12
    )


def test_a_patch_as_wide_as_long_has_aspect_one_however_thin() -> None:
    corners = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 1e-3]])
    assert measure_patches(corners, sequence_partition(4, 1)).aspect[0] == pytest.approx(1, 1e-5)
    stretched = corners * torch.tensor([3.0, 1, 1])
    assert measure_patches(stretched, sequence_partition(4, 1)).aspect[0] == pytest.approx(3, 1e-5)
    line = torch.arange(4.0)[:, None]
    assert measure_patches(line, sequence_partition(4, 1)).aspect[0] == np.inf
    oblique = torch.arange(9.0).double()[:, None] * torch.tensor([1.0, 0.3, -0.7]) + 0.1
    assert measure_patches(oblique, sequence_partition(9, 1)).aspect[0] == np.inf
    equal = measure_patches(torch.ones(4, 3), sequence_partition(4, 2))
    assert equal.aspect.tolist() == [1, 1]
    assert equal.radius.tolist() == [0, 0]
    assert compactness(equal).share == 0


def test_compactness_divides_the_spread_of_the_cloud() -> None:
    points = stress_cloud("fractal", 1000).double()
    shapes = measure_patches(points, build_partition(points, 40))
    whole = (points - points.mean(0)).square().sum(1).mean().item()
    assert compactness(shapes).share == pytest.approx(
        (shapes.size * shapes.dispersion).sum() / 1000 / whole, rel=1e-9
    )
    found = compactness(shapes)
    assert found.median <= found.p90 <= found.p99 <= found.max == shapes.dispersion.max()


def test_elasticity_is_as_compact_as_the_paper_found() -> None:
    """Table 6: the median of the ball tree on Elasticity is 0.0065, by chance 0.2035."""
    cases = load_split("elasticity", "test", limit=20)
    found = {"ball_tree": [], "random": []}
    for index in range(20):
        points = cases.case(index).points
        for method, medians in found.items():
            shapes = measure_patches(points, divide_points(points, 32, method=method, seed=index))
            medians.append(compactness(shapes).median)
    assert np.mean(found["ball_tree"]) == pytest.approx(0.0065, rel=0.5)
    assert np.mean(found["random"]) == pytest.approx(0.2035, rel=0.3)


@pytest.mark.parametrize("method", PARTITION_METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_overlap_equals_counting_every_point(kind: str, method: str) -> None:
    points = stress_cloud(kind, 500)
    partition = divide_points(points, 17, method=method)
    shapes = measure_patches(points, partition)
    places = points.double().numpy()
    distance = np.linalg.norm(places[None] - shapes.center[:, None], axis=2)
    inside = (distance <= shapes.radius[:, None] * (1 + 1e-9) + 1e-12).sum(1)
    np.testing.assert_allclose(patch_overlap(points, shapes), 1 - shapes.size / inside)


def test_patches_far_apart_do_not_overlap() -> None:
    points = torch.cat([stress_cloud("uniform", 50) + 10 * place for place in range(4)])
    shapes = measure_patches(points, build_partition(points, 4))
    assert patch_overlap(points, shapes).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_patches_touch_if_a_nearest_place_lies_in_another(kind: str) -> None:
    points = stress_cloud(kind, 300)
    partition = build_partition(points, 20)
    patch, places = partition.patch_of_point.numpy(), points.double().numpy()
    nearest = nearest_points(points, 4)
    unique = np.unique(places, axis=0)
    for point in range(300):
        distance = np.linalg.norm(places[point] - unique, axis=1)
        found = np.linalg.norm(places[point] - places[nearest[point]], axis=1)
        np.testing.assert_allclose(found, np.sort(distance)[:5], atol=1e-12)
        assert len(np.unique(places[nearest[point]], axis=0)) == 5
    expected = {
        (min(patch[i], patch[j]), max(patch[i], patch[j]))
        for i in range(300)
        for j in nearest[i]
        if patch[i] != patch[j]
    }
    assert list(map(tuple, touching_patches(partition, nearest))) == sorted(expected)


def test_patches_in_a_row_touch_the_next_ones() -> None:
    points = torch.arange(12.0)[:, None]
    partition = build_partition(points, 4)
    pairs = touching_patches(partition, nearest_points(points, 2))
    assert pairs.tolist() == [[0, 1], [1, 2], [2, 3]]
    assert neighbor_lists(pairs, 4) == [[1], [0, 2], [1, 3], [2]]


def test_patches_that_share_a_place_touch() -> None:
    points = torch.tensor([[0.0], [0.0], [0.0], [0.0], [9.0], [9.0]])
    pairs = touching_patches(build_partition(points, 3), nearest_points(points, 1))
    assert [0, 1] in pairs.tolist()


def test_a_single_place_has_no_other() -> None:
    assert nearest_points(torch.zeros(3, 2)).shape == (3, 1)
    partition = build_partition(torch.zeros(3, 2), 1)
    assert touching_patches(partition, nearest_points(torch.zeros(3, 2))).shape == (0, 2)


def test_shares_of_the_error_sum_to_one_and_follow_the_points() -> None:
    points = stress_cloud("uniform", 90)
    partition = build_partition(points, 8)
    error = np.random.default_rng(0).normal(size=90)
    shares = error_shares(partition, error)
    assert shares.sum() == pytest.approx(1)
    rows = each_patch(partition)[3]
    assert shares[3] == pytest.approx((error[rows] ** 2).sum() / (error**2).sum())
    error[rows] = np.nan
    assert error_shares(partition, error)[3] == 0
    assert error_shares(partition, np.zeros(90)).tolist() == [0] * 8


@given(num_points=st.integers(1, 120), data=st.data())
def test_levels_equal_walking_up_from_the_leaves(num_points: int, data: st.DataObject) -> None:
    num_patches = data.draw(st.integers(1, num_points))
    tree = build_partition(stress_cloud("uniform", num_points), num_patches).tree
    walk = tree_levels(tree)
    leaves = [i for i in range(2 * num_patches - 1) if tree.num_patches[i] == 1]
    assert len(walk.groups) == max(int(tree.level[leaf]) for leaf in leaves) + 1
    for depth, groups in enumerate(walk.groups):
        ancestors = []
        for leaf in leaves:
            node = leaf
            while tree.level[node] > depth:
                node = int(tree.parent[node])
            ancestors.append(node)
        nodes = walk.nodes[walk.level == depth]
        assert nodes[groups].tolist() == ancestors
        assert groups.tolist() == sorted(groups.tolist())
        assert set(groups) == set(range(len(nodes)))
    assert walk.groups[0].tolist() == [0] * num_patches
    assert walk.groups[-1].tolist() == list(range(num_patches))


@pytest.mark.parametrize("num_supernodes", [1, 3, 8])
def test_supernodes_stand_where_mean_pooling_would_put_them(num_supernodes: int) -> None:
    points = stress_cloud("clustered", 200).double()
    partition = build_partition(points, 22)  # patches of 10 and of 9 points
    pooled = [
        pool_mean(points[partition.order[start:stop]][None], num_supernodes)[0]
        for start, stop in zip(partition.offsets[:-1], partition.offsets[1:], strict=True)
    ]
    found = supernode_centers(points, partition, num_supernodes)
    np.testing.assert_allclose(found, torch.cat(pooled).numpy(), atol=1e-12)


def test_more_supernodes_than_points_are_refused() -> None:
    points = stress_cloud("uniform", 19)
    with pytest.raises(ValueError, match="at most the points of the smallest patch, got 5 for a"):
        supernode_centers(points, build_partition(points, 4), 5)
    with pytest.raises(ValueError, match="num_supernodes must be at least 1, got 0"):
        supernode_centers(points, build_partition(points, 4), 0)


@pytest.mark.parametrize("num_supernodes", [1, 4])
def test_attention_fits_the_cost_of_the_whole_forward(num_supernodes: int) -> None:
    """Whatever else a forward costs depends on K only through the projections of supernodes."""
    one, other = (
        ModelConfig(space_dim=3, num_patches=k, num_supernodes=num_supernodes) for k in (40, 160)
    )
    supernodes = (160 - 40) * num_supernodes
    projections = one.num_blocks * 2 * supernodes * 2 * one.width**2
    attention = attention_flops(other, 10_000) - attention_flops(one, 10_000)
    whole = forward_flops(other, 10_000) - forward_flops(one, 10_000)
    assert whole == pytest.approx(attention + projections, rel=1e-9)


def test_attention_is_cheapest_at_the_recommended_number_of_patches() -> None:
    config = ModelConfig(space_dim=3, num_patches=1, num_supernodes=3)
    cost = [attention_flops(replace(config, num_patches=k), 5000) for k in range(1, 200)]
    best = recommended_patches(5000, num_supernodes=3)
    assert abs(1 + int(np.argmin(cost)) - best) <= 1


def test_the_table_has_a_row_for_each_patch() -> None:
    points = stress_cloud("sheet", 400)
    partition = build_partition(points, 12)
    nearest = nearest_points(points)
    table = patch_table(points, partition, nearest=nearest)
    assert {len(column) for column in table.values()} == {12}
    assert "error_share" not in table
    pairs = touching_patches(partition, nearest)
    assert table["neighbors"].sum() == 2 * len(pairs)
    with_error = patch_table(points, partition, nearest=nearest, error=np.ones(400))
    np.testing.assert_allclose(with_error["error_share"], table["size"] / 400)
