"""Derivatives: exact for linear functions, of second order on grids, along surfaces only."""

from collections.abc import Callable

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch import Tensor

from mspt.metrics.derivatives import (
    cloud_stencil,
    derivative_error,
    gradients,
    grid_stencil,
)
from mspt.seeding import generator


def cloud(num_points: int, space_dim: int, seed: int = 0) -> Tensor:
    random = generator(seed, "cloud")
    return torch.rand(num_points, space_dim, generator=random, dtype=torch.float64)


def grid(rows: int, columns: int) -> Tensor:
    lines = (torch.linspace(0, 1, count, dtype=torch.float64) for count in (rows, columns))
    return torch.cartesian_prod(*lines)


@given(space_dim=st.integers(1, 3), num_points=st.integers(30, 80), seed=st.integers(0, 2**16))
def test_gradient_of_a_linear_function_is_exact_on_a_cloud(
    space_dim: int, num_points: int, seed: int
) -> None:
    points, random = cloud(num_points, space_dim, seed), generator(seed, "slopes")
    slopes = torch.randn(space_dim, 4, generator=random, dtype=torch.float64)
    found = gradients((points @ slopes + 3.0)[None], [cloud_stencil(points)])
    torch.testing.assert_close(found[0], slopes.expand(num_points, -1, -1), atol=1e-8, rtol=1e-8)


def curved(points: Tensor) -> Tensor:
    """Part of a ring."""
    radius, angle = 1 + points[:, 0], 2 * points[:, 1]
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


@pytest.mark.parametrize(
    "form",
    [lambda points: points, lambda points: points.flip(1), curved],
    ids=["rows along y", "rows along x", "curved"],
)
@pytest.mark.parametrize("shape", [(2, 2), (5, 9), (12, 3)])
def test_gradient_of_a_linear_function_is_exact_on_a_grid(
    shape: tuple[int, int], form: Callable[[Tensor], Tensor]
) -> None:
    points = form(grid(*shape))
    slopes = torch.tensor([[2.0, 0.5], [-3.0, 1.0]], dtype=torch.float64)
    found = gradients((points @ slopes)[None], [grid_stencil(points, shape)])
    torch.testing.assert_close(found[0], slopes.expand(len(points), -1, -1))


def test_differences_on_a_grid_are_those_of_torch() -> None:
    points, shape = grid(9, 7), (9, 7)
    values = torch.randn(9, 7, generator=generator(1, "values"), dtype=torch.float64)
    found = gradients(values.reshape(1, -1, 1), [grid_stencil(points, shape)])
    expected = torch.gradient(values, spacing=(1 / 8, 1 / 6))
    for axis in (0, 1):
        torch.testing.assert_close(found[0, :, axis, 0].reshape(9, 7), expected[axis])


@given(seed=st.integers(0, 2**16))
def test_gradient_on_a_cloud_solves_the_weighted_least_squares(seed: int) -> None:
    """Each point's own system, by another solver."""
    points = cloud(25, 2, seed)
    values = torch.randn(25, generator=generator(seed, "values"), dtype=torch.float64)
    found = gradients(values[None, :, None], [cloud_stencil(points)])[0, :, :, 0]
    for point in range(25):
        distance = (points - points[point]).norm(dim=1)
        near = distance.argsort()[1:9]
        rows = (points[near] - points[point]) / distance[near, None]
        right = (values[near] - values[point]) / distance[near]
        expected = torch.linalg.lstsq(rows, right[:, None]).solution[:, 0]
        torch.testing.assert_close(found[point], expected, atol=1e-8, rtol=1e-6)


def test_gradient_on_a_sphere_lies_in_the_tangent_plane() -> None:
    normals = torch.nn.functional.normalize(cloud(4000, 3) - 0.5, dim=1)
    slope = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    found = gradients((normals @ slope)[None, :, None], [cloud_stencil(normals)])[0, :, :, 0]
    tangent = slope - (normals @ slope)[:, None] * normals
    assert (found - tangent).norm(dim=1).median() < 0.05
    assert (found * normals).sum(1).abs().median() < 0.05


def test_points_of_a_surface_and_of_the_flow_are_no_neighbors() -> None:
    points = cloud(60, 3)
    stencil = cloud_stencil(points, num_surface=25)
    values = points[:, :1].clone()
    values[:25] += 100.0
    slope = gradients(values[None], [stencil])[0, :, :, 0]
    expected = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64).expand(60, -1)
    torch.testing.assert_close(slope, expected, atol=1e-8, rtol=1e-8)


def test_points_at_one_place_do_not_count_as_neighbors() -> None:
    points = cloud(40, 2)
    points[1] = points[0]
    found = gradients((points @ torch.ones(2, 1).double())[None], [cloud_stencil(points)])
    torch.testing.assert_close(found, torch.ones_like(found))


def test_error_is_relative_whatever_the_unit_of_length_and_of_the_field() -> None:
    points = cloud(50, 2)
    target, other = (
        torch.randn(1, 50, 2, generator=generator(seed, "field"), dtype=torch.float64)
        for seed in (0, 1)
    )
    error = derivative_error(other, target, [cloud_stencil(points)])
    scaled = derivative_error(7 * other + 5, 7 * target, [cloud_stencil(1000 * points)])
    torch.testing.assert_close(scaled, error)
    assert derivative_error(target + 3, target, [cloud_stencil(points)]).abs() < 1e-12
    half = derivative_error(other, target, [cloud_stencil(points)], rows=slice(20))
    assert (half - error).abs() > 1e-3


def test_error_has_a_gradient_that_leads_to_the_target() -> None:
    points = cloud(50, 2)
    target = points.square().sum(1)[None, :, None]
    guess = torch.zeros_like(target).requires_grad_()
    stencils = [cloud_stencil(points)]
    for _ in range(200):
        (slope,) = torch.autograd.grad(derivative_error(guess, target, stencils).sum(), guess)
        with torch.no_grad():
            guess -= 0.02 * slope / slope.norm()
    assert derivative_error(guess, target, stencils) < 0.7


def test_each_case_has_a_stencil_of_its_own() -> None:
    points = [cloud(30, 2, seed) for seed in (0, 1)]
    fields = torch.stack([one @ torch.ones(2, 1).double() for one in points])
    found = gradients(fields, [cloud_stencil(one) for one in points])
    torch.testing.assert_close(found, torch.ones_like(found))


def test_each_case_must_have_a_stencil() -> None:
    points = cloud(30, 2)
    with pytest.raises(ValueError, match="shorter"):
        gradients(points.expand(2, -1, -1), [cloud_stencil(points)])


def test_refuses_what_has_no_derivative() -> None:
    with pytest.raises(ValueError, match="points must be at least 2 for a derivative, got 1"):
        cloud_stencil(cloud(1, 2))
    with pytest.raises(ValueError, match=r"grid of at least 2 x 2, got 12 for \(5, 3\)"):
        grid_stencil(grid(4, 3), (5, 3))
    with pytest.raises(ValueError, match="points must not lie on one line around any point"):
        grid_stencil(grid(4, 3) * torch.tensor([1.0, 0.0]), (4, 3))
