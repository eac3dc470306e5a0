import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from helpers import tiny_config
from hypothesis import given
from torch import Tensor

from mspt.inspection.recording import Recording, global_shares, record, trace_points
from mspt.inspection.weights import (
    all_weights,
    entropy_bits,
    global_share,
    mean_summary,
    most_read,
    over_heads,
    patch_centers,
    patch_weights,
    spread_on_cloud,
    summaries_of,
    supernode_of_point,
)
from mspt.models.mspt import MSPT
from mspt.models.registry import build_model
from mspt.partition.ball_tree import build_partition, sequence_partition
from mspt.seeding import generator

N = 47


def make_model(**changes: object) -> MSPT:
    """A model in float64 whose head is not zero."""
    model = build_model(tiny_config(**{"in_features": 0, "num_blocks": 3, **changes})).double()
    random = generator(5, "weights")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=random))
    return model


def cloud() -> Tensor:
    return torch.rand(N, 2, generator=generator(1, "cloud"), dtype=torch.float64) * 2 - 1


def make_recording(**changes: object) -> Recording:
    return record(make_model(**changes), cloud())


@torch.no_grad()
def dense_weights(recording: Recording, block: int) -> Tensor:
    """Softmax over all points and supernodes, other patches masked out: (H, N, N + S), leaf order.

    Written from the layer's own matrices, point by point, without any of the code under test.
    """
    layer = recording.model.block(block)
    x = layer.norm_attention(recording.hidden[block])
    both = torch.cat([x, recording.supernodes[block]])
    heads, width = layer.attention.num_heads, x.shape[1]
    weight_q, weight_k, _ = layer.attention.to_qkv.weight.split(width)
    bias_q, bias_k, _ = layer.attention.to_qkv.bias.split(width)
    edges = recording.partition.offsets.tolist()
    patch = torch.tensor([k for k in range(len(edges) - 1) for _ in range(edges[k], edges[k + 1])])
    allowed = torch.cat(
        [patch[:, None] == patch, torch.ones(len(x), len(both) - len(x), dtype=torch.bool)], dim=1
    )
    rows = []
    for head in range(heads):
        e = slice(head * width // heads, (head + 1) * width // heads)
        q, k = x @ weight_q[e].T + bias_q[e], both @ weight_k[e].T + bias_k[e]
        scores = q @ k.T / (width // heads) ** 0.5
        rows.append(torch.where(allowed, scores, -torch.inf).softmax(-1))
    return torch.stack(rows)


@pytest.mark.parametrize("changes", [{}, {"num_supernodes": 2}, {"carry": True}])
def test_recorded_pass_is_the_forward_pass(changes: dict) -> None:
    model = make_model(**changes)
    expected = model(cloud()[None])[0]
    torch.testing.assert_close(record(model, cloud()).output, expected)


@pytest.mark.parametrize("num_supernodes", [1, 3])
def test_weights_of_every_block_are_those_of_a_dense_softmax(num_supernodes: int) -> None:
    recording = make_recording(num_supernodes=num_supernodes)
    everyone = torch.arange(N)
    for block in range(recording.num_blocks):
        trace = trace_points(recording, everyone, block=block)
        dense = dense_weights(recording, block)[:, recording.partition.inverse]
        torch.testing.assert_close(trace.supernodes, dense[..., N:])
        local = spread_on_cloud(trace, recording.partition).local
        torch.testing.assert_close(local, dense[..., :N][..., recording.partition.inverse])


def test_weights_times_values_give_the_features_after_every_block() -> None:
    """Weights spread on the cloud, times values there, are what the forward pass went on with."""
    recording = make_recording(num_supernodes=2)
    everyone = torch.arange(N)
    for block in range(recording.num_blocks):
        layer = recording.model.block(block)
        trace = trace_points(recording, everyone, block=block)
        spread = spread_on_cloud(trace, recording.partition)
        hidden = recording.hidden[block][recording.partition.inverse]
        x = layer.norm_attention(hidden)
        width = x.shape[1]
        # With mean pooling a supernode's value is the mean of its points' values.
        values = (x @ layer.attention.to_qkv.weight[2 * width :].T) + layer.attention.to_qkv.bias[
            2 * width :
        ]
        mixed = [
            spread.total[head] @ part
            for head, part in enumerate(values.chunk(layer.attention.num_heads, dim=1))
        ]
        after = hidden + layer.attention.to_out(torch.cat(mixed, dim=1))
        if layer.mlp is not None:
            after = after + layer.mlp(after)
            expected = recording.hidden[block + 1][recording.partition.inverse]
        else:
            after, expected = recording.model.head(after), recording.output
        torch.testing.assert_close(after, expected)


@given(num_patches=st.integers(1, 9), num_supernodes=st.integers(1, 3), pick=st.integers(0, N - 1))
def test_weights_of_a_point_sum_to_one_over_the_cloud(
    num_patches: int, num_supernodes: int, pick: int
) -> None:
    recording = make_recording(num_patches=num_patches, num_supernodes=num_supernodes)
    trace = trace_points(recording, torch.tensor([pick, 0]), block=1)
    spread = spread_on_cloud(trace, recording.partition)
    one = torch.ones(2, 2, dtype=torch.float64)
    torch.testing.assert_close(spread.total.sum(-1), one)
    torch.testing.assert_close(spread.local.sum(-1) + global_share(trace), one)
    same = recording.partition.patch_of_point
    assert not spread.local[:, 0, same != same[pick]].any()


def test_points_of_one_supernode_share_its_weight_alike() -> None:
    recording = make_recording(num_supernodes=2)
    trace = trace_points(recording, torch.tensor([7]), block=0)
    spread = spread_on_cloud(trace, recording.partition).through_supernodes
    node = supernode_of_point(recording.partition, 2)
    for index in range(12):
        (rows,) = torch.where(node == index)
        torch.testing.assert_close(spread[:, 0, rows].sum(-1), trace.supernodes[:, 0, index])
        assert spread[0, 0, rows].unique().numel() == 1


@pytest.mark.parametrize("num_supernodes", [1, 2])
def test_share_of_all_points_is_that_of_each_traced_alone(num_supernodes: int) -> None:
    recording = make_recording(num_supernodes=num_supernodes)
    for block in range(recording.num_blocks):
        each = [
            global_share(trace_points(recording, torch.tensor([point]), block=block))[:, 0]
            for point in range(N)
        ]
        torch.testing.assert_close(global_shares(recording, block=block), torch.stack(each, dim=1))


def test_share_is_computed_a_few_patches_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = make_recording()
    expected = global_shares(recording, block=1)
    sizes = []
    layer = recording.model.block(1).attention
    original = layer.global_share

    def spy(x: Tensor, *rest: object) -> Tensor:
        sizes.append(x.shape[1])
        return original(x, *rest)

    monkeypatch.setattr("mspt.inspection.recording.stream_rows", lambda _: 10)
    monkeypatch.setattr(layer, "global_share", spy)
    torch.testing.assert_close(global_shares(recording, block=1), expected)
    assert sum(sizes) == N
    assert max(sizes) <= 10


@given(count=st.integers(1, 64))
def test_entropy_of_even_attention_counts_the_keys(count: int) -> None:
    bits = entropy_bits(torch.full((count,), 1 / count, dtype=torch.float64))
    assert 2 ** bits.item() == pytest.approx(count)


def test_summary_is_the_entropy_of_the_mean_of_the_heads() -> None:
    trace = trace_points(make_recording(), torch.tensor([3, 9]), block=2)
    first, second = summaries_of(trace, None)
    weights = all_weights(trace).mean(0)[0].numpy()
    bits = -sum(w * math.log2(w) for w in weights if w > 0)
    assert first.entropy == pytest.approx(bits)
    assert first.num_keys == int((weights > 0).sum())
    assert first.global_share + first.local_share == pytest.approx(1)
    both = mean_summary((first, second))
    assert both.global_share == pytest.approx((first.global_share + second.global_share) / 2)


def test_one_head_differs_from_the_mean_and_a_wrong_one_is_refused() -> None:
    trace = trace_points(make_recording(), torch.tensor([3]), block=0)
    shares = global_share(trace)
    assert summaries_of(trace, 1)[0].global_share == pytest.approx(shares[1, 0].item())
    torch.testing.assert_close(over_heads(shares, None), shares.sum(0) / 2)
    with pytest.raises(ValueError, match="head must lie between 0 and 1, got 2"):
        over_heads(shares, 2)


def test_patches_read_most_are_in_order_with_their_distances() -> None:
    recording = make_recording(num_supernodes=2)
    points, pick = cloud(), 11
    trace = trace_points(recording, torch.tensor([pick]), block=1)
    found = most_read(trace, recording.partition, points, head=0, count=6)
    assert [one.weight for one in found] == sorted((one.weight for one in found), reverse=True)
    assert sum(one.weight for one in found) == pytest.approx(global_share(trace)[0, 0].item())
    patch = recording.partition.patch_of_point
    for one in found:
        center = points[patch == one.patch].mean(0)
        assert one.distance == pytest.approx((points[pick] - center).norm().item())
        assert one.own == (patch[pick] == one.patch)
        nodes = trace.supernodes[0, 0, 2 * one.patch : 2 * one.patch + 2]
        assert one.weight == pytest.approx(nodes.sum().item())


def test_patch_weights_add_the_supernodes_of_a_patch() -> None:
    trace = trace_points(make_recording(num_supernodes=3), torch.tensor([0]), block=0)
    by_patch = patch_weights(trace, 6)
    torch.testing.assert_close(by_patch[..., 2], trace.supernodes[..., 6:9].sum(-1))


def test_centers_are_means_of_points() -> None:
    points = cloud()
    partition = build_partition(points, num_patches=5)
    centers = patch_centers(partition, points)
    torch.testing.assert_close(centers[2], points[partition.patch_of_point == 2].mean(0))


def test_supernodes_are_counted_in_leaf_order() -> None:
    found = supernode_of_point(sequence_partition(7, num_patches=2), 2)
    np.testing.assert_array_equal(found.numpy(), [0, 0, 1, 1, 2, 2, 3])


def test_there_is_no_block_beyond_the_last() -> None:
    with pytest.raises(ValueError, match="block must lie between 0 and 2, got 3"):
        trace_points(make_recording(), torch.tensor([0]), block=3)
