"""Options of the model beside the paper's choices: each against dense matrices in float64."""

from dataclasses import replace

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch import Tensor

from mspt.config import ModelConfig
from mspt.inference.predict import partitions_for
from mspt.inspection.recording import global_shares, record, trace_points
from mspt.models.branched import split_partition
from mspt.models.mspt import MSPT, partition_points
from mspt.models.registry import build_model
from mspt.seeding import generator
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
}
every_option = pytest.mark.parametrize("changes", OPTIONS.values(), ids=OPTIONS)


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
@given(seed=st.integers(0, 2**16), num_points=st.integers(20, 60))
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
    for block in range(3):
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


@every_option
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


def test_defaults_are_those_of_the_paper_and_are_not_written_to_headers() -> None:
    plain = CONFIG.to_dict()
    for changes in OPTIONS.values():
        config = replace(CONFIG, **changes)
        assert ModelConfig.from_dict(config.to_dict()) == config
        assert {k: v for k, v in config.to_dict().items() if plain.get(k) != v} == changes


@pytest.mark.parametrize("changes", [{"partition": "alternating_trees"}], ids=str)
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


def test_trees_in_turn_carry_no_supernodes() -> None:
    with pytest.raises(ValueError, match=r"carry must be off with partition=.alternating_trees"):
        replace(CONFIG, partition="alternating_trees", carry=True)
