"""Compiled kernels of the press: stress update, elements, contact, steps in time.

Points are numbered (i, j): i along the width, j upwards. Corners of an element are (i, j),
(i+1, j), (i+1, j+1), (i, j+1), counter-clockwise.
"""

from typing import no_type_check

import numpy as np
from numba import njit
from numpy import ndarray

from mspt.compiling import compiled
from mspt.solvers.metal import Block, Metal

HOURGLASS_STIFFNESS = 0.02
"""Stiffness of the hourglass modes, as a share of Young's modulus; 1/12 is that of bending."""

HOURGLASS_LIMIT = 0.02
"""Largest hourglass force, as a share of yield stress times element length; 1/4 is that of a
fully plastic bent element."""

HOURGLASS_VISCOSITY = 0.05
"""Viscosity of the hourglass modes, as a share of density times speed of sound times length."""

PIECES = 10
"""Pieces of the time between two frames; each takes steps that are stable for the elements as they
are at its start."""

MIN_LENGTH = 0.02
"""Smallest length of an element, over the smallest one at the start, with which a run goes on."""

RETURN_TOLERANCE = 1e-12
"""Relative residual of the yield condition at which the return to the yield surface ends."""

# Reordered sums and fused products are safe here. Not-a-number must stay visible.
kernel = compiled(nogil=True, fastmath={"contract", "reassoc", "arcp", "nsz"})
inlined = njit(nogil=True, inline="always", fastmath={"contract", "reassoc", "arcp", "nsz"})


@kernel
@no_type_check  # keeps the run-time type checks of the tests out of the compiled functions
def update_stress(
    metal: Metal, sx: float, sy: float, txy: float, ex: float, ey: float, gxy: float
) -> tuple:
    """Return stresses and thickness strain after a strain increment, in plane stress.

    The increment is first taken as elastic. A stress beyond the yield surface returns to it by an
    implicit step of the plastic flow, which for plane stress is one equation for the amount of
    flow (Simo and Taylor, 1986).

    Args:
        metal: The metal.
        sx: Stress along x, already turned with the material.
        sy: Stress along y.
        txy: Shear stress.
        ex: Increment of the strain along x.
        ey: The same along y.
        gxy: The same of the engineering shear strain.
    """
    young, poisson, limit = metal.young, metal.poisson, metal.yield_stress
    plane = young / (1 - poisson * poisson)
    shear = 0.5 * young / (1 + poisson)
    old = sx + sy
    sx += plane * (ex + poisson * ey)
    sy += plane * (ey + poisson * ex)
    txy += shear * gxy
    mean, apart = 0.5 * (sx + sy), 0.5 * (sx - sy)
    pressure_part, shear_part = mean * mean / 3, apart * apart + txy * txy
    bound = limit * limit / 3
    flow = 0.0
    if pressure_part + shear_part > bound:
        a, b = young / (3 * (1 - poisson)), 2 * shear
        for _ in range(50):
            p, s = 1 / (1 + a * flow), 1 / (1 + b * flow)
            first, second = pressure_part * p * p, shear_part * s * s
            excess = first + second - bound
            # The condition is convex and decreasing in the flow: the steps never overshoot.
            flow += excess / (2 * (a * p * first + b * s * second))
            if excess <= RETURN_TOLERANCE * bound:
                break
        mean /= 1 + a * flow
        apart /= 1 + b * flow
        txy /= 1 + b * flow
        sx, sy = mean + apart, mean - apart
    thinner = -poisson / young * (sx + sy - old) - flow * (sx + sy) / 3
    return sx, sy, txy, thinner


@inlined
@no_type_check
def _turn(sx: float, sy: float, txy: float, spin: float) -> tuple:
    """Return stresses turned with the material, exact for a rigid turn (Hughes, Winget, 1980)."""
    half = 0.5 * spin
    c, s = (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)
    mean, apart = 0.5 * (sx + sy), 0.5 * (sx - sy)
    cc, ss = c * c - s * s, 2 * c * s
    turned = apart * cc - txy * ss
    return mean + turned, mean - turned, apart * ss + txy * cc


