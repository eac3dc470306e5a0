"""The press against closed forms of plasticity, exact invariances and balances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy import ndarray
from scipy.optimize import brentq

from mspt.errors import SolverError
from mspt.solvers import plasticity
from mspt.solvers.plasticity import (
    DURATION,
    MAX_RISE,
    METAL,
    SHAPE,
    SIZE,
    SPEED,
    STROKE,
    Pressing,
    block_points,
    die_through,
    frame_times,
    press_block,
    sample_die,
)
from mspt.solvers.plasticity_kernels import advance_elements, shortest_length, update_stress

YOUNG, POISSON, LIMIT = METAL.young, METAL.poisson, METAL.yield_stress


def von_mises(sx: float, sy: float, txy: float) -> float:
    return np.sqrt(sx**2 - sx * sy + sy**2 + 3 * txy**2)


def pull(stress: tuple[float, ...], ex: float) -> tuple[tuple[float, ...], float, float]:
    """Strain along x with no stress along y; return stress and the strains across."""

    def across(ey: float) -> float:
        return update_stress(METAL, *stress, ex, ey, 0.0)[1]

    ey = brentq(across, -abs(ex), abs(ex), xtol=1e-16)
    *new, thinner = update_stress(METAL, *stress, ex, ey, 0.0)
    return tuple(new), ey, thinner


# ---- metal


def test_a_pulled_sheet_is_elastic_then_yields_at_a_plateau_then_unloads_elastically() -> None:
    stress, path = (0.0, 0.0, 0.0), []
    strains = np.append(np.full(60, 1e-5), np.full(20, -1e-5))
    for step in strains:
        stress, ey, thinner = pull(stress, step)
        path.append((stress[0], ey, thinner))
    sx, ey, thinner = np.transpose(path)
    total = np.cumsum(strains)
    elastic = total[:60] < LIMIT / YOUNG
    assert sx[:60][elastic] == pytest.approx(YOUNG * total[:60][elastic], rel=1e-9)
    assert sx[:60][~elastic] == pytest.approx(LIMIT, rel=1e-9)
    assert sx[60:] == pytest.approx(LIMIT + YOUNG * (total[60:] - total[59]), rel=1e-9)
    # Across, the elastic strain is -0.3 times that along the sheet, the plastic one -0.5 times.
    assert ey[:34] == pytest.approx(-POISSON * 1e-5)
    assert ey[40:60] == pytest.approx(-0.5e-5, rel=1e-6)
    assert thinner[40:60] == pytest.approx(-0.5e-5, rel=1e-6)


def test_a_sheared_sheet_yields_at_the_yield_stress_over_root_three() -> None:
    stress = (0.0, 0.0, 0.0)
    for _ in range(50):
        *stress, _ = update_stress(METAL, *stress, 0.0, 0.0, 2e-5)
    assert stress[2] == pytest.approx(LIMIT / 3**0.5, rel=1e-9)
    assert stress[:2] == [0, 0]


def test_a_sheet_pulled_equally_both_ways_yields_at_the_yield_stress() -> None:
    sx, sy, _, thinner = update_stress(METAL, 0.0, 0.0, 0.0, 0.01, 0.01, 0.0)
    assert (sx, sy) == pytest.approx((LIMIT, LIMIT))
    # Plastic strains keep the volume; the elastic ones are those of the stress.
    elastic = LIMIT * (1 - POISSON) / YOUNG
    assert thinner == pytest.approx(-2 * (0.01 - elastic) - 2 * POISSON * LIMIT / YOUNG)


@settings(max_examples=60)
@given(
    strain=arrays(float, 3, elements=st.floats(-0.02, 0.02)),
    start=arrays(float, 3, elements=st.floats(-30, 30)),
)
def test_the_return_to_the_yield_surface_is_that_of_three_dimensions(
    strain: ndarray, start: ndarray
) -> None:
    """Radial return in 3-D with the thickness strain that leaves no stress through the sheet."""
    shear, bulk = YOUNG / (2 + 2 * POISSON), YOUNG / (3 - 6 * POISSON)

    def in_space(ez: float) -> ndarray:
        volume = strain[0] + strain[1] + ez
        deviator = 2 * shear * (np.array([strain[0], strain[1], ez]) - volume / 3)
        normal = np.array([start[0], start[1], 0.0])
        mean = normal.mean() + bulk * volume
        deviator += normal - normal.mean()
        sheared = start[2] + shear * strain[2]
        size = np.sqrt(1.5 * (deviator @ deviator + 2 * sheared**2))
        scale = min(1.0, LIMIT / size) if size else 1.0
        return np.append(mean + scale * deviator, scale * sheared)

    if von_mises(*start) > LIMIT:
        return
    ez = brentq(lambda ez: in_space(ez)[2], -0.2, 0.2, xtol=1e-15)
    sx, sy, _, txy = in_space(ez)
    found = update_stress(METAL, *start, *strain)
    assert found == pytest.approx((sx, sy, txy, ez), rel=1e-6, abs=1e-6)
    assert von_mises(*found[:3]) <= LIMIT * (1 + 1e-9)


# ---- elements


def crooked() -> ndarray:
    """Points of 4 x 3 elements that are no rectangles."""
    x, y = np.meshgrid(np.arange(5.0), np.arange(4.0), indexing="ij")
    noise = np.random.default_rng(0).uniform(-0.2, 0.2, (5, 4, 2))
    return np.stack([x, y], axis=-1) + noise


def advance(
    points: ndarray, step: ndarray, stress: ndarray | None = None
) -> tuple[ndarray, ndarray, ndarray, float, float]:
    """Move points; return stresses, forces, hourglass forces and both works."""
    stress = np.zeros((4, 3, 3)) if stress is None else stress.copy()
    force, glass, thickness = np.zeros_like(points), np.zeros((4, 3, 2)), np.ones((4, 3))
    work, wasted, turned = advance_elements(
        METAL, points + step, step, 1e-3, 1.0, stress, thickness, glass, force
    )
    assert not turned
    return stress, force, glass, work, wasted


def test_a_linear_displacement_passes_the_patch_test() -> None:
    points = crooked()
    gradient = np.array([[2e-5, -1e-5], [3e-5, 1e-5]])
    stress, force, glass, _, _ = advance(points, points @ gradient.T)
    ex, ey, gxy = 2e-5, 1e-5, 2e-5
    plane = YOUNG / (1 - POISSON**2)
    exact = [
        plane * (ex + POISSON * ey),
        plane * (ey + POISSON * ex),
        YOUNG / (2 + 2 * POISSON) * gxy,
    ]
    assert np.abs(stress - exact).max() < 1e-3 * max(exact)
    assert np.abs(force[1:-1, 1:-1]).max() < 1e-6 * np.abs(force).max()
    assert np.abs(glass).max() < 1e-9


def test_a_rigid_turn_makes_no_stress_and_turns_the_stress_that_is_there() -> None:
    points, angle, count = crooked(), np.pi / 2, 30
    part = angle / count
    turn = np.array([[np.cos(part), -np.sin(part)], [np.sin(part), np.cos(part)]])
    none, stress = np.zeros((4, 3, 3)), np.tile([30.0, -10.0, 5.0], (4, 3, 1))
    for _ in range(count):
        step = points @ turn.T - points
        none, *_ = advance(points, step, none)
        stress, *_ = advance(points, step, stress)
        points = points + step
    assert np.abs(none).max() < 1e-8
    assert np.abs(stress - [-10.0, 30.0, -5.0]).max() < 1e-8  # x and y have changed places


def test_moving_the_sheet_makes_no_force() -> None:
    points = crooked()
    stress, force, glass, _, _ = advance(points, np.full_like(points, 0.3))
    assert np.abs(stress).max() == np.abs(force).max() == np.abs(glass).max() == 0


def test_forces_do_the_work_of_stresses_and_hourglass_modes() -> None:
    points = crooked()
    step = np.random.default_rng(1).uniform(-1e-9, 1e-9, points.shape)
    stress = np.tile([30.0, -10.0, 5.0], (4, 3, 1))
    _, force, _, work, wasted = advance(points, step, stress)
    assert -(force * step).sum() == pytest.approx(work + wasted, rel=2e-3)
    assert np.abs(force.sum((0, 1))).max() < 1e-9 * np.abs(force).max()


def test_an_hourglass_mode_is_resisted() -> None:
    points = block_points((5, 4))
    pattern = (-1.0) ** np.add.outer(np.arange(5), np.arange(4))
    step = 1e-6 * np.stack([pattern, 0 * pattern], axis=-1)
    stress, force, _, _, wasted = advance(points, step)
    assert np.abs(stress).max() < 1e-9
    assert wasted > 0
    assert ((force * step).sum(-1) <= 0).all()


def hourglass_resistance(corners: ndarray, resistance: float = 1.0) -> ndarray:
    """Return the force of the hourglass modes on four corners, per move along x: a 4 x 4 matrix."""
    forces, moves = [], 1e-9 * np.eye(4)
    for move in moves:
        step, force = np.zeros((2, 2, 2)), np.zeros((2, 2, 2))
        step.reshape(4, 2)[:, 0] = move
        with_modes, without = (
            advance_elements(
                METAL,
                corners,
                step,
                1e-4,
                factor,
                np.zeros((1, 1, 3)),
                np.ones((1, 1)),
                np.zeros((1, 1, 2)),
                force := np.zeros((2, 2, 2)),
            )
            and force.reshape(4, 2)[:, 0]
            for factor in (resistance, 0.0)
        )
        forces.append(with_modes - without)
    return np.array(forces) / moves[0, 0]


@settings(max_examples=60)
@given(moves=arrays(float, (2, 2, 2), elements=st.floats(-0.45, 0.45)))
def test_distortion_does_not_raise_the_resistance_of_hourglass_modes(moves: ndarray) -> None:
    """Beyond what comes from the shape of the parallelogram with the same diagonals."""
    square = np.stack(np.meshgrid([0.0, 1.0], [0.0, 1.0], indexing="ij"), axis=-1)
    distorted = square + moves
    if not shortest_length(distorted) > 0.05:
        return
    crossing = (distorted[0, 0] + distorted[1, 1] - distorted[0, 1] - distorted[1, 0]) / 2
    even = distorted.copy()
    even[0, 0] -= crossing / 2
    even[1, 1] -= crossing / 2
    even[0, 1] += crossing / 2
    even[1, 0] += crossing / 2
    found, expected = (
        np.linalg.eigvalsh(-hourglass_resistance(one)).max() for one in (distorted, even)
    )
    assert found == pytest.approx(expected, rel=1e-3)


def test_the_resistance_of_hourglass_modes_is_scaled_by_its_factor() -> None:
    corners = crooked()[:2, :2]
    half, full = (hourglass_resistance(corners, factor) for factor in (0.5, 1.0))
    assert half == pytest.approx(0.5 * full, rel=1e-6)


def test_the_shortest_length_of_rectangles_is_that_of_the_flattest() -> None:
    x, y = np.meshgrid([0.0, 3.0, 5.0], [0.0, 4.0, 5.0], indexing="ij")
    points = np.stack([x, y], axis=-1)
    assert shortest_length(points) == pytest.approx((1 / 2**2 + 1) ** -0.5)
    assert np.isnan(shortest_length(points[::-1].copy()))


# ---- press


@pytest.fixture(scope="module")
def die() -> ndarray:
    return sample_die(1)


@pytest.fixture(scope="module")
def pressing(die: ndarray) -> Pressing:
    return press_block(die)


@pytest.fixture
def short_press(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop after a quarter of the way, when elements are still high and steps long."""
    monkeypatch.setattr(plasticity, "DURATION", DURATION / 4)


