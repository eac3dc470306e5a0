"""Steady Euler flow on C-grids: cell-centered finite volumes with artificial dissipation.

The scheme is that of Jameson, Schmidt and Turkel (1981): central fluxes, a blend of second and
fourth differences, five Runge-Kutta stages with local time steps, and smoothed residuals. The
energy equation's dissipation acts on the total enthalpy, so that a steady flow keeps it exactly.

Units: density and speed of sound of the free stream are 1, so its pressure is 1 / 1.4.

Letters: I x J points, M x N cells along the C and away from the wall, R x S cells with ghost cells.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mspt.solvers.euler_kernels import (
    GAMMA,
    add_correction,
    advance,
    fill_ghosts,
    set_dissipation,
    set_fluxes,
    set_radii,
)

COARSE_SECOND = 0.25
"""Coefficient of the second differences on coarser grids."""


class Metrics(NamedTuple):
    """Geometry of a grid's cells.

    Attributes:
        area: Of each cell.
        along: Normals of the faces between neighbors along the C, of the length of the face.
        away: Normals of the faces between neighbors away from the wall.
        wake: Cells at either end of the C that touch the wake; all cells between touch the wall.
    """

    area: Float[ndarray, "M N"]
    along: Float[ndarray, "2 M+1 N"]
    away: Float[ndarray, "2 M N+1"]
    wake: int


def grid_metrics(points: Float[ndarray, "I J 2"], *, wake: int) -> Metrics:
    """Return areas and face normals of a grid.

    Examples:
        >>> x, y = np.meshgrid([0.0, 2.0, 4.0], [0.0, 1.0], indexing="ij")
        >>> metrics = grid_metrics(np.stack([x, y], axis=-1), wake=0)
        >>> metrics.area.ravel().tolist(), metrics.along[:, 0, 0].tolist()
        ([2.0, 2.0], [1.0, -0.0])
    """
    first = points[1:, 1:] - points[:-1, :-1]
    second = points[:-1, 1:] - points[1:, :-1]
    side, base = np.diff(points, axis=1), np.diff(points, axis=0)
    return Metrics(
        area=(first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]) / 2,
        along=np.stack([side[..., 1], -side[..., 0]]),
        away=np.stack([-base[..., 1], base[..., 0]]),
        wake=wake,
    )


def free_stream(mach: float) -> Float[ndarray, " 4"]:
    """Return the unknowns of the flow far away, which runs along x.

    Examples:
        >>> [round(float(value), 4) for value in free_stream(0.8)]
        [1.0, 0.8, 0.0, 2.1057]
    """
    return np.array([1.0, mach, 0.0, 1 / (GAMMA * (GAMMA - 1)) + mach**2 / 2])


def uniform_flow(metrics: Metrics, mach: float) -> Float[ndarray, "4 R S"]:
    """Return the free stream in all cells."""
    rows, columns = metrics.area.shape
    return np.tile(free_stream(mach)[:, None, None], (1, rows + 4, columns + 4))


def coarser_points(points: Float[ndarray, "I J 2"]) -> Float[ndarray, "P Q 2"]:
    """Return the grid of every second line, and of the outer boundary."""
    kept = np.arange(0, points.shape[1], 2)
    if points.shape[1] % 2 == 0:
        kept = np.append(kept, points.shape[1] - 1)
    return points[::2, kept]


def grid_levels(points: Float[ndarray, "I J 2"], *, wake: int) -> tuple[Metrics, ...]:
    """Return the metrics of a grid and of all coarser ones, whose cells join two by two cells."""
    levels = [grid_metrics(points, wake=wake)]
    while (len(points) - 1) % 2 == 0 and wake % 2 == 0:
        points, wake = coarser_points(points), wake // 2
        levels.append(grid_metrics(points, wake=wake))
    return tuple(levels)


def cycle(
    state: Float[ndarray, "4 R S"],
    levels: tuple[Metrics, ...],
    *,
    mach: float,
    source: Float[ndarray, "4 M N"] | None = None,
    relaxation: float = 0.0,
    is_finest: bool = True,
) -> float:
    """Take a time step, and one or two on each coarser grid, in place.

    The full approximation scheme: the coarser grid starts from the mean state and keeps the net
    fluxes of the finer one, so that a steady flow of the finer grid is steady on all of them.

    Args:
        state: Unknowns of all cells; overwritten.
        levels: Metrics of the grid and of the coarser ones, see :func:`grid_levels`.
        mach: Mach number of the free stream.
        source: What is added to the net fluxes; nothing on the finest grid.
        relaxation: Share of the excess of total enthalpy that is removed on the finest grid: it
            damps waves in the first cycles; the last ones must go without.
        is_finest: Coarser grids take a constant share of second differences instead of fourth.

    Returns:
        Root mean square change of the density in the step, over the Courant number.
    """
    least = 0.0 if is_finest else COARSE_SECOND
    metrics, far = levels[0], free_stream(mach)
    added = np.zeros((4, *metrics.area.shape)) if source is None else source
    change = advance(state, *metrics, far, added, least, relaxation)
    if len(levels) == 1:
        return change
    excess = residual(state, metrics, mach=mach, least=least) + added
    coarse = levels[1]
    start = np.zeros((4, coarse.area.shape[0] + 4, coarse.area.shape[1] + 4))
    start[:, 2:-2, 2:-2] = _join(state[:, 2:-2, 2:-2] * metrics.area) / _join(metrics.area[None])
    kept = _join(excess) - residual(start, coarse, mach=mach, least=COARSE_SECOND)
    ended = start.copy()
    for _ in range(2 if not is_finest else 1):
        cycle(ended, levels[1:], mach=mach, source=kept, is_finest=False)
    add_correction(state, (ended - start)[:, 2:-2, 2:-2])
    return change


def residual(
    state: Float[ndarray, "4 R S"], metrics: Metrics, *, mach: float, least: float = 0.0
) -> Float[ndarray, "4 M N"]:
    """Return the net flux out of each cell, dissipation included.

    Args:
        state: Unknowns of all cells; ghost cells are overwritten.
        metrics: Geometry of the cells.
        mach: Mach number of the free stream.
        least: Least coefficient of the second differences.
    """
    area, along, away, wake = metrics
    pressure = np.empty(state.shape[1:])
    flux, damping = np.zeros((2, 4, *area.shape))
    radius = np.zeros((2, *state.shape[1:]))
    fill_ghosts(state, pressure, wake)
    set_radii(state, pressure, along, away, wake, radius)
    set_fluxes(state, pressure, along, away, wake, free_stream(mach), flux)
    set_dissipation(state, pressure, radius, wake, least, damping)
    return flux - damping


def _join(values: Float[ndarray, "K M N"]) -> Float[ndarray, "K P Q"]:
    """Return sums over two by two cells; a last column without a pair stays alone."""
    if values.shape[2] % 2:
        values = np.pad(values, ((0, 0), (0, 0), (0, 1)))
    return values[:, ::2, ::2] + values[:, 1::2, ::2] + values[:, ::2, 1::2] + values[:, 1::2, 1::2]


def wall_force(
    state: Float[ndarray, "4 R S"], metrics: Metrics, *, mach: float
) -> Float[ndarray, " 2"]:
    """Return drag and lift coefficient of the wall, per chord."""
    first, last = metrics.wake, metrics.area.shape[0] - metrics.wake
    p = pressure_of(state)[2 + first : 2 + last, 2:4]
    on_wall = 1.5 * p[:, 0] - 0.5 * p[:, 1] - 1 / GAMMA
    # Normals of the wall point into the flow; its pressure acts the other way.
    return -(metrics.away[:, first:last, 0] @ on_wall) / (0.5 * mach**2)


def pressure_of(state: Float[ndarray, "4 ..."]) -> Float[ndarray, "..."]:
    """Return the pressure."""
    density, along_x, along_y, energy = state
    return (GAMMA - 1) * (energy - (along_x**2 + along_y**2) / (2 * density))


def mach_number(state: Float[ndarray, "4 ..."]) -> Float[ndarray, "..."]:
    """Return the Mach number.

    Examples:
        >>> mach_number(free_stream(0.8)[:, None]).round(3)
        array([0.8])
    """
    speed = np.hypot(state[1], state[2]) / state[0]
    return speed / np.sqrt(GAMMA * pressure_of(state) / state[0])


def point_values(state: Float[ndarray, "4 R S"], *, wake: int) -> Float[ndarray, "4 I J"]:
    """Return the unknowns at the points of the grid: the mean of the four cells around each.

    Ghost cells at the wall and at the outer boundary continue the two cells inside linearly; at
    the wake they are the cells of the other side.
    """
    filled, pressure = state.copy(), np.empty(state.shape[1:])
    fill_ghosts(filled, pressure, wake)
    inner = filled[:, 1:-1, 1:-1]
    return (inner[:, 1:, 1:] + inner[:, :-1, 1:] + inner[:, 1:, :-1] + inner[:, :-1, :-1]) / 4
