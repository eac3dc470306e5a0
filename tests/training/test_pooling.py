import pytest
import torch
from helpers import made_up_cases, tiny_config

from mspt.checkpoint import Checkpoint
from mspt.config import Pooling
from mspt.errors import MSPTError
from mspt.models.normalizer import Normalizer
from mspt.models.pooling import PatchPooling
from mspt.models.registry import build_model
from mspt.training.pooling import (
    FROM_MEAN,
    CaseMeasured,
    PoolingStudy,
    gradient_noise,
    position_weights,
    study_pooling,
    with_pooling,
)

CASES = made_up_cases(5)
NORMALIZER = Normalizer.fit(CASES.points, CASES.features, CASES.fields)


def checkpoint(pooling: Pooling = "mean", **changes: object) -> Checkpoint:
    config = tiny_config(pooling=pooling, num_supernodes=2, **changes)
    return Checkpoint(build_model(config, seed=1).eval(), config, NORMALIZER, {})


def study(one: Checkpoint, **options: Pooling) -> PoolingStudy:
    *events, found = study_pooling(one, CASES, **options)
    assert [event.done for event in events if isinstance(event, CaseMeasured)] == [1, 2, 3, 4, 5]
    assert isinstance(found, PoolingStudy)
    return found


def test_signal_and_noise_are_those_that_gradients_were_drawn_with() -> None:
    torch.manual_seed(0)
    mean = torch.tensor([0.3, -0.4, 0.0])  # of squared length 0.25
    drawn = [gradient_noise(mean + torch.randn(8, 3)) for _ in range(4000)]
    assert sum(one.signal for one in drawn) / len(drawn) == pytest.approx(0.25, abs=0.03)
    assert sum(one.noise for one in drawn) / len(drawn) == pytest.approx(3.0, rel=0.02)
    assert gradient_noise(mean.expand(4, 3)).scale == 0
    assert gradient_noise(torch.tensor([[1.0], [-1.0]])).scale is None
    with pytest.raises(ValueError, match="at least two cases"):
        gradient_noise(mean[None])


@pytest.mark.parametrize("pooling", FROM_MEAN)
def test_pooling_in_place_of_the_mean_changes_no_prediction(pooling: Pooling) -> None:
    inputs = NORMALIZER.encode(CASES.points, CASES.features)
    one = checkpoint()
    with torch.no_grad():
        torch.testing.assert_close(with_pooling(one, pooling).model(*inputs), one.model(*inputs))


@pytest.mark.parametrize("pooling", ["linear", "attention", "linear_from_mean", "mean_std"])
def test_mean_gradient_is_that_of_the_loss_over_all_cases(pooling: Pooling) -> None:
    one = checkpoint(pooling)
    found = study(one)
    assert (found.pooling, found.learned) == (pooling, True)
    predicted = NORMALIZER.decode(one.model(*NORMALIZER.encode(CASES.points, CASES.features)))
    error = (predicted - CASES.fields).flatten(1).norm(dim=1) / CASES.fields.flatten(1).norm(dim=1)
    named = dict(one.model.named_parameters())
    for kind, measured in (("pool", found.gradients), ("to_qkv.weight", found.projections)):
        watched = [value for name, value in named.items() if kind in name]
        gradients = torch.autograd.grad(error.mean(), watched, retain_graph=True)
        for gradient, noise in zip(gradients, measured, strict=True):
            length = noise.signal + noise.noise / len(CASES)
            assert length == pytest.approx(float(gradient.square().sum()), rel=1e-3, abs=1e-12)


def test_mean_is_measured_with_the_parameters_that_it_lacks() -> None:
    found = study(checkpoint(), pooling="linear_from_mean")
    assert (found.pooling, found.learned) == ("linear_from_mean", False)
    assert len(found.gradients) == len(found.projections) == 2
    assert found.departures == pytest.approx((0.0, 0.0), abs=1e-6)
    assert study(checkpoint(), pooling="mean_std").departures is None


def test_departure_is_the_relative_change_of_the_weights() -> None:
    one = checkpoint("linear_from_mean")
    pools = [module for module in one.model.modules() if isinstance(module, PatchPooling)]
    with torch.no_grad():
        pools[0].knots[:] = 0.5  # every weight is 0.5 / P more than that of the mean, 2 / P or 0
    # Of Q P changes of 0.5 / P, beside the P weights of 2 / P in the means of two halves.
    assert study(one).departures == pytest.approx(((2 * 0.25 / 4) ** 0.5, 0.0), abs=1e-4)
    weights = position_weights(pools[0], 10)
    assert weights is not None
    torch.testing.assert_close(weights[0], torch.tensor([0.25] * 5 + [0.05] * 5))


def test_models_without_the_mean_or_a_learned_pooling_are_refused() -> None:
    with pytest.raises(MSPTError, match="mean pooling, got 'max'"):
        with_pooling(checkpoint("max"), "mean_std")
    with pytest.raises(MSPTError, match="got 'transolver'"):
        list(study_pooling(checkpoint(architecture="transolver"), CASES))
    with pytest.raises(MSPTError, match="'mspt' with 'max'"):
        list(study_pooling(checkpoint("max"), CASES))
    with pytest.raises(ValueError, match="pooling must be one of"):
        with_pooling(checkpoint(), "linear")
