from dataclasses import replace

import numpy as np
import pytest
import torch
from made_up_flows import flow_preset, sphere_clouds
from torch import Tensor

from mspt.checkpoint import Checkpoint
from mspt.data.case import Quantity
from mspt.data.layout import Layout
from mspt.errors import MSPTError
from mspt.figures.charts.equation import attention_equation
from mspt.geometry.bodies.families import draw_body
from mspt.inference.flow import cloud_force
from mspt.inference.sample import Sample, as_cloud, predict_sample, sample_of_points
from mspt.inspection.masking import (
    attention_table,
    compare_with_attention,
    mask_each_patch,
    mask_of_patch,
    mask_patch,
)
from mspt.inspection.observation import (
    Observed,
    attend_from,
    observe,
    parse_points,
    patch_matrix,
    peak_point,
    share_of_all,
    summaries_by_block,
)
from mspt.inspection.recording import Recording, record, repeat_masked, trace_points
from mspt.metrics.forces import coefficients
from mspt.metrics.ranking import spearman
from mspt.models.blocks import KeyMask
from mspt.models.normalizer import Normalizer
from mspt.models.registry import build_model
from mspt.partition.ball_tree import Partition, sequence_partition
from mspt.seeding import generator
from mspt.training.batches import fit_normalizer
from tests.inspection.test_weights import N, cloud, make_model, make_recording

K = 6


def mask(*, points: tuple[int, ...] = (), nodes: tuple[int, ...] = (), count: int = K) -> KeyMask:
    """A mask of places in leaf order and of supernodes."""
    hidden, gone = torch.zeros(N, dtype=torch.bool), torch.zeros(count, dtype=torch.bool)
    hidden[list(points)], gone[list(nodes)] = True, True
    return KeyMask(points=hidden, supernodes=gone)


@torch.no_grad()
def dense_run(recording: Recording, hidden_keys: Tensor, blocks: tuple[int, ...]) -> Tensor:
    """All blocks with one dense softmax per block, in which hidden keys score -inf."""
    model = recording.model
    sizes, now = recording.partition.offsets.diff().tolist(), recording.hidden[0].clone()
    patch = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    count = model.config.num_supernodes
    for index, block in enumerate(model.blocks):
        if index:  # from one leaf order to the next
            before, after = (recording.partition_of(one) for one in (index - 1, index))
            now = now[before.inverse[after.order]]
        x, layer = block.norm_attention(now), block.attention
        pooled = [
            part.mean(0) for rows in x.split(sizes) for part in torch.tensor_split(rows, count)
        ]
        q, k, v = (
            part.unflatten(-1, (layer.num_heads, -1))
            for part in layer.to_qkv(torch.cat([x, torch.stack(pooled)])).chunk(3, dim=-1)
        )
        scores = torch.einsum("nhe,mhe->hnm", q[:N], k) / q.shape[-1] ** 0.5
        other = torch.cat(
            [patch[:, None] != patch, torch.zeros(N, len(pooled), dtype=torch.bool)], dim=1
        )
        forbidden = other | hidden_keys if index in blocks else other
        weights = scores.masked_fill(forbidden, -torch.inf).softmax(-1)
        now = now + layer.to_out(torch.einsum("hnm,mhe->nhe", weights, v).flatten(1))
        if block.mlp is not None:
            now = now + block.mlp(now)
    return model.head(now)[recording.partition_of(len(model.blocks) - 1).inverse]


@pytest.mark.parametrize("blocks", [(0, 1, 2), (1,), (2,)])
@pytest.mark.parametrize("num_supernodes", [1, 2])
def test_masked_keys_are_those_of_a_dense_softmax_with_minus_infinity(
    num_supernodes: int, blocks: tuple[int, ...]
) -> None:
    recording = make_recording(num_supernodes=num_supernodes)
    chosen = mask(points=(3, 8, 9, 40), nodes=(1, 4), count=K * num_supernodes)
    expected = dense_run(recording, torch.cat([chosen.points, chosen.supernodes]), blocks)
    found = repeat_masked(recording, replace(chosen, blocks=blocks))
    torch.testing.assert_close(found, expected)
    assert (found - recording.output).abs().max() > 1e-4


def test_masking_nothing_changes_nothing() -> None:
    recording = make_recording()
    assert torch.equal(repeat_masked(recording, mask()), recording.output)
    nowhere = replace(mask(nodes=(1,)), blocks=())
    assert torch.equal(repeat_masked(recording, nowhere), recording.output)