def test_a_die_that_touches_nothing_moves_nothing() -> None:
    free = press_block(np.full(SHAPE[0], STROKE + 0.01))
    assert np.abs(free.displacement).max() == 0
    assert np.abs(free.von_mises).max() == 0
    assert free.pushed[-1] == 0


def test_the_stress_never_exceeds_the_yield_stress(pressing: Pressing) -> None:
    assert pressing.von_mises.max() <= LIMIT * (1 + 1e-9)
    assert (pressing.von_mises > 0.999 * LIMIT).mean() > 0.8


def test_the_work_of_the_die_is_stored_dissipated_or_kinetic(pressing: Pressing) -> None:
    found = pressing.internal + pressing.kinetic + pressing.hourglass
    assert found == pytest.approx(pressing.pushed, rel=0.02, abs=2)
    assert pressing.hourglass[-1] < 0.02 * pressing.pushed[-1]
    assert pressing.kinetic[-1] < 0.02 * pressing.pushed[-1]


def test_energy_balances_where_elements_are_strongly_distorted() -> None:
    """Work of the die = work of the stresses (elastic, plastic) + kinetic + hourglass work."""
    pressing = press_block(sample_die(101))
    x = (block_points() + pressing.displacement)[-1]
    first, second = x[1:, 1:] - x[:-1, :-1], x[:-1, 1:] - x[1:, :-1]
    area = (first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]) / 2
    assert area.min() < 0.25 * 0.25  # a quarter of the area at the start
    found = pressing.internal + pressing.kinetic + pressing.hourglass
    assert found == pytest.approx(pressing.pushed, rel=2e-3, abs=2)
    assert pressing.hourglass[-1] < 0.02 * pressing.pushed[-1]
    # The elastic part is small, and so nearly all the work of the stresses is plastic work.
    assert pressing.internal[-1] > 0.95 * pressing.pushed[-1]


