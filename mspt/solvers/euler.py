"""Steady Euler flow on C-grids: cell-centered finite volumes with artificial dissipation.

The scheme is that of Jameson, Schmidt and Turkel (1981): central fluxes, a blend of second and
fourth differences, five Runge-Kutta stages with local time steps, and smoothed residuals. The
energy equation's dissipation acts on the total enthalpy, so that a steady flow keeps it exactly.

Units: density and speed of sound of the free stream are 1, so its pressure is 1 / 1.4.

Cells are numbered from 2 in arrays with two layers of ghost cells around. The four unknowns of a
cell are density, momentum along x and y, and total energy.

Letters: I x J points, M x N cells along the C and away from the wall, R x S cells with ghost cells.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float
from numba import njit
from numpy import ndarray

GAMMA = 1.4

SECOND, FOURTH = 1.0, 1 / 32
"""Coefficients of the dissipation by second differences, at shocks, and by fourth differences."""

COURANT = 4.0
"""Courant number of the local time steps, over the geometric mean of the two directions."""

DIRECT_COURANT = 1.2
"""Courant number in one direction from which residuals are smoothed along it."""

MOST_SMOOTHING = 50.0
"""Largest coefficient of the implicit smoothing of residuals."""

COARSE_SECOND = 0.25
"""Coefficient of the second differences on coarser grids."""

# Stages of the Runge-Kutta scheme, and the share of new dissipation in the first, third, fifth one.
_STAGES = np.array([1 / 4, 1 / 6, 3 / 8, 1 / 2, 1.0])
_RENEWED = np.array([1.0, 0.0, 0.56, 0.0, 0.44])

# Reordered sums and fused products are safe here. Not-a-number must stay visible: it says that a
# run diverged.
kernel = njit(nogil=True, cache=True, fastmath={"contract", "reassoc", "arcp", "nsz"})


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
    change = _advance(state, *metrics, far, added, least, relaxation)
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
    _correct(state, (ended - start)[:, 2:-2, 2:-2])
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
    _fill_ghosts(state, pressure, wake)
    _radii(state, pressure, along, away, wake, radius)
    _fluxes(state, pressure, along, away, wake, free_stream(mach), flux)
    _dissipation(state, pressure, radius, wake, least, damping)
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
        >>> print(f"{mach_number(free_stream(0.8)):.3f}")
        0.800
    """
    speed = np.hypot(state[1], state[2]) / state[0]
    return speed / np.sqrt(GAMMA * pressure_of(state) / state[0])


def point_values(state: Float[ndarray, "4 R S"], *, wake: int) -> Float[ndarray, "4 I J"]:
    """Return the unknowns at the points of the grid: the mean of the four cells around each.

    Ghost cells at the wall and at the outer boundary continue the two cells inside linearly; at
    the wake they are the cells of the other side.
    """
    filled, pressure = state.copy(), np.empty(state.shape[1:])
    _fill_ghosts(filled, pressure, wake)
    inner = filled[:, 1:-1, 1:-1]
    return (inner[:, 1:, 1:] + inner[:, :-1, 1:] + inner[:, 1:, :-1] + inner[:, :-1, :-1]) / 4


