"""Flow through pipes against exact and made-up solutions, balances, mirror images, finer grids."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy import ndarray
from scipy.interpolate import CubicHermiteSpline

from mspt.errors import SolverError
from mspt.solvers.pipe import (
    CenterLine,
    PipeSolution,
    discretization_error,
    pipe_points,
    pipe_setting,
    sample_center_line,
    solve_pipe,
)
from mspt.solvers.pipe_flow import (
    Setting,
    finer_flow,
    midpoint_matrix,
    residual_norm,
    solve_flow,
)

STRAIGHT = CenterLine(heights=np.zeros(5), slopes=np.zeros(5))


@cache
def solved(seed: int) -> PipeSolution:
    """Return the flow of a seed; it takes a second, so tests share it."""
    return solve_pipe(sample_center_line(seed))


def relative(value: ndarray, reference: ndarray) -> float:
    return float(np.linalg.norm(value - reference) / np.linalg.norm(reference))


# ---- exact solutions


def test_a_straight_pipe_has_the_flow_of_poiseuille() -> None:
    solution = solve_pipe(STRAIGHT)
    y = solution.points[..., 1]
    np.testing.assert_allclose(solution.velocity[..., 0], 1 - 4 * y**2, atol=1e-10)
    np.testing.assert_allclose(solution.velocity[..., 1], 0, atol=1e-10)
    corner = solution.grid[::2, ::2]
    # -p' = 8 nu, and no stress at the outlet.
    np.testing.assert_allclose(solution.flow.pressure, 0.04 * (10 - corner[..., 0]), atol=1e-10)


def test_the_search_finds_poiseuille_from_another_start() -> None:
    """The pipe's own start is exact here; from half of it Newton's method has work to do."""
    setting = pipe_setting(STRAIGHT, pipe_points(STRAIGHT, along=17, across=9))
    halved = np.where(setting.given[..., None], setting.velocity, setting.velocity / 2)
    flow = solve_flow(replace(setting, velocity=halved))
    np.testing.assert_allclose(flow.velocity, setting.velocity, atol=1e-10)


def test_a_sloping_pipe_has_the_flow_of_poiseuille_away_from_its_outlet() -> None:
    """A vertical cut through a straight tilted pipe; a free outlet that slants disturbs its end."""
    line = CenterLine(heights=np.linspace(0, 2, 5), slopes=np.full(5, 0.2))
    solution = solve_pipe(line)
    eta = np.linspace(-1, 1, 129)
    upstream = solution.points[:, 0, 0] < 7
    expected = np.broadcast_to(1 - eta**2, (129, 129))[upstream]
    assert relative(solution.velocity[upstream, :, 0], expected) < 1e-4
    assert relative(solution.velocity[upstream, :, 1], 0.2 * expected) < 1e-4


# ---- a made-up solution


def made_up(size: int) -> tuple[Setting, ndarray, ndarray]:
    """Return a setting on a bent grid whose flow is known, its velocity and pressure.

    With a = 2 (x - 1): u = (1 + sin a cos y, -2 cos a sin y) has no divergence, and with
    p = 2 nu cos a cos y + (1 - x) sin 2 y there is no stress at the outlet x = 1.
    """
    i, j = np.meshgrid(np.linspace(0, 1, size), np.linspace(0, 1, size), indexing="ij")
    x, y = i + 0.1 * np.sin(np.pi * i) * np.sin(np.pi * j), j + 0.15 * i**2
    a, viscosity = 2 * (x - 1), 0.05
    sin_a, cos_a, sin_y, cos_y = np.sin(a), np.cos(a), np.sin(y), np.cos(y)
    u_x, u_y = 1 + sin_a * cos_y, -2 * cos_a * sin_y
    pressure = 2 * viscosity * cos_a * cos_y + (1 - x) * np.sin(2 * y)
    transport_x = u_x * 2 * cos_a * cos_y - u_y * sin_a * sin_y
    transport_y = u_x * 4 * sin_a * sin_y - u_y * 2 * cos_a * cos_y
    laplace_x, laplace_y = -5 * sin_a * cos_y, 10 * cos_a * sin_y
    push_x = -4 * viscosity * sin_a * cos_y - np.sin(2 * y)
    push_y = -2 * viscosity * cos_a * sin_y + 2 * (1 - x) * np.cos(2 * y)
    force_x = transport_x - viscosity * laplace_x + push_x
    force_y = transport_y - viscosity * laplace_y + push_y
    given = np.zeros((size, size), dtype=bool)
    given[0] = given[:, 0] = given[:, -1] = True
    velocity = np.stack([u_x, u_y], axis=-1)
    setting = Setting(
        points=np.stack([x, y], axis=-1),
        given=given,
        velocity=np.where(given[..., None], velocity, 0.0),
        viscosity=viscosity,
        force=np.stack([force_x, force_y], axis=-1),
    )
    return setting, velocity, pressure[::2, ::2]


def test_velocity_converges_with_the_third_and_pressure_with_the_second_order() -> None:
    errors = []
    for elements in (8, 16, 32):
        setting, velocity, pressure = made_up(2 * elements + 1)
        flow = solve_flow(setting)
        errors.append([relative(flow.velocity, velocity), relative(flow.pressure, pressure)])
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders[:, 0].min() > 2.8
    assert orders[:, 1].min() > 1.8
    assert errors[-1][0] < 1e-5


# ---- balances


@pytest.fixture(scope="module", params=[0, 18], ids=["usual", "twice-as-viscous-first"])
def seed(request: pytest.FixtureRequest) -> int:
    return request.param


def test_the_discrete_equations_hold(seed: int) -> None:
    solution = solved(seed)
    setting = pipe_setting(sample_center_line(seed), solution.grid)
    start = replace(solution.flow, velocity=setting.velocity, pressure=0 * solution.flow.pressure)
    assert residual_norm(setting, solution.flow) < 1e-9 * residual_norm(setting, start)


def test_as_much_flows_through_every_cross_section_as_enters(seed: int) -> None:
    """The parabola carries 2/3; sections are vertical, so that u_x alone counts."""
    velocity = solved(seed).flow.velocity[..., 0]
    weights = np.ones(velocity.shape[1])  # Simpson's rule, exact for each element
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    flux = velocity @ weights / weights.sum()
    np.testing.assert_allclose(flux, 2 / 3, rtol=0.005)
    # Between corners the balance is weak, over neighbors it holds more exactly.
    assert abs(flux[1:-1].mean() - 2 / 3) < 2e-4


def test_no_fluid_moves_at_the_walls_and_the_inlet_is_a_parabola(seed: int) -> None:
    line = sample_center_line(seed)
    velocity = solved(seed).velocity
    assert np.abs(velocity[:, [0, -1]]).max() < 1e-14
    parabola = 1 - np.linspace(-1, 1, 129) ** 2
    np.testing.assert_allclose(velocity[0, :, 0], parabola, atol=1e-14)
    np.testing.assert_allclose(velocity[0, :, 1], line.slopes[0] * parabola, atol=1e-14)


def test_a_mirrored_pipe_has_the_mirrored_flow(seed: int) -> None:
    line = sample_center_line(seed)
    mirrored = solve_pipe(CenterLine(heights=-line.heights, slopes=-line.slopes))
    solution = solved(seed)
    np.testing.assert_allclose(mirrored.points * [1, -1], solution.points[:, ::-1], atol=1e-14)
    np.testing.assert_allclose(mirrored.velocity * [1, -1], solution.velocity[:, ::-1], atol=1e-7)


def test_a_pipe_raised_as_a_whole_has_the_same_flow() -> None:
    line = sample_center_line(0)
    raised = CenterLine(heights=line.heights + 0.7, slopes=line.slopes)
    np.testing.assert_allclose(solve_pipe(raised).velocity, solved(0).velocity, atol=1e-7)


# ---- grids


@pytest.mark.slow
def test_finer_elements_change_u_x_by_as_little_as_the_data_card_says() -> None:
    assert 1e-5 < discretization_error(range(1)) < 0.001


def test_the_points_of_a_case_lie_on_the_flow_of_the_elements() -> None:
    """Nodes are kept as they are; halfway between them the element's parabola counts."""
    solution = solved(18)
    nodes = solution.flow.velocity[::2]
    assert np.array_equal(solution.velocity[:, ::2], nodes)
    np.testing.assert_allclose(
        solution.velocity[:, 1], 0.375 * nodes[:, 0] + 0.75 * nodes[:, 1] - 0.125 * nodes[:, 2]
    )
    np.testing.assert_allclose(solution.grid[::2], solution.points[:, ::2], atol=1e-14)