@kernel
@no_type_check
def advance_elements(  # noqa: PLR0913, PLR0915 - one pass over the elements
    metal: Metal,
    x: ndarray,
    u: ndarray,
    dt: float,
    hourglass: float,
    stress: ndarray,
    thickness: ndarray,
    glass: ndarray,
    force: ndarray,
) -> tuple:
    """Update all elements after a step and set the forces of their stresses on the points.

    Args:
        metal: The metal.
        x: Positions (I, J, 2) after the step.
        u: Displacements in the step.
        dt: Duration of the step.
        hourglass: Factor of the resistance of the hourglass modes.
        stress: Stresses (I-1, J-1, 3) of the elements; updated.
        thickness: Thickness of the elements over that at the start; updated.
        glass: Hourglass forces (I-1, J-1, 2); updated.
        force: Forces on the points; overwritten.

    Returns:
        Work of the stresses, that of the hourglass forces, and whether an element is inside out.
    """
    rows, columns, _ = stress.shape
    work, wasted, turned, sound = 0.0, 0.0, False, np.sqrt(metal.young / metal.density)
    force[:] = 0.0
    for i in range(rows):
        for j in range(columns):
            # Differences along the two diagonals are all that one integration point needs.
            x1 = x[i + 1, j + 1, 0] - x[i, j, 0]
            y1 = x[i + 1, j + 1, 1] - x[i, j, 1]
            x2 = x[i, j + 1, 0] - x[i + 1, j, 0]
            y2 = x[i, j + 1, 1] - x[i + 1, j, 1]
            u1 = u[i + 1, j + 1, 0] - u[i, j, 0]
            w1 = u[i + 1, j + 1, 1] - u[i, j, 1]
            u2 = u[i, j + 1, 0] - u[i + 1, j, 0]
            w2 = u[i, j + 1, 1] - u[i + 1, j, 1]
            area = 0.5 * (x1 * y2 - x2 * y1)
            turned = turned or not area > 0
            # Strains refer to the middle of the step, in which a rigid turn has none.
            a1, b1, a2, b2 = x1 - 0.5 * u1, y1 - 0.5 * w1, x2 - 0.5 * u2, y2 - 0.5 * w2
            scale = 1 / (a1 * b2 - a2 * b1)
            ux, uy = (u1 * b2 - u2 * b1) * scale, (u2 * a1 - u1 * a2) * scale
            wx, wy = (w1 * b2 - w2 * b1) * scale, (w2 * a1 - w1 * a2) * scale
            sx, sy, txy = _turn(stress[i, j, 0], stress[i, j, 1], stress[i, j, 2], 0.5 * (wx - uy))
            before = sx * ux + sy * wy + txy * (uy + wx)
            sx, sy, txy, thinner = update_stress(metal, sx, sy, txy, ux, wy, uy + wx)
            stress[i, j, 0], stress[i, j, 1], stress[i, j, 2] = sx, sy, txy
            t = thickness[i, j] * np.exp(thinner)
            thickness[i, j] = t
            work += 0.5 * t * area * (before + sx * ux + sy * wy + txy * (uy + wx))
            # Forces of the stress on the two diagonals.
            f1x, f1y = 0.5 * t * (sx * y2 - txy * x2), 0.5 * t * (txy * y2 - sy * x2)
            f2x, f2y = 0.5 * t * (txy * x1 - sx * y1), 0.5 * t * (sy * x1 - txy * y1)
            # Hourglass modes: what is left of the pattern (1, -1, 1, -1) without linear fields.
            hx = x[i, j, 0] - x[i + 1, j, 0] + x[i + 1, j + 1, 0] - x[i, j + 1, 0]
            hy = x[i, j, 1] - x[i + 1, j, 1] + x[i + 1, j + 1, 1] - x[i, j + 1, 1]
            g1 = -0.5 * (hx * y2 - hy * x2) / area
            g2 = -0.5 * (hy * x1 - hx * y1) / area
            # Distortion makes the modes larger, and resistance grows with the square of their
            # size. They have size 2 in a parallelogram, and are scaled to that in all elements.
            size = np.sqrt(2 / (2 + g1 * g1 + g2 * g2))
            length = np.sqrt(area)
            shape = 0.5 * (x1 * x1 + y1 * y1 + x2 * x2 + y2 * y2) / area
            stiff = 0.5 * hourglass * HOURGLASS_STIFFNESS * metal.young * shape
            limit = hourglass * HOURGLASS_LIMIT * metal.yield_stress * length
            drag = hourglass * HOURGLASS_VISCOSITY * metal.density * sound * length / dt
            for d in range(2):
                pattern = u[i, j, d] - u[i + 1, j, d] + u[i + 1, j + 1, d] - u[i, j + 1, d]
                one = u[i + 1, j + 1, d] - u[i, j, d]
                two = u[i, j + 1, d] - u[i + 1, j, d]
                mode = size * (pattern + g1 * one + g2 * two)
                q = glass[i, j, d] + stiff * mode
                q = min(max(q, -limit), limit)
                glass[i, j, d] = q
                f = t * (q + drag * mode)
                wasted += f * mode
                f *= size
                e1 = (f1x if d == 0 else f1y) + f * g1
                e2 = (f2x if d == 0 else f2y) + f * g2
                force[i, j, d] -= f - e1
                force[i + 1, j + 1, d] -= f + e1
                force[i + 1, j, d] -= -f - e2
                force[i, j + 1, d] -= -f + e2
    return work, wasted, turned