@kernel
@no_type_check  # keeps the run-time type checks of the tests out of the compiled functions
def _advance(w, area, along, away, wake, far, source, least, relaxation):  # noqa: ANN001, ANN202, PLR0913
    """Take one time step, in place; return the change of the density over the Courant number."""
    rows, columns = area.shape
    pressure = np.empty(w.shape[1:])
    radius = np.zeros((2, rows + 4, columns + 4))
    flux, damping = np.zeros((4, rows, columns)), np.zeros((4, rows, columns))
    renewed = np.zeros((4, rows, columns))
    start = w[:, 2 : rows + 2, 2 : columns + 2].copy()
    step = np.empty((rows, columns))
    smoothing, upper, scale = np.empty((3, 2, rows, columns))
    change = 0.0
    for stage in range(5):
        _fill_ghosts(w, pressure, wake)
        if stage == 0:
            _radii(w, pressure, along, away, wake, radius)
            for i in range(rows):
                for j in range(columns):
                    product = radius[0, i + 2, j + 2] * radius[1, i + 2, j + 2]
                    step[i, j] = 0.5 * COURANT / np.sqrt(product)
            _coefficients(radius, step, smoothing, upper, scale)
        _fluxes(w, pressure, along, away, wake, far, flux)
        share = _RENEWED[stage]
        if share > 0:
            _dissipation(w, pressure, radius, wake, least, renewed)
            for k in range(4):
                for i in range(rows):
                    for j in range(columns):
                        damping[k, i, j] += share * (renewed[k, i, j] - damping[k, i, j])
        for k in range(4):
            for i in range(rows):
                for j in range(columns):
                    flux[k, i, j] += source[k, i, j] - damping[k, i, j]
                    flux[k, i, j] *= step[i, j]
        if stage == 0:
            change = np.sqrt(np.mean(flux[0] ** 2)) / COURANT
        _smooth(flux, smoothing, upper, scale)
        for k in range(4):
            for i in range(rows):
                for j in range(columns):
                    w[k, i + 2, j + 2] = start[k, i, j] - _STAGES[stage] * flux[k, i, j]
    if relaxation > 0:
        _relax_enthalpy(w, far, relaxation)
    return change


@kernel
@no_type_check
def _relax_enthalpy(w, far, relaxation):  # noqa: ANN001, ANN202
    """Remove a share of the excess of total enthalpy over that far away, in place.

    A steady flow has no excess. In waves it is the rate of change of the potential, so this damps
    them (Jameson, 1983); density and energy change together so that entropy does not.
    """
    enthalpy = far[3] + 1 / GAMMA  # the density is 1
    for i in range(2, w.shape[1] - 2):
        for j in range(2, w.shape[2] - 2):
            density = w[0, i, j]
            p = (GAMMA - 1) * (w[3, i, j] - 0.5 * (w[1, i, j] ** 2 + w[2, i, j] ** 2) / density)
            total = (w[3, i, j] + p) / density
            share = min(max(relaxation * (total - enthalpy), -0.1), 0.1)
            for k in range(3):
                w[k, i, j] *= 1 - share
            w[3, i, j] -= share * density * total


@kernel
@no_type_check
def _correct(w, change):  # noqa: ANN001, ANN202
    """Add the change of a coarser grid, interpolated bilinearly between its cells, in place."""
    _, rows, columns = change.shape
    for k in range(4):
        for i in range(w.shape[1] - 4):
            m = i // 2
            n = min(max(m + 2 * (i % 2) - 1, 0), rows - 1)
            for j in range(w.shape[2] - 4):
                p = j // 2
                q = min(max(p + 2 * (j % 2) - 1, 0), columns - 1)
                near = 0.75 * change[k, m, p] + 0.25 * change[k, n, p]
                next_one = 0.75 * change[k, m, q] + 0.25 * change[k, n, q]
                w[k, i + 2, j + 2] += 0.75 * near + 0.25 * next_one


@kernel
@no_type_check
def _fill_ghosts(w, pressure, wake):  # noqa: ANN001, ANN202
    """Set two layers of ghost cells and the pressure in all cells."""
    rows, columns = w.shape[1] - 4, w.shape[2] - 4
    for k in range(4):
        for i in range(2, rows + 2):
            if i - 2 < wake or i - 2 >= rows - wake:
                across = rows + 3 - i
                w[k, i, 1], w[k, i, 0] = w[k, across, 2], w[k, across, 3]
            else:
                w[k, i, 1] = 2 * w[k, i, 2] - w[k, i, 3]
                w[k, i, 0] = w[k, i, 1]
            w[k, i, columns + 2] = 2 * w[k, i, columns + 1] - w[k, i, columns]
            w[k, i, columns + 3] = w[k, i, columns + 2]
        for j in range(columns + 4):
            w[k, 1, j] = 2 * w[k, 2, j] - w[k, 3, j]
            w[k, 0, j] = w[k, 1, j]
            w[k, rows + 2, j] = 2 * w[k, rows + 1, j] - w[k, rows, j]
            w[k, rows + 3, j] = w[k, rows + 2, j]
    for i in range(rows + 4):
        for j in range(columns + 4):
            momentum = w[1, i, j] ** 2 + w[2, i, j] ** 2
            pressure[i, j] = (GAMMA - 1) * (w[3, i, j] - 0.5 * momentum / w[0, i, j])