def test_a_finer_grid_holds_the_same_parabolas() -> None:
    places = np.linspace(0, 1, 9)
    parabolas = np.where(places < 0.5, places * (1 - 2 * places), (places - 0.5) * (2 - places))
    finer = np.linspace(0, 1, 17)
    expected = np.where(finer < 0.5, finer * (1 - 2 * finer), (finer - 0.5) * (2 - finer))
    np.testing.assert_allclose(midpoint_matrix(9) @ parabolas, expected, atol=1e-15)


def test_a_finer_flow_is_the_same_flow() -> None:
    setting, velocity, pressure = made_up(9)
    flow = finer_flow(solve_flow(setting))
    assert flow.velocity.shape == (17, 17, 2)
    assert flow.pressure.shape == (9, 9)
    assert relative(flow.velocity, made_up(17)[1]) < 0.01
    assert velocity.shape == (9, 9, 2)
    assert pressure.shape == (5, 5)


# ---- center lines


def test_center_lines_are_cubic_hermite_splines_in_the_ranges_of_the_public_data() -> None:
    lines = [sample_center_line(seed) for seed in range(200)]
    heights, slopes = (
        np.stack([getattr(line, key) for line in lines]) for key in ("heights", "slopes")
    )
    assert -2 < heights.min() < -1.9 < 1.9 < heights.max() < 2
    assert -1 < slopes.min() < -0.9 < 0.9 < slopes.max() < 1
    assert abs(np.corrcoef(heights.ravel(), slopes.ravel())[0, 1]) < 0.1
    x = np.linspace(0, 10, 41)
    expected = CubicHermiteSpline([0, 2.5, 5, 7.5, 10], heights[0], slopes[0])
    np.testing.assert_allclose(lines[0].at(x), expected(x), atol=1e-14)
    np.testing.assert_allclose(lines[0].slope_at(x), expected(x, 1), atol=1e-14)


