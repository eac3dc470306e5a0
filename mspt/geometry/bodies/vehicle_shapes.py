"""From the parameters of a vehicle to its surface.

The body is a rounded intersection of its outlines from three sides, with a cabin blended in. It is
deformed; wheels and details are then placed on the body as it has become, so that wheels stay round
and on the ground.

Shapes: A B C nodes of a grid.
"""

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.geometry.bodies import vehicle_outlines as outlines
from mspt.geometry.bodies.freeform import lattices_of
from mspt.geometry.bodies.half_grid import (
    HalfGrid,
    ball,
    blended,
    half_grid,
    rod,
    slab,
    surface_of,
    warped,
)
from mspt.geometry.bodies.shrink_wrap import wrapped
from mspt.geometry.bodies.vehicle_details import with_details
from mspt.geometry.bodies.vehicle_wheels import with_wheels
from mspt.geometry.bodies.vehicles import ONE_VOLUME, Vehicle
from mspt.geometry.implicit import SPACING, plane_distance, rounded_intersection, smooth_union
from mspt.geometry.mesh import SurfaceMesh
from mspt.seeding import derive_seed

MARGINS = (0.06, 0.08, 0.13)
"""Distance of the grid's boundary from the undeformed body along x, y and z: deformations, mirrors,
flares and boxes on the roof lie within it."""

ASIDE_RADIUS = 0.008
"""Radius of edges between what limits a body from above and from the front."""

TAIL_BLEND = (0.66, 0.92)
"""Positions along the body between which edges change to the radius of the tail."""


def vehicle_mesh(car: Vehicle, *, spacing: float = SPACING) -> SurfaceMesh:
    """Return the closed surface of a vehicle."""
    half = _grid(car, spacing)
    body = _deformed(_body(car, half), car, half)
    body = with_wheels(car, body, half)
    body = with_details(car, body, half)
    if car.wrap > 0:
        seed = derive_seed(car.form[0].seed if car.form else 0, "wrap")
        body = wrapped(body, half, cell=car.wrap, seed=seed)
    return surface_of(body, half)


def _grid(car: Vehicle, spacing: float) -> HalfGrid:
    along, across, above = MARGINS
    return half_grid(
        (-along, 0.0, -0.03),
        (1 + along, car.width / 2 + across, car.height + above),
        spacing=spacing,
    )


def _deformed(body: ndarray, car: Vehicle, half: HalfGrid) -> ndarray:
    if not car.form:
        return body
    shifts = [one.on_grid(*half.axes) for one in lattices_of(car.form)]
    return warped(body, half, np.sum(shifts, axis=0))


def _body(car: Vehicle, half: HalfGrid) -> Float64[ndarray, "A B C"]:
    """Return the signed distance of the body without wheels and details."""
    if car.kind == "lorry":
        return _lorry(car, half)
    if car.kind == "single-seater":
        return _single_seater(car, half)
    if car.kind in ONE_VOLUME:
        plan = outlines.body_plan(car, nose=0.7 * car.roof_start if car.kind == "train" else 0.0)
        return _volume(
            half, outlines.tall_side(car), plan, outlines.tall_front(car), _edges(car, half)
        )
    top = max(car.hood, car.deck)
    edges = _edges(car, half)
    lower = _volume(
        half, outlines.body_side(car), outlines.body_plan(car), outlines.body_front(car, top), edges
    )
    cabin = _volume(
        half, outlines.cabin_side(car), outlines.cabin_plan(car), outlines.cabin_front(car),
        np.minimum(edges, 0.03),
    )  # fmt: skip
    body = smooth_union(lower, cabin, width=0.035)
    return _with_bed(car, body, half) if car.kind == "crew-cab" else body


def _edges(car: Vehicle, half: HalfGrid) -> ndarray:
    """Return the radius of the edges along the body, which blends into that of the tail."""
    start, stop = TAIL_BLEND
    t = np.clip((half.axes[0] - start) / (stop - start), 0, 1)
    return car.fillet + (car.tail_radius - car.fillet) * t**2 * (3 - 2 * t)


def _volume(
    half: HalfGrid, side: ndarray, plan: ndarray, front: ndarray, edges: ndarray
) -> ndarray:
    """Return the rounded intersection of three outlines."""
    x, y, z = half.axes
    above, ahead = plane_distance(x, y, plan)[:, :, None], plane_distance(y, z, front)[None]
    # Both limit the width, and in places are the same: rounding there would make a body narrower.
    aside = rounded_intersection(above, ahead, radius=ASIDE_RADIUS)
    return rounded_intersection(
        plane_distance(x, z, side)[:, None, :], aside, radius=edges[:, None, None]
    )


def _with_bed(car: Vehicle, body: ndarray, half: HalfGrid) -> ndarray:
    """Cut the bed out of a pickup; one in two has it covered, by the parity of its first seed."""
    if car.form and car.form[0].seed % 2:
        return body
    low = (car.deck_x + 0.02, -car.width / 2 + 0.03, 0.55 * car.deck)
    high = (0.955, car.width / 2 - 0.03, car.deck + 0.1)
    return blended(body, half, slab(low, high, radius=0.01), (low, high), width=0.008, cut=True)