def test_masking_all_supernodes_leaves_attention_within_patches() -> None:
    """Then no patch depends on what lies in any other."""
    recording = make_recording()
    alone = repeat_masked(recording, mask(nodes=tuple(range(K))))
    edges = recording.partition.offsets.tolist()
    for patch in range(K):
        rows = recording.partition.order[edges[patch] : edges[patch + 1]]
        count = len(rows)
        # The patch as a cloud of its own with one patch, whose one supernode is masked too.
        own = Partition(
            order=torch.arange(count),
            inverse=torch.arange(count),
            offsets=torch.tensor([0, count]),
        )
        apart = record(recording.model, cloud()[rows], partition=own)
        no_node = KeyMask(
            points=torch.zeros(count, dtype=torch.bool), supernodes=torch.ones(1, dtype=torch.bool)
        )
        torch.testing.assert_close(repeat_masked(apart, no_node), alone[rows])


@pytest.mark.parametrize("patch", [0, 3, K - 1])
def test_removed_patch_is_as_if_its_points_were_not_there(patch: int) -> None:
    """Its supernodes masked in all blocks, the others' prediction is that of the smaller cloud."""
    recording = make_recording()
    partition = recording.partition
    kept = torch.ones(N, dtype=torch.bool)
    kept[partition.offsets[patch] : partition.offsets[patch + 1]] = False
    left = partition.order[kept]
    sizes = partition.offsets.diff().tolist()
    del sizes[patch]
    smaller = Partition(
        order=torch.arange(len(left)),
        inverse=torch.arange(len(left)),
        offsets=torch.tensor([0, *np.cumsum(sizes).tolist()]),
    )
    expected = record(recording.model, cloud()[left], partition=smaller).output
    removed = mask_of_patch(partition, patch, num_supernodes=1, masked="patch removed")
    torch.testing.assert_close(repeat_masked(recording, removed)[left], expected)


def test_mask_that_leaves_no_key_is_refused() -> None:
    recording = make_recording()
    edges = recording.partition.offsets.tolist()
    nothing = mask(points=tuple(range(edges[2], edges[3])), nodes=tuple(range(K)))
    with pytest.raises(ValueError, match=r"leave every patch a key .* points of patch 2"):
        repeat_masked(recording, nothing)


def test_mask_of_another_cloud_is_refused() -> None:
    with pytest.raises(ValueError, match="mask must be for 47 points and 6 supernodes, got 47 and"):
        repeat_masked(make_recording(), mask(count=7))


def test_model_that_carries_supernodes_is_not_masked() -> None:
    with pytest.raises(MSPTError, match="must not carry supernodes"):
        repeat_masked(make_recording(carry=True), mask(nodes=(1,)))


def test_mask_of_a_patch_holds_all_its_supernodes_and_its_points() -> None:
    partition = sequence_partition(7, num_patches=3)  # of 3, 2 and 2 points
    mask = mask_of_patch(partition, 1, num_supernodes=2, masked="points and supernodes")
    assert mask.supernodes.tolist() == [False, False, True, True, False, False]
    assert mask.points.tolist() == [False] * 3 + [True] * 2 + [False] * 2


def test_mask_of_a_patch_names_what_is_wrong() -> None:
    partition = make_recording().partition
    with pytest.raises(ValueError, match="patch must lie between 0 and 5, got 6"):
        mask_of_patch(partition, 6, num_supernodes=1)
    with pytest.raises(ValueError, match="block must be None to remove a patch, got 0"):
        mask_of_patch(partition, 1, num_supernodes=1, masked="patch removed", block=0)


# --- with fields in units and a body --------------------------------------------------------------


@pytest.fixture(scope="module")
def observed() -> Observed:
    """The recorded prediction of an untrained model of flows, for a cloud around a body."""
    stack, preset = sphere_clouds(3), flow_preset(surface_points=240, volume_points=120)
    model = build_model(preset.model, seed=3)
    random = generator(5, "weights")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=random))
    checkpoint = Checkpoint(
        model=model,
        config=preset.model,
        normalizer=fit_normalizer(stack),
        info={"dataset": "car", "train": preset.train.to_dict()},
    )
    drawn = stack.draw(0, seed=0)
    sample = Sample(
        key="ball",
        title="Ball",
        dataset="car",
        points=drawn.points,
        features=drawn.features,
        layout=drawn.layout,
        truth=drawn.fields,
        body=draw_body("ellipsoid", 3).mesh,
        num_surface=drawn.num_surface,
        body_area=2.0,
        frontal_area=0.5,
    )
    return observe(checkpoint, sample)


