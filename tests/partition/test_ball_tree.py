from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from inspect import unwrap
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mspt.partition.ball_tree import Partition, build_partition, sequence_partition

# The plain functions: without the types that tests check, their own messages are heard.
plain_build = unwrap(build_partition)


def num_left(count: int, patches: int) -> int:
    """Points of the first half of the patches, when the first ``count % patches`` hold one more."""
    sizes = [count // patches + (i < count % patches) for i in range(patches)]
    return sum(sizes[: patches // 2])


def grow_slowly(points: np.ndarray, places: np.ndarray, patches: int) -> list[np.ndarray]:
    """Point by point what the docstring says: sort the node, cut it, go on with both parts."""
    own = points[places].astype(np.float64)
    axis = int(np.argmax(own.max(0) - own.min(0)))
    places = places[np.lexsort([places, *own.T[::-1], own[:, axis]])]
    if patches == 1 and len(places) <= 16:
        return [places]
    middle = num_left(len(places), patches if patches > 1 else len(places))
    return grow_slowly(points, places[:middle], max(patches // 2, 1)) + grow_slowly(
        points, places[middle:], patches - patches // 2
    )


def slow_order(points: np.ndarray, num_patches: int) -> list[int]:
    return np.concatenate(grow_slowly(points, np.arange(len(points)), num_patches)).tolist()


def slow_nodes(
    start: int, stop: int, patches: int, level: int = 0, parent: int = -1, node: int = 0
) -> Iterator[tuple[int, ...]]:
    yield start, stop, level, parent, patches
    if patches > 1:
        left = patches // 2
        middle = start + num_left(stop - start, patches)
        yield from slow_nodes(start, middle, left, level + 1, node, node + 1)
        yield from slow_nodes(middle, stop, patches - left, level + 1, node, node + 2 * left)


def make_cloud(kind: str, num_points: int, space_dim: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    normal = random.normal(size=(num_points, space_dim))
    match kind:
        case "grid":
            return random.integers(-3, 4, size=normal.shape) * 0.5
        case "planes":  # most values alike on the widest axis
            normal[:, 0] = random.choice([-50.0, 50.0], size=num_points)
            return normal
        case "line":
            return np.arange(num_points)[::-1, None] * np.ones(space_dim)
        case "spiral":  # every halving leaves one far point
            return normal * 2.0 ** -np.arange(num_points)[:, None].clip(max=100)
        case "equal":
            return np.full_like(normal, -1.25)
        case _:
            return normal


KINDS = ["normal", "grid", "planes", "line", "spiral", "equal"]


@st.composite
def clouds(draw: st.DrawFn) -> tuple[Tensor, int]:
    num_points = draw(st.integers(1, 300))
    cloud = make_cloud(
        draw(st.sampled_from(KINDS)), num_points, draw(st.integers(1, 4)), draw(st.integers(0, 99))
    )
    dtype = draw(st.sampled_from([torch.float32, torch.float64]))
    num_patches = draw(st.integers(1, num_points) | st.just(num_points))
    return torch.from_numpy(cloud).to(dtype), num_patches


def node_columns(partition: Partition) -> list[tuple[int, ...]]:
    tree = partition.tree
    assert tree is not None
    columns = (tree.start, tree.stop, tree.level, tree.parent, tree.num_patches)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@given(clouds())
def test_order_and_nodes_equal_those_of_a_slow_recursion(cloud: tuple[Tensor, int]) -> None:
    points, num_patches = cloud
    partition = build_partition(points, num_patches)
    assert partition.order.tolist() == slow_order(points.numpy(), num_patches)
    assert node_columns(partition) == list(slow_nodes(0, len(points), num_patches))


@pytest.mark.parametrize("num_points", [3, 4, 61])
def test_every_possible_number_of_patches_equals_a_slow_recursion(num_points: int) -> None:
    points = torch.from_numpy(make_cloud("normal", num_points, 3)).float()
    for num_patches in range(1, num_points + 1):
        expected = slow_order(points.numpy(), num_patches)
        assert build_partition(points, num_patches).order.tolist() == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("space_dim", "dtype"), [(3, torch.float32), (2, torch.float64)])
def test_large_nodes_equal_a_slow_recursion(kind: str, space_dim: int, dtype: torch.dtype) -> None:
    points = torch.from_numpy(make_cloud(kind, 6_000, space_dim)).to(dtype)
    partition = build_partition(points, num_patches=37)
    assert partition.order.tolist() == slow_order(points.numpy(), 37)


@given(clouds())
def test_a_partition_is_a_permutation_cut_into_even_patches(cloud: tuple[Tensor, int]) -> None:
    points, num_patches = cloud
    partition = build_partition(points, num_patches)
    size, num_larger = divmod(len(points), num_patches)
    everyone = list(range(len(points)))
    assert sorted(partition.order.tolist()) == everyone
    assert partition.inverse[partition.order].tolist() == everyone
    sizes = [size + 1] * num_larger + [size] * (num_patches - num_larger)
    assert partition.offsets.diff().tolist() == sizes
    for patch, members in enumerate(partition.order.split(sizes)):
        assert (partition.patch_of_point[members] == patch).all()


@given(clouds())
def test_children_share_out_their_parent_and_patches_are_the_leaves(
    cloud: tuple[Tensor, int],
) -> None:
    partition = build_partition(*cloud)
    nodes = node_columns(partition)
    leaves = [(start, stop) for start, stop, _, _, patches in nodes if patches == 1]
    ends = partition.offsets.tolist()
    assert leaves == list(pairwise(ends))
    for node, (start, stop, level, _, patches) in enumerate(nodes):
        children = [child for child in nodes if child[3] == node]
        assert len(children) == (0 if patches == 1 else 2)
        if children:
            (first, middle, *_), (same_middle, last, *_) = children
            assert (first, same_middle, last) == (start, middle, stop)
            assert {child[2] for child in children} == {level + 1}


@given(clouds())
def test_balls_cover_their_points_tightly_around_the_mean(cloud: tuple[Tensor, int]) -> None:
    points, num_patches = cloud
    partition = build_partition(points, num_patches)
    tree = partition.tree
    assert tree is not None
    assert tree.center.dtype == tree.radius.dtype == points.dtype
    slack = torch.finfo(points.dtype).eps
    for node in range(len(tree.start)):
        own = points[partition.order[tree.start[node] : tree.stop[node]]]
        center, radius = tree.center[node], tree.radius[node]
        # The center is rounded to the points' type; the reference's own sum rounds at each term.
        rounding = (4 * slack + len(own) * 2**-52) * own.abs().max().item()
        assert torch.allclose(center.double(), own.double().mean(0), rtol=0, atol=rounding)
        exact = (own.double() - center.double()).norm(dim=1).max().item()
        assert exact <= radius.item() <= exact * (1 + 8 * slack)
        if exact > 1e-15:  # below, squares of float32 underflow
            assert ((own - center).norm(dim=1) <= radius).all()


@given(clouds(), st.integers(0, 99))
def test_the_order_of_the_input_does_not_matter(cloud: tuple[Tensor, int], seed: int) -> None:
    points, num_patches = cloud
    mixed = points[torch.randperm(len(points), generator=torch.Generator().manual_seed(seed))]
    one, other = build_partition(points, num_patches), build_partition(mixed, num_patches)
    assert torch.equal(points[one.order], mixed[other.order])
    assert one.tree is not None
    assert other.tree is not None
    assert torch.equal(one.tree.center, other.tree.center)
    assert torch.equal(one.tree.radius, other.tree.radius)


def test_equal_points_keep_the_order_of_the_input() -> None:
    partition = build_partition(torch.full((5_000, 3), 0.1), num_patches=7)
    assert partition.order.tolist() == list(range(5_000))
    assert partition.tree is not None
    assert (partition.tree.radius == 0).all()
    assert (partition.tree.center == 0.1).all()


def test_negative_zero_is_zero() -> None:
    points = torch.tensor([[0.0, 1.0], [-0.0, 0.0], [0.0, 3.0], [-0.0, 2.0]])
    assert build_partition(points, num_patches=4).order.tolist() == [1, 0, 3, 2]
    signs = torch.tensor([[0.0], [-0.0], [0.0], [-0.0]])
    assert build_partition(signs, num_patches=2).order.tolist() == [0, 1, 2, 3]


def test_of_equally_wide_axes_the_lowest_is_split() -> None:
    corners = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    assert build_partition(corners, num_patches=2).order.tolist() == [3, 1, 0, 2]


@pytest.mark.parametrize(
    ("dtype", "exponent"),
    [(torch.float32, -100), (torch.float32, 100), (torch.float64, -1000), (torch.float64, 1000)],
)
def test_scale_does_not_matter(dtype: torch.dtype, exponent: int) -> None:
    points = torch.from_numpy(make_cloud("normal", 500, 3)).to(dtype)
    scale = 2.0**exponent
    one, other = build_partition(points, 9), build_partition(points * scale, 9)
    assert torch.equal(one.order, other.order)
    assert one.tree is not None
    assert other.tree is not None
    assert torch.allclose(other.tree.center / scale, one.tree.center, rtol=1e-6)
    assert torch.allclose(other.tree.radius / scale, one.tree.radius, rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_whole_range_of_the_type_is_split_and_covered(dtype: torch.dtype) -> None:
    largest = torch.finfo(dtype).max
    unit = torch.from_numpy(make_cloud("normal", 200, 2)).to(dtype)
    unit = unit / unit.abs().max(0).values * torch.tensor([0.9, 1.0], dtype=dtype)
    partition = build_partition(unit * largest, num_patches=8)
    assert torch.equal(partition.order, build_partition(unit, num_patches=8).order)
    assert partition.tree is not None
    assert partition.tree.center.isfinite().all()
    assert (partition.tree.radius > 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_smallest_numbers_are_split_and_covered(dtype: torch.dtype) -> None:
    smallest = torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
    points = torch.arange(6, dtype=dtype)[:, None].flip(0) * smallest
    partition = build_partition(points, num_patches=3)
    assert partition.order.tolist() == [5, 4, 3, 2, 1, 0]
    assert partition.tree is not None
    centers = partition.tree.center.repeat_interleave(partition.tree.stop - partition.tree.start, 0)
    own = [points[partition.order[a:b]] for a, b, *_ in node_columns(partition)]
    distances = (torch.cat(own) - centers).abs()[:, 0]
    radii = partition.tree.radius.repeat_interleave(partition.tree.stop - partition.tree.start)
    assert (distances <= radii).all()


@pytest.fixture
def eager_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Share the work out for small clouds too."""
    monkeypatch.setattr("mspt.partition.ball_tree.POINTS_PER_THREAD", 500)


@pytest.mark.usefixtures("eager_threads")
def test_any_number_of_threads_gives_the_same_partition() -> None:
    points = torch.from_numpy(make_cloud("grid", 20_000, 3)).float()
    before = torch.get_num_threads()
    results = []
    for num_threads in (1, 2, 3):
        torch.set_num_threads(num_threads)
        results.append(build_partition(points, num_patches=100))
    torch.set_num_threads(before)
    trees = [result.tree for result in results]
    for result, tree in zip(results, trees, strict=True):
        assert torch.equal(result.order, results[0].order)
        assert tree is not None
        assert trees[0] is not None
        assert torch.equal(tree.center, trees[0].center)
        assert torch.equal(tree.radius, trees[0].radius)


@pytest.mark.usefixtures("eager_threads")
def test_partitions_built_at_once_by_several_threads_are_right() -> None:
    sizes = [20_000, 900, 15_000, 5, 20_000, 900]
    points = [torch.from_numpy(make_cloud("normal", size, 2, size)).float() for size in sizes]
    alone = [build_partition(cloud, 5).order for cloud in points]
    with ThreadPoolExecutor(len(points)) as pool:
        together = list(pool.map(lambda cloud: build_partition(cloud, 5).order, points * 3))
    for order, expected in zip(together, alone * 3, strict=True):
        assert torch.equal(order, expected)


def test_the_argument_is_left_alone_and_needs_no_special_layout() -> None:
    points = torch.rand(3, 400, generator=torch.Generator().manual_seed(0)).T.requires_grad_()
    before = points.detach().clone()
    partition = build_partition(points, num_patches=6)
    assert torch.equal(points, before)
    assert torch.equal(partition.order, build_partition(before.contiguous(), 6).order)


def spread_within(points: Tensor, groups: Iterator[Tensor]) -> float:
    """Mean squared distance from the group's mean."""
    squares = [(points[group] - points[group].mean(0)).square().sum(1) for group in groups]
    return torch.cat(squares).mean().item()


@pytest.mark.parametrize(("num_supernodes", "share"), [(2, 0.7), (3, 0.6), (4, 0.3), (16, 0.2)])
def test_contiguous_parts_of_a_patch_are_compact(num_supernodes: int, share: float) -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(5_000, 2, generator=generator, dtype=torch.float64)
    patches = build_partition(points, num_patches=16).order.tensor_split(16)
    mixed = [patch[torch.randperm(len(patch), generator=generator)] for patch in patches]
    parts, random_parts = (
        spread_within(points, (part for p in group for part in p.tensor_split(num_supernodes)))
        for group in (patches, mixed)
    )
    assert parts < share * random_parts


def test_a_square_grid_falls_into_square_tiles() -> None:
    axis = torch.arange(64.0)
    points = torch.cartesian_prod(axis, axis)
    tiles = points[build_partition(points, num_patches=16).order].reshape(16, 256, 2)
    extent = tiles.amax(1) - tiles.amin(1)
    assert (extent == 15).all()
    strips = points[sequence_partition(4096, num_patches=16).order].reshape(16, 256, 2)
    assert ((strips.amax(1) - strips.amin(1)) == torch.tensor([3.0, 63.0])).all()


def test_uneven_patches_of_an_odd_grid_stay_compact() -> None:
    axis = torch.arange(85.0)
    points = torch.cartesian_prod(axis, axis)
    partition = build_partition(points, num_patches=600)  # 12 or 13 points each
    patches = points[partition.order].split(partition.offsets.diff().tolist())
    assert max((patch.amax(0) - patch.amin(0)).max().item() for patch in patches) <= 6


@pytest.mark.parametrize(("num_points", "num_patches"), [(1, 1), (7, 3), (12, 4), (5, 5)])
def test_a_sequence_partition_is_runs_of_the_given_order(num_points: int, num_patches: int) -> None:
    partition = sequence_partition(num_points, num_patches)
    runs = np.array_split(np.arange(num_points), num_patches)
    assert partition.order.tolist() == partition.inverse.tolist() == list(range(num_points))
    assert partition.offsets.tolist() == [0, *np.cumsum([len(run) for run in runs]).tolist()]
    expected = np.repeat(np.arange(num_patches), [len(run) for run in runs])
    assert partition.patch_of_point.tolist() == expected.tolist()
    assert partition.tree is None


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (torch.rand(5), r"points must have two axes \(N, X\), got shape \(5,\); build one"),
        (torch.rand(2, 5, 3), r"points must have two axes \(N, X\), got shape \(2, 5, 3\)"),
        (torch.rand(0, 3), r"points must contain at least one point, got 0"),
        (torch.rand(5, 0), r"points must have 1 to 4 space axes, got 0"),
        (torch.rand(5, 5), r"points must have 1 to 4 space axes, got 5"),
        (
            torch.tensor([[0.0, 1.0], [2.0, float("nan")], [float("inf"), 0.0]]),
            r"points must be finite, got \[2.0, nan\] for point 1; remove such points",
        ),
        (
            torch.tensor([[0.0], [-float("inf")]]),
            r"points must be finite, got \[-inf\] for point 1",
        ),
    ],
)
def test_points_that_form_no_cloud_are_refused(points: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plain_build(points, 1)


@pytest.mark.parametrize("dtype", [torch.float16, torch.int64, torch.complex64])
def test_points_of_another_type_are_refused(dtype: torch.dtype) -> None:
    with pytest.raises(TypeError, match=f"points must be float32 or float64, got {dtype}; convert"):
        plain_build(torch.ones(4, 2, dtype=dtype), 1)


@pytest.mark.parametrize("num_patches", [0, -3, 6])
def test_impossible_numbers_of_patches_are_refused(num_patches: int) -> None:
    message = (
        f"num_patches must be between 1 and the number of points, got {num_patches} for 5 points"
    )
    with pytest.raises(ValueError, match=message):
        build_partition(torch.rand(5, 2), num_patches)
    with pytest.raises(ValueError, match=message):
        sequence_partition(5, num_patches)


def test_a_sequence_of_no_points_is_refused() -> None:
    with pytest.raises(ValueError, match="num_points must be at least 1, got 0"):
        sequence_partition(0, 1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_result_lies_where_the_points_lie() -> None:
    points = torch.rand(1_000, 3)
    partition = build_partition(points.cuda(), num_patches=10)
    assert partition.order.is_cuda
    assert partition.patch_of_point.is_cuda
    assert torch.equal(partition.order.cpu(), build_partition(points, num_patches=10).order)
