"""Compiled kernels of the press: stress update, elements, contact, steps in time.

Points are numbered (i, j): i along the width, j upwards. Corners of an element are (i, j),
(i+1, j), (i+1, j+1), (i, j+1), counter-clockwise.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

HOURGLASS_STIFFNESS = 0.05
"""Stiffness of the hourglass modes, as a share of Young's modulus; 1/12 is that of bending."""

HOURGLASS_LIMIT = 0.05
"""Largest hourglass force, as a share of yield stress times element length; 1/4 is that of a
fully plastic bent element."""

HOURGLASS_VISCOSITY = 0.05
"""Viscosity of the hourglass modes, as a share of density times speed of sound times length."""

RETURN_TOLERANCE = 1e-12
"""Relative residual of the yield condition at which the return to the yield surface ends."""

# Reordered sums and fused products are safe here. Not-a-number must stay visible.
kernel = njit(nogil=True, cache=True, fastmath={"contract", "reassoc", "arcp", "nsz"})
inlined = njit(nogil=True, inline="always", fastmath={"contract", "reassoc", "arcp", "nsz"})


class Metal(NamedTuple):
    """An elastic, ideally plastic metal.

    Attributes:
        young: Young's modulus.
        poisson: Poisson's ratio.
        yield_stress: In uniaxial tension.
        density: Mass per volume.
    """

    young: float
    poisson: float
    yield_stress: float
    density: float


@kernel
@no_type_check  # keeps the run-time type checks of the tests out of the compiled functions
def update_stress(metal, sx, sy, txy, ex, ey, gxy):  # noqa: ANN001
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
def _turn(sx, sy, txy, spin):  # noqa: ANN001, ANN202
    """Return stresses turned by an increment of rotation (Hughes and Winget, 1980)."""
    half = 0.5 * spin
    c, s = (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)
    mean, apart = 0.5 * (sx + sy), 0.5 * (sx - sy)
    cc, ss = c * c - s * s, 2 * c * s
    turned = apart * cc - txy * ss
    return mean + turned, mean - turned, apart * ss + txy * cc


@kernel
@no_type_check
def advance_elements(metal, x, u, v, dt, stress, thickness, glass, force):  # noqa: ANN001, PLR0913
    """Update all elements after a step and set the forces of their stresses on the points.

    Args:
        metal: The metal.
        x: Positions (I, J, 2) after the step.
        u: Displacements in the step.
        v: Velocities in the step.
        dt: Duration of the step.
        stress: Stresses (I-1, J-1, 3) of the elements; updated.
        thickness: Thickness of the elements over that at the start; updated.
        glass: Hourglass forces (I-1, J-1, 2); updated.
        force: Forces on the points; overwritten.

    Returns:
        Work of the stresses, that of the hourglass forces, and whether an element is inside out.
    """
    rows, columns = stress.shape[0], stress.shape[1]
    force[:] = 0.0
    work, wasted, turned = 0.0, 0.0, False
    sound = np.sqrt(metal.young / metal.density)
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
            old_x, old_y, old_t = stress[i, j, 0], stress[i, j, 1], stress[i, j, 2]
            sx, sy, txy = _turn(old_x, old_y, old_t, wx - uy)
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
            length = np.sqrt(area)
            shape = 0.5 * (x1 * x1 + y1 * y1 + x2 * x2 + y2 * y2) / area
            stiff = 0.5 * HOURGLASS_STIFFNESS * metal.young * shape
            limit = HOURGLASS_LIMIT * metal.yield_stress * length
            drag = HOURGLASS_VISCOSITY * metal.density * sound * length / dt
            for d in range(2):
                pattern = u[i, j, d] - u[i + 1, j, d] + u[i + 1, j + 1, d] - u[i, j + 1, d]
                one = u[i + 1, j + 1, d] - u[i, j, d]
                two = u[i, j + 1, d] - u[i + 1, j, d]
                mode = pattern + g1 * one + g2 * two
                q = glass[i, j, d] + stiff * mode
                q = min(max(q, -limit), limit)
                glass[i, j, d] = q
                f = t * (q + drag * mode)
                wasted += f * mode
                e1 = (f1x if d == 0 else f1y) + f * g1
                e2 = (f2x if d == 0 else f2y) + f * g2
                force[i, j, d] -= f - e1
                force[i + 1, j + 1, d] -= f + e1
                force[i + 1, j, d] -= -f - e2
                force[i, j + 1, d] -= -f + e2
    return work, wasted, turned


