from dataclasses import replace

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch import Tensor, nn

from mspt.config import ModelConfig
from mspt.models import blocks
from mspt.models.embedding import Embedding, reference_grid, time_features
from mspt.models.mspt import MSPT, partition_points
from mspt.seeding import generator, seeded

CONFIG = ModelConfig(
    space_dim=2,
    in_features=1,
    out_channels=2,
    width=16,
    num_heads=2,
    num_blocks=3,
    num_patches=5,
)
VARIANTS = {
    "plain": {},
    "more supernodes": {"num_supernodes": 3},
    "max": {"pooling": "max", "num_supernodes": 2},
    "linear": {"pooling": "linear", "num_supernodes": 2},
    "attention": {"pooling": "attention", "num_supernodes": 2},
    "carry": {"carry": True, "num_supernodes": 2},
    "sequence": {"partition": "sequence"},
    "patch size": {"num_patches": None, "patch_size": 7},
    "unified position": {"unified_position": 4},
    "alternating trees": {"partition": "alternating_trees", "num_supernodes": 2},
}


def make(**changes: object) -> MSPT:
    with seeded(0, "model"):
        return MSPT(replace(CONFIG, **changes)).double()


def cloud(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=generator(seed, "cloud"), dtype=torch.float64)


@pytest.fixture(params=VARIANTS)
def model(request: pytest.FixtureRequest) -> MSPT:
    return make(**VARIANTS[request.param])


def test_streaming_equals_the_full_forward(model: MSPT, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "stream_rows", lambda _: 11)
    monkeypatch.setattr("mspt.models.arrangement.MOVED_CHANNELS", 6)
    points, features = cloud(2, 43, 2), cloud(2, 43, 1, seed=1)
    full = model(points, features)
    with torch.inference_mode():
        streamed = model(points, features)
    assert full.std() > 1e-3
    torch.testing.assert_close(streamed, full)


def test_streaming_leaves_its_inputs_alone(model: MSPT) -> None:
    points, features = cloud(1, 43, 2), cloud(1, 43, 1, seed=1)
    before = points.clone(), features.clone()
    with torch.inference_mode():
        first = model(points, features)
        second = model(points, features)
    torch.testing.assert_close((points, features), before)
    assert torch.equal(first, second)


def test_trace_has_the_output_of_the_forward(model: MSPT) -> None:
    points, features = cloud(43, 2), cloud(43, 1, seed=1)
    trace = model.trace(points, features, picked=torch.tensor([2, 40]))
    torch.testing.assert_close(trace.output, model(points[None], features[None])[0])
    assert len(trace.blocks) == CONFIG.num_blocks
    for index, block in enumerate(trace.blocks):
        total = block.local.sum(-1) + block.supernodes.sum(-1)
        torch.testing.assert_close(total, torch.ones_like(total))
        assert trace.partition.of_block(index).order[block.rows].tolist() == [2, 40]


def test_every_parameter_gets_a_gradient(model: MSPT) -> None:
    model(cloud(1, 43, 2), cloud(1, 43, 1, seed=1)).square().sum().backward()
    without = [
        name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().any()
    ]
    assert without == []


@given(seed=st.integers(0, 2**16), num_points=st.integers(15, 60))
def test_prediction_follows_the_order_of_the_points(seed: int, num_points: int) -> None:
    model = make(num_supernodes=2)
    points, features = cloud(1, num_points, 2, seed=seed), cloud(1, num_points, 1, seed=seed + 1)
    shuffle = torch.randperm(num_points, generator=generator(seed, "shuffle"))
    with torch.no_grad():
        expected = model(points, features)[:, shuffle]
        shuffled = model(points[:, shuffle], features[:, shuffle])
    torch.testing.assert_close(shuffled, expected)


