"""The Euler solver against exact properties of flows, and published values of NACA 0012."""

import numpy as np
import pytest
from numpy import ndarray

from mspt.errors import SolverError
from mspt.solvers import airfoil
from mspt.solvers.airfoil import MACH, AirfoilFlow, sample_moves, solve_airfoil
from mspt.solvers.airfoil_grid import (
    MAX_MOVE,
    SHAPE,
    WAKE,
    airfoil_outline,
    build_grid,
    cell_areas,
    deformation,
    naca_thickness,
    undeformed,
)
from mspt.solvers.euler import (
    GAMMA,
    cycle,
    free_stream,
    grid_levels,
    grid_metrics,
    mach_number,
    point_values,
    pressure_of,
    residual,
    uniform_flow,
    wall_force,
)

UNMOVED = np.zeros((2, 4))


def converged(points: ndarray, wake: int, mach: float, *, steps: int) -> tuple[ndarray, float]:
    """Return the state after so many steps without multigrid, and the drag of the wall."""
    metrics = grid_metrics(points, wake=wake)
    state, change = uniform_flow(metrics, mach), 1.0
    for count in range(steps):
        relaxation = 0.02 if count < steps - 200 else 0.0
        change = cycle(state, (metrics,), mach=mach, relaxation=relaxation)
    assert change < 2e-6
    return state, wall_force(state, metrics, mach=mach)[0]


@pytest.fixture(scope="module")
def naca() -> AirfoilFlow:
    return solve_airfoil(UNMOVED)


@pytest.fixture(scope="module")
def subsonic() -> tuple[ndarray, float]:
    return converged(build_grid(UNMOVED).points, WAKE, 0.5, steps=1000)


# ---- grid


def test_the_undeformed_airfoil_is_naca_0012() -> None:
    """12 % thick, at 30 % of the chord, with a nose radius of 1.1019 times 0.12 squared."""
    x = np.linspace(0, 1, 1001)
    assert naca_thickness(x).max() == pytest.approx(0.06, rel=1e-3)
    assert x[naca_thickness(x).argmax()] == pytest.approx(0.3, abs=0.002)
    assert naca_thickness(np.array([1e-6]))[0] ** 2 / 2e-6 == pytest.approx(0.0159, rel=0.01)
    wall = build_grid(UNMOVED).points[WAKE:-WAKE, 0]
    assert np.abs(np.abs(wall[:, 1]) - naca_thickness(wall[:, 0].clip(0, 1))).max() < 1e-6


def test_both_sides_of_the_wake_are_the_same_points_before_and_after_a_deformation() -> None:
    for moves in (UNMOVED, sample_moves(4)):
        points = build_grid(moves).points[:, 0]
        assert (points[:WAKE] == points[: -WAKE - 1 : -1]).all()


def test_the_grid_of_a_mirrored_airfoil_is_mirrored() -> None:
    moves = sample_moves(5)
    grid, mirrored = build_grid(moves), build_grid(-moves[::-1])
    assert np.abs(mirrored.points[::-1] * [1, -1] - grid.points).max() < 1e-12


def test_finer_grids_contain_the_points_of_coarser_ones() -> None:
    moves = sample_moves(6)
    finer = build_grid(moves, refine=3).points[::3, ::3]
    assert np.abs(finer - build_grid(moves).points).max() < 1e-12


def test_grids_of_random_airfoils_are_not_folded() -> None:
    for seed in range(30):
        assert cell_areas(build_grid(sample_moves(seed)).points).min() > 0


def test_moving_all_control_points_alike_moves_the_airfoil_as_a_whole() -> None:
    moved = airfoil_outline(np.full((2, 4), 0.03))
    assert np.abs(moved - airfoil_outline(UNMOVED) - [0, 0.03]).max() < 2e-4


def test_a_control_point_moves_its_own_side_more_and_the_far_field_not() -> None:
    moves = np.zeros((2, 4))
    moves[1, 1] = 0.05
    x, y = np.array([1 / 3, 1 / 3, 1 / 3]), np.array([0.1, -0.1, 5.0])
    above, below, far = deformation(x, y, moves=moves)
    assert above == pytest.approx(0.05 * 4 / 9 * np.exp(-((0.1 / 0.8) ** 2)))
    assert below == 0
    assert far < 1e-15


