"""Compiled kernels of the Euler solver: fluxes, dissipation, smoothing, time steps.

Cells are numbered from 2 in arrays with two layers of ghost cells around. The four unknowns of a
cell are density, momentum along x and y, and total energy.
"""

from typing import no_type_check

import numpy as np
from numba import njit
from numpy import ndarray

from mspt.compiling import compiled

GAMMA = 1.4

SECOND, FOURTH = 1.0, 1 / 32
"""Coefficients of the dissipation by second differences, at shocks, and by fourth differences."""

COURANT = 4.0
"""Courant number of the local time steps, over the geometric mean of the two directions."""

DIRECT_COURANT = 1.2
"""Courant number in one direction from which residuals are smoothed along it."""

MOST_SMOOTHING = 50.0
"""Largest coefficient of the implicit smoothing of residuals."""

# Stages of the Runge-Kutta scheme, and the share of new dissipation in the first, third, fifth one.
_STAGES = np.array([1 / 4, 1 / 6, 3 / 8, 1 / 2, 1.0])
_RENEWED = np.array([1.0, 0.0, 0.56, 0.0, 0.44])

# Reordered sums and fused products are safe here. Not-a-number must stay visible: it says that a
# run diverged.
kernel = compiled(nogil=True, fastmath={"contract", "reassoc", "arcp", "nsz"})
inlined = njit(inline="always", fastmath={"contract", "reassoc", "arcp", "nsz"})


@kernel
@no_type_check  # keeps the run-time type checks of the tests out of the compiled functions
def advance(  # noqa: PLR0913
    w: ndarray,
    area: ndarray,
    along: ndarray,
    away: ndarray,
    wake: int,
    far: ndarray,
    source: ndarray,
    least: float,
    relaxation: float,
) -> float:
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
        fill_ghosts(w, pressure, wake)
        if stage == 0:
            set_radii(w, pressure, along, away, wake, radius)
            inner = radius[:, 2 : rows + 2, 2 : columns + 2]
            step[:] = 0.5 * COURANT / np.sqrt(inner[0] * inner[1])
            _coefficients(radius, step, smoothing, upper, scale)
        set_fluxes(w, pressure, along, away, wake, far, flux)
        share = _RENEWED[stage]
        if share > 0:
            set_dissipation(w, pressure, radius, wake, least, renewed)
            damping += share * (renewed - damping)
        flux[:] = (flux + source - damping) * step
        if stage == 0:
            change = np.sqrt(np.mean(flux[0] ** 2)) / COURANT
        _smooth_along(flux, smoothing[0], upper[0], scale[0])
        _smooth_away(flux, smoothing[1], upper[1], scale[1])
        w[:, 2 : rows + 2, 2 : columns + 2] = start - _STAGES[stage] * flux
    if relaxation > 0:
        _relax_enthalpy(w, far, relaxation)
    return change


@kernel
@no_type_check
def _relax_enthalpy(w: ndarray, far: ndarray, relaxation: float) -> None:
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
def add_correction(w: ndarray, change: ndarray) -> None:
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
def fill_ghosts(w: ndarray, pressure: ndarray, wake: int) -> None:
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
def set_radii(
    w: ndarray, pressure: ndarray, along: ndarray, away: ndarray, wake: int, radius: ndarray
) -> None:
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
def set_fluxes(
    w: ndarray,
    pressure: ndarray,
    along: ndarray,
    away: ndarray,
    wake: int,
    far: ndarray,
    flux: ndarray,
) -> None:
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
    _add_inner_boundary(w, pressure, away, wake, flux)
    _add_outer_boundary(w, pressure, along, away, far, flux)


@kernel
@no_type_check
def _add_inner_boundary(
    w: ndarray, pressure: ndarray, away: ndarray, wake: int, flux: ndarray
) -> None:
    """Add the fluxes through the wake and the pressure on the wall."""
    rows = flux.shape[1]
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


@kernel
@no_type_check
def _add_outer_boundary(
    w: ndarray, pressure: ndarray, along: ndarray, away: ndarray, far: ndarray, flux: ndarray
) -> None:
    """Add the fluxes through the outer boundary and through both ends of the C."""
    _, rows, columns = flux.shape
    for i in range(rows):
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


@inlined
@no_type_check
def _central(  # noqa: PLR0913
    w: ndarray, pressure: ndarray, nx: float, ny: float, i: int, j: int, m: int, n: int
) -> tuple:
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


@inlined
@no_type_check
def _add_central(  # noqa: PLR0913
    w: ndarray,
    pressure: ndarray,
    flux: ndarray,
    nx: float,
    ny: float,
    i: int,
    j: int,
    m: int,
    n: int,
) -> None:
    f = _central(w, pressure, nx, ny, i, j, m, n)
    for k in range(4):
        flux[k, i - 2, j - 2] += f[k]
        flux[k, m - 2, n - 2] -= f[k]


@kernel
@no_type_check
def _far_flux(
    w: ndarray, pressure: ndarray, far: ndarray, nx: float, ny: float, i: int, j: int
) -> tuple:
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
def set_dissipation(
    w: ndarray, pressure: ndarray, radius: ndarray, wake: int, least: float, damping: ndarray
) -> None:
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
def _coefficients(
    radius: ndarray, step: ndarray, smoothing: ndarray, upper: ndarray, scale: ndarray
) -> None:
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
def _smooth_along(r: ndarray, smoothing: ndarray, upper: ndarray, scale: ndarray) -> None:
    """Smooth residuals implicitly along the C, in place."""
    _, rows, columns = r.shape
    for k in range(4):
        for j in range(columns):
            r[k, 0, j] *= scale[0, j]
        for i in range(1, rows):
            for j in range(columns):
                r[k, i, j] = (r[k, i, j] + smoothing[i, j] * r[k, i - 1, j]) * scale[i, j]
        for i in range(rows - 2, -1, -1):
            for j in range(columns):
                r[k, i, j] -= upper[i, j] * r[k, i + 1, j]


@kernel
@no_type_check
def _smooth_away(r: ndarray, smoothing: ndarray, upper: ndarray, scale: ndarray) -> None:
    """Smooth residuals implicitly away from the wall, in place."""
    _, rows, columns = r.shape
    for i in range(rows):
        for k in range(4):
            r[k, i, 0] *= scale[i, 0]
        for j in range(1, columns):
            for k in range(4):
                r[k, i, j] = (r[k, i, j] + smoothing[i, j] * r[k, i, j - 1]) * scale[i, j]
        for j in range(columns - 2, -1, -1):
            for k in range(4):
                r[k, i, j] -= upper[i, j] * r[k, i, j + 1]
