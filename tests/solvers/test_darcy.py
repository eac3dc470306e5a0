from collections.abc import Callable

import numpy as np
import pytest
from numpy import ndarray
from scipy.fft import dctn

from mspt.errors import SolverError
from mspt.solvers.darcy import (
    discretization_error,
    sample_permeability,
    solve_cells,
    solve_darcy,
)


def relative(value: ndarray, reference: ndarray) -> float:
    return np.linalg.norm(value - reference) / np.linalg.norm(reference)


def manufactured_error(num_cells: int) -> float:
    """Error for u = sin(pi x) sin(2 pi y) and a smooth permeability that differs in x and y."""
    center = (np.arange(num_cells) + 0.5) / num_cells
    y, x = np.meshgrid(center, center, indexing="ij")
    node = np.linspace(0, 1, num_cells + 1)
    v, u = np.meshgrid(node, node, indexing="ij")
    exact = np.sin(np.pi * u) * np.sin(2 * np.pi * v)
    permeability, slope_x, slope_y = 1 + u + 3 * v**2, 1.0, 6 * v
    flux_x = np.pi * np.cos(np.pi * u) * np.sin(2 * np.pi * v)
    flux_y = 2 * np.pi * np.sin(np.pi * u) * np.cos(2 * np.pi * v)
    source = 5 * np.pi**2 * permeability * exact - slope_x * flux_x - slope_y * flux_y
    pressure = solve_cells(1 + x + 3 * y**2, source[1:-1, 1:-1])
    return relative(pressure, exact)


def test_a_smooth_problem_is_solved_to_second_order() -> None:
    errors = [manufactured_error(num_cells) for num_cells in (16, 32, 64, 128)]
    rates = np.log2(np.divide(errors[:-1], errors[1:]))
    assert errors[-1] < 2e-4
    assert rates == pytest.approx([2, 2, 2], abs=0.05)


def test_constant_permeability_agrees_with_the_fourier_series() -> None:
    odd = np.arange(1, 400, 2)
    sines = np.sin(np.pi * np.linspace(0, 1, 85)[:, None] * odd)
    weights = 16 / np.pi**4 / (odd[:, None] * odd * (odd[:, None] ** 2 + odd**2))
    series = sines @ weights @ sines.T
    assert relative(solve_darcy(np.ones((85, 85))), series) < 5e-5


def test_the_scheme_is_the_balance_written_node_by_node() -> None:
    cells = np.random.default_rng(0).uniform(1, 12, (5, 5))
    pressure = solve_cells(cells, np.ones((4, 4)))
    for i in range(1, 5):
        for j in range(1, 5):
            south_west, south_east = cells[i - 1, j - 1], cells[i - 1, j]
            north_west, north_east = cells[i, j - 1], cells[i, j]
            outflow = (
                (south_east + north_east) / 2 * (pressure[i, j] - pressure[i, j + 1])
                + (south_west + north_west) / 2 * (pressure[i, j] - pressure[i, j - 1])
                + (north_west + north_east) / 2 * (pressure[i, j] - pressure[i + 1, j])
                + (south_west + south_east) / 2 * (pressure[i, j] - pressure[i - 1, j])
            )
            assert outflow == pytest.approx(1 / 25, rel=1e-10)


def test_every_fine_cell_has_the_permeability_of_its_nearest_node() -> None:
    """A map with a permeable column one node wide, solved as cells of half a spacing."""
    permeability = np.ones((5, 5))
    permeability[:, 1] = 7.0
    cells = np.ones((8, 8))
    cells[:, 1:3] = 7.0
    expected = solve_cells(cells, np.ones((7, 7)))[::2, ::2]
    assert np.array_equal(solve_darcy(permeability), expected)


@pytest.mark.parametrize("seed", [0, 1])
def test_pressure_is_zero_on_the_boundary_and_positive_inside(seed: int) -> None:
    pressure = solve_darcy(sample_permeability(seed))
    boundary = np.concatenate([pressure[0], pressure[-1], pressure[:, 0], pressure[:, -1]])
    assert (boundary == 0).all()
    assert (pressure[1:-1, 1:-1] > 0).all()


