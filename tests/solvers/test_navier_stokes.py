"""The flow on a torus against exact solutions, balances, symmetries and finer grids."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy import ndarray

from mspt.errors import SolverError
from mspt.solvers.navier_stokes import (
    discretization_error,
    sample_vorticity,
    solve_navier_stokes,
)
from mspt.solvers.navier_stokes_torus import (
    Torus,
    advance,
    diagonal_force,
    highest_wave,
    no_force,
)


def places(size: int) -> tuple[ndarray, ndarray]:
    y, x = np.indices((size, size)) / size
    return x, y


def relative(value: ndarray, reference: ndarray) -> float:
    return float(np.linalg.norm(value - reference) / np.linalg.norm(reference))


def smooth(size: int) -> ndarray:
    """Return a vorticity of a few waves, which a coarse grid resolves for a while."""
    x, y = 2 * np.pi * np.stack(places(size))
    return np.sin(x) * np.cos(2 * y) + 0.5 * np.cos(x + y) - 0.3 * np.sin(2 * x - y)


# ---- exact solutions


@pytest.mark.parametrize("waves", [(1, 1), (2, 3)], ids=["square", "oblong"])
def test_vortices_of_taylor_and_green_decay_exponentially(waves: tuple[int, int]) -> None:
    x, y = places(32)
    start = np.sin(2 * np.pi * waves[0] * x) * np.sin(2 * np.pi * waves[1] * y)
    torus = Torus(size=32, viscosity=0.003, force=no_force, precision=np.float64)
    frames = solve_navier_stokes(start, torus=torus, num_frames=2, steps_per_frame=20, keep=1)
    squares = waves[0] ** 2 + waves[1] ** 2
    for frame, time in zip(frames, (1.0, 2.0), strict=True):
        expected = start * np.exp(-0.003 * 4 * np.pi**2 * squares * time)
        assert relative(frame, expected) < 1e-12


def test_drifting_vortices_follow_their_mean_flow_in_another_frame_of_reference() -> None:
    """The velocity of the vortices sin x sin y, by its own formula, at every point."""
    x, y = 2 * np.pi * np.stack(places(32))
    torus = Torus(size=32, precision=np.float64)
    u_x, u_y = torus.velocity(torus.to_spectrum(np.sin(x) * np.sin(y)))
    np.testing.assert_allclose(u_x, np.sin(x) * np.cos(y) / (4 * np.pi), atol=1e-15)
    np.testing.assert_allclose(u_y, -np.cos(x) * np.sin(y) / (4 * np.pi), atol=1e-15)


def test_the_force_alone_drives_a_shear_flow_toward_its_balance_with_viscosity() -> None:
    """From rest, w = f (1 - exp(-nu 8 pi^2 t)) / (nu 8 pi^2): transport vanishes."""
    x, y = places(32)
    rate = 0.002 * 8 * np.pi**2
    torus = Torus(size=32, viscosity=0.002, precision=np.float64)
    (frame,) = solve_navier_stokes(
        np.zeros((32, 32)), torus=torus, num_frames=1, frame_time=3.0, steps_per_frame=30, keep=1
    )
    expected = diagonal_force(x, y) * (1 - np.exp(-3 * rate)) / rate
    # The force is under the quadrature of the method of fourth order, and not integrated exactly.
    assert relative(frame, expected) < 1e-9


# ---- an independent reference


def test_transport_is_velocity_times_gradient_of_the_vorticity() -> None:
    """For waves that the grid resolves: derivatives by a full complex transform."""
    size = 48
    torus = Torus(size=size, viscosity=0.0, force=no_force, precision=np.float64)
    vorticity = smooth(size)
    wave = np.fft.fftfreq(size, 1 / size) * 2j * np.pi
    spectrum = np.fft.fft2(vorticity)
    square = wave[:, None] ** 2 + wave**2
    square[0, 0] = 1.0
    stream = -spectrum / square

    def at_points(values: ndarray) -> ndarray:
        return np.fft.ifft2(values).real

    transport = at_points(wave[:, None] * stream) * at_points(wave * spectrum) - at_points(
        wave * stream
    ) * at_points(wave[:, None] * spectrum)
    found = torus.to_grid(torus.rate(torus.to_spectrum(vorticity)))
    assert relative(found, -transport) < 1e-12


def test_waves_above_a_third_of_the_points_are_dropped_from_the_start_and_from_products() -> None:
    x, _ = places(24)
    torus = Torus(size=24, viscosity=0.0, force=no_force, precision=np.float64)
    highest = highest_wave(24)
    kept, dropped = (np.cos(2 * np.pi * wave * x) for wave in (highest, highest + 1))
    assert np.abs(torus.to_spectrum(kept)).max() == pytest.approx(0.5)
    assert np.abs(torus.to_spectrum(dropped)).max() < 1e-15
    rough = np.random.default_rng(0).standard_normal((24, 24))
    rate = torus.rate(torus.to_spectrum(rough))
    exact = Torus(size=72, viscosity=0.0, force=no_force, precision=np.float64)
    wide = np.zeros((72, highest_wave(72) + 1), complex)
    rows = np.fft.fftfreq(24, 1 / 24).astype(int)
    wide[np.ix_(rows, np.arange(highest + 1))] = torus.to_spectrum(rough)
    on_wide = exact.rate(wide)[np.ix_(rows, np.arange(highest + 1))]
    # On a grid of three times the points no product is mistaken for another wave.
    inside = np.abs(rows) <= highest
    np.testing.assert_allclose(rate[inside], on_wide[inside], atol=1e-13)


# ---- order, balances


def test_the_method_is_of_fourth_order_in_time() -> None:
    torus = Torus(size=32, viscosity=0.002, precision=np.float64)
    start = 20 * smooth(32)

    def after(steps: int) -> ndarray:
        return solve_navier_stokes(
            start, torus=torus, num_frames=1, steps_per_frame=steps, frame_time=0.5, keep=1
        )

    exact = after(640)
    errors = [relative(after(steps), exact) for steps in (20, 40, 80)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders == pytest.approx([4, 4], abs=0.3)


def test_enstrophy_changes_by_the_work_of_the_force_and_by_viscosity() -> None:
    """d/dt mean(w^2) / 2 = mean(w f) - nu mean(|grad w|^2); transport adds nothing."""
    check_balance(lambda spectrum, _: spectrum)


def test_energy_changes_by_the_work_of_the_force_and_by_viscosity() -> None:
    """d/dt mean(|u|^2) / 2 = mean(psi f) - nu mean(w^2); transport adds nothing."""
    check_balance(lambda spectrum, squares: spectrum / squares)


def check_balance(weigh: Callable[[ndarray, ndarray], ndarray]) -> None:
    size, step, viscosity = 64, 1e-3, 1e-3
    torus = Torus(size=size, viscosity=viscosity, precision=np.float64)
    row = np.fft.fftfreq(size, 1 / size)[:, None]
    squares = 4 * np.pi**2 * (row**2 + np.arange(highest_wave(size) + 1.0) ** 2)
    squares[0, 0] = 1.0
    x, y = places(size)
    force = torus.to_spectrum(diagonal_force(x, y))
    twice = np.where(np.arange(highest_wave(size) + 1) > 0, 2.0, 1.0)  # columns and their mirror

    def mean(first: ndarray, second: ndarray) -> float:
        return float((twice * (first * second.conj()).real).sum())

    before = torus.to_spectrum(10 * smooth(size))
    middle = advance(torus, before, step)
    after = advance(torus, middle, step)
    change = (mean(after, weigh(after, squares)) - mean(before, weigh(before, squares))) / (
        4 * step
    )
    work = mean(weigh(middle, squares), force)
    loss = viscosity * mean(weigh(middle, squares), squares * middle)
    assert abs(work) > 1e-3 * loss
    assert change == pytest.approx(work - loss, rel=1e-5)


def test_the_mean_vorticity_stays_zero() -> None:
    frames = solve_navier_stokes(sample_vorticity(1), num_frames=3)
    assert np.abs(frames).max() > 0.3
    assert np.abs(frames.astype(float).mean(axis=(1, 2))).max() < 1e-7


# ---- symmetries of the torus and of the force


def test_moved_across_the_force_the_flow_moves_along() -> None:
    """The force depends on x + y alone, so (x + s, y - s) takes solutions to solutions."""
    start = sample_vorticity(2)

    def move(values: ndarray, points: int) -> ndarray:
        return np.roll(values, (-points, points), axis=(-2, -1))

    moved = solve_navier_stokes(move(start, 10), num_frames=2)
    still = solve_navier_stokes(start, num_frames=2)
    assert relative(moved, move(still, 5)) < 1e-4
    assert relative(moved, still) > 0.1


def test_without_a_force_the_flow_moves_with_its_start_in_any_direction() -> None:
    start = sample_vorticity(3)
    torus = Torus(size=128, force=no_force, precision=np.float64)
    frame = solve_navier_stokes(start, torus=torus, num_frames=1, steps_per_frame=50)
    moved = solve_navier_stokes(
        np.roll(start, (6, 14), axis=(0, 1)), torus=torus, num_frames=1, steps_per_frame=50
    )
    assert relative(moved, np.roll(frame, (3, 7), axis=(1, 2))) < 1e-12


def test_turned_by_half_a_turn_about_a_crest_of_the_force_the_flow_turns() -> None:
    """(x, y) -> (1/8 - x, 1/8 - y) keeps sin + cos of 2 pi (x + y)."""
    start = sample_vorticity(4)

    def turn(values: ndarray) -> ndarray:
        size = values.shape[-1]
        index = (size // 8 - np.arange(size)) % size
        return values[..., index[:, None], index]

    turned = solve_navier_stokes(turn(start), num_frames=2)
    assert relative(turned, turn(solve_navier_stokes(start, num_frames=2))) < 1e-4


# ---- resolution


def test_finer_grids_and_steps_change_the_frames_by_as_little_as_the_data_card_says() -> None:
    errors = discretization_error(range(1), num_frames=2)
    assert errors["space"].shape == (2,)
    assert (errors["space"] < 0.002).all()
    assert (errors["time"] < 2e-4).all()
    assert (errors["precision"] < 2e-5).all()
    assert errors["space"].min() > errors["time"].max() / 10


# ---- the start


def test_the_start_has_the_covariance_of_the_public_data() -> None:
    fields = np.stack([sample_vorticity(seed) for seed in range(200)])
    wave = np.arange(-42, 43)
    variance = 7.0**3 * (4 * np.pi**2 * (wave[:, None] ** 2 + wave**2) + 49.0) ** -2.5
    variance[42, 42] = 0.0
    for shift in (0, 8, 20):
        expected = (variance * np.cos(2 * np.pi * wave * shift / 128)).sum()
        for axis in (1, 2):
            found = (fields * np.roll(fields, shift, axis=axis)).mean()
            assert found == pytest.approx(expected, abs=0.1 * variance.sum())


def test_a_seed_always_gives_the_same_start() -> None:
    assert np.array_equal(sample_vorticity(7), sample_vorticity(7))
    assert not np.array_equal(sample_vorticity(7), sample_vorticity(8))


# ---- what is refused


def test_a_start_that_is_no_square_or_not_finite_is_refused() -> None:
    with pytest.raises(SolverError, match=r"vorticity must be a square grid .* got shape \(8, 9\)"):
        solve_navier_stokes(np.zeros((8, 9)))
    broken = np.zeros((8, 8))
    broken[1, 2] = np.nan
    with pytest.raises(
        SolverError, match="vorticity must be finite, got values that are not at 1 p"
    ):
        solve_navier_stokes(broken)


def test_a_flow_too_fast_for_the_step_is_refused() -> None:
    with pytest.raises(SolverError, match="flow must be slow enough for the time step, got a vor"):
        solve_navier_stokes(1e3 * smooth(32), num_frames=2, steps_per_frame=2)
