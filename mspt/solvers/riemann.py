"""The exact solution of the Riemann problem: one gas, two states beside each other.

The Euler equations in one dimension for an ideal gas, whose heat capacities have the ratio 1.4:

    d/dt (rho, rho u, E) + d/dx (rho u, rho u^2 + p, u (E + p)) = 0,   E = p / 0.4 + rho u^2 / 2.

A diaphragm at x = 0 separates two constant states and is taken away at t = 0. What follows depends
on x / t alone. Three waves leave the origin: one to the left and one to the right, each a shock or
a rarefaction, and a contact between them, across which only the density jumps. Pressure and
velocity are the same on both sides of the contact: the star state. Equations as in E. F. Toro,
Riemann Solvers and Numerical Methods for Fluid Dynamics, chapter 4.

All quantities are in units of a reference density, a reference pressure and a length: velocities in
the root of pressure over density. Letter: N points.
"""

import math
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mspt.errors import SolverError

GAMMA = 1.4
"""Ratio of the heat capacities of the gas: air, and the tests in the literature."""

POWER = (GAMMA - 1) / (2 * GAMMA)
"""The sound speed goes with the pressure to this power where entropy is constant: 1/7."""

MAX_STEPS = 100
"""Steps of Newton's method, of which the cases of this project take at most four."""


@dataclass(frozen=True, kw_only=True)
class GasState:
    """Density, velocity and pressure of the gas at one place.

    Attributes:
        density: Positive.
        velocity: Along x.
        pressure: Positive.
    """

    density: float
    velocity: float
    pressure: float

    @property
    def sound_speed(self) -> float:
        """Speed of sound.

        Examples:
            >>> GasState(density=1.4, velocity=0.0, pressure=1.0).sound_speed
            1.0
        """
        return math.sqrt(GAMMA * self.pressure / self.density)


@dataclass(frozen=True, kw_only=True)
class Wave:
    """The left or the right wave: a shock or a rarefaction.

    Attributes:
        direction: -1 for the left wave, 1 for the right one.
        outside: The state that the wave runs into.
        inside: The star state between the wave and the contact.
        is_shock: Whether the gas is compressed; a rarefaction lets it expand.
        head: Speed of the edge beside ``outside``.
        tail: Speed of the edge beside ``inside``; that of the head for a shock.
    """

    direction: int
    outside: GasState
    inside: GasState
    is_shock: bool
    head: float
    tail: float

    def at(self, speed: Float[ndarray, " N"]) -> Float[ndarray, "N 3"]:
        """Return density, velocity and pressure at x = speed t, on this side of the contact."""
        # Seen in the direction of the wave, both waves are right waves.
        away = self.direction * speed
        head, tail = self.direction * self.head, self.direction * self.tail
        found = _within_fan(self, np.clip(away, tail, head))
        found[away >= head] = _row(self.outside)
        found[away <= tail] = _row(self.inside)
        return found


