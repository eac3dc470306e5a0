from typing import get_args

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from torch import Tensor

from mspt.config import Pooling
from mspt.models.arrangement import LeafOrder
from mspt.models.attention import (
    PMSA,
    concatenated_attention,
    joint_attention,
)
from mspt.models.pooling import NUM_POOL_KNOTS, PatchPooling, pool_max, pool_mean
from mspt.partition.runs import patch_runs
from mspt.seeding import generator, seeded

POOLINGS = get_args(Pooling)
FROM_MEAN = ["linear_from_mean", "attention_from_mean", "mean_std", "mean_max"]


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=generator(seed, "test"), dtype=torch.float64)


def make_layer(**changes: object) -> PMSA:
    with seeded(0, "layer"):
        return PMSA(12, **{"num_heads": 3, **changes}).double()


def patches(count: int) -> LeafOrder:
    return LeafOrder(num_patches=count)


def pool_all(layer: PMSA, x: Tensor, num_patches: int) -> Tensor:
    """The supernodes of all patches (equation 2)."""
    runs = patch_runs(x.shape[1], num_patches)
    return torch.cat([layer.pool_patches(x[:, run.rows], run) for run in runs], dim=1)


def dense_reference(layer: PMSA, x: Tensor, supernodes: Tensor, num_patches: int) -> Tensor:
    """Equation 7 with one softmax over all points and supernodes, other patches masked out."""
    num_points, num_supernodes = x.shape[1], supernodes.shape[1]
    width, heads = x.shape[-1], layer.num_heads
    size, larger = divmod(num_points, num_patches)
    patch = torch.cat([torch.full((size + (k < larger),), k) for k in range(num_patches)])
    same = patch[:, None] == patch[None, :]
    allowed = torch.cat([same, torch.ones(num_points, num_supernodes, dtype=torch.bool)], dim=1)
    weight_q, weight_k, weight_v = layer.to_qkv.weight.split(width)
    bias_q, bias_k, bias_v = layer.to_qkv.bias.split(width)
    keys_in = torch.cat([x, supernodes], dim=1)
    outputs = []
    for h in range(heads):
        e = slice(h * width // heads, (h + 1) * width // heads)
        q = x @ weight_q[e].T + bias_q[e]
        k = keys_in @ weight_k[e].T + bias_k[e]
        v = keys_in @ weight_v[e].T + bias_v[e]
        scores = q @ k.mT / (width // heads) ** 0.5
        weights = torch.where(allowed, scores, -torch.inf).softmax(-1)
        outputs.append(weights @ v)
    return layer.to_out(torch.cat(outputs, dim=-1))


def cut(rows: Tensor, parts: int) -> list[Tensor]:
    """Contiguous parts; larger ones come first."""
    size, larger = divmod(len(rows), parts)
    return list(rows.split([size + (i < larger) for i in range(parts)]))


def pooled_reference(layer: PMSA, x: Tensor, num_patches: int) -> Tensor:
    """Equation 10, patch by patch and sub-block by sub-block."""
    reduce = {"mean": lambda b: b.mean(0), "max": lambda b: b.max(0).values}[layer.pool.pooling]
    clouds = [
        torch.stack(
            [reduce(b) for p in cut(cloud, num_patches) for b in cut(p, layer.num_supernodes)]
        )
        for cloud in x
    ]
    return torch.stack(clouds)


@given(
    num_points=st.integers(6, 40), num_patches=st.integers(1, 6), num_supernodes=st.integers(1, 5)
)
def test_pmsa_equals_dense_masked_attention(
    num_points: int, num_patches: int, num_supernodes: int
) -> None:
    layer, x = make_layer(), randn(2, num_points, 12)
    supernodes = randn(2, num_supernodes, 12, seed=1)
    expected = dense_reference(layer, x, supernodes, num_patches)
    torch.testing.assert_close(layer(x, supernodes, patches(num_patches)), expected)


@pytest.mark.parametrize("num_supernodes", [1, 2, 3])
@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_supernodes_are_pooled_from_contiguous_sub_blocks(
    pooling: str, num_supernodes: int
) -> None:
    layer = make_layer(pooling=pooling, num_supernodes=num_supernodes)
    x = randn(2, 23, 12)
    torch.testing.assert_close(pool_all(layer, x, 5), pooled_reference(layer, x, 5))


def learned_weights(pool: PatchPooling, patch: Tensor, query: int) -> Tensor:
    """By the match of each point with the query, or by its place in the patch (equation 11)."""
    if pool.pooling == "attention":
        match = torch.stack([point @ pool.queries[query] for point in patch]) / 12**0.5
        return match.exp() / match.exp().sum()
    places, knots = ((np.arange(n) + 0.5) / n for n in (len(patch), NUM_POOL_KNOTS))
    return torch.from_numpy(np.interp(places, knots, pool.knots[query].numpy())) / len(patch)


@pytest.mark.parametrize("pooling", ["linear", "attention"])
@torch.no_grad()
def test_supernodes_are_pooled_with_the_learned_weights(pooling: str) -> None:
    layer = make_layer(pooling=pooling, num_supernodes=3)
    for learned in layer.pool.parameters():
        learned.copy_(randn(*learned.shape, seed=3))
    x = randn(2, 23, 12)
    expected = [
        learned_weights(layer.pool, patch, query) @ patch
        for cloud in x
        for patch in cut(cloud, 5)
        for query in range(3)
    ]
    torch.testing.assert_close(pool_all(layer, x, 5).flatten(0, 1), torch.stack(expected))


def test_gradient_of_the_joint_softmax_is_exact() -> None:
    tensors = [randn(2, 6, 2, 4, seed=i).requires_grad_() for i in range(3)]
    shared = [randn(2, 3, 2, 4, seed=9 + i).requires_grad_() for i in range(2)]
    torch.autograd.gradcheck(
        lambda *all_tensors: joint_attention(*all_tensors, count=3), (*tensors, *shared)
    )


@pytest.mark.parametrize("pooling", POOLINGS)
def test_gradients_equal_those_of_the_dense_reference(pooling: str) -> None:
    layer = make_layer(pooling=pooling, num_supernodes=2)
    x = randn(2, 17, 12).requires_grad_()
    target = randn(2, 17, 12, seed=5)

    def gradients(output: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad((output * target).sum(), [x, *layer.parameters()])

    ours = gradients(layer(x, pool_all(layer, x, 4), patches(4)))
    dense = gradients(dense_reference(layer, x, pool_all(layer, x, 4), 4))
    torch.testing.assert_close(ours, dense)


def test_merged_and_concatenated_keys_give_the_same_attention() -> None:
    q, k, v = (randn(2, 12, 2, 4, seed=i) for i in range(3))
    shared = [randn(2, 5, 2, 4, seed=i) for i in (7, 8)]
    torch.testing.assert_close(
        joint_attention(q, k, v, *shared, count=3),
        concatenated_attention(q, k, v, *shared, count=3),
    )


def test_one_patch_is_full_attention_with_supernodes() -> None:
    layer, x = make_layer(), randn(1, 9, 12)
    changed = x.clone()
    changed[:, -1] += 1.0
    supernodes = randn(1, 1, 12, seed=3)
    difference = (
        (layer(changed, supernodes, patches(1)) - layer(x, supernodes, patches(1))).abs().amax(-1)
    )
    assert (difference > 1e-6).all()


def test_other_patches_reach_a_point_through_supernodes_only() -> None:
    layer, x = make_layer(), randn(1, 12, 12)
    changed = x.clone()
    changed[:, 6:] += 1.0
    supernodes = pool_all(layer, x, 2)
    torch.testing.assert_close(
        layer(changed, supernodes, patches(2))[:, :6], layer(x, supernodes, patches(2))[:, :6]
    )
    moved = (
        layer(x, pool_all(layer, changed, 2), patches(2))[:, :6]
        - layer(x, supernodes, patches(2))[:, :6]
    )
    assert moved.abs().max() > 1e-6


def test_updated_supernodes_attend_to_their_own_patch_and_all_supernodes() -> None:
    layer = make_layer(num_supernodes=2, carry=True)
    x, supernodes = randn(1, 10, 12), randn(1, 6, 12, seed=1)
    runs = ((run, x[:, run.rows]) for run in patch_runs(10, 3))
    updated = layer.update_supernodes(runs, supernodes, patches(3))
    # Supernodes of patch k are queries like points that join that patch.
    for k, rows in enumerate([slice(0, 4), slice(4, 7), slice(7, 10)]):
        own = slice(2 * k, 2 * k + 2)
        q, _, _ = layer._project(supernodes[:, own], None)
        _, keys, values = layer._project(torch.cat([x[:, rows], supernodes], dim=1), None)
        scores = torch.einsum("bqhe,bmhe->bhqm", q, keys) / (12 / 3) ** 0.5
        out = torch.einsum("bhqm,bmhe->bqhe", scores.softmax(-1), values).flatten(2)
        torch.testing.assert_close(updated[:, own], layer.to_out(out))


@given(size=st.integers(2, 40), num_supernodes=st.integers(1, 2))
def test_learned_pooling_starts_as_an_average(size: int, num_supernodes: int) -> None:
    pooling = PatchPooling(3, num_supernodes=num_supernodes, pooling="linear").double()
    constant = torch.full((1, size, 3), 2.0, dtype=torch.float64)
    pooled = pooling(constant)
    assert pooled.shape == (1, num_supernodes, 3)
    assert (pooled.mean(1) - 2.0).abs().max() < 0.2


@pytest.mark.parametrize("pooling", FROM_MEAN)
@given(size=st.integers(6, 40), num_supernodes=st.integers(1, 3))
def test_poolings_that_start_from_the_mean_start_there(
    size: int, num_supernodes: int, pooling: str
) -> None:
    layer = make_layer(pooling=pooling, num_supernodes=num_supernodes)
    x = randn(4, size, 12)
    torch.testing.assert_close(layer.pool(x), pool_mean(x, num_supernodes))
    layer.pool(x).square().sum().backward()
    (learned,) = layer.pool.parameters()
    assert learned.grad is not None
    assert learned.grad.abs().sum() > 0


def test_learned_pooling_weighs_positions_not_values() -> None:
    pooling = PatchPooling(1, num_supernodes=2, pooling="linear").double()
    x, y = randn(1, 30, 1), randn(1, 30, 1, seed=1)
    torch.testing.assert_close(pooling(2 * x + y), 2 * pooling(x) + pooling(y))
    first_half = torch.zeros(1, 30, 1, dtype=torch.float64)
    first_half[:, :10] = 1.0
    assert pooling(first_half)[0, 0, 0] > 10 * pooling(first_half)[0, 1, 0].abs()


def test_attention_pooling_is_a_convex_combination() -> None:
    with seeded(0, "pool"):
        pooling = PatchPooling(4, num_supernodes=3, pooling="attention").double()
    x = randn(2, 7, 4)
    pooled = pooling(x)
    assert (pooled <= x.amax(1, keepdim=True) + 1e-12).all()
    assert (pooled >= x.amin(1, keepdim=True) - 1e-12).all()
    torch.testing.assert_close(pooling(x.flip(1)), pooled)


@given(num_rows=st.integers(1, 200), num_patches=st.integers(1, 200))
def test_runs_cover_every_row_once_with_sizes_that_differ_by_one(
    num_rows: int, num_patches: int
) -> None:
    num_patches = min(num_patches, num_rows)
    runs = patch_runs(num_rows, num_patches)
    rows = [row for run in runs for row in range(run.rows.start, run.rows.stop)]
    assert rows == list(range(num_rows))
    assert sum(run.count for run in runs) == num_patches
    assert max(run.size for run in runs) - min(run.size for run in runs) <= 1


@given(max_rows=st.integers(1, 50))
def test_pieces_are_whole_patches_in_order(max_rows: int) -> None:
    (run,) = patch_runs(60, 12)
    pieces = list(run.pieces(max_rows))
    assert [row for p in pieces for row in range(p.rows.start, p.rows.stop)] == list(range(60))
    assert all(piece.count * piece.size <= max(max_rows, run.size) for piece in pieces)


def test_trace_reproduces_the_forward_output() -> None:
    layer, x = make_layer(num_supernodes=2), randn(1, 17, 12)
    supernodes = pool_all(layer, x, 5)
    rows = torch.tensor([0, 5, 16])
    trace = layer.trace(x[0], supernodes[0], order=patches(5), rows=rows)
    torch.testing.assert_close(
        trace.local.sum(-1) + trace.supernodes.sum(-1), torch.ones(3, 3, dtype=torch.float64)
    )
    _, _, values = layer._project(x, None)
    _, _, global_values = layer._project(supernodes, None)
    local = torch.einsum("hpl,plhe->phe", trace.local, values[0][trace.local_rows.clamp(min=0)])
    out = local + torch.einsum("hps,she->phe", trace.supernodes, global_values[0])
    expected = layer(x, supernodes, patches(5))[0, rows]
    torch.testing.assert_close(layer.to_out(out.flatten(1)), expected)
    assert trace.local_rows[2].tolist() == [14, 15, 16, -1]
    assert trace.local[:, 2, 3].abs().max() == 0


@pytest.mark.parametrize(("num_rows", "num_patches"), [(3, 4), (3, 0)])
def test_rejects_impossible_numbers_of_patches(num_rows: int, num_patches: int) -> None:
    match = f"num_patches must be between 1 and the number of points, got {num_patches} for 3"
    with pytest.raises(ValueError, match=match):
        patch_runs(num_rows, num_patches)


def test_rejects_more_supernodes_than_points_of_a_patch() -> None:
    layer = make_layer(num_supernodes=4)
    with pytest.raises(
        ValueError, match=r"num_supernodes must be at most .* got 4 for a patch of 3"
    ):
        pool_all(layer, randn(1, 6, 12), 2)


def test_pools_give_the_known_values() -> None:
    x = torch.tensor([[[1.0], [3.0], [5.0], [11.0]]])
    assert pool_mean(x, 2).flatten().tolist() == [2.0, 8.0]
    assert pool_max(x, 2).flatten().tolist() == [3.0, 11.0]