def test_parabolic_coordinates_are_a_conformal_map() -> None:
    """Cauchy and Riemann, by differences."""
    place, step = np.array([0.7, 0.4]), 1e-6
    along, across = (
        (np.array(undeformed((place + d)[None])) - undeformed((place - d)[None])) / (2 * step)
        for d in step * np.eye(2)
    )
    assert along[0] == pytest.approx(across[1])
    assert along[1] == pytest.approx(-across[0])


# ---- solver


def test_uniform_flow_is_preserved_on_a_deformed_grid_without_walls() -> None:
    grid = build_grid(sample_moves(1))
    metrics = grid_metrics(grid.points, wake=(SHAPE[0] - 1) // 2)
    excess = residual(uniform_flow(metrics, MACH), metrics, mach=MACH)
    assert np.abs(excess).max() < 1e-12 * np.abs(metrics.away).max()


def test_uniform_flow_is_preserved_along_a_flat_wall() -> None:
    x, y = np.meshgrid(np.linspace(0, 1, 9) ** 2, np.linspace(0, 1, 7), indexing="ij")
    metrics = grid_metrics(np.stack([x, y], axis=-1), wake=0)
    assert np.abs(residual(uniform_flow(metrics, MACH), metrics, mach=MACH)).max() < 1e-14


def test_net_fluxes_of_all_cells_are_those_through_the_boundaries() -> None:
    """Inner faces and dissipation cancel: a bump in the middle changes no sum."""
    x, y = np.meshgrid(np.linspace(0, 2, 21), np.linspace(0, 1, 15), indexing="ij")
    metrics = grid_metrics(np.stack([x + 0.1 * y, y + 0.1 * np.sin(x)], axis=-1), wake=10)
    state = uniform_flow(metrics, MACH)
    state[:, 9:12, 9:12] *= 1.3
    excess = residual(state, metrics, mach=MACH)
    assert np.abs(excess).max() > 1e-3
    assert np.abs(excess.sum((1, 2))).max() < 1e-13


def test_naca_0012_has_no_lift_and_the_published_drag(naca: AirfoilFlow) -> None:
    """0.0083 to 0.0085 at Mach 0.8; 0.00834 on the finest grids (Vassberg and Jameson, 2010)."""
    assert abs(naca.lift) < 1e-12
    assert 0.0083 < naca.drag < 0.0086


def test_the_shock_of_naca_0012_stands_in_the_middle_of_the_chord(naca: AirfoilFlow) -> None:
    wall = naca.mach[SHAPE[0] // 2 : -WAKE, 0]
    x = naca.points[SHAPE[0] // 2 : -WAKE, 0, 0]
    last = np.flatnonzero(wall > 1).max()
    sonic = np.interp(-1, -wall[last : last + 2], x[last : last + 2])
    assert 0.48 < sonic < 0.53
    assert 1.24 < wall.max() < 1.29


def test_the_steady_flow_does_not_depend_on_the_coarser_grids(naca: AirfoilFlow) -> None:
    """The full approximation scheme solves the equations of the finest grid."""
    levels = grid_levels(build_grid(UNMOVED).points, wake=WAKE)[:3]
    state = uniform_flow(levels[0], MACH)
    for count in range(naca.cycles):
        change = cycle(state, levels, mach=MACH, relaxation=0.05 if count < 150 else 0.0)
    assert change < 1e-7
    mach = mach_number(point_values(state, wake=WAKE))
    for _ in range(20):
        change = cycle(state, levels[:1], mach=MACH)
    assert change < 3e-7
    assert np.abs(mach_number(point_values(state, wake=WAKE)) - mach).max() < 1e-4
    enthalpy = (state[3] + pressure_of(state)) / state[0]
    far = free_stream(MACH)
    # Steady flow keeps total enthalpy along streamlines, also through shocks.
    assert np.abs(enthalpy[2:-2, 2:-2] - (far[3] + 1 / GAMMA)).max() < 2e-3


def test_subsonic_flow_makes_little_entropy_and_has_little_drag(
    subsonic: tuple[ndarray, float],
) -> None:
    state, drag = subsonic
    entropy = GAMMA * pressure_of(state) / state[0] ** GAMMA
    assert np.abs(entropy[2:-2, 2:-2] - 1).max() < 5e-3
    assert abs(drag) < 3e-4


def test_subsonic_drag_falls_with_the_square_of_the_spacing(
    subsonic: tuple[ndarray, float],
) -> None:
    """The exact drag is zero (d'Alembert)."""
    _, coarse = converged(build_grid(UNMOVED).points[::2, ::2], WAKE // 2, 0.5, steps=800)
    assert np.log2(coarse / subsonic[1]) > 1.5


def test_the_nose_has_the_pressure_of_an_isentropic_stop(
    subsonic: tuple[ndarray, float],
) -> None:
    state, _ = subsonic
    stopped = (1 + (GAMMA - 1) / 2 * 0.5**2) ** (GAMMA / (GAMMA - 1))
    at_points = GAMMA * pressure_of(point_values(state, wake=WAKE))
    assert at_points.max() == pytest.approx(stopped, rel=6e-3)


def test_the_distance_of_the_outer_boundary_hardly_matters(naca: AirfoilFlow) -> None:
    farther = solve_airfoil(UNMOVED, far=40.0)
    assert farther.drag == pytest.approx(naca.drag, abs=1e-4)


def test_a_mirrored_airfoil_has_the_mirrored_flow() -> None:
    moves = sample_moves(3)
    flow, mirrored = (solve_airfoil(one, tolerance=1e-4) for one in (moves, -moves[::-1]))
    assert np.abs(mirrored.mach[::-1] - flow.mach).max() < 1e-9
    assert mirrored.lift == pytest.approx(-flow.lift, rel=1e-9)
    assert abs(flow.lift) > 0.1


def test_both_sides_of_the_wake_have_the_same_mach_number(naca: AirfoilFlow) -> None:
    assert np.abs(naca.mach[:WAKE, 0] - naca.mach[: -WAKE - 1 : -1, 0]).max() < 1e-12
    assert np.isfinite(naca.mach).all()
    assert np.abs(naca.mach[:, -1] - MACH).max() < 0.01


def test_values_at_points_are_exact_for_linear_fields() -> None:
    x, y = np.meshgrid(np.linspace(0, 1, 7), np.linspace(0, 1, 5), indexing="ij")
    metrics = grid_metrics(np.stack([x, y], axis=-1), wake=0)
    state = uniform_flow(metrics, MACH)
    center = [(x[1:, 1:] + x[:-1, :-1]) / 2, (y[1:, 1:] + y[:-1, :-1]) / 2]
    state[0, 2:-2, 2:-2] = 2 + center[0] - 0.5 * center[1]
    assert np.abs(point_values(state, wake=0)[0] - (2 + x - 0.5 * y)).max() < 1e-14


# ---- what cannot be solved


def test_an_airfoil_that_crosses_itself_is_refused() -> None:
    moves = np.stack([np.full(4, 0.2), np.full(4, -0.2)])
    with pytest.raises(SolverError, match="airfoil must have its upper side above its lower side"):
        solve_airfoil(moves)


def test_a_folded_grid_is_refused() -> None:
    with pytest.raises(SolverError, match="grid must have cells of positive area, got"):
        build_grid(np.full((2, 4), 3.0))


@pytest.mark.parametrize("moves", [np.full((2, 4), np.inf), np.full((2, 4), np.nan)])
def test_moves_of_another_form_are_refused(moves: ndarray) -> None:
    with pytest.raises(SolverError, match="moves must be 2 x 4 finite numbers"):
        build_grid(moves)


def test_a_flow_that_does_not_converge_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airfoil, "MAX_CYCLES", 3)
    with pytest.raises(SolverError, match="flow must converge within 3 cycles, got a change of"):
        solve_airfoil(UNMOVED)


def test_a_flow_that_blows_up_is_refused() -> None:
    with pytest.raises(SolverError, match="got a change of nan after 1;"):
        solve_airfoil(UNMOVED, mach=np.nan)


def test_random_moves_keep_their_range_and_their_seed() -> None:
    moves = np.stack([sample_moves(seed) for seed in range(200)])
    assert np.abs(moves).max() <= MAX_MOVE
    assert np.abs(moves.mean(0)).max() < 0.01
    assert (sample_moves(7) == sample_moves(7)).all()
    assert len(np.unique(moves, axis=0)) == len(moves)