@pytest.mark.parametrize("changes", [{}, {"num_patches": None, "patch_size": 7}])
def test_padding_of_a_ragged_batch_changes_nothing(changes: dict[str, object]) -> None:
    model = make(**changes)
    points, features = cloud(3, 40, 2), cloud(3, 40, 1, seed=1)
    sizes = [40, 23, 31]
    alone = [model(points[[b], :n], features[[b], :n])[0] for b, n in enumerate(sizes)]
    for padding in (0.0, 1e9, torch.nan):
        padded_points, padded_features = points.clone(), features.clone()
        for b, n in enumerate(sizes):
            padded_points[b, n:] = padding
            padded_features[b, n:] = padding
        output = model(padded_points, padded_features, num_points=sizes)
        for b, n in enumerate(sizes):
            torch.testing.assert_close(output[b, :n], alone[b])
            assert output[b, n:].abs().sum() == 0


def test_clouds_of_a_batch_do_not_see_each_other() -> None:
    model = make()
    points, features = cloud(2, 43, 2), cloud(2, 43, 1, seed=1)
    together = model(points, features)
    points[1] += 1.0
    torch.testing.assert_close(model(points, features)[0], together[0])


def test_given_partitions_are_used() -> None:
    model = make()
    points, features = cloud(1, 43, 2), cloud(1, 43, 1, seed=1)
    own = [partition_points(CONFIG, points[0])]
    runs = [partition_points(replace(CONFIG, partition="sequence"), points[0])]
    expected = model(points, features)
    torch.testing.assert_close(model(points, features, partitions=own), expected)
    assert (model(points, features, partitions=runs) - expected).abs().max() > 1e-4


def test_every_point_reaches_every_other_in_two_blocks() -> None:
    model = make(num_blocks=2)
    points, features = cloud(1, 43, 2), cloud(1, 43, 1, seed=1).requires_grad_()
    output = model(points, features)
    (gradient,) = torch.autograd.grad(output[0, 0].sum(), features)
    assert (gradient.abs() > 0).all()


def test_last_block_has_no_network_but_the_head() -> None:
    model = make()
    assert [block.mlp is None for block in model.blocks] == [False, False, True]


def test_time_changes_the_output_and_must_fit_the_model() -> None:
    model = make(time_conditioned=True)
    points, features = cloud(2, 43, 2), cloud(2, 43, 1, seed=1)
    early, late = (
        model(points, features, time=torch.full((2,), t, dtype=torch.float64)) for t in (0.0, 0.5)
    )
    assert (early - late).abs().max() > 1e-4
    with pytest.raises(ValueError, match=r"time must be given exactly when .* got time=none"):
        model(points, features)
    with pytest.raises(ValueError, match=r"time must be given exactly when .* got time=given"):
        make()(points, features, time=torch.zeros(2))


def test_rejects_partitions_of_another_cloud() -> None:
    model = make()
    points, features = cloud(1, 43, 2), cloud(1, 43, 1, seed=1)
    wrong = [partition_points(CONFIG, cloud(40, 2))]
    with pytest.raises(ValueError, match=r"partitions must be one for each cloud.*\[40\].* 43"):
        model(points, features, partitions=wrong)
    with pytest.raises(ValueError, match="partitions must be one for each cloud"):
        model(points, features, partitions=[])


def test_unified_position_is_the_distance_to_a_grid() -> None:
    config = replace(CONFIG, in_features=0, unified_position=3)
    embedding = Embedding(config).double()
    embedding.lift = nn.Identity()
    points = cloud(1, 5, 2)
    described = embedding(points, None)
    grid = torch.tensor([[x, y] for x in (-1.0, 0, 1) for y in (-1.0, 0, 1)]).double()
    expected = torch.stack([(points[0] - g).square().sum(-1).sqrt() for g in grid], dim=-1)
    torch.testing.assert_close(described[0, :, 2:], expected)
    torch.testing.assert_close(described[..., :2], points)


def test_reference_grid_has_all_axes() -> None:
    assert reference_grid(3, 2).unique(dim=0).shape == (8, 3)
    assert reference_grid(2, 0).shape == (0, 2)


def test_time_features_are_cosines_and_sines() -> None:
    waves = time_features(torch.tensor([0.0, 1.0]), 4)
    assert waves[0].tolist() == [1.0, 1.0, 0.0, 0.0]
    expected = torch.tensor([1.0, 0.01]).cos().tolist() + torch.tensor([1.0, 0.01]).sin().tolist()
    torch.testing.assert_close(waves[1], torch.tensor(expected))
    assert time_features(torch.tensor([1.0]), 5).shape == (1, 5)
