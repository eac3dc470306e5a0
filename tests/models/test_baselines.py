"""The baselines against loops over points, heads and slices in float64, and their symmetries."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from mspt.config import ModelConfig
from mspt.models.baselines import Baseline, FullAttention, SliceAttention, Transolver
from mspt.partition.ball_tree import sequence_partition
from mspt.seeding import seeded

HEADS, WIDTH, SLICES = 2, 8, 5
GRID = (3, 4)
MODELS = {"full_attention": FullAttention, "transolver": Transolver, "transolver_grid": Transolver}


def make_model(name: str, **changes: object) -> Baseline:
    config = ModelConfig(
        space_dim=2,
        in_features=1,
        out_channels=3,
        architecture="full_attention" if name == "full_attention" else "transolver",
        width=WIDTH,
        num_heads=HEADS,
        num_blocks=2,
        num_slices=SLICES,
        structured_shape=GRID if name == "transolver_grid" else None,
    )
    with seeded(0, "baselines"):
        model = MODELS[name](replace(config, **changes)).double()
        for parameter in model.parameters():
            noise = torch.randn_like(parameter)
            if parameter.ndim > 1:
                parameter.data = 1.5 * noise / math.sqrt(parameter[0].numel())
            else:
                parameter.data += 0.2 * noise
        for module in model.modules():
            if isinstance(module, SliceAttention):
                module.temperature.data.clamp_(0.2, 0.8)
    return model


def random_batch(num_clouds: int, num_points: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    shape = (num_clouds, num_points)
    points = torch.rand(*shape, 2, generator=generator, dtype=torch.float64)
    return points, torch.randn(*shape, 1, generator=generator, dtype=torch.float64)


# --- the restatement: rows are lists of vectors, weights are looked up by name -------------------


def linear(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return state[f"{name}.weight"] @ x + state.get(f"{name}.bias", 0)


def layer_norm(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    centered = x - x.sum() / len(x)
    scaled = centered / torch.sqrt((centered**2).sum() / len(x) + 1e-5)
    return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]


def gelu(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


def head_part(x: Tensor, head: int) -> Tensor:
    size = WIDTH // HEADS
    return x[head * size : (head + 1) * size]


def softmax(scores: list[float]) -> list[float]:
    total = sum(math.exp(score) for score in scores)
    return [math.exp(score) / total for score in scores]


def average(queries: list[Tensor], keys: list[Tensor], values: list[Tensor]) -> list[Tensor]:
    """Softmax attention of one head."""
    result = []
    for query in queries:
        weights = softmax([float(query @ key) / math.sqrt(len(query)) for key in keys])
        result.append(sum(w * v for w, v in zip(weights, values, strict=True)))
    return result


def dense_attention(state: dict[str, Tensor], name: str, rows: list[Tensor]) -> list[Tensor]:
    parts = [linear(state, f"{name}.to_qkv", row).split(WIDTH) for row in rows]
    heads = [
        average(*[[head_part(part[i], head) for part in parts] for i in range(3)])
        for head in range(HEADS)
    ]
    return [
        linear(state, f"{name}.to_out", torch.cat(pieces)) for pieces in zip(*heads, strict=True)
    ]


def convolve(state: dict[str, Tensor], name: str, rows: list[Tensor]) -> list[Tensor]:
    """Sum over the neighbors of each point on the grid; beyond its edge there is nothing."""
    height, width = GRID
    result = []
    for i in range(height):
        for j in range(width):
            value = state[f"{name}.bias"].clone()
            for a in range(3):
                for b in range(3):
                    row, column = i + a - 1, j + b - 1
                    if 0 <= row < height and 0 <= column < width:
                        kernel = state[f"{name}.weight"][:, :, a, b]
                        value = value + kernel @ rows[row * width + column]
            result.append(value)
    return result


def slice_attention(state: dict[str, Tensor], name: str, rows: list[Tensor]) -> list[Tensor]:
    on_grid = state[f"{name}.project.weight"].ndim == 4
    if on_grid:
        projected = convolve(state, f"{name}.project", rows)
    else:
        projected = [linear(state, f"{name}.project", row) for row in rows]
    heads = []
    for head in range(HEADS):
        temperature = float(state[f"{name}.temperature"][head])
        if on_grid:
            temperature = min(max(temperature, 0.1), 5.0)
        weights = []
        for row in projected:
            guide = head_part(row[:WIDTH], head)
            weights.append(
                softmax((linear(state, f"{name}.to_slices", guide) / temperature).tolist())
            )
        tokens = []
        for g in range(SLICES):
            total = sum(
                weights[n][g] * head_part(row[WIDTH:], head) for n, row in enumerate(projected)
            )
            tokens.append(total / (sum(weight[g] for weight in weights) + 1e-5))
        qkv = [linear(state, f"{name}.to_qkv", token).split(WIDTH // HEADS) for token in tokens]
        mixed = average(*[[part[i] for part in qkv] for i in range(3)])
        heads.append([sum(w * m for w, m in zip(weight, mixed, strict=True)) for weight in weights])
    return [
        linear(state, f"{name}.to_out", torch.cat(pieces)) for pieces in zip(*heads, strict=True)
    ]


def restate(model: Baseline, hidden: Tensor) -> Tensor:
    """Everything from the embedded points of one cloud to their fields."""
    state = model.state_dict()
    attend = dense_attention if isinstance(model, FullAttention) else slice_attention
    rows = list(hidden)
    for index in range(model.config.num_blocks):
        block = f"blocks.{index}"
        normal = [layer_norm(state, f"{block}.norm_attention", row) for row in rows]
        update = attend(state, f"{block}.attention", normal)
        rows = [row + new for row, new in zip(rows, update, strict=True)]
        for i, row in enumerate(rows):
            normal_row = layer_norm(state, f"{block}.norm_mlp", row)
            inner = gelu(linear(state, f"{block}.mlp.0", normal_row))
            rows[i] = row + linear(state, f"{block}.mlp.2", inner)
    return torch.stack([linear(state, "head.1", layer_norm(state, "head.0", row)) for row in rows])


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("num_clouds", [1, 2])
def test_equals_the_restatement(name: str, num_clouds: int) -> None:
    model = make_model(name)
    points, features = random_batch(num_clouds, 12)
    output = model(points, features)
    for cloud, hidden in zip(output, model.embedding(points, features).detach(), strict=True):
        torch.testing.assert_close(cloud, restate(model, hidden), rtol=1e-9, atol=1e-9)


def test_temperature_is_limited_on_grids_only() -> None:
    points, features = random_batch(1, 12)
    for name, limited in (("transolver", False), ("transolver_grid", True)):
        outputs = []
        for temperature in (0.05, 0.1):
            model = make_model(name)
            for module in model.modules():
                if isinstance(module, SliceAttention):
                    module.temperature.data.fill_(temperature)
            outputs.append(model(points, features))
            expected = restate(model, model.embedding(points, features).detach()[0])
            torch.testing.assert_close(outputs[-1][0], expected)
        assert torch.equal(*outputs) == limited


# --- symmetries ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["full_attention", "transolver"])
def test_clouds_are_equivariant_to_the_order_of_points(name: str) -> None:
    model = make_model(name)
    points, features = random_batch(2, 17)
    order = torch.randperm(17, generator=torch.Generator().manual_seed(2))
    permuted = model(points[:, order], features[:, order])
    torch.testing.assert_close(permuted, model(points, features)[:, order])


@pytest.mark.parametrize("name", ["full_attention", "transolver"])
def test_giving_every_point_twice_changes_nothing(name: str) -> None:
    model = make_model(name)
    for module in model.modules():
        if isinstance(module, SliceAttention):  # well filled slices, far above EMPTY_SLICE
            module.to_slices.weight.data *= 0.1
    points, features = random_batch(1, 17)
    doubled = model(points.repeat(1, 2, 1), features.repeat(1, 2, 1))[:, :17]
    torch.testing.assert_close(doubled, model(points, features), rtol=1e-4, atol=1e-4)


def test_grids_see_neighbors() -> None:
    model = make_model("transolver_grid")
    points, features = random_batch(1, 12)
    flipped = model(points.flip(1), features.flip(1)).flip(1)
    assert (flipped - model(points, features)).abs().max() > 1e-3


def test_grid_with_pointwise_kernels_is_the_cloud_model() -> None:
    cloud, grid = make_model("transolver"), make_model("transolver_grid")
    state = cloud.state_dict()
    for name in state:
        if name.endswith("project.weight"):
            kernel = torch.zeros(2 * WIDTH, WIDTH, 3, 3, dtype=torch.float64)
            kernel[:, :, 1, 1] = state[name]
            state[name] = kernel
    grid.load_state_dict(state)
    points, features = random_batch(2, 12)
    torch.testing.assert_close(grid(points, features), cloud(points, features))


def test_grid_moves_the_output_with_a_bump_far_from_the_edges() -> None:
    model = make_model("transolver_grid", structured_shape=(12, 14))
    features = torch.zeros(2, 12, 14, 1, dtype=torch.float64)
    features[0, 4, 5], features[0, 5, 6] = 1.0, -2.0
    features[1] = features[0].roll((1, 2), dims=(0, 1))
    points = torch.zeros(2, 12 * 14, 2, dtype=torch.float64)
    first, second = model(points, features.flatten(1, 2)).reshape(2, 12, 14, 3)
    inside, moved = first[2:9, 3:9], second[3:10, 5:11]
    torch.testing.assert_close(moved, inside)
    assert (inside - first[1, 1]).abs().max() > 1e-2
    torch.testing.assert_close(second[0], first[0])


def test_weights_of_a_point_sum_to_one_over_slices() -> None:
    layer = make_model("transolver").blocks[0].attention
    assert isinstance(layer, SliceAttention)
    guides, _ = layer._project(torch.randn(2, 9, WIDTH, dtype=torch.float64))
    weights = layer._weigh(guides)
    assert weights.shape == (HEADS, 2, 9, SLICES)
    assert (weights > 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(HEADS, 2, 9, dtype=torch.float64))


@pytest.mark.parametrize("name", MODELS)
def test_clouds_of_a_batch_do_not_see_each_other(name: str) -> None:
    model = make_model(name)
    points, features = random_batch(3, 12)
    torch.testing.assert_close(model(points, features)[1:], model(points[1:], features[1:]))


# --- contracts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_gets_a_finite_gradient(name: str) -> None:
    model = make_model(name, time_conditioned=True, unified_position=2)
    points, features = random_batch(1, 12)
    time = torch.tensor([0.5], dtype=torch.float64)
    model(points, features, time=time).square().sum().backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.abs().max() > 0, parameter_name


@pytest.mark.parametrize("name", MODELS)
def test_same_seed_same_weights_and_same_output(name: str) -> None:
    points, features = random_batch(1, 12)
    first, second = make_model(name), make_model(name)
    assert torch.equal(first(points, features), second(points, features))
    assert torch.equal(first(points, features), first(points, features))


@pytest.mark.parametrize("name", MODELS)
def test_partitions_are_ignored(name: str) -> None:
    model = make_model(name)
    points, features = random_batch(1, 12)
    output = model(points, features, partitions=[sequence_partition(12, 4)])
    assert torch.equal(output, model(points, features))


@pytest.mark.parametrize("name", MODELS)
def test_time_changes_the_output(name: str) -> None:
    model = make_model(name, time_conditioned=True)
    points, features = random_batch(2, 12)
    same = model(points[:1].expand(2, -1, -1), features[:1].expand(2, -1, -1),
                 time=torch.tensor([0.0, 1.0], dtype=torch.float64))  # fmt: skip
    assert (same[0] - same[1]).abs().max() > 1e-3


def test_number_of_slices_and_feed_forward_ratio_come_from_the_config() -> None:
    model = Transolver(ModelConfig(space_dim=2, architecture="transolver", width=16, num_heads=4,
                                   num_blocks=1, num_slices=7, mlp_ratio=3))  # fmt: skip
    state = model.state_dict()
    assert state["blocks.0.attention.to_slices.weight"].shape == (7, 4)
    assert state["blocks.0.mlp.0.weight"].shape == (48, 16)


def test_initial_weights() -> None:
    with seeded(0, "initial"):
        model = Transolver(
            ModelConfig(space_dim=2, architecture="transolver", width=128, num_heads=4)
        )
    state = model.state_dict()
    slices = state["blocks.3.attention.to_slices.weight"]
    torch.testing.assert_close(slices.mT @ slices, torch.eye(32), rtol=0, atol=1e-5)
    assert (state["blocks.3.attention.temperature"] == 0.5).all()
    assert "blocks.3.attention.to_qkv.bias" not in state
    for name, in_width in (("attention.project", 128), ("attention.to_out", 128), ("mlp.2", 256)):
        # Some twenty thousand draws of variance 1 / fan-in: their deviation is 1% off at most.
        deviation = state[f"blocks.3.{name}.weight"].std().item()
        assert deviation == pytest.approx(in_width**-0.5, rel=0.02)
        assert (state[f"blocks.3.{name}.bias"] == 0).all()
    assert (state["blocks.3.norm_mlp.weight"] == 1).all()


def test_rejects_a_grid_of_another_size() -> None:
    points, features = random_batch(1, 13)
    message = "points must be the 12 points of a 3 x 4 grid, row by row, got 13"
    with pytest.raises(ValueError, match=message):
        make_model("transolver_grid")(points, features)
