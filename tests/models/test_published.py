"""The published variant against a literal restatement, one scalar product at a time, in float64."""

import math
from dataclasses import replace

import pytest
import torch
from restated_published import (
    HEADS,
    WIDTH,
    box_distances,
    grid_distances,
    median_split,
    random_state,
    transform,
)
from torch import Tensor, nn

from mspt.config import ModelConfig
from mspt.models.published.layers import PublishedPMSA, largest_values, nested_means
from mspt.models.published.model import (
    CAR_BOX,
    PublishedMSPT,
    distances,
    load_published,
    reference_points,
)
from mspt.partition.ball_tree import build_partition, sequence_partition


def random_cloud(num_points: int, space_dim: int, num_features: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(num_points)
    points = torch.randn(num_points, space_dim, generator=generator, dtype=torch.float64)
    features = torch.randn(num_points, num_features, generator=generator, dtype=torch.float64)
    return points, features


def assert_equal(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-9)


# --- the model is the restatement ----------------------------------------------------------------


@pytest.mark.parametrize("num_points", [12, 13])
@pytest.mark.parametrize("num_supernodes", [1, 3])
@pytest.mark.parametrize("pooling", ["mean", "max", "linear"])
def test_clouds_equal_the_restatement(pooling: str, num_supernodes: int, num_points: int) -> None:
    settings = {"num_patches": 4, "num_supernodes": num_supernodes, "pooling": pooling}
    state = random_state(num_inputs=5, pooling=pooling, num_supernodes=num_supernodes)
    points, features = random_cloud(num_points, 3, 2)
    model = load_published(state, num_heads=HEADS, **settings)
    expected = transform(state, list(torch.cat([points, features], 1)), **settings)
    assert_equal(model(points[None], features[None])[0], expected)
    with torch.no_grad():
        assert_equal(model(points[None], features[None])[0], expected)


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_patches_with_fewer_points_than_supernodes_get_zeros(pooling: str) -> None:
    settings = {"num_patches": 4, "num_supernodes": 5, "pooling": pooling}
    state = random_state(num_inputs=2)
    points, _ = random_cloud(10, 2, 0)
    model = load_published(state, num_heads=HEADS, **settings)
    assert_equal(model(points[None])[0], transform(state, list(points), **settings))


def test_more_patches_than_points_are_patches_of_padding() -> None:
    state = random_state(num_inputs=2)
    points, _ = random_cloud(3, 2, 0)
    model = load_published(state, num_heads=HEADS, num_patches=5)
    assert_equal(model(points[None])[0], transform(state, list(points), num_patches=5))


@pytest.mark.parametrize("unified_pos", [False, True])
def test_grids_equal_the_restatement(*, unified_pos: bool) -> None:
    state = random_state(num_inputs=65 if unified_pos else 3)
    points, features = random_cloud(15, 2, 1)
    model = load_published(
        state,
        num_heads=HEADS,
        num_patches=4,
        structured_shape=(3, 5),
        unified_pos=unified_pos,
    )
    described = grid_distances(3, 5) if unified_pos else list(points)
    inputs = [torch.cat(pair) for pair in zip(described, features, strict=True)]
    assert_equal(model(points[None], features[None])[0], transform(state, inputs, num_patches=4))


def test_unified_position_in_space_equals_the_restatement() -> None:
    state = random_state(num_inputs=513)
    points, features = random_cloud(9, 3, 1)
    points[0] = torch.tensor([-1.5, 0.0, -4.0])
    model = load_published(state, num_heads=HEADS, num_patches=2, unified_pos=True)
    inputs = [torch.cat(pair) for pair in zip(box_distances(points), features, strict=True)]
    assert_equal(model(points[None], features[None])[0], transform(state, inputs, num_patches=2))


def test_distances_to_close_references_keep_their_digits() -> None:
    references = reference_points(CAR_BOX, [8] * 3, like=torch.zeros(1))
    close = distances(references + torch.tensor([1e-3, 0.0, 0.0]), references).diagonal()
    torch.testing.assert_close(close, torch.full((512,), 1e-3), rtol=1e-3, atol=0)


def test_time_equals_the_restatement_for_each_cloud() -> None:
    state = random_state(num_inputs=2, time=True)
    points, _ = random_cloud(7, 2, 0)
    model = load_published(state, num_heads=HEADS, num_patches=3)
    times = torch.tensor([0.0, 17.5], dtype=torch.float64)
    output = model(points.expand(2, -1, -1), time=times)
    for cloud, time in zip(output, times.tolist(), strict=True):
        assert_equal(cloud, transform(state, list(points), num_patches=3, time=time))


def test_no_time_adds_nothing_even_to_a_time_conditioned_model() -> None:
    state = random_state(num_inputs=2, time=True)
    points, _ = random_cloud(7, 2, 0)
    model = load_published(state, num_heads=HEADS, num_patches=3)
    assert_equal(model(points[None])[0], transform(state, list(points), num_patches=3))


@pytest.mark.parametrize("unified_pos", [False, True])
@pytest.mark.parametrize("num_points", [12, 13])
def test_ball_trees_hold_the_padding_at_the_origin(num_points: int, *, unified_pos: bool) -> None:
    state = random_state(num_inputs=513 if unified_pos else 4)
    points, features = random_cloud(num_points, 3, 1)
    published = load_published(state, num_heads=HEADS, num_patches=4, unified_pos=unified_pos)
    model = PublishedMSPT(replace(published.config, partition="ball_tree")).double()
    model.load_state_dict(published.state_dict())
    described = torch.stack(box_distances(points)) if unified_pos else points
    num_padding = -num_points % 4
    inputs = torch.cat([described, features], 1)
    inputs = torch.cat([inputs, torch.zeros(num_padding, inputs.shape[1], dtype=torch.float64)])
    padded = torch.cat([points, torch.zeros(num_padding, 3, dtype=torch.float64)])
    order = median_split(padded, list(range(len(padded))), 4)
    expected = torch.empty(len(padded), 3, dtype=torch.float64)
    expected[order] = transform(state, list(inputs[order]), num_patches=4)
    assert_equal(model(points[None], features[None])[0], expected[:num_points])


def test_single_precision_reaches_five_digits() -> None:
    state = random_state(num_inputs=5, time=True)
    points, features = random_cloud(21, 3, 2)
    single = {name: tensor.float() for name, tensor in state.items()}
    model = load_published(single, num_heads=HEADS, num_patches=4)
    output = model(points[None].float(), features[None].float(), time=torch.tensor([3.0]))
    exact = {name: tensor.double() for name, tensor in single.items()}
    inputs = torch.cat([points, features], 1).float().double()
    expected = transform(exact, list(inputs), num_patches=4, time=3.0)
    torch.testing.assert_close(output[0].double(), expected, rtol=1e-5, atol=1e-5)


# --- every oddity changes the result -------------------------------------------------------------


@pytest.mark.parametrize(
    "oddity",
    [
        "placeholder",
        "pooled padding",
        "attended padding",
        "carry",
        "heads",
        "inner residual",
        "inner feed-forward",
        "second norm",
        "mean over copies",
        "last feed-forward",
    ],
)
def test_oddity_changes_the_result(oddity: str) -> None:
    state = random_state(num_inputs=5)
    points, features = random_cloud(13, 3, 2)
    model = load_published(state, num_heads=HEADS, num_patches=4)
    inputs = list(torch.cat([points, features], 1))
    other = transform(state, inputs, num_patches=4, without=oddity)
    difference = (model(points[None], features[None])[0] - other).abs().max()
    assert difference > 1e-3


def test_mean_pooling_drops_the_longest_rows_one_by_one() -> None:
    rows = torch.tensor([[3.0, 4.0], [1.0, 0.0], [0.0, 2.0]])
    expected = torch.stack([rows.mean(0), rows[1:].mean(0), rows[1], torch.zeros(2)])
    torch.testing.assert_close(nested_means(rows[None, None], 4)[0, 0], expected)


def test_scales_of_the_layernorm_decide_which_rows_mean_pooling_leaves_out() -> None:
    """With unit scales all norms are equal, so that tests need other scales."""
    rows = torch.randn(64, WIDTH, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    norm = small_model().blocks[0].ln_1
    assert isinstance(norm, nn.LayerNorm)
    unit = nn.functional.layer_norm(rows, (WIDTH,)).norm(dim=-1)
    torch.testing.assert_close(unit, torch.full_like(unit, WIDTH**0.5), rtol=1e-3, atol=0)
    scaled = norm(rows).norm(dim=-1).sort().values
    assert scaled.diff().median() > 1e-3 * WIDTH**0.5


def test_max_pooling_sorts_each_channel_by_itself() -> None:
    rows = torch.tensor([[3.0, -4.0], [1.0, 0.0], [0.0, 2.0]])
    expected = torch.tensor([[3.0, 2.0], [1.0, 0.0], [0.0, -4.0], [0.0, 0.0]])
    torch.testing.assert_close(largest_values(rows[None, None], 4)[0, 0], expected)


@pytest.mark.parametrize("structured_shape", [None, (3, 5)])
@pytest.mark.parametrize("num_supernodes", [1, 3])
@pytest.mark.parametrize("pooling", ["mean", "max", "linear"])
def test_every_parameter_gets_a_finite_gradient(
    pooling: str, num_supernodes: int, structured_shape: tuple[int, int] | None
) -> None:
    state = random_state(num_inputs=4, pooling=pooling, num_supernodes=num_supernodes, time=True)
    points, features = random_cloud(15, 2, 2)
    model = load_published(
        state,
        num_heads=HEADS,
        num_patches=4,
        num_supernodes=num_supernodes,
        pooling=pooling,
        structured_shape=structured_shape,
    ).train()
    time = torch.tensor([2.0], dtype=torch.float64)
    model(points[None], features[None], time=time).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_training_recomputes_attention_and_gives_the_same_gradients() -> None:
    points, features = random_cloud(13, 3, 2)
    gradients, calls = {}, {True: 0, False: 0}
    for training in (True, False):
        model = load_published(random_state(num_inputs=5), num_heads=HEADS, num_patches=4)
        for module in model.train(mode=training).modules():
            if isinstance(module, PublishedPMSA):
                module.register_forward_pre_hook(
                    lambda *_, training=training: calls.update({training: calls[training] + 1})
                )
        model(points[None], features[None]).square().sum().backward()
        gradients[training] = {name: p.grad for name, p in model.named_parameters()}
    assert calls == {True: 4, False: 2}
    for name, gradient in gradients[True].items():
        torch.testing.assert_close(gradient, gradients[False][name])


# --- the interface -------------------------------------------------------------------------------


def small_model(**changes: object) -> PublishedMSPT:
    """A model whose LayerNorms have random scales, as trained ones have."""
    config = ModelConfig(space_dim=2, width=WIDTH, num_heads=2, num_blocks=2, num_patches=3)
    torch.manual_seed(0)
    model = PublishedMSPT(replace(config, **changes)).double().eval()
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            nn.init.normal_(module.weight, mean=1.0, std=0.3)
    return model


def test_clouds_of_a_batch_do_not_see_each_other() -> None:
    model = small_model(partition="sequence")
    clouds = torch.stack([random_cloud(8, 2, 0)[0], random_cloud(8, 2, 0)[0] ** 2])
    together = model(clouds)
    torch.testing.assert_close(together[1:], model(clouds[1:]))


def test_patch_size_gives_the_number_of_patches_of_each_cloud() -> None:
    by_size = small_model(num_patches=None, patch_size=5, partition="sequence")
    by_number = small_model(num_patches=3, partition="sequence")
    points = random_cloud(13, 2, 0)[0][None]
    torch.testing.assert_close(by_size(points), by_number(points))


@pytest.mark.parametrize("num_points", [12, 13])
def test_passed_partitions_change_nothing(num_points: int) -> None:
    model = small_model(partition="ball_tree")
    points = random_cloud(num_points, 2, 0)[0]
    padded = torch.nn.functional.pad(points, (0, 0, 0, -num_points % 3))
    built = model(points[None])
    for cloud in (points, padded):
        partition = build_partition(cloud, num_patches=3)
        torch.testing.assert_close(model(points[None], partitions=[partition]), built)


def test_a_passed_partition_is_used() -> None:
    model = small_model(partition="ball_tree")
    points = random_cloud(12, 2, 0)[0][None]
    runs = model(points, partitions=[sequence_partition(12, 3)])
    torch.testing.assert_close(runs, small_model(partition="sequence")(points))
    assert (runs - model(points)).abs().max() > 1e-6


def test_ball_trees_make_the_order_of_points_irrelevant() -> None:
    model = small_model(partition="ball_tree")
    points = random_cloud(13, 2, 0)[0]
    torch.testing.assert_close(model(points.flip(0)[None]).flip(1), model(points[None]))


def test_grids_ignore_partitions() -> None:
    model = small_model(structured_shape=(3, 4), partition="ball_tree")
    points = random_cloud(12, 2, 0)[0]
    partition = build_partition(points, num_patches=3)
    expected = small_model(partition="sequence")(points[None])
    torch.testing.assert_close(model(points[None], partitions=[partition]), expected)


def test_initial_weights_are_the_authors() -> None:
    config = ModelConfig(space_dim=2, width=64, num_heads=2, num_blocks=1, num_patches=3)
    torch.manual_seed(0)
    state = PublishedMSPT(config).state_dict()
    for name, tensor in state.items():
        if name == "placeholder":
            assert 0 <= tensor.min() < tensor.max() < 1 / 64
        elif name.endswith("in_proj_weight"):
            assert tensor.abs().max() <= math.sqrt(6 / (64 + 3 * 64))
            assert tensor.abs().max() > 0.1
        elif "ln_" in name or ".norm." in name:
            assert (tensor == (1 if name.endswith("weight") else 0)).all()
        elif name.endswith("bias"):
            assert (tensor == 0).all()
        else:
            assert 0.015 < tensor.std() < 0.025, name


def test_rejects_attention_pooling() -> None:
    with pytest.raises(ValueError, match="pooling must be one of mean, max, linear in the publ"):
        small_model(pooling="attention")


def test_rejects_a_unified_position_in_the_plane() -> None:
    with pytest.raises(ValueError, match="space_dim must be 3 for a published unified position"):
        small_model(unified_position=8)


def test_rejects_missing_features() -> None:
    with pytest.raises(ValueError, match=r"must have 4 channels together, got 2; was the model"):
        small_model(in_features=2)(random_cloud(8, 2, 0)[0][None])


def test_rejects_a_grid_of_another_size() -> None:
    with pytest.raises(ValueError, match=r"points must be the 12 points of a 3 x 4 grid.*got 13"):
        small_model(structured_shape=(3, 4))(random_cloud(13, 2, 0)[0][None])


def test_rejects_time_without_conditioning() -> None:
    with pytest.raises(ValueError, match="time must be None for a model without time condition"):
        small_model()(random_cloud(8, 2, 0)[0][None], time=torch.ones(1))


@pytest.mark.parametrize(
    ("sizes", "num_patches"), [([12, 12], 3), ([11], 3), ([12], 4)], ids=["two", "size", "patches"]
)
def test_rejects_partitions_of_something_else(sizes: list[int], num_patches: int) -> None:
    partitions = [sequence_partition(size, num_patches) for size in sizes]
    message = "partitions must be one for each of 1 clouds, of 12 or with padding 12 points in 3"
    with pytest.raises(ValueError, match=message):
        small_model()(random_cloud(12, 2, 0)[0][None], partitions=partitions)