@pytest.mark.parametrize(
    "turn", [np.flipud, np.fliplr, np.transpose], ids=["up-down", "left-right", "transposed"]
)
def test_pressure_turns_with_the_map(turn: Callable[[ndarray], ndarray]) -> None:
    permeability = sample_permeability(3)
    turned = solve_darcy(np.ascontiguousarray(turn(permeability)))
    assert relative(turned, turn(solve_darcy(permeability))) < 1e-12


def test_pressure_is_inverse_to_the_permeability() -> None:
    permeability = sample_permeability(4)
    scaled = solve_darcy(5 * permeability)
    assert relative(scaled, solve_darcy(permeability) / 5) < 1e-12


def test_opening_one_half_of_the_medium_lowers_the_mean_pressure() -> None:
    """The mean pressure is the energy of the flow, which no added permeability can raise."""
    permeability = sample_permeability(5)
    opened = np.where(permeability > 10, 12.0, 6.0)
    assert solve_darcy(opened).mean() < solve_darcy(permeability).mean()


def test_finer_grids_change_the_pressure_by_as_little_as_the_data_card_says() -> None:
    scheme, field = discretization_error(range(1), field_size=169)
    assert 0.0005 < scheme < field < 0.006


def test_the_field_has_the_covariance_of_the_public_data() -> None:
    """Two signs of a Gaussian field agree with probability 1/2 + asin(correlation) / pi."""
    maps = np.stack([sample_permeability(seed) for seed in range(300)]) > 10
    wave = np.pi * np.arange(85)
    variance = (wave[:, None] ** 2 + wave**2 + 9.0) ** -2
    variance[0, 0] = 0.0
    first = np.cos(wave * 30 / 84) * np.where(wave > 0, 2**0.5, 1)
    for other in (34, 42, 60):
        second = np.cos(wave * other / 84) * np.where(wave > 0, 2**0.5, 1)
        covariance = (first * first) @ variance @ (first * second)
        spread = (first * first) @ variance @ (first * first)
        other_spread = (first * first) @ variance @ (second * second)
        correlation = covariance / np.sqrt(spread * other_spread)
        agree = np.mean(
            [maps[:, 30, 30] == maps[:, 30, other], maps[:, 30, 30] == maps[:, other, 30]]
        )
        assert agree == pytest.approx(0.5 + np.arcsin(correlation) / np.pi, abs=0.06)


def test_the_permeability_is_high_where_the_cosine_series_is_positive() -> None:
    """At every node: the series summed by a discrete cosine transform of the first type."""
    numbers = np.random.default_rng(11).standard_normal((85, 85))
    wave = np.arange(85)
    series = numbers / (np.pi**2 * (wave[:, None] ** 2 + wave**2) + 9)
    series[0, 0] = 0.0
    # The transform doubles all terms but the first and the last; modes above 0 have the norm 1/2.
    weight = np.where(wave > 0, 2**0.5, 1) * np.where((wave > 0) & (wave < 84), 0.5, 1)
    field = dctn(weight[:, None] * weight * series, type=1)
    np.testing.assert_array_equal(sample_permeability(11), np.where(field > 0, 12.0, 3.0))


def test_a_seed_always_gives_the_same_map() -> None:
    assert np.array_equal(sample_permeability(7), sample_permeability(7))
    assert not np.array_equal(sample_permeability(7), sample_permeability(8))


@pytest.mark.parametrize(
    "value", [0.0, -1.0, np.nan, np.inf], ids=["zero", "negative", "not-a-number", "infinite"]
)
def test_permeability_that_is_not_positive_and_finite_is_refused(value: float) -> None:
    permeability = np.ones((85, 85))
    permeability[3, 4] = value
    with pytest.raises(
        SolverError, match=rf"permeability must be positive and finite, got {value:g} at 1 nodes"
    ):
        solve_darcy(permeability)


@pytest.mark.parametrize("shape", [(85, 84), (2, 2), (85,), (85, 85, 1)], ids=str)
def test_maps_that_are_not_square_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SolverError, match=r"permeability must be a square map .*, got shape \(\d"):
        solve_darcy(np.ones(shape))