@kernel
@no_type_check
def _keep_below_die(x, v, u, mass, table, spacing, height, speed, dt):  # noqa: ANN001, ANN202, PLR0913
    """Push points of the top out of the die, along its normal; return the work of the die."""
    work = 0.0
    last = x.shape[1] - 1
    for i in range(x.shape[0]):
        place = min(max(x[i, last, 0] / spacing, 0.0), len(table) - 1.000001)
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
def press(points, table, spacing, speed, metal, dt, steps, num_frames):  # noqa: ANN001, PLR0913
    """Move a die down on a block and return what becomes of it.

    Args:
        points: Positions (I, J, 2) at the start; those with j = 0 are clamped.
        table: Height of the die at the start, from x = 0 on.
        spacing: Distance of the heights.
        speed: Of the die.
        metal: The metal.
        dt: Duration of a step.
        steps: Steps between two stored times.
        num_frames: Stored times.

    Returns:
        Positions at the stored times; von Mises stress at the end; internal, kinetic, pushed and
        hourglass work at the stored times; and the first frame with an element inside out, or -1.
    """
    rows, columns = points.shape[0], points.shape[1]
    x, v, u = points.copy(), np.zeros(points.shape), np.zeros(points.shape)
    force = np.zeros(points.shape)
    stress = np.zeros((rows - 1, columns - 1, 3))
    thickness, glass = np.ones((rows - 1, columns - 1)), np.zeros((rows - 1, columns - 1, 2))
    mass = np.zeros((rows, columns))
    for i in range(rows - 1):
        for j in range(columns - 1):
            x1 = x[i + 1, j + 1] - x[i, j]
            x2 = x[i, j + 1] - x[i + 1, j]
            share = metal.density * 0.5 * (x1[0] * x2[1] - x2[0] * x1[1]) / 4
            mass[i, j] += share
            mass[i + 1, j] += share
            mass[i, j + 1] += share
            mass[i + 1, j + 1] += share
    frames = np.empty((num_frames, rows, columns, 2))
    energies = np.zeros((num_frames, 4))
    internal, pushed, wasted, height = 0.0, 0.0, 0.0, 0.0
    for frame in range(num_frames):
        for _ in range(steps):
            height += speed * dt
            for i in range(rows):
                for j in range(1, columns):
                    for d in range(2):
                        v[i, j, d] += dt * force[i, j, d] / mass[i, j]
                        u[i, j, d] = dt * v[i, j, d]
                        x[i, j, d] += u[i, j, d]
            pushed += _keep_below_die(x, v, u, mass, table, spacing, height, speed, dt)
            done, lost, turned = advance_elements(
                metal, x, u, v, dt, stress, thickness, glass, force
            )
            internal += done
            wasted += lost
            if turned:
                return frames, stress[:, :, 0], energies, frame
        frames[frame] = x
        energies[frame, 0], energies[frame, 2], energies[frame, 3] = internal, pushed, wasted
        for i in range(rows):
            for j in range(columns):
                energies[frame, 1] += 0.5 * mass[i, j] * (v[i, j, 0] ** 2 + v[i, j, 1] ** 2)
    sx, sy, txy = stress[:, :, 0], stress[:, :, 1], stress[:, :, 2]
    return frames, np.sqrt(sx * sx - sx * sy + sy * sy + 3 * txy * txy), energies, -1