@kernel
@no_type_check
def _radii(w, pressure, along, away, wake, radius):  # noqa: ANN001, ANN202
    """Set the largest signal speed through each cell along either direction, times face length."""
    rows, columns = w.shape[1] - 4, w.shape[2] - 4
    for i in range(rows):
        for j in range(columns):
            density = w[0, i + 2, j + 2]
            u, v = w[1, i + 2, j + 2] / density, w[2, i + 2, j + 2] / density
            sound = np.sqrt(max(GAMMA * pressure[i + 2, j + 2] / density, 1e-12))
            nx = 0.5 * (along[0, i, j] + along[0, i + 1, j])
            ny = 0.5 * (along[1, i, j] + along[1, i + 1, j])
            radius[0, i + 2, j + 2] = abs(u * nx + v * ny) + sound * np.sqrt(nx * nx + ny * ny)
            nx = 0.5 * (away[0, i, j] + away[0, i, j + 1])
            ny = 0.5 * (away[1, i, j] + away[1, i, j + 1])
            radius[1, i + 2, j + 2] = abs(u * nx + v * ny) + sound * np.sqrt(nx * nx + ny * ny)
    for i in range(rows):
        if i < wake or i >= rows - wake:
            radius[1, i + 2, 1] = radius[1, rows + 1 - i, 2]


@kernel
@no_type_check
def _fluxes(w, pressure, along, away, wake, far, flux):  # noqa: ANN001, ANN202
    """Set the central fluxes out of each cell, and those through the boundaries."""
    rows, columns = w.shape[1] - 4, w.shape[2] - 4
    flux[:] = 0.0
    for i in range(1, rows):
        for j in range(columns):
            nx, ny = along[0, i, j], along[1, i, j]
            _add_central(w, pressure, flux, nx, ny, i + 1, j + 2, i + 2, j + 2)
    for i in range(rows):
        for j in range(1, columns):
            nx, ny = away[0, i, j], away[1, i, j]
            _add_central(w, pressure, flux, nx, ny, i + 2, j + 1, i + 2, j + 2)
    for i in range(rows):
        nx, ny = away[0, i, 0], away[1, i, 0]
        if i < wake or i >= rows - wake:
            f = _central(w, pressure, nx, ny, i + 2, 1, i + 2, 2)
            for k in range(4):
                flux[k, i, 0] -= f[k]
        else:
            on_wall = 1.5 * pressure[i + 2, 2] - 0.5 * pressure[i + 2, 3]
            flux[1, i, 0] -= on_wall * nx
            flux[2, i, 0] -= on_wall * ny
        f = _far_flux(
            w, pressure, far, away[0, i, columns], away[1, i, columns], i + 2, columns + 1
        )
        for k in range(4):
            flux[k, i, columns - 1] += f[k]
    for j in range(columns):
        f = _far_flux(w, pressure, far, -along[0, 0, j], -along[1, 0, j], 2, j + 2)
        for k in range(4):
            flux[k, 0, j] += f[k]
        f = _far_flux(w, pressure, far, along[0, rows, j], along[1, rows, j], rows + 1, j + 2)
        for k in range(4):
            flux[k, rows - 1, j] += f[k]


