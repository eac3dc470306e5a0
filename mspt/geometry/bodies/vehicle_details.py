"""Details of vehicles, placed on a body after its deformation.

Shapes: A B C nodes of a grid.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.geometry.bodies.half_grid import (
    HalfGrid,
    ball,
    blended,
    rod,
    side_at,
    slab,
    tail_at,
    top_at,
)
from mspt.geometry.bodies.vehicles import Vehicle
from mspt.geometry.implicit import rounded_intersection

PLATE = 0.018
"""Thickness of plates: almost two of the solver's cells at the wall."""


def with_details(car: Vehicle, body: Float64[ndarray, "A B C"], half: HalfGrid) -> ndarray:
    """Return a body with its details."""
    for add in _ADDITIONS:
        body = add(car, body, half)
    return body


def _hollow(car: Vehicle, body: ndarray, half: HalfGrid) -> ndarray:
    """Cut out the inside of a shell, which is open from below."""
    wall = car.details.hollow
    if wall == 0:
        return body
    _, _, z = half.mesh
    inside = np.maximum(body + wall, z - 0.62 * car.height)
    # Whatever lies below a hollow is hollow too.
    open_below = np.minimum.accumulate(inside[:, :, ::-1], axis=2)[:, :, ::-1]
    return np.maximum(body, -open_below)


def _mirrors(car: Vehicle, body: ndarray, half: HalfGrid) -> ndarray:
    size = car.details.mirrors
    if size == 0:
        return body
    belt = (car.hood + car.deck) / 2
    x = car.cowl + 0.35 * (car.roof_start - car.cowl) + 0.02
    z = belt + (0.3 * (car.height - belt) if car.kind in ("bus", "lorry") else 0.022)
    side = side_at(body, half, x, (z - 0.03, z))
    center = (x, side + 1.1 * size, z + 0.006)
    mirror = ball(center, (0.8 * size, 1.2 * size, 0.75 * size))
    arm = rod((x, side - 0.015, z - 0.01), (x, side + size, z), radius=0.009)
    bounds = ((x - 0.05, side - 0.05, z - 0.05), (x + 0.05, side + 3 * size, z + 0.05))
    body = blended(body, half, arm, bounds, width=0.01)
    return blended(body, half, mirror, bounds, width=0.012)


def _lip(car: Vehicle, body: ndarray, half: HalfGrid) -> ndarray:
    """Add a ducktail at the tail, or draw out the rear edge of a long roof."""
    height = car.details.lip
    if height == 0:
        return body
    if car.roof_stop > 0.75:
        stop = min(car.roof_stop + 0.055, 0.99)
        top = top_at(body, half, car.roof_stop - 0.02, 0.0)
        wide = side_at(body, half, car.roof_stop - 0.02, (top - 0.03, top - 0.01)) - 0.01
        low, high = (car.roof_stop - 0.05, -wide, top - PLATE), (stop, wide, top)
        return blended(body, half, slab(low, high, radius=0.006), (low, high), width=0.015)
    end = tail_at(body, half, car.tail - 0.02) - 0.006
    top = top_at(body, half, end - 0.06, 0.0)
    wide = 0.93 * side_at(body, half, end - 0.03, (top - 0.05, top))
    low, high = (end - 0.08, -wide, top - 0.03), (end, wide, top)
    bounds = (low, (end, wide, top + height))
    tail = slab(low, high, radius=0.006, slope=height / 0.08)
    return blended(body, half, tail, bounds, width=0.02)


def _wing(car: Vehicle, body: ndarray, half: HalfGrid) -> ndarray:
    """Add a rear wing on two struts."""
    height = car.details.wing
    if height == 0:
        return body
    end = tail_at(body, half, car.tail - 0.02)
    top = top_at(body, half, end - 0.07, 0.0)
    wide = 0.88 * car.width / 2
    z = top + height
    low, high = (end - 0.11, -wide, z), (end - 0.02, wide, z + PLATE)
    bounds = ((end - 0.12, 0.0, top - 0.04), (end, wide + 0.01, z + 0.05))
    body = blended(body, half, slab(low, high, radius=0.008, slope=0.15), bounds, width=0.004)
    inner = 0.04 if car.kind == "single-seater" else 0.5 * wide
    strut = slab(
        (end - 0.09, inner - PLATE / 2, top - 0.03),
        (end - 0.035, inner + PLATE / 2, z + 0.012),
        radius=0.006,
    )
    return blended(body, half, strut, bounds, width=0.008)


