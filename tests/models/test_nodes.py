"""Supernodes of tree nodes are means of the points below them; weights go back the same way."""

from itertools import pairwise

import hypothesis.strategies as st
import torch
from hypothesis import given

from mspt.models.nodes import node_supernodes, node_table, spread_over_patches
from mspt.partition.ball_tree import build_partition, tree_nodes
from mspt.partition.runs import patch_offsets
from mspt.seeding import generator

CPU = torch.device("cpu")


@given(num_points=st.integers(8, 90), num_patches=st.integers(1, 12), power=st.integers(0, 2))
def test_supernodes_of_a_node_are_the_means_of_its_points(
    num_points: int, num_patches: int, power: int
) -> None:
    """The mean over all supernodes of a node, weighted by points, is that of its points."""
    count = min(2**power, num_points // num_patches)
    if not count:
        return
    random = generator(num_points, "points")
    points = torch.rand(num_points, 3, generator=random, dtype=torch.float64)
    edges = patch_offsets(num_points, num_patches)
    blocks = [
        part
        for first, last in pairwise(edges)
        for part in torch.tensor_split(points[first:last], count)
    ]
    pooled = torch.stack([block.mean(0) for block in blocks])[None]
    table = node_table(num_points, num_patches, count, CPU)
    nodes = node_supernodes(pooled, table)[0].unflatten(0, (-1, count))
    start, stop, _, _, _ = tree_nodes(num_points, num_patches)
    for node, (first, last) in enumerate(zip(start, stop, strict=True)):
        if count == 1:
            torch.testing.assert_close(nodes[node, 0], points[first:last].mean(0))
        assert (nodes[node] <= points[first:last].amax(0) + 1e-12).all()
        assert (nodes[node] >= points[first:last].amin(0) - 1e-12).all()
    if count == 1:
        torch.testing.assert_close(nodes[0, 0], points.mean(0))


@given(num_points=st.integers(24, 90), num_patches=st.integers(1, 12), count=st.integers(1, 2))
def test_weights_on_nodes_have_the_effect_of_the_spread_weights(
    num_points: int, num_patches: int, count: int
) -> None:
    table = node_table(num_points, num_patches, count, CPU)
    random = generator(num_patches, "values")
    values = torch.randn(1, num_patches * count, 4, generator=random, dtype=torch.float64)
    weights = torch.rand(3, table.num_nodes * count, generator=random, dtype=torch.float64)
    spread = spread_over_patches(weights, table)
    torch.testing.assert_close(spread.sum(-1), weights.sum(-1))
    torch.testing.assert_close(spread @ values[0], weights @ node_supernodes(values, table)[0])


def test_supernodes_of_nodes_have_exact_gradients() -> None:
    table = node_table(23, 5, 2, CPU)
    given_values = torch.randn(2, 10, 3, generator=generator(0, "x"), dtype=torch.float64)
    torch.autograd.gradcheck(lambda x: node_supernodes(x, table), given_values.requires_grad_())


def test_nodes_are_those_of_the_tree() -> None:
    tree = build_partition(torch.rand(50, 2, generator=generator(0, "tree")), 7).tree
    assert tree is not None
    table = node_table(50, 7, 1, CPU)
    assert table.num_nodes == len(tree.start)
    assert torch.equal(table.leaves, torch.where(tree.num_patches == 1)[0])
    for level in table.levels:
        for child in (level.left, level.right):
            assert torch.equal(tree.parent[child], level.parent)


def test_a_table_that_inference_has_made_serves_training_too() -> None:
    node_table.cache_clear()
    values = torch.rand(1, 7, 3, requires_grad=True)
    with torch.inference_mode():
        node_supernodes(values.detach(), node_table(29, 7, 1, torch.device("cpu")))
    node_supernodes(values, node_table(29, 7, 1, torch.device("cpu"))).sum().backward()
    assert values.grad is not None