def test_what_is_observed_is_what_is_predicted(observed: Observed) -> None:
    torch.testing.assert_close(
        observed.fields, predict_sample(observed.checkpoint, observed.sample)
    )


def test_change_of_drag_is_that_of_the_changed_fields(observed: Observed) -> None:
    done = mask_patch(observed, 2, masked="points and supernodes")
    for fields, found in (
        (observed.fields, done.before),
        (observed.fields + done.change, done.after),
    ):
        force = cloud_force(as_cloud(observed.sample), fields, 2.0)
        expected = coefficients(force, reference_area=0.5)
        assert abs(found.C_D - expected.C_D) < 1e-6
        assert abs(found.C_L - expected.C_L) < 1e-6
    assert done.after.C_D != done.before.C_D


def test_removed_points_have_no_prediction_and_keep_their_force(observed: Observed) -> None:
    surface = observed.partition.patch_of_point[: observed.sample.num_surface]
    patch = int(surface[0])
    removed, masked = (
        mask_patch(observed, patch, masked="patch removed"),
        mask_patch(observed, patch),
    )
    gone = observed.partition.patch_of_point == patch
    assert removed.fields[gone].isnan().all()
    assert torch.equal(removed.change[~gone], masked.change[~gone])
    kept = torch.where(gone[:, None], observed.fields, masked.fields)
    force = cloud_force(as_cloud(observed.sample), kept, 2.0)
    expected = coefficients(force, reference_area=0.5)
    assert abs(removed.after.C_D - expected.C_D) < 1e-9


def test_effects_of_all_patches_are_those_of_each(observed: Observed) -> None:
    points = (3, 50)
    events = list(mask_each_patch(observed, points, channel=1, block=1))
    assert [event.patch for event in events] == list(range(observed.recording.num_patches))
    change = mask_patch(observed, 4, block=1).change[list(points), 1].double()
    assert events[4].effect == pytest.approx(change.square().mean().sqrt().item())
    found = compare_with_attention(observed, points, events, block=1)
    weights = attend_from(observed, points, block=1).on_supernodes.mean(0).numpy()
    np.testing.assert_allclose(found.attention, weights, rtol=1e-5)
    assert found.rank_correlation == pytest.approx(spearman(weights, found.effect))


def test_mean_over_blocks_is_compared_where_all_are_masked(observed: Observed) -> None:
    events = list(mask_each_patch(observed, (3,), channel=0))
    found = compare_with_attention(observed, (3,), events)
    each = [
        attend_from(observed, (3,), block=block).on_supernodes[0]
        for block in range(observed.recording.num_blocks)
    ]
    np.testing.assert_allclose(found.attention, torch.stack(each).mean(0).numpy(), rtol=1e-5)


def test_attention_of_several_points_is_the_sum_of_each(observed: Observed) -> None:
    both = attend_from(observed, (3, 90), block=0, head=1)
    first, second = (attend_from(observed, (point,), block=0, head=1) for point in (3, 90))
    torch.testing.assert_close(both.local, first.local + second.local)
    torch.testing.assert_close(
        both.through_supernodes, first.through_supernodes + second.through_supernodes
    )
    assert float((both.local + both.through_supernodes).sum()) == pytest.approx(2, abs=1e-5)


def test_numbers_by_block_are_those_of_each_block(observed: Observed) -> None:
    found = summaries_by_block(observed, (3, 90), head=0)
    assert found == tuple(
        attend_from(observed, (3, 90), block=block, head=0).summary for block in range(len(found))
    )
    shares = share_of_all(observed)[1].mean(0)[[3, 90]].mean()
    assert attend_from(observed, (3, 90), block=1).summary.global_share == pytest.approx(
        float(shares), abs=1e-6
    )


def test_rows_of_a_patch_matrix_are_the_weights_of_its_points(observed: Observed) -> None:
    found = patch_matrix(observed, 0, block=1)
    torch.testing.assert_close(
        found.local.sum(1) + found.supernodes.sum(1), torch.ones(len(found.points))
    )
    point = int(found.points[2])
    alone = attend_from(observed, (point,), block=1)
    torch.testing.assert_close(found.local[2], alone.local[found.points])
    torch.testing.assert_close(found.supernodes[2], alone.on_supernodes[0])
    with pytest.raises(ValueError, match="patch must lie between 0 and"):
        patch_matrix(observed, 99, block=0)


