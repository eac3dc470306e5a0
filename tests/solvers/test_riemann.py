"""The exact Riemann solver: published values, conservation laws, a finite-volume scheme."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy import ndarray

from mspt.errors import SolverError
from mspt.solvers import riemann
from mspt.solvers.riemann import GasState, RiemannSolution, Wave, solve_riemann

GAMMA = 1.4


def gas(density: float, velocity: float, pressure: float) -> GasState:
    values = {"density": density, "velocity": velocity, "pressure": pressure}
    return GasState(**{name: float(value) for name, value in values.items()})


SOD = gas(1, 0, 1), gas(0.125, 0, 0.1)
EXPANSION = gas(1, -2, 0.4), gas(1, 2, 0.4)
BLAST_LEFT = gas(1, 0, 1000), gas(1, 0, 0.01)
BLAST_RIGHT = gas(1, 0, 0.01), gas(1, 0, 100)
COLLISION = gas(5.99924, 19.5975, 460.894), gas(5.99242, -6.19633, 46.0950)

# Pressure, velocity and both densities between the waves, from table 4.3 of E. F. Toro, Riemann
# Solvers and Numerical Methods for Fluid Dynamics (third edition), whose first test is Sod's tube.
PUBLISHED = [
    (SOD, "RS", (0.30313, 0.92745, 0.42632, 0.26557)),
    (EXPANSION, "RR", (0.00189, 0.0, 0.02185, 0.02185)),
    (BLAST_LEFT, "RS", (460.894, 19.5975, 0.57506, 5.99924)),
    (BLAST_RIGHT, "SR", (46.0950, -6.19633, 5.99242, 0.57511)),
    (COLLISION, "SS", (1691.64, 8.68975, 14.2823, 31.0426)),
]

states = st.builds(
    lambda density, velocity, sound: gas(density, velocity, density * sound**2 / GAMMA),
    st.floats(0.05, 20),
    st.floats(-3, 3),
    st.floats(0.3, 5),
)


@st.composite
def solutions(draw: st.DrawFn) -> RiemannSolution:
    left, right = draw(states), draw(states)
    limit = 2 / (GAMMA - 1) * (left.sound_speed + right.sound_speed)
    assume(right.velocity - left.velocity < 0.95 * limit)
    return solve_riemann(left, right)


def ends(solution: RiemannSolution) -> tuple[GasState, GasState]:
    return solution.left.outside, solution.right.outside


def conserved(values: ndarray) -> ndarray:
    """Return density, momentum and energy of rows of density, velocity and pressure."""
    density, velocity, pressure = values.T
    energy = pressure / (GAMMA - 1) + density * velocity**2 / 2
    return np.stack([density, density * velocity, energy], axis=-1)


def flux(values: ndarray) -> ndarray:
    density, velocity, pressure = values.T
    energy = conserved(values)[:, 2]
    mass = density * velocity
    return np.stack([mass, mass * velocity + pressure, velocity * (energy + pressure)], axis=-1)


def row(state: GasState) -> ndarray:
    return np.array([[state.density, state.velocity, state.pressure]])


# ---- published values


@pytest.mark.parametrize(("given_states", "pattern", "star"), PUBLISHED)
def test_star_state_is_the_published_one(
    given_states: tuple[GasState, GasState], pattern: str, star: tuple[float, ...]
) -> None:
    found = solve_riemann(*given_states)
    assert found.pattern == pattern
    pressure, velocity, left, right = star
    tolerance = {"rel": 1e-5, "abs": 6e-6}  # five or six digits are printed
    assert found.pressure == pytest.approx(pressure, **tolerance)
    assert found.velocity == pytest.approx(velocity, **tolerance)
    assert found.left.inside.density == pytest.approx(left, **tolerance)
    assert found.right.inside.density == pytest.approx(right, **tolerance)


def test_two_rarefactions_are_known_in_closed_form() -> None:
    left, right = gas(1, -1.3, 0.7), gas(0.3, 1.1, 0.2)
    found = solve_riemann(left, right)
    power = (GAMMA - 1) / (2 * GAMMA)
    top = left.sound_speed + right.sound_speed - (GAMMA - 1) / 2 * 2.4
    below = left.sound_speed / 0.7**power + right.sound_speed / 0.2**power
    assert found.pattern == "RR"
    assert found.pressure == pytest.approx((top / below) ** (1 / power), rel=1e-12)


def test_equal_gases_that_collide_are_at_rest_behind_two_strong_shocks() -> None:
    # For colliding cold gas the density grows by (gamma + 1) / (gamma - 1), and the shocks run at
    # (gamma - 1) / 2 times its speed.
    found = solve_riemann(gas(1, 1, 1e-9), gas(1, -1, 1e-9))
    assert found.velocity == pytest.approx(0, abs=1e-12)
    assert found.left.inside.density == pytest.approx(6, rel=1e-6)
    assert found.left.head == pytest.approx(-0.2, rel=1e-6)
    assert found.right.head == pytest.approx(0.2, rel=1e-6)


# ---- what holds across each wave


@given(solution=solutions())
def test_jumps_conserve_mass_momentum_and_energy(solution: RiemannSolution) -> None:
    contact = (solution.velocity, solution.left.inside, solution.right.inside)
    shocks = [
        (wave.head, wave.outside, wave.inside)
        for wave in (solution.left, solution.right)
        if wave.is_shock
    ]
    for speed, one, other in (contact, *shocks):
        change = conserved(row(other)) - conserved(row(one))
        through = flux(row(other)) - flux(row(one))
        size = np.abs(flux(row(one))) + np.abs(flux(row(other))) + np.abs(speed * change)
        assert (np.abs(through - speed * change) <= 1e-9 * size + 1e-9).all()


@given(solution=solutions())
def test_shocks_compress_and_run_between_the_sound_on_both_sides(solution: RiemannSolution) -> None:
    for wave in (solution.left, solution.right):
        sound = [
            wave.direction * state.velocity + state.sound_speed
            for state in (wave.outside, wave.inside)
        ]
        if not wave.is_shock:
            assert wave.inside.pressure <= wave.outside.pressure
            assert wave.direction * wave.head >= wave.direction * wave.tail - 1e-12
            continue
        # Lax's condition; entropy grows.
        assert sound[0] - 1e-9 <= wave.direction * wave.head <= sound[1] + 1e-9
        assert entropy(wave.inside) >= entropy(wave.outside) - 1e-12
        assert wave.inside.density < (GAMMA + 1) / (GAMMA - 1) * wave.outside.density


def entropy(state: GasState) -> float:
    return math.log(state.pressure) - GAMMA * math.log(state.density)


@given(solution=solutions(), share=st.floats(0, 1))
def test_entropy_and_riemann_invariant_are_constant_through_rarefactions(
    solution: RiemannSolution, share: float
) -> None:
    for wave in (solution.left, solution.right):
        if wave.is_shock:
            continue
        speed = wave.tail + share * (wave.head - wave.tail)
        inner = gas(*wave.at(np.array([speed]))[0].tolist())
        assert entropy(inner) == pytest.approx(entropy(wave.outside), abs=1e-8)
        assert invariant(wave, inner) == pytest.approx(invariant(wave, wave.outside), abs=1e-8)
        # Sound runs along the fan: x / t = u + a, or u - a to the left.
        along = inner.velocity + wave.direction * inner.sound_speed
        assert along == pytest.approx(speed, abs=1e-8)


def invariant(wave: Wave, state: GasState) -> float:
    return state.velocity - wave.direction * 2 / (GAMMA - 1) * state.sound_speed


@given(solution=solutions())
def test_pressure_and_velocity_are_the_same_on_both_sides_of_the_contact(
    solution: RiemannSolution,
) -> None:
    beside = solution.velocity + np.array([-1e-7, 1e-7])
    assume(solution.left.tail < beside[0])
    assume(beside[1] < solution.right.tail)
    left, right = solution.at(beside)
    assert left[1:].tolist() == right[1:].tolist() == [solution.velocity, solution.pressure]
    assert (left[0], right[0]) == (solution.left.inside.density, solution.right.inside.density)


@given(solution=solutions(), seed=st.integers(0, 2**16))
def test_waves_are_in_order_and_the_ends_are_the_given_states(
    solution: RiemannSolution, seed: int
) -> None:
    left, right = solution.left, solution.right
    order = [left.head, left.tail, solution.velocity, right.tail, right.head]
    assert all(one <= other + 1e-12 for one, other in pairwise(order))
    assert sorted(solution.jumps()) == list(solution.jumps())
    beyond = np.random.default_rng(seed).exponential(size=4)
    assert (solution.at(left.head - beyond) == row(left.outside)).all()
    assert (solution.at(right.head + beyond) == row(right.outside)).all()


@given(solution=solutions())
def test_what_crosses_the_ends_of_a_tube_stays_in_it(solution: RiemannSolution) -> None:
    # The integral form of the equations over -c <= x / t <= c, by the midpoint rule.
    reach = 1.1 * max(abs(solution.left.head), abs(solution.right.head)) + 0.1
    count = 20_000
    speed = reach * (2 * (np.arange(count) + 0.5) / count - 1)
    inside = conserved(solution.at(speed)).mean(0) * 2 * reach
    left, right = (row(one) for one in ends(solution))
    expected = reach * (conserved(left) + conserved(right)) - flux(right) + flux(left)
    largest = np.abs(conserved(solution.at(speed))).max(0)
    assert (np.abs(inside - expected[0]) <= 2 * reach * largest * 4 / count + 1e-9).all()


# ---- symmetries


@given(solution=solutions(), seed=st.integers(0, 2**16))
def test_the_mirror_image_is_a_solution(solution: RiemannSolution, seed: int) -> None:
    left, right = ends(solution)
    mirrored = solve_riemann(
        gas(right.density, -right.velocity, right.pressure),
        gas(left.density, -left.velocity, left.pressure),
    )
    speed = apart_from_jumps(solution, seed)
    turned = mirrored.at(-speed) * [1, -1, 1]
    np.testing.assert_allclose(turned, solution.at(speed), rtol=1e-7, atol=1e-7)


@given(solution=solutions(), shift=st.floats(-5, 5), seed=st.integers(0, 2**16))
def test_a_moving_observer_sees_the_same_flow(
    solution: RiemannSolution, shift: float, seed: int
) -> None:
    moved = solve_riemann(
        *(gas(one.density, one.velocity + shift, one.pressure) for one in ends(solution))
    )
    speed = apart_from_jumps(solution, seed)
    expected = solution.at(speed) + np.array([0, shift, 0])
    np.testing.assert_allclose(moved.at(speed + shift), expected, rtol=1e-7, atol=1e-7)


@given(
    solution=solutions(),
    heavier=st.floats(0.01, 100),
    faster=st.floats(0.01, 100),
    seed=st.integers(0, 2**16),
)
def test_other_units_scale_the_solution(
    solution: RiemannSolution, heavier: float, faster: float, seed: int
) -> None:
    units = np.array([heavier, faster, heavier * faster**2])
    scaled = solve_riemann(*(gas(*(row(one)[0] * units).tolist()) for one in ends(solution)))
    speed = apart_from_jumps(solution, seed)
    np.testing.assert_allclose(
        scaled.at(speed * faster) / units, solution.at(speed), rtol=1e-7, atol=1e-7
    )


def apart_from_jumps(solution: RiemannSolution, seed: int) -> ndarray:
    """Draw speeds all over the waves, but not where rounding decides the side of a jump."""
    reach = 1 + max(abs(solution.left.head), abs(solution.right.head))
    speed = np.random.default_rng(seed).uniform(-reach, reach, 200)
    away = [np.abs(speed - jump) > 1e-6 for jump in solution.jumps()]
    return speed[np.all(away, axis=0)] if away else speed


@given(state=states)
def test_equal_states_stay_as_they_are(state: GasState) -> None:
    found = solve_riemann(state, state)
    np.testing.assert_allclose(
        found.at(np.linspace(-9, 9, 19)), row(state).repeat(19, 0), rtol=1e-12, atol=1e-12
    )
    assert found.jumps(least=1e-9) == ()


# ---- a finite-volume scheme


def finite_volumes(left: GasState, right: GasState, *, cells: int, end: float) -> ndarray:
    """Solve the Euler equations on -1/2 <= x <= 1/2 by Godunov's method with the HLL flux.

    The flux uses bounds of the wave speeds and the balance of what is conserved, and nothing of the
    exact solution.
    """
    x = (np.arange(cells) + 0.5) / cells - 0.5
    values = np.where((x < 0)[:, None], row(left), row(right))
    time = 0.0
    while time < end:
        sound = np.sqrt(GAMMA * values[:, 2] / values[:, 0])
        step = min(0.9 / cells / (np.abs(values[:, 1]) + sound).max(), end - time)
        padded = np.concatenate([values[:1], values, values[-1:]])
        state = conserved(values) - step * cells * np.diff(hll(padded), axis=0)
        velocity = state[:, 1] / state[:, 0]
        pressure = (GAMMA - 1) * (state[:, 2] - state[:, 1] * velocity / 2)
        values = np.stack([state[:, 0], velocity, pressure], axis=-1)
        time += step
    return values


def hll(values: ndarray) -> ndarray:
    """Return the flux between neighbors, from a constant state between two bounding waves."""
    one, other = values[:-1], values[1:]
    sounds = [np.sqrt(GAMMA * side[:, 2] / side[:, 0]) for side in (one, other)]
    low = np.minimum(one[:, 1] - sounds[0], other[:, 1] - sounds[1]).clip(max=0)[:, None]
    high = np.maximum(one[:, 1] + sounds[0], other[:, 1] + sounds[1]).clip(min=0)[:, None]
    jump = low * high * (conserved(other) - conserved(one))
    return (high * flux(one) - low * flux(other) + jump) / (high - low)


@pytest.mark.parametrize(
    ("given_states", "end"),
    [
        (SOD, 0.2),
        ((gas(1, -0.6, 0.8), gas(0.5, 0.7, 0.5)), 0.2),
        ((gas(0.3, 0, 0.2), gas(0.9, 0.2, 1.1)), 0.2),
        ((gas(0.6, 0.9, 0.5), gas(0.4, -0.8, 0.4)), 0.2),
    ],
    ids=["RS", "RR", "SR", "SS"],
)
def test_a_finite_volume_scheme_converges_to_the_solution(
    given_states: tuple[GasState, GasState], end: float, request: pytest.FixtureRequest
) -> None:
    exact = solve_riemann(*given_states)
    assert exact.pattern == request.node.callspec.id
    errors = []
    for cells in (50, 200, 800):
        found = finite_volumes(*given_states, cells=cells, end=end)
        # Means over cells, from 20 places in each.
        places = (np.arange(20 * cells) + 0.5) / (20 * cells) - 0.5
        means = exact.at(places / end).reshape(cells, 20, 3).mean(1)
        errors.append(np.abs(found - means).mean() / np.abs(means).mean())
    # A first-order scheme has order 1/2 at the contact and up to 1 elsewhere: a factor of two and
    # more for four times as many cells.
    assert errors[0] < 0.1
    assert errors[1] < errors[0] / 1.8
    assert errors[2] < errors[1] / 1.8
    assert errors[2] < 0.012


# ---- what is refused


def test_a_vacuum_is_refused() -> None:
    # Each of the two gases expands into a vacuum at 5 times its sound speed.
    with pytest.raises(SolverError, match=r"states must move apart by less than 10, got 10.5,"):
        solve_riemann(gas(GAMMA, -5.25, 1), gas(GAMMA, 5.25, 1))
    nearly = solve_riemann(gas(GAMMA, -4.95, 1), gas(GAMMA, 4.95, 1))
    assert 0 < nearly.pressure < 1e-10


@pytest.mark.parametrize(
    ("state", "got"),
    [
        ((0, 0, 1), "0, 0, 1"),
        ((1, 0, -2), "1, 0, -2"),
        ((1, math.nan, 1), "1, nan, 1"),
        ((math.inf, 0, 1), "inf, 0, 1"),
    ],
)
def test_states_that_are_no_gas_are_refused(state: tuple[float, ...], got: str) -> None:
    message = "state must have a positive density, a velocity and a positive pressure, got " + got
    with pytest.raises(SolverError, match="left " + message):
        solve_riemann(gas(*state), SOD[1])
    with pytest.raises(SolverError, match="right " + message):
        solve_riemann(SOD[0], gas(*state))


@pytest.mark.parametrize("closing", [1e160, 1e200])
def test_pressures_beyond_double_precision_are_refused(closing: float) -> None:
    with pytest.raises(SolverError, match="states must be such that numbers of this precision"):
        solve_riemann(gas(1, closing, 1), gas(1, -closing, 1))


def test_newton_takes_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    slope = riemann._slope

    def counted(outside: GasState, z: float) -> float:
        calls.append(z)
        return slope(outside, z)

    monkeypatch.setattr(riemann, "_slope", counted)
    most = 0
    for given_states, *_ in PUBLISHED:
        calls.clear()
        solve_riemann(*given_states)
        most = max(most, len(calls) // 2)
        # From above, without passing the solution.
        assert calls[::2] == sorted(calls[::2], reverse=True)
    assert most <= 20
