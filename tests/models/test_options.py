"""Options of the model beside the paper's choices: each against dense matrices in float64."""

from dataclasses import replace
from typing import get_args

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from mspt.config import ModelConfig, Pooling
from mspt.errors import MSPTError
from mspt.inference.predict import partitions_for
from mspt.inspection.recording import global_shares, record, repeat_masked, trace_points
from mspt.inspection.weights import summaries_of
from mspt.models.arrangement import arrange, supernode_places
from mspt.models.attention import PMSA
from mspt.models.blocks import KeyMask
from mspt.models.branched import split_partition
from mspt.models.mspt import MSPT, partition_points
from mspt.models.registry import build_model
from mspt.models.rotary import rotary_phases, rotate
from mspt.models.streaming import Streaming
from mspt.partition.cuts import patch_cuts
from mspt.partition.patches import supernode_centers
from mspt.partition.runs import patch_runs
from mspt.seeding import generator, seeded
from tests.models import dense

CONFIG = ModelConfig(
    space_dim=2,
    in_features=1,
    out_channels=2,
    width=16,
    num_heads=2,
    num_blocks=3,
    num_patches=5,
    num_supernodes=2,
)
OPTIONS = {
    "paper": {},
    "alternating trees": {"partition": "alternating_trees"},
    "rotary": {"rotary": 2},
    "rotary, some entries": {"rotary": 1, "width": 20},
    "rotary and alternating trees": {"rotary": 2, "partition": "alternating_trees"},
    "keys of several levels": {"keys_per_level": 2, "num_patches": 10},
    "one supernode, keys of several levels": {
        "keys_per_level": 2,
        "num_patches": 13,
        "num_supernodes": 1,
        "pooling": "max",
    },
    "keys of several levels, rotary, trees in turn": {
        "keys_per_level": 1,
        "num_patches": 11,
        "num_supernodes": 3,
        "rotary": 1,
        "partition": "alternating_trees",
    },
    "fourier features": {"fourier_features": 3},
    "inputs at the head": {"inputs_at_head": True, "unified_position": 2},
    "inputs at the head, trees in turn": {
        "inputs_at_head": True,
        "fourier_features": 1,
        "partition": "alternating_trees",
        "num_blocks": 2,
    },
    **{
        f"{pooling} pooling": {"pooling": pooling}
        for pooling in get_args(Pooling)
        if pooling != "mean"
    },
    "mean and std, trees in turn": {"pooling": "mean_std", "partition": "alternating_trees"},
}
CARRYING = {"carry": {"carry": True}, "carry and rotary": {"carry": True, "rotary": 2}}
every_option = pytest.mark.parametrize("changes", OPTIONS.values(), ids=OPTIONS)
every_way = pytest.mark.parametrize(
    "changes", (OPTIONS | CARRYING).values(), ids=OPTIONS | CARRYING
)


def make(**changes: object) -> MSPT:
    """A model all of whose parameters, those that start at zero too, are drawn at random."""
    model = build_model(replace(CONFIG, **changes)).double()
    random = generator(7, "weights")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=random))
    return model


def cloud(num_points: int = 43, seed: int = 0, space_dim: int = 2) -> tuple[Tensor, Tensor]:
    random = generator(seed, "cloud")
    points = torch.rand(num_points, space_dim, generator=random, dtype=torch.float64) * 2 - 1
    return points, torch.randn(num_points, 1, generator=random, dtype=torch.float64)


@every_option
def test_prediction_is_that_of_dense_matrices(changes: dict) -> None:
    model, (points, features) = make(**changes), cloud()
    partition = partition_points(model.config, points)
    expected = dense.predict(model, points, features, partition)
    torch.testing.assert_close(model(points[None], features[None])[0], expected)
    with torch.inference_mode():
        torch.testing.assert_close(model(points[None], features[None])[0], expected)