def _splitter(car: Vehicle, body: ndarray, half: HalfGrid) -> ndarray:
    length = car.details.splitter
    if length == 0:
        return body
    low = car.clearance
    wide = (
        0.46 * car.width
        if car.kind == "single-seater"
        else 0.88 * side_at(body, half, 0.07, (low, low + 0.06))
    )

    def plate(x: ndarray, y: ndarray, z: ndarray) -> ndarray:
        corner = min(0.06, 0.45 * (0.16 + length))
        plan = rounded_intersection(-length - x, x - 0.16, np.abs(y) - wide, radius=corner)
        return rounded_intersection(plan, np.abs(z - low - 0.008) - 0.008, radius=0.007)

    bounds = ((-length, 0.0, low), (0.16, wide, low + 0.016))
    return blended(body, half, plate, bounds, width=0.006)


def _skirts(car: Vehicle, body: ndarray, half: HalfGrid) -> ndarray:
    depth = min(car.details.skirts, car.clearance - 0.018)
    if depth <= 0 or car.underside == "sealed":
        return body
    start, stop = car.axles[0] + 1.35 * car.wheel, car.axles[1] - 1.35 * car.wheel
    if car.kind == "lorry":
        start, stop = 0.38, 0.7
    top = 0.09 if car.kind == "lorry" else car.clearance + 0.035
    side = side_at(body, half, (start + stop) / 2, (0.0, top + 0.02)) + 0.003
    low, high = (start, side - 0.03, car.clearance - depth), (stop, side, top)
    return blended(body, half, slab(low, high, radius=0.008), (low, high), width=0.012)


def _scoop(car: Vehicle, body: ndarray, half: HalfGrid) -> ndarray:
    """Add a scoop with a blunt front, on the roof of a supercar and on the hood of others."""
    height = car.details.scoop
    if height == 0:
        return body
    x = car.roof_stop if car.kind == "supercar" else 0.6 * car.cowl
    top = top_at(body, half, x, 0.0)
    bump = ball((x, 0.0, top - 0.008), (0.09, 0.05, height + 0.008))

    def blunt(px: ndarray, py: ndarray, pz: ndarray) -> ndarray:
        return np.maximum(bump(px, py, pz), x - 0.035 - px)

    bounds = ((x - 0.1, 0.0, top - 0.03), (x + 0.1, 0.06, top + height))
    return blended(body, half, blunt, bounds, width=0.01)


def _intake(car: Vehicle, body: ndarray, half: HalfGrid) -> ndarray:
    """Cut a mouth into the nose."""
    height = car.details.intake
    if height == 0:
        return body
    z = 0.5 * (car.clearance + car.nose)
    wide = (0.35 + 8 * height) * car.width / 4
    low, high = (-0.05, -wide, z - height / 2), (0.05, wide, z + height / 2)
    return blended(
        body, half, slab(low, high, radius=0.45 * height), (low, high), width=0.012, cut=True
    )


def _roof_box(car: Vehicle, body: ndarray, half: HalfGrid) -> ndarray:
    height = car.details.roof_box
    if height == 0:
        return body
    start = car.roof_start + 0.06
    stop = min(start + 0.42, car.roof_stop - 0.03)
    top = min(top_at(body, half, x, 0.04) for x in np.linspace(start, stop, 7).tolist())
    low, high = (start, -0.085, top - 0.015), (stop, 0.085, top + height)
    return blended(body, half, slab(low, high, radius=0.024), (low, high), width=0.008)


def _tunnel(car: Vehicle, body: ndarray, half: HalfGrid) -> ndarray:
    """Cut a tunnel into the rear half of the underbody, which rises toward the tail."""
    height = min(car.details.tunnel, 0.45 * (car.tail - car.clearance))
    if height <= 0:
        return body
    wide = 0.24 * car.width
    low = (0.55, -wide, car.clearance - 0.12)
    high = (1.2, wide, car.clearance)
    tunnel = slab(low, high, radius=0.02, slope=height / 0.45)
    bounds = ((0.5, 0.0, -0.03), (1.1, wide, car.clearance + 2 * height))
    return blended(body, half, tunnel, bounds, width=0.015, cut=True)


_ADDITIONS: tuple[Callable[[Vehicle, ndarray, HalfGrid], ndarray], ...] = (
    _tunnel, _intake, _hollow, _lip, _scoop, _roof_box, _wing, _splitter, _skirts, _mirrors,
)  # fmt: skip
"""In this order: what is cut goes first."""