def test_peak_point_is_where_the_pressure_on_the_body_is_largest(observed: Observed) -> None:
    pressure = observed.fields[: observed.sample.num_surface, 0]
    assert float(pressure[peak_point(observed)]) == float(pressure.max())


@pytest.mark.parametrize("text", ["-1", "3,x", "360", "1.5"])
def test_list_of_points_that_are_none_is_refused(text: str) -> None:
    with pytest.raises(MSPTError, match="points must be numbers from 0 to 359"):
        parse_points(text, 360)


def test_no_points_or_points_beyond_the_cloud_are_refused(observed: Observed) -> None:
    for points in ((), (len(observed.fields),)):
        with pytest.raises(ValueError, match="points must lie between 0 and"):
            attend_from(observed, points, block=0)


def test_models_without_joint_attention_are_refused(observed: Observed) -> None:
    config = replace(observed.checkpoint.config, architecture="transolver")
    other = replace(observed.checkpoint, model=build_model(config), config=config)
    with pytest.raises(MSPTError, match=r"of the architecture mspt, .* got transolver"):
        observe(other, observed.sample)
    with pytest.raises(ValueError, match="sample must have features, got none for line"):
        observe(observed.checkpoint, sample_of_points("line", torch.rand(9, 3), title="Line"))


def test_sample_of_another_data_set_is_refused(observed: Observed) -> None:
    model = make_model().float()
    flat = Checkpoint(
        model=model,
        config=model.config,
        normalizer=Normalizer(space_dim=2, in_features=0, out_channels=1),
        info={},
    )
    with pytest.raises(MSPTError, match=r"points must have 2 columns .* got 3; choose"):
        observe(flat, observed.sample)


def test_patch_of_trees_in_turn_is_masked_where_its_tree_is_used() -> None:
    recording = make_recording(partition="alternating_trees")
    for block in range(3):
        patch = mask_of_patch(recording.partition_of(block), 2, num_supernodes=1, block=block)
        hidden = torch.cat([patch.points, patch.supernodes])
        expected = dense_run(recording, hidden, (block,))
        torch.testing.assert_close(repeat_masked(recording, patch), expected)
    assert recording.partition_of(1) is recording.partition.turned


def test_patch_of_the_first_tree_is_masked_in_every_block_that_uses_it() -> None:
    model = make_model(partition="alternating_trees").float()
    normalizer = Normalizer(space_dim=2, in_features=0, out_channels=1)
    checkpoint = Checkpoint(model=model, config=model.config, normalizer=normalizer, info={})
    layout = Layout(fields=(Quantity(name="u", symbol="u", unit="1", description=""),))
    sample = Sample(
        key="a",
        title="A",
        dataset=None,
        points=cloud().float(),
        features=cloud().float()[:, :0],
        layout=layout,
    )
    seen = observe(checkpoint, sample, device="cpu")
    effect = mask_patch(seen, 3)
    recording = seen.recording
    chosen = replace(mask_of_patch(seen.partition, 3, num_supernodes=1), blocks=(0, 2))
    torch.testing.assert_close(effect.fields, repeat_masked(recording, chosen))
    effects = list(mask_each_patch(seen, [4], channel=0))
    attention = compare_with_attention(seen, [4], effects).attention
    weights = [trace_points(recording, torch.tensor([4]), block=block) for block in (0, 2)]
    expected = torch.stack([trace.supernodes for trace in weights]).mean((0, 1, 2))
    np.testing.assert_allclose(attention, expected.numpy(), rtol=1e-5)
    with pytest.raises(MSPTError, match=r"masked must be .* in turn, got 'patch removed'"):
        mask_patch(seen, 3, masked="patch removed")
    found = attend_from(seen, [4], block=1)
    patch = seen.partition_of(1).patch_of_point
    assert torch.equal(found.local > 0, patch == patch[4])
    assert patch_matrix(seen, int(patch[4]), block=1).points.sort().values.tolist() == (
        torch.where(patch == patch[4])[0].tolist()
    )
    assert attention_table(seen, found)["patch"].tolist() == patch.tolist()
    keys = seen.partition_of(1).order[found.trace.local_rows[0]]
    assert f"v_{{{int(keys[found.trace.local[:, 0].mean(0).argmax()])}}}" in attention_equation(
        seen, found
    )