def _lorry(car: Vehicle, half: HalfGrid) -> ndarray:
    """Return a tractor with cab, roof deflector and chassis, and a trailer behind a gap."""
    x, _, _ = half.mesh
    wide, low, roof = car.width / 2, car.clearance, car.height
    cab_stop, start = car.roof_stop, car.roof_stop + car.gap
    cab_roof = 0.8 * roof
    side = np.array(
        [(0.0, car.nose), (car.cowl, 0.5 * cab_roof), (car.roof_start, cab_roof),
         (cab_stop, cab_roof), (cab_stop, low), (0.01, low)]
    )  # fmt: skip
    cab_side = outlines.arc_outline(side, [0.02, outlines.SOFT, 0.02, 0.01, 0.01, 0.015])
    plan = [(0.0, 0.75 * wide), (0.02 + car.bow, wide), (cab_stop, wide)]
    corners = np.array([*plan, *[(a, -b) for a, b in reversed(plan)]])
    radii = [0.02, outlines.SOFT, 0.01]
    cab_plan = outlines.arc_outline(corners, [*radii, *reversed(radii)])
    front = outlines.mirrored(
        [(0.95 * wide, low - 0.04), (wide, 0.06), (0.97 * wide, roof)], [0.01] * 3
    )
    cab = _volume(half, cab_side, cab_plan, front, np.full(len(x), min(car.fillet, 0.02)))
    rise = (roof - 0.008 - cab_roof) / max(cab_stop - car.roof_start, 0.05)
    deflector = slab(
        (car.roof_start + 0.02, -0.85 * wide, cab_roof - 0.035 * (1 + rise)),
        (cab_stop, 0.85 * wide, cab_roof),
        radius=0.012,
        slope=rise,
    )
    trailer = slab((start, -wide, 0.075), (1.0, wide, roof), radius=min(car.tail_radius, 0.03))
    chassis = slab((0.05, -0.55 * wide, 0.035), (0.985, 0.55 * wide, 0.085), radius=0.008)
    body = smooth_union(cab, deflector(*half.mesh), width=0.015)
    for part in (trailer, chassis):
        body = smooth_union(body, part(*half.mesh), width=0.008)
    return body


def _single_seater(car: Vehicle, half: HalfGrid) -> ndarray:
    """Return a narrow fuselage with cockpit, side pods, a floor and an engine cover."""
    low, roof, wide = car.clearance, car.height, car.width / 2
    side = [
        (0.0, car.nose), (0.12, car.nose + 0.02), (car.cowl, car.hood),
        (car.roof_start - 0.05, car.hood + 0.005),
        (car.roof_start, roof - 0.01), (car.roof_stop, roof - 0.005), (0.8, 0.6 * roof),
        (car.deck_x, car.deck), (0.96, car.tail), (0.96, low + 0.02), (0.8, low), (0.35, low),
        (0.05, car.nose - 0.03),
    ]  # fmt: skip
    soft = outlines.SOFT
    fuselage_side = outlines.arc_outline(
        np.array(side),
        [0.012, soft, soft, 0.02, 0.02, soft, soft, soft, 0.008, 0.008, soft, soft, 0.012],
    )
    plan = [(0.0, 0.02), (0.12, 0.032), (0.4, 0.075), (0.6, 0.075), (0.85, 0.04), (0.96, 0.022)]
    corners = np.array([*plan, *[(a, -b) for a, b in reversed(plan)]])
    radii = [0.015, *[soft] * 4, 0.01]
    fuselage_plan = outlines.arc_outline(corners, [*radii, *reversed(radii)])
    front = outlines.mirrored(
        [(0.06, low), (0.08, 0.5 * roof), (0.05, roof), (0.02, roof + 0.01)],
        [0.03, soft, soft, 0.02],
    )
    body = _volume(half, fuselage_side, fuselage_plan, front, np.full(len(half.axes[0]), 0.014))
    pods = slab((0.4, -0.68 * wide, low), (0.78, 0.68 * wide, 0.62 * roof), radius=0.028)
    floor = slab((0.3, -0.78 * wide, low), (0.86, 0.78 * wide, low + 0.018), radius=0.006)
    cockpit = ball((car.roof_start - 0.075, 0.0, car.hood + 0.02), (0.06, 0.035, 0.05))
    helmet = ball((car.roof_start - 0.05, 0.0, car.hood + 0.012), (0.028, 0.022, 0.028))
    for part, width in ((pods, 0.02), (floor, 0.006)):
        body = smooth_union(body, part(*half.mesh), width=width)
    around = ((0.3, -0.1, 0.05), (0.6, 0.1, roof))
    body = blended(body, half, cockpit, around, width=0.01, cut=True)
    body = blended(body, half, helmet, around, width=0.008)
    return _with_arms(car, body, half)


def _with_arms(car: Vehicle, body: ndarray, half: HalfGrid) -> ndarray:
    """Add suspension arms from the fuselage to where the wheels are."""
    if car.underside == "sealed":
        return body
    reach = car.width / 2 - 0.5 * car.wheel_width
    for x in car.axles:
        for step in (-0.035, 0.035):
            arm = rod((x + step, 0.0, car.wheel + 0.01), (x, reach, car.wheel), radius=0.01)
            bounds = ((x - 0.05, 0.0, 0.0), (x + 0.05, reach, 2 * car.wheel))
            body = blended(body, half, arm, bounds, width=0.006)
    return body