@kernel
@no_type_check
def _keep_below_die(  # noqa: PLR0913
    x: ndarray,
    v: ndarray,
    u: ndarray,
    mass: ndarray,
    table: ndarray,
    spacing: float,
    height: float,
    speed: float,
    dt: float,
) -> float:
    """Push points of the top out of the die, along its normal; return the work of the die."""
    work = 0.0
    last = x.shape[1] - 1
    for i in range(x.shape[0]):
        place = min(x[i, last, 0] / spacing, len(table) - 1.000001)
        if not place > 0:  # not-a-number, too, must not become an index
            place = 0.0
        k = int(place)
        rise = table[k + 1] - table[k]
        surface = table[k] + (place - k) * rise - height
        depth = x[i, last, 1] - surface
        if depth > 0:
            slope = rise / spacing
            if x[i, last, 0] < 0 or x[i, last, 0] > spacing * (len(table) - 1):
                slope = 0.0
            push = depth / (1 + slope * slope)
            dx, dy = push * slope, -push
            x[i, last, 0] += dx
            x[i, last, 1] += dy
            u[i, last, 0] += dx
            u[i, last, 1] += dy
            v[i, last, 0] += dx / dt
            v[i, last, 1] += dy / dt
            # The die moves straight down, so only the vertical part of its push works.
            work += mass[i, last] * (dy / dt) * (-speed)
    return work


@kernel
@no_type_check
def _move(x: ndarray, v: ndarray, u: ndarray, force: ndarray, mass: ndarray, dt: float) -> None:
    """Take a step of central differences with all points but those at the bottom."""
    for i in range(x.shape[0]):
        for j in range(1, x.shape[1]):
            for d in range(2):
                v[i, j, d] += dt * force[i, j, d] / mass[i, j]
                u[i, j, d] = dt * v[i, j, d]
                x[i, j, d] += u[i, j, d]


@kernel
@no_type_check
def point_masses(metal: Metal, x: ndarray) -> ndarray:
    """Return a quarter of the mass of each element at each of its corners."""
    mass = np.zeros(x.shape[:2])
    for i in range(x.shape[0] - 1):
        for j in range(x.shape[1] - 1):
            a, b = x[i + 1, j + 1] - x[i, j], x[i, j + 1] - x[i + 1, j]
            share = metal.density * 0.5 * (a[0] * b[1] - b[0] * a[1]) / 4
            mass[i : i + 2, j : j + 2] += share
    return mass


@kernel
@no_type_check
def shortest_length(x: ndarray) -> float:
    """Return the smallest length of an element; not-a-number if one is inside out.

    Sound that takes longer than a step through this length cannot make an element unstable: its
    highest frequency is at most 2 over that time (Flanagan and Belytschko, 1984). A rectangle has
    the length 1 / sqrt(1 / a^2 + 1 / b^2).
    """
    least = np.inf
    for i in range(x.shape[0] - 1):
        for j in range(x.shape[1] - 1):
            x1, y1 = x[i + 1, j + 1] - x[i, j]
            x2, y2 = x[i, j + 1] - x[i + 1, j]
            area = 0.5 * (x1 * y2 - x2 * y1)
            if not area > 0:
                return np.nan
            least = min(least, area / np.sqrt(0.5 * (x1 * x1 + y1 * y1 + x2 * x2 + y2 * y2)))
    return least


@kernel
@no_type_check
def press_on(  # noqa: PLR0913
    block: Block,
    work: ndarray,
    table: ndarray,
    spacing: float,
    speed: float,
    metal: Metal,
    courant: float,
    hourglass: float,
    frame_time: float,
    least: float,
) -> bool:
    """Move the die further down, in place, until the next stored time.

    Args:
        block: The state of the block; updated.
        work: Internal, kinetic, pushed and hourglass work so far, and the way of the die; updated.
        table: Height of the die at the start, from x = 0 on.
        spacing: Distance of the heights.
        speed: Of the die.
        metal: The metal.
        courant: Steps over the time that sound takes through the smallest length of an element.
        hourglass: Factor of the resistance of the hourglass modes.
        frame_time: Time to the next stored time.
        least: Smallest length of an element with which the run goes on.

    Returns:
        Whether all elements are the right way round and not flat; if not, the run ended early.
    """
    x, v, u, force, mass, stress, thickness, glass = block
    sound = np.sqrt(metal.young / (metal.density * (1 - metal.poisson**2)))
    piece_time = frame_time / PIECES
    internal, pushed, wasted, height = work[0], work[2], work[3], work[4]
    is_sound = True
    for _ in range(PIECES):
        length, turned = shortest_length(x), False
        if length > least:
            steps = int(np.ceil(piece_time * sound / (courant * length)))
            dt = piece_time / steps
            for _ in range(steps):
                height += speed * dt
                _move(x, v, u, force, mass, dt)
                pushed += _keep_below_die(x, v, u, mass, table, spacing, height, speed, dt)
                done, lost, turned = advance_elements(
                    metal, x, u, dt, hourglass, stress, thickness, glass, force
                )
                internal += done
                wasted += lost
                if turned:
                    break
        if turned or not length > least:
            is_sound = False
            break
    work[0], work[2], work[3], work[4] = internal, pushed, wasted, height
    work[1] = 0.5 * np.sum(mass * (v[:, :, 0] ** 2 + v[:, :, 1] ** 2))
    return is_sound
