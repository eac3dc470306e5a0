"""What every registered model promises: a new one is tested by being registered."""

from pathlib import Path
from typing import get_args

import pytest
import torch
from torch import Tensor

from mspt.checkpoint import load_checkpoint, save_checkpoint
from mspt.config import Architecture, ModelConfig
from mspt.inference.predict import partitions_for
from mspt.models.normalizer import Normalizer
from mspt.models.registry import MODELS, build_model
from mspt.seeding import generator

NUM_SURFACE, NUM_POINTS, CHANNELS = 24, 60, 3
every_model = pytest.mark.parametrize("architecture", MODELS)


def config_of(architecture: Architecture) -> ModelConfig:
    return ModelConfig(
        space_dim=3,
        in_features=2,
        out_channels=CHANNELS,
        architecture=architecture,
        width=16,
        num_heads=2,
        num_blocks=2,
        num_patches=6,
        num_slices=5,
    )


def clouds(count: int, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    random = generator(seed, "clouds")
    points = torch.rand(count, NUM_POINTS, 3, generator=random, dtype=torch.float64) * 2 - 1
    return points, torch.randn(count, NUM_POINTS, 2, generator=random, dtype=torch.float64)


def predict(model: torch.nn.Module, points: Tensor, features: Tensor) -> Tensor:
    cut = partitions_for(model.config, points, num_surface=NUM_SURFACE)
    return model(points, features, partitions=cut)


def built(architecture: Architecture, *, seed: int = 0) -> torch.nn.Module:
    return build_model(config_of(architecture), seed=seed).double().eval()


def test_every_architecture_of_a_config_can_be_built() -> None:
    assert set(MODELS) == set(get_args(Architecture))
    for architecture in MODELS:
        assert type(build_model(config_of(architecture))) is MODELS[architecture]


@every_model
def test_every_point_has_finite_fields_that_differ(architecture: Architecture) -> None:
    points, features = clouds(2)
    before = points.clone(), features.clone()
    fields = predict(built(architecture), points, features)
    assert fields.shape == (2, NUM_POINTS, CHANNELS)
    assert fields.dtype == torch.float64
    assert fields.isfinite().all()
    assert (fields.std(dim=1) > 0).all()
    assert torch.equal(points, before[0])
    assert torch.equal(features, before[1])


@every_model
def test_every_parameter_gets_a_gradient(architecture: Architecture) -> None:
    model = built(architecture).train()
    predict(model, *clouds(2)).square().sum().backward()
    without = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().max() > 0
    ]
    assert list(model.parameters())
    assert without == []


@every_model
def test_weights_and_fields_depend_on_the_seed_alone(architecture: Architecture) -> None:
    inputs = clouds(1)
    first, same, other = (predict(built(architecture, seed=s), *inputs) for s in (1, 1, 2))
    assert torch.equal(first, same)
    assert (first - other).abs().max() > 1e-3


@every_model
def test_fields_depend_on_places_and_on_features(architecture: Architecture) -> None:
    model, (points, features) = built(architecture), clouds(1)
    fields = predict(model, points, features)
    assert (predict(model, points * 0.9, features) - fields).abs().max() > 1e-5
    assert (predict(model, points, features * 0.9) - fields).abs().max() > 1e-5


@every_model
def test_clouds_of_a_batch_do_not_see_each_other(architecture: Architecture) -> None:
    model, (points, features) = built(architecture), clouds(3)
    together = predict(model, points, features)
    for row in range(3):
        alone = predict(model, points[row : row + 1], features[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone)


@every_model
def test_fields_follow_the_order_of_the_points(architecture: Architecture) -> None:
    """Points of the surface stay first, as a branched model needs them."""
    model, (points, features) = built(architecture), clouds(1)
    random = torch.Generator().manual_seed(5)
    surface = torch.randperm(NUM_SURFACE, generator=random)
    order = torch.cat(
        [surface, NUM_SURFACE + torch.randperm(NUM_POINTS - NUM_SURFACE, generator=random)]
    )
    fields = predict(model, points, features)
    torch.testing.assert_close(
        predict(model, points[:, order], features[:, order]), fields[:, order]
    )


@every_model
def test_a_saved_model_predicts_the_same(architecture: Architecture, tmp_path: Path) -> None:
    config, inputs = config_of(architecture), [part.float() for part in clouds(1)]
    model = build_model(config, seed=4).eval()
    normalizer = Normalizer(space_dim=3, in_features=2, out_channels=CHANNELS)
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, model=model, config=config, normalizer=normalizer, info={})
    found = load_checkpoint(path)
    assert found.config == config
    assert torch.equal(predict(found.model, *inputs), predict(model, *inputs))


@every_model
def test_no_gradient_is_needed_to_predict(architecture: Architecture) -> None:
    """Without gradients some models stream their rows: the fields are the same."""
    model, inputs = built(architecture), clouds(1)
    with torch.inference_mode():
        streamed = predict(model, *inputs)
    torch.testing.assert_close(streamed, predict(model, *inputs))
