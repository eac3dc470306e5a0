"""Wheels and wheel arches of vehicles, placed on a body after its deformation.

Shapes: A B C nodes of a grid.
"""

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.geometry.bodies.half_grid import HalfGrid, Part, blended, side_at, top_at
from mspt.geometry.bodies.vehicles import Vehicle
from mspt.geometry.implicit import rounded_intersection

WHEEL_SINK = 0.99
"""Height of the axles in wheel radii: wheels reach slightly into the ground, as tires do."""

ARCH = 1.12
"""Radius of the wheel arches in wheel radii."""

ROOF_OF_ARCH = 0.022
"""Least thickness of the body above an arch."""

MIN_WHEEL = 0.025
"""Smallest wheel that the grid resolves."""

TRAILER_AXLES, DRIVE_AXLE = (-0.07, 0.0, 0.07), 0.21
"""Axles of a trailer relative to the middle one; place of the driven axle of a tractor behind its
front axle."""


def axles_of(car: Vehicle) -> tuple[float, ...]:
    """Return the positions of all axles."""
    front, rear = car.axles
    if car.kind == "lorry":
        return front, front + DRIVE_AXLE, *(rear + step for step in TRAILER_AXLES)
    return front, rear


def with_wheels(car: Vehicle, body: Float64[ndarray, "A B C"], half: HalfGrid) -> ndarray:
    """Return a body with what its underside has of wheels and arches."""
    if car.underside == "sealed":
        return body
    for x in axles_of(car):
        body = _with_pair(car, body, half, x)
    return body


def _with_pair(car: Vehicle, body: ndarray, half: HalfGrid, x: float) -> ndarray:
    """Return a body with one pair of wheels, and fenders that stand out around them."""
    radius, width = car.wheel, car.wheel_width
    # The wheels of a single-seater stand beside its body, those of a trailer below it.
    free = car.kind == "single-seater" or (car.kind == "lorry" and x > car.roof_stop)
    sides = [side_at(body, half, x + step, (radius, 2 * radius)) for step in (-radius, 0, radius)]
    outer = car.width / 2 if free else min(sides) + car.details.flares - car.inset
    inner = outer - width
    arch = car.underside != "covered" and not free
    if arch:
        room = (top_at(body, half, x, inner) - ROOF_OF_ARCH) / (WHEEL_SINK + ARCH)
        radius = min(radius, room)
    if radius < MIN_WHEEL or inner < 0.01:
        return body
    height = WHEEL_SINK * radius
    reach = 1.45 * radius
    bounds = ((x - reach, 0.0, -0.03), (x + reach, outer + 0.03, height + reach))
    if car.details.flares > 0 and not free:
        flare = _fender(car, x, height, radius, (inner, outer + 0.004))
        body = blended(body, half, flare, bounds, width=0.03)
    if arch:
        well = _disc(x, height, ARCH * radius, (inner - 0.012, outer + 0.2), 0.004)
        body = blended(
            body, half, well, ((bounds[0]), (x + reach, 1.0, height + reach)), width=0.006, cut=True
        )
    if car.underside == "arches":
        return body
    wheel = _disc(x, height, radius, (inner, outer), 0.009)
    axle = _disc(x, height, min(0.02, 0.5 * radius), (-1.0, outer - width / 2), 0.0)
    body = blended(body, half, wheel, bounds, width=1e-6)
    return blended(body, half, axle, bounds, width=1e-6)


def _fender(
    car: Vehicle, x: float, height: float, radius: float, across: tuple[float, float]
) -> Part:
    """Return a fender around a wheel, down to a little above the underbody."""
    disc, low = _disc(x, height, 1.3 * radius, across, 0.012), car.clearance + 0.02

    def distance(px: ndarray, py: ndarray, pz: ndarray) -> ndarray:
        return rounded_intersection(disc(px, py, pz), low - pz, radius=0.01)

    return distance


def _disc(x: float, z: float, radius: float, across: tuple[float, float], edge: float) -> Part:
    """Return a cylinder along y with rounded edges."""
    low, high = across

    def distance(px: ndarray, py: ndarray, pz: ndarray) -> ndarray:
        around = np.hypot(px - x, pz - z) - radius
        along = np.abs(py - (low + high) / 2) - (high - low) / 2
        return rounded_intersection(around, along, radius=edge)

    return distance