@pytest.mark.slow
def test_shorter_steps_and_other_hourglass_resistance_hardly_change_the_block(
    pressing: Pressing, die: ndarray
) -> None:
    """Both are changed in one run, as each takes seconds."""
    changed = press_block(die, courant=0.5, hourglass=0.5).displacement - pressing.displacement
    assert 0 < np.linalg.norm(changed) < 0.02 * np.linalg.norm(pressing.displacement)


def test_the_top_stays_below_the_die_and_follows_it(pressing: Pressing, die: ndarray) -> None:
    top = (block_points() + pressing.displacement)[:, :, -1]
    columns = np.linspace(0, SIZE[0], SHAPE[0])
    for frame, time in enumerate(frame_times()):
        x, y = top[frame].T
        gap = SIZE[1] + np.interp(x, columns, die) - SPEED * time - y
        assert gap.min() > -0.02
        assert frame < 15 or np.median(gap) < 0.02


def test_the_bottom_is_clamped_and_the_mesh_is_not_folded(pressing: Pressing) -> None:
    assert np.abs(pressing.displacement[:, :, 0]).max() == 0
    x = (block_points() + pressing.displacement)[-1]
    first, second = x[1:, 1:] - x[:-1, :-1], x[:-1, 1:] - x[1:, :-1]
    assert (first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]).min() > 0