@njit(inline="always", fastmath={"contract", "reassoc", "arcp", "nsz"})
@no_type_check
def _central(w, pressure, nx, ny, i, j, m, n):  # noqa: ANN001, ANN202, PLR0913
    """Return the flux through a face, the mean of the fluxes in the cells (i, j) and (m, n)."""
    first = (w[1, i, j] * nx + w[2, i, j] * ny) / w[0, i, j]
    other = (w[1, m, n] * nx + w[2, m, n] * ny) / w[0, m, n]
    p = pressure[i, j] + pressure[m, n]
    return (
        0.5 * (first * w[0, i, j] + other * w[0, m, n]),
        0.5 * (first * w[1, i, j] + other * w[1, m, n] + p * nx),
        0.5 * (first * w[2, i, j] + other * w[2, m, n] + p * ny),
        0.5 * (first * (w[3, i, j] + pressure[i, j]) + other * (w[3, m, n] + pressure[m, n])),
    )


@njit(inline="always", fastmath={"contract", "reassoc", "arcp", "nsz"})
@no_type_check
def _add_central(w, pressure, flux, nx, ny, i, j, m, n):  # noqa: ANN001, ANN202, PLR0913
    f = _central(w, pressure, nx, ny, i, j, m, n)
    for k in range(4):
        flux[k, i - 2, j - 2] += f[k]
        flux[k, m - 2, n - 2] -= f[k]


@kernel
@no_type_check
def _far_flux(w, pressure, far, nx, ny, i, j):  # noqa: ANN001, ANN202
    """Return the flux through a face of the outer boundary, by characteristics.

    Of the two Riemann invariants across the face one comes from inside and one from far away;
    entropy and the speed along the face come from where the flow comes from.
    """
    length = np.sqrt(nx * nx + ny * ny)
    ex, ey = nx / length, ny / length
    density = w[0, i, j]
    u, v = w[1, i, j] / density, w[2, i, j] / density
    sound = np.sqrt(max(GAMMA * pressure[i, j] / density, 1e-12))
    far_u, far_v = far[1], far[2]
    inside = u * ex + v * ey + 2 * sound / (GAMMA - 1)
    outside = far_u * ex + far_v * ey - 2 / (GAMMA - 1)
    through, sound_b = 0.5 * (inside + outside), 0.25 * (GAMMA - 1) * (inside - outside)
    if through > 0:
        more = through - (u * ex + v * ey)
        ub, vb = u + more * ex, v + more * ey
        entropy = pressure[i, j] / density**GAMMA
    else:
        more = through - (far_u * ex + far_v * ey)
        ub, vb = far_u + more * ex, far_v + more * ey
        entropy = 1 / GAMMA
    rho = (sound_b * sound_b / (GAMMA * entropy)) ** (1 / (GAMMA - 1))
    p = rho * sound_b * sound_b / GAMMA
    mass = rho * through * length
    enthalpy = sound_b * sound_b / (GAMMA - 1) + 0.5 * (ub * ub + vb * vb)
    return mass, mass * ub + p * nx, mass * vb + p * ny, mass * enthalpy