@every_option
def test_gradients_are_those_of_dense_matrices(changes: dict) -> None:
    model, (points, features) = make(**changes), cloud()
    points.requires_grad_()
    partition = partition_points(model.config, points)
    target = torch.randn(43, 2, generator=generator(1, "target"), dtype=torch.float64)

    def gradients(output: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad((output * target).sum(), [points, *model.parameters()])

    ours = gradients(model(points[None], features[None])[0])
    torch.testing.assert_close(ours, gradients(dense.predict(model, points, features, partition)))


@every_option
@settings(max_examples=5)
@given(seed=st.integers(0, 2**16), num_points=st.integers(40, 60))
def test_prediction_follows_the_order_of_the_points(
    seed: int, num_points: int, changes: dict
) -> None:
    model, (points, features) = make(**changes), cloud(num_points, seed)
    shuffle = torch.randperm(num_points, generator=generator(seed, "shuffle"))
    with torch.no_grad():
        expected = model(points[None], features[None])[:, shuffle]
        shuffled = model(points[None, shuffle], features[None, shuffle])
    torch.testing.assert_close(shuffled, expected)


@every_option
def test_recorded_pass_and_its_weights_are_those_of_the_forward_pass(changes: dict) -> None:
    model, (points, features) = make(**changes), cloud()
    recording = record(model, points, features)
    torch.testing.assert_close(recording.output, model(points[None], features[None])[0])
    everyone = torch.arange(43)
    whole = model.trace(points, features, picked=everyone)
    for block in range(model.config.num_blocks):
        trace = trace_points(recording, everyone, block=block)
        torch.testing.assert_close(trace.local, whole.blocks[block].local)
        torch.testing.assert_close(trace.supernodes, whole.blocks[block].supernodes)
        shares = trace.supernodes.sum(-1)
        torch.testing.assert_close(shares + trace.local.sum(-1), torch.ones_like(shares))
        torch.testing.assert_close(global_shares(recording, block=block), shares)
        # Keys of a point are the points of the patch that it has in this block.
        own = recording.partition_of(block)
        patch = own.patch_of_point
        keys = own.order[trace.local_rows.clamp(min=0)]
        assert ((patch[keys] == patch[:, None]) | (trace.local_rows < 0)).all()


@every_option
def test_clouds_of_a_batch_do_not_see_each_other(changes: dict) -> None:
    model = make(**changes)
    pairs = [cloud(seed=seed) for seed in range(3)]
    points, features = (torch.stack(parts) for parts in zip(*pairs, strict=True))
    together = model(points, features, partitions=partitions_for(model.config, points))
    for row in range(3):
        torch.testing.assert_close(together[row], model(points[[row]], features[[row]])[0])


@every_way
def test_streaming_takes_a_few_rows_and_gives_the_same(
    changes: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, (points, features) = make(**changes), cloud()
    full = model(points[None], features[None])
    for name in ("blocks", "arrangement"):
        monkeypatch.setattr(f"mspt.models.{name}.stream_rows", lambda _: 11, raising=False)
    monkeypatch.setattr("mspt.models.arrangement.MOVED_CHANNELS", 5)
    with torch.inference_mode():
        torch.testing.assert_close(model(points[None], features[None]), full)


@every_way
def test_features_on_the_host_and_pieces_elsewhere_give_the_same(
    changes: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A piece that is copied, changed and not written back, or read late, would show."""
    model, (points, features) = make(**changes), cloud()
    full = model(points[None], features[None])
    monkeypatch.setattr("mspt.models.arrangement.MOVED_CHANNELS", 5)
    for rows in (1, 13, 1000):
        pieces = Streaming(rows=rows, device=torch.device("cpu"))
        with torch.inference_mode():
            found = model(points[None], features[None], streaming=pieces)
        torch.testing.assert_close(found, full)


def test_defaults_are_those_of_the_paper_and_are_not_written_to_headers() -> None:
    plain = CONFIG.to_dict()
    for changes in OPTIONS.values():
        config = replace(CONFIG, **changes)
        assert ModelConfig.from_dict(config.to_dict()) == config
        assert {k: v for k, v in config.to_dict().items() if plain.get(k) != v} == changes


@pytest.mark.parametrize(
    "changes",
    [{"partition": "alternating_trees"}, {"rotary": 2}, {"inputs_at_head": True}],
    ids=str,
)
def test_both_branches_take_the_options(changes: dict) -> None:
    config = replace(CONFIG, architecture="branched", num_patches=8, **changes)
    model = build_model(config).double()
    points, features = cloud(60)
    parts = [split_partition(config, points, num_surface=25)]
    full = model(points[None], features[None], partitions=parts)
    with torch.inference_mode():
        streamed = model(points[None], features[None], partitions=parts)
    torch.testing.assert_close(streamed, full)
    usual = [split_partition(replace(CONFIG, num_patches=8), points, num_surface=25)]
    without = build_model(replace(CONFIG, architecture="branched", num_patches=8)).double()
    different = model if parts[0].surface.turned else without
    output = different(points[None], features[None], partitions=usual)
    assert (output - full).abs().max() > 1e-6


def test_random_patches_are_the_same_for_all_clouds_of_one_size() -> None:
    config = replace(CONFIG, partition="random")
    one, other = (partition_points(config, cloud(seed=seed)[0]) for seed in (1, 2))
    assert torch.equal(one.order, other.order)
    assert one.tree is None
    assert one.offsets.diff().tolist() == [9, 9, 9, 8, 8]
    center_of_patch = cloud()[0][one.order].split(one.offsets.diff().tolist())
    assert all(patch.mean(0).abs().max() < 0.6 for patch in center_of_patch)


@pytest.mark.parametrize(
    ("architecture", "partition"),
    [("branched", "random"), ("branched", "sequence"), ("published", "alternating_trees")],
)
def test_partitions_that_an_architecture_does_not_have_are_refused(
    architecture: str, partition: str
) -> None:
    with pytest.raises(ValueError, match=f"partition must not be '{partition}' for the arch"):
        replace(CONFIG, architecture=architecture, partition=partition)


def test_trees_in_turn_carry_no_supernodes() -> None:
    with pytest.raises(ValueError, match=r"carry must be off with partition=.alternating_trees"):
        replace(CONFIG, partition="alternating_trees", carry=True)


def test_attention_with_a_rotary_embedding_depends_on_differences_of_places() -> None:
    """Moving the whole cloud changes nothing; moving some of its points does."""
    with seeded(0, "layer"):
        layer = PMSA(16, num_heads=2).double()
    config = replace(CONFIG, rotary=2, num_supernodes=1)
    points, _ = cloud()
    partition = partition_points(config, points)
    x, supernodes = (
        torch.randn(1, rows, 16, generator=generator(rows, "x"), dtype=torch.float64)
        for rows in (43, 5)
    )

    def attended(places: Tensor) -> Tensor:
        return layer(x, supernodes, arrange(config, places[None], None, [partition]).of_block(0))

    moved = points + torch.tensor([0.7, -0.3], dtype=torch.float64)
    torch.testing.assert_close(attended(moved), attended(points))
    stretched = points * torch.tensor([1.5, 1.0], dtype=torch.float64)
    assert (attended(stretched) - attended(points)).abs().max() > 1e-3


def test_supernodes_lie_at_the_mean_of_their_points() -> None:
    points, _ = cloud()
    partition = partition_points(CONFIG, points)
    order = arrange(CONFIG, points[None], None, [partition]).of_block(0)
    expected = supernode_centers(points, partition, 2)
    torch.testing.assert_close(supernode_places(order, 2)[0], torch.from_numpy(expected))


@given(count=st.integers(1, 4), seed=st.integers(0, 2**16))
def test_turning_keeps_lengths_and_turns_back_to_the_start(count: int, seed: int) -> None:
    random = generator(seed, "rotary")
    x = torch.randn(1, 9, 2, 18, generator=random, dtype=torch.float64)
    points = torch.rand(1, 9, 2, generator=random, dtype=torch.float64)
    cos, sin = rotary_phases(points, count)
    found = rotate(x, (cos, sin))
    torch.testing.assert_close(found.norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(rotate(found, (cos, -sin)), x)
    assert torch.equal(found[..., 4 * count :], x[..., 4 * count :])


@torch.inference_mode()
@pytest.mark.parametrize("carry", [False, True])
def test_carried_supernodes_are_turned_too(*, carry: bool) -> None:
    model, (points, features) = make(rotary=2, carry=carry), cloud()
    moved = record(model, points, features)
    torch.testing.assert_close(moved.output, model(points[None], features[None])[0])
    if carry:
        order = moved.cloud.of_block(0)
        layer, hidden = model.block(0), moved.hidden[0][None]
        x, nodes = layer.norm_attention(hidden), moved.supernodes[0][None]
        unturned = replace(order, rotary=0, all_phases=None, supernode_phases=None)
        parts = [(run, x[:, run.rows]) for run in patch_runs(x.shape[1], order.num_patches)]
        change = layer.attention.update_supernodes(parts, nodes, order)
        change = change - layer.attention.update_supernodes(parts, nodes, unturned)
        assert change.abs().max() > 1e-4


def test_rotary_embedding_must_fit_the_heads_and_the_architecture() -> None:
    with pytest.raises(ValueError, match="rotary must be at most 2 for heads of 8 channels and 2"):
        replace(CONFIG, rotary=3)
    with pytest.raises(ValueError, match="rotary must be 0 for the architecture transolver, got 2"):
        replace(CONFIG, rotary=2, architecture="transolver")
    with pytest.raises(ValueError, match="rotary must be at least 0, got -1"):
        replace(CONFIG, rotary=-1)


def test_a_partition_that_has_predicted_can_be_trained_with() -> None:
    model, (points, features) = make(partition="alternating_trees"), cloud()
    partition = partition_points(model.config, points)
    with torch.inference_mode():
        model(points[None], features[None], partitions=[partition])
    model(points[None], features[None], partitions=[partition]).sum().backward()


def test_head_that_reads_the_inputs_depends_on_them_directly() -> None:
    """With the blocks silenced a point's own features are all that is left of it."""
    model, (points, features) = make(inputs_at_head=True), cloud()
    with torch.no_grad():
        model.embedding.lift[2].weight.zero_()
        model.block(0).norm_attention.bias.zero_()
        first = model(points[None], features[None])
        changed = features.clone()
        changed[7] += 1.0
        second = model(points[None], changed[None])
    moved = (second - first).abs().amax(-1)[0]
    assert moved[7] > 1e-3
    assert moved[torch.arange(43) != 7].abs().max() < 1e-12


def test_fourier_features_belong_to_every_model_with_this_embedding() -> None:
    points, features = cloud()
    for architecture in ("transolver", "full_attention"):
        config = replace(CONFIG, architecture=architecture, fourier_features=2)
        model = build_model(config).double()
        assert model.embedding.lift[0].in_features == 2 + 8 + 1
        assert model(points[None], features[None]).isfinite().all()
    with pytest.raises(ValueError, match="fourier_features must be 0 for the architecture publish"):
        replace(CONFIG, architecture="published", fourier_features=2)
    with pytest.raises(ValueError, match="inputs_at_head must be False for the architecture tran"):
        replace(CONFIG, architecture="transolver", inputs_at_head=True)


def test_keys_of_several_levels_are_all_patches_where_these_are_few() -> None:
    few, all_of_them = make(keys_per_level=4), make()
    points, features = cloud()
    assert partition_points(few.config, points).cuts is None
    assert torch.equal(few(points[None], features[None]), all_of_them(points[None], features[None]))


def test_a_cut_of_all_patches_gives_the_attention_to_all_supernodes() -> None:
    """The other way to compute it, with copied keys, and the same numbers."""
    model, (points, features) = make(num_supernodes=1), cloud()
    partition = partition_points(model.config, points)
    assert partition.tree is not None
    cut = replace(partition, cuts=patch_cuts(partition.tree, 5))
    expected = model(points[None], features[None], partitions=[partition])
    found = model(points[None], features[None], partitions=[cut])
    torch.testing.assert_close(found, expected)


def test_weights_on_nodes_are_recorded_and_counted() -> None:
    model, (points, features) = make(keys_per_level=1, num_patches=9, num_supernodes=1), cloud()
    recording = record(model, points, features)
    trace = trace_points(recording, torch.arange(43), block=1)
    assert trace.nodes is not None
    assert trace.supernodes.shape[-1] == 9
    assert ((trace.nodes > 0).sum(-1) == 4).all()  # log2(9), rounded up
    torch.testing.assert_close(trace.nodes.sum(-1), trace.supernodes.sum(-1))
    sizes = recording.partition.offsets.diff()[recording.partition.patch_of_point]
    assert [one.num_keys for one in summaries_of(trace, None)] == (sizes + 4).tolist()


def test_a_node_of_many_patches_cannot_be_masked_in_part() -> None:
    model, (points, features) = make(keys_per_level=1, num_patches=9, num_supernodes=1), cloud()
    recording = record(model, points, features)
    mask = KeyMask(
        points=torch.zeros(43, dtype=torch.bool), supernodes=torch.arange(9) == 2, blocks=(1,)
    )
    with pytest.raises(MSPTError, match="must attend to the supernodes of all patches"):
        repeat_masked(recording, mask)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"carry": True}, "keys_per_level must be 0 with carry or partition='ball_tree', got 2"),
        ({"partition": "random"}, "keys_per_level must be 0 with carry or partition='random'"),
        ({"partition": "sequence"}, "keys_per_level must be 0 with carry or partition='sequence'"),
        ({"architecture": "branched"}, "keys_per_level must be 0 for the architecture branched"),
        ({"architecture": "published"}, "keys_per_level must be 0 for the architecture published"),
    ],
)
def test_keys_of_several_levels_need_a_tree_and_one_branch(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, keys_per_level=2, **changes)


def test_too_many_supernodes_are_refused_before_anything_is_computed() -> None:
    model, (points, features) = make(rotary=1, num_supernodes=9), cloud()
    with pytest.raises(ValueError, match=r"num_supernodes must be at most .* got 9 for a patch"):
        model(points[None], features[None])