@dataclass(frozen=True, kw_only=True)
class RiemannSolution:
    """Everything that follows from two states.

    Attributes:
        left: The wave to the left.
        right: The wave to the right.
    """

    left: Wave
    right: Wave

    @property
    def pressure(self) -> float:
        """Pressure of the star state."""
        return self.left.inside.pressure

    @property
    def velocity(self) -> float:
        """Velocity of the star state, which is the speed of the contact."""
        return self.left.inside.velocity

    @property
    def pattern(self) -> str:
        """The left and the right wave: ``S`` for a shock, ``R`` for a rarefaction."""
        return "".join("S" if wave.is_shock else "R" for wave in (self.left, self.right))

    def at(self, speed: Float[ndarray, " N"]) -> Float[ndarray, "N 3"]:
        """Return density, velocity and pressure at x = speed t.

        Values on a jump are those of either side. The limits of x / t for t to 0, minus and plus
        infinity, give the two states of the beginning.

        Examples:
            >>> sod = solve_riemann(
            ...     GasState(density=1.0, velocity=0.0, pressure=1.0),
            ...     GasState(density=0.125, velocity=0.0, pressure=0.1),
            ... )
            >>> sod.at(np.array([-np.inf, -2.0, 1.0, 2.0])).round(5).tolist()
            [[1.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.26557, 0.92745, 0.30313], [0.125, 0.0, 0.1]]
        """
        is_left = (speed < self.velocity)[:, None]
        return np.where(is_left, self.left.at(speed), self.right.at(speed))

    def jumps(self, *, least: float = 0.0) -> tuple[float, ...]:
        """Return the speeds of contact and shocks, from left to right.

        Args:
            least: Leave out jumps by which the density changes by no more than this share of the
                larger one.

        Examples:
            >>> sod = solve_riemann(
            ...     GasState(density=1.0, velocity=0.0, pressure=1.0),
            ...     GasState(density=0.125, velocity=0.0, pressure=0.1),
            ... )
            >>> [round(speed, 5) for speed in sod.jumps()]
            [0.92745, 1.75216]
        """
        contact = (self.velocity, self.left.inside, self.right.inside)
        shocks = [
            (wave.head, wave.outside, wave.inside)
            for wave in (self.left, self.right)
            if wave.is_shock
        ]
        return tuple(
            sorted(
                speed
                for speed, one, other in (contact, *shocks)
                if abs(one.density - other.density) > least * max(one.density, other.density)
            )
        )


def solve_riemann(left: GasState, right: GasState) -> RiemannSolution:
    """Return the exact solution for a state on the left and one on the right of x = 0.

    Args:
        left: The state at x < 0.
        right: The state at x > 0.

    Raises:
        SolverError: If a state is not that of a gas, if the states move apart so fast that there is
            a vacuum between them, or if the pressure between them is too large or too small for a
            number of double precision.
    """
    for name, state in (("left", left), ("right", right)):
        _check(name, state)
    _check_vacuum(left, right)
    pressure = _star_pressure(left, right)
    # Either side gives the velocity up to rounding; the mean treats them alike.
    velocity = (
        left.velocity
        - velocity_change(left, pressure)
        + right.velocity
        + velocity_change(right, pressure)
    ) / 2
    return RiemannSolution(
        left=_wave(left, pressure, velocity, direction=-1),
        right=_wave(right, pressure, velocity, direction=1),
    )


def velocity_change(outside: GasState, pressure: float) -> float:
    """Return by how much a wave into a state speeds up the gas, in the direction of the wave.

    Args:
        outside: The state that the wave runs into.
        pressure: Behind the wave: a shock if it is higher than outside, else a rarefaction.

    Examples:
        >>> state = GasState(density=1.4, velocity=5.0, pressure=1.0)
        >>> velocity_change(state, 1.0), round(velocity_change(state, 0.5**7), 12)
        (0.0, -2.5)
    """
    if pressure > outside.pressure:
        heavier = (GAMMA + 1) * pressure + (GAMMA - 1) * outside.pressure
        return (pressure - outside.pressure) * math.sqrt(2 / (outside.density * heavier))
    cooling = (pressure / outside.pressure) ** POWER - 1
    return 2 * outside.sound_speed / (GAMMA - 1) * cooling


def _check(name: str, state: GasState) -> None:
    values = (state.density, state.velocity, state.pressure)
    if not (all(map(math.isfinite, values)) and state.density > 0 and state.pressure > 0):
        raise SolverError(
            f"{name} state must have a positive density, a velocity and a positive pressure, got "
            f"{', '.join(f'{value:g}' for value in values)}; set numbers of a gas"
        )


def _check_vacuum(left: GasState, right: GasState) -> None:
    apart = right.velocity - left.velocity
    limit = 2 / (GAMMA - 1) * (left.sound_speed + right.sound_speed)
    if apart >= limit:
        raise SolverError(
            f"states must move apart by less than {limit:.4g}, got {apart:.4g}, which leaves a "
            "vacuum between them; lower the difference of their velocities"
        )