@kernel
@no_type_check
def _dissipation(w, pressure, radius, wake, least, damping):  # noqa: ANN001, ANN202
    """Set the blend of second and fourth differences, none through the boundaries."""
    rows, columns = w.shape[1] - 4, w.shape[2] - 4
    damping[:] = 0.0
    for i in range(2, rows + 1):
        for j in range(2, columns + 2):
            a, b = pressure[i - 1, j], pressure[i, j]
            c, d = pressure[i + 1, j], pressure[i + 2, j]
            sensor = max(abs(c - 2 * b + a) / (c + 2 * b + a), abs(d - 2 * c + b) / (d + 2 * c + b))
            speed = 0.5 * (radius[0, i, j] + radius[0, i + 1, j])
            second = min(max(SECOND * sensor, least), 0.5)
            fourth = max(0.0, FOURTH - second)
            for k in range(4):
                w0, w1, w2, w3 = w[k, i - 1, j], w[k, i, j], w[k, i + 1, j], w[k, i + 2, j]
                if k == 3:
                    w0, w1, w2, w3 = w0 + a, w1 + b, w2 + c, w3 + d
                f = speed * (second * (w2 - w1) - fourth * (w3 - 3 * w2 + 3 * w1 - w0))
                damping[k, i - 2, j - 2] += f
                damping[k, i - 1, j - 2] -= f
    for i in range(2, rows + 2):
        open_side = i - 2 < wake or i - 2 >= rows - wake
        for j in range(1 if open_side else 2, columns + 1):
            a, b = pressure[i, j - 1], pressure[i, j]
            c, d = pressure[i, j + 1], pressure[i, j + 2]
            sensor = max(abs(c - 2 * b + a) / (c + 2 * b + a), abs(d - 2 * c + b) / (d + 2 * c + b))
            speed = 0.5 * (radius[1, i, j] + radius[1, i, j + 1])
            second = min(max(SECOND * sensor, least), 0.5)
            fourth = max(0.0, FOURTH - second)
            for k in range(4):
                w0, w1, w2, w3 = w[k, i, j - 1], w[k, i, j], w[k, i, j + 1], w[k, i, j + 2]
                if k == 3:
                    w0, w1, w2, w3 = w0 + a, w1 + b, w2 + c, w3 + d
                f = speed * (second * (w2 - w1) - fourth * (w3 - 3 * w2 + 3 * w1 - w0))
                if j > 1:
                    damping[k, i - 2, j - 2] += f
                damping[k, i - 2, j - 1] -= f


@kernel
@no_type_check
def _coefficients(radius, step, smoothing, upper, scale):  # noqa: ANN001, ANN202
    """Set the smoothing of either direction and factor its tridiagonal matrices."""
    rows, columns = step.shape
    for i in range(rows):
        for j in range(columns):
            for d in range(2):
                ratio = step[i, j] * radius[d, i + 2, j + 2] / DIRECT_COURANT
                smoothing[d, i, j] = min(max(0.25 * (ratio * ratio - 1), 0.0), MOST_SMOOTHING)
    for i in range(rows):
        for j in range(columns):
            s = smoothing[0, i, j]
            if i == 0:
                scale[0, i, j] = 1 / (1 + s)
            else:
                sides = s if i == rows - 1 else 2 * s
                scale[0, i, j] = 1 / (1 + sides + s * upper[0, i - 1, j])
            upper[0, i, j] = -s * scale[0, i, j]
            s = smoothing[1, i, j]
            if j == 0:
                scale[1, i, j] = 1 / (1 + s)
            else:
                sides = s if j == columns - 1 else 2 * s
                scale[1, i, j] = 1 / (1 + sides + s * upper[1, i, j - 1])
            upper[1, i, j] = -s * scale[1, i, j]


@kernel
@no_type_check
def _smooth(r, smoothing, upper, scale):  # noqa: ANN001, ANN202
    """Smooth residuals implicitly along both directions, in place."""
    _, rows, columns = r.shape
    for k in range(4):
        for j in range(columns):
            r[k, 0, j] *= scale[0, 0, j]
        for i in range(1, rows):
            for j in range(columns):
                r[k, i, j] = (r[k, i, j] + smoothing[0, i, j] * r[k, i - 1, j]) * scale[0, i, j]
        for i in range(rows - 2, -1, -1):
            for j in range(columns):
                r[k, i, j] -= upper[0, i, j] * r[k, i + 1, j]
    for i in range(rows):
        for k in range(4):
            r[k, i, 0] *= scale[1, i, 0]
        for j in range(1, columns):
            for k in range(4):
                r[k, i, j] = (r[k, i, j] + smoothing[1, i, j] * r[k, i, j - 1]) * scale[1, i, j]
        for j in range(columns - 2, -1, -1):
            for k in range(4):
                r[k, i, j] -= upper[1, i, j] * r[k, i, j + 1]