@pytest.mark.usefixtures("short_press")
def test_a_mirrored_die_gives_the_mirrored_block(die: ndarray) -> None:
    displacement = press_block(die).displacement
    mirrored = press_block(die[::-1].copy()).displacement[:, ::-1] * [-1, 1]
    assert np.abs(displacement).max() > 0.5
    difference = np.linalg.norm(mirrored - displacement)
    assert difference < 1e-6 * np.linalg.norm(displacement)


@pytest.mark.usefixtures("short_press")
def test_a_flat_die_takes_the_force_of_a_block_that_yields() -> None:
    """Between free and clamped ends: 70 MPa over the width, and a few percent more."""
    flat = press_block(np.zeros(SHAPE[0]))
    slow = flat.internal[-1] - flat.internal[-5]
    way = SPEED * (frame_times()[-1] - frame_times()[-5])
    assert 1 < slow / (LIMIT * SIZE[0] * way) < 1.2


def test_random_dies_keep_their_range_and_their_seed() -> None:
    dies = np.stack([sample_die(seed) for seed in range(100)])
    assert dies.min() >= 0
    assert dies.max() <= MAX_RISE
    assert (sample_die(3) == dies[3]).all()
    assert len(np.unique(dies, axis=0)) == len(dies)
    assert np.abs(dies.mean() - MAX_RISE / 2) < 0.15


def test_a_die_through_knots_passes_them_and_does_not_overshoot() -> None:
    die = die_through(np.array([0.0, 10.0, 20.0, 50.0]), np.array([1.0, 2.0, 0.5, 0.5]))
    assert die[[0, 20, 40, 100]] == pytest.approx([1, 2, 0.5, 0.5])
    assert die.max() <= 2
    assert die.min() >= 0.5


# ---- what cannot be solved


def test_a_die_of_another_form_is_refused(die: ndarray) -> None:
    with pytest.raises(SolverError, match=r"die must have a height at each of 101 .* \(100,\)"):
        press_block(die[1:])
    with pytest.raises(SolverError, match="die must have finite heights, got others at 2 of 101"):
        press_block(np.append(die[2:], [np.nan, np.inf]))
    step = np.where(np.arange(SHAPE[0]) < 50, 0.0, 3.6)
    with pytest.raises(SolverError, match=r"die must have slopes up to 2, got 7.2; spread"):
        press_block(step)
    with pytest.raises(SolverError, match=r"die must begin above the block, got -0.1 mm"):
        press_block(np.full(SHAPE[0], -0.1))


def test_a_run_that_blows_up_is_refused(die: ndarray) -> None:
    """Steps longer than sound takes through an element are unstable."""
    with pytest.raises(
        SolverError, match=r"energy must balance within 2% .* after \d+ of 20 frames"
    ):
        press_block(die, courant=50.0)


def test_a_run_that_flattens_elements_is_refused(
    die: ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plasticity, "MAX_IMBALANCE", np.inf)
    with pytest.raises(
        SolverError, match="die must leave all elements the right way round and not"
    ):
        press_block(die, courant=3.5)


@pytest.mark.usefixtures("short_press")
def test_a_run_that_makes_energy_is_refused(die: ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plasticity, "MAX_IMBALANCE", 1e-9)
    with pytest.raises(SolverError, match="energy must balance within 0% of the work of the die"):
        press_block(die)