def _star_pressure(left: GasState, right: GasState) -> float:
    """Return the pressure at which both waves give the gas between them the same velocity.

    Newton's method for its seventh root z. The velocity that both waves take from the gas is linear
    in z for rarefactions, and larger and convex for shocks. Two rarefactions therefore give too
    high a z, from which each step leads down toward the solution without passing it.
    """
    apart = right.velocity - left.velocity
    sounds = left.sound_speed + right.sound_speed
    z = (sounds - (GAMMA - 1) / 2 * apart) / sum(_per_root(state) for state in (left, right))
    with suppress(ArithmeticError):  # a number that is too large or too small
        for _ in range(MAX_STEPS):
            pressure = z ** (1 / POWER)
            change = apart + sum(velocity_change(state, pressure) for state in (left, right))
            step = change / sum(_slope(state, z) for state in (left, right))
            # Rounding ends the descent: a step up, or one below the last digit.
            if step <= 4e-16 * z and 0 < pressure < math.inf:
                return pressure
            z -= step
    raise SolverError(
        "states must be such that numbers of this precision hold the pressure between them, got "
        f"{left} and {right}; use states that are less far apart"
    )


def _per_root(state: GasState) -> float:
    """Return the sound speed over the seventh root of the pressure, a measure of entropy."""
    return state.sound_speed / state.pressure**POWER


def _slope(outside: GasState, z: float) -> float:
    """Return the derivative of :func:`velocity_change` by the seventh root of the pressure."""
    pressure = z ** (1 / POWER)
    if pressure <= outside.pressure:
        return 2 / (GAMMA - 1) * _per_root(outside)
    heavier = (GAMMA + 1) * pressure + (GAMMA - 1) * outside.pressure
    share = 1 - (GAMMA + 1) * (pressure - outside.pressure) / (2 * heavier)
    return math.sqrt(2 / (outside.density * heavier)) * share * pressure / (POWER * z)


def _wave(outside: GasState, pressure: float, velocity: float, *, direction: int) -> Wave:
    ratio = pressure / outside.pressure
    is_shock = ratio > 1
    weak = (GAMMA - 1) / (GAMMA + 1)
    growth = (ratio + weak) / (weak * ratio + 1) if is_shock else ratio ** (1 / GAMMA)
    inside = GasState(density=outside.density * growth, velocity=velocity, pressure=pressure)
    if is_shock:
        mach = math.sqrt((GAMMA + 1) / (2 * GAMMA) * ratio + POWER)
        head = tail = outside.velocity + direction * outside.sound_speed * mach
    else:
        head, tail = (state.velocity + direction * state.sound_speed for state in (outside, inside))
    return Wave(
        direction=direction,
        outside=outside,
        inside=inside,
        is_shock=is_shock,
        head=head,
        tail=tail,
    )


def _within_fan(wave: Wave, away: Float[ndarray, " N"]) -> Float[ndarray, "N 3"]:
    """Return the state between tail and head, where u + a is the speed seen along the wave.

    Entropy and u - 2 a / (gamma - 1) are those of the state outside.
    """
    state = wave.outside
    velocity, sound = wave.direction * state.velocity, state.sound_speed
    ratio = (2 * sound - (GAMMA - 1) * (velocity - away)) / ((GAMMA + 1) * sound)
    inner = (2 * away + (GAMMA - 1) * velocity - 2 * sound) / (GAMMA + 1)
    return np.stack(
        [
            state.density * ratio ** (2 / (GAMMA - 1)),
            wave.direction * inner,
            state.pressure * ratio ** (1 / POWER),
        ],
        axis=-1,
    )


def _row(state: GasState) -> tuple[float, float, float]:
    return state.density, state.velocity, state.pressure
