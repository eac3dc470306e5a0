"""The term of the loss that compares gradients: which points it reads, and what it changes."""

from dataclasses import replace

import pytest
import torch
from helpers import made_up_cases, tiny_config, tiny_preset
from made_up_flows import flow_preset, sphere_clouds

from mspt.data.case import CaseStack
from mspt.data.grids import grid_points
from mspt.data.registry import get_dataset
from mspt.metrics.derivatives import cloud_stencil, derivative_error, gradients, grid_stencil
from mspt.seeding import generator
from mspt.training.batches import coarsen, fit_normalizer, source_of, stencils_of
from mspt.training.loop import EpochDone, StepDone, prepare, train

CASES, VALIDATION = made_up_cases(10), made_up_cases(4, seed=1)


def losses(weight: float, **train_settings: object) -> list[float]:
    preset = tiny_preset(derivative_weight=weight, **train_settings)
    events = train(prepare(preset, cases=CASES, validation=VALIDATION))
    return [event.loss for event in events if isinstance(event, StepDone)]


def test_term_changes_the_training_and_not_what_is_reported_as_error() -> None:
    without, with_term = losses(0.0), losses(0.5)
    assert with_term[0] == without[0]  # the error of the first weights, which are the same
    assert with_term[1] != without[1]


def test_first_step_follows_the_gradient_of_the_weighted_sum() -> None:
    preset = tiny_preset(derivative_weight=0.3, clip_norm=1e9)
    training = prepare(preset, cases=CASES, validation=VALIDATION)
    rows = torch.randperm(10, generator=generator(preset.train.seed, "order", 0))[:4]
    points, features = CASES.points[rows], CASES.features[rows]
    encoded = training.normalizer.encode(points, features)
    fields = training.normalizer.decode(training.model(*encoded))
    target, stencils = CASES.fields[rows], [cloud_stencil(one) for one in points]
    relative = (fields - target).norm(dim=(1, 2)) / target.norm(dim=(1, 2))
    loss = relative.mean() + 0.3 * derivative_error(fields, target, stencils).mean()
    expected = torch.autograd.grad(loss, list(training.model.parameters()))
    next(train(training))
    for parameter, gradient in zip(training.model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-5)


def test_derivatives_are_learned_better_with_the_term() -> None:
    def error_of(weight: float) -> float:
        preset = tiny_preset(derivative_weight=weight, epochs=20)
        training = prepare(preset, cases=CASES, validation=VALIDATION)
        list(train(training))
        encoded = training.normalizer.encode(CASES.points, CASES.features)
        with torch.no_grad():
            fields = training.normalizer.decode(training.average(*encoded))
        stencils = [cloud_stencil(points) for points in CASES.points]
        return derivative_error(fields, CASES.fields, stencils).mean().item()

    assert error_of(1.0) < 0.9 * error_of(0.0)


def grid_cases(shape: tuple[int, int]) -> CaseStack:
    points = grid_points(shape).expand(3, -1, -1).clone()
    return CaseStack(
        dataset="darcy",
        names=("a", "b", "c"),
        points=points,
        features=torch.zeros(3, points.shape[1], 1),
        fields=points.square().sum(-1, keepdim=True),
    )


def test_cases_on_the_grid_of_a_data_set_share_central_differences() -> None:
    shape = get_dataset("darcy").grid_shape
    assert shape is not None
    cases = grid_cases(shape)
    first, *others = stencils_of(cases)
    assert all(other is first for other in others)
    assert torch.equal(first.weights, grid_stencil(cases.points[0], shape).weights)
    # Fewer points than the data set's grid are a cloud; derivatives inside stay those of x^2 + y^2.
    coarse = coarsen(cases)
    (found,) = gradients(coarse.fields[:1], stencils_of(coarse)[:1])
    inside = ((coarse.points[0] - 0.5).abs() < 0.45).all(-1)
    torch.testing.assert_close(
        found[inside, :, 0], 2 * coarse.points[0, inside], atol=2e-3, rtol=1e-3
    )


def test_turned_cases_have_the_error_of_the_cases_as_they_are_stored() -> None:
    normalizer = fit_normalizer(CASES)
    settings = {"normalizer": normalizer, "config": tiny_config(), "seed": 3, "derivatives": True}
    plain, turned = (
        source_of(CASES, augment=augment, **settings).batch([0, 4, 7], epoch=2)
        for augment in (False, True)
    )
    assert not torch.equal(plain.points, turned.points)
    guess = torch.randn(plain.fields.shape, generator=generator(0, "guess"))
    torch.testing.assert_close(turned.derivative_errors(guess), plain.derivative_errors(guess))
    there = [cloud_stencil(points) for points in turned.points]
    expected = derivative_error(guess, plain.fields, there)
    torch.testing.assert_close(turned.derivative_errors(guess)[0], expected, rtol=1e-3, atol=1e-4)


def test_flows_have_an_error_for_each_group_where_it_is_defined() -> None:
    stack, preset = sphere_clouds(3), flow_preset()
    source = source_of(
        stack, normalizer=fit_normalizer(stack), config=preset.model, seed=0, derivatives=True
    )
    batch = source.batch([0, 2], epoch=0)
    guess = torch.randn(batch.fields.shape, generator=generator(0, "guess"))
    errors = batch.derivative_errors(guess)
    assert errors.shape == (len(stack.layout.groups), 2)
    assert errors.isfinite().all()
    # A change of the pressure in the flow concerns no group: it is scored on the surface alone.
    changed = guess.clone()
    changed[:, batch.num_surface :, 0] += 5.0 * changed[:, batch.num_surface :, 1]
    assert torch.equal(batch.derivative_errors(changed)[0], errors[0])


def test_flows_are_trained_with_the_term() -> None:
    preset = flow_preset(epochs=2, derivative_weight=0.1)
    training = prepare(preset, cases=sphere_clouds(4), validation=sphere_clouds(2, first=50))
    errors = [e.validation_error for e in train(training) if isinstance(e, EpochDone)]
    assert torch.tensor(errors).isfinite().all()


def test_batch_without_stencils_has_no_error_of_derivatives() -> None:
    source = source_of(CASES, normalizer=fit_normalizer(CASES), config=tiny_config(), seed=0)
    batch = source.batch([0], epoch=0)
    with pytest.raises(ValueError, match="stencils must be given for an error of derivatives"):
        batch.derivative_errors(batch.fields)
    assert replace(batch, stencils=stencils_of(CASES)[:1]).derivative_errors(batch.fields) == 0