def test_the_grid_of_a_pipe_has_vertical_columns_of_height_one() -> None:
    line = sample_center_line(5)
    points = pipe_points(line)
    assert np.array_equal(points[:, 0, 0], points[:, -1, 0])
    np.testing.assert_allclose(points[:, -1, 1] - points[:, 0, 1], 1)
    np.testing.assert_allclose(points[:, 64, 1], line.at(points[:, 0, 0]), atol=1e-14)


# ---- what is refused


def test_center_lines_that_are_not_finite_or_too_steep_are_refused() -> None:
    broken = replace(STRAIGHT, heights=np.array([0, np.nan, 0, 0, 0]))
    with pytest.raises(SolverError, match="center line must have finite heights and slopes, got"):
        solve_pipe(broken)
    steep = replace(STRAIGHT, heights=np.array([0.0, 12, 0, 0, 0]))
    with pytest.raises(SolverError, match=r"center line must have slopes up to 6, got 7\.2"):
        solve_pipe(steep)


def test_a_flow_without_a_steady_state_is_refused() -> None:
    line = sample_center_line(1)
    setting = pipe_setting(line, pipe_points(line, along=17, across=9), viscosity=1e-5)
    with pytest.raises(SolverError, match="flow must become steady, got a residual of"):
        solve_flow(setting)


def test_a_grid_that_folds_is_refused() -> None:
    setting, _, _ = made_up(5)
    folded = replace(setting, points=setting.points[:, ::-1])
    with pytest.raises(SolverError, match="grid must have elements of positive area, got -"):
        solve_flow(folded)
