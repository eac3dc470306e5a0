"""Parametric cars: intersections of an outline from the side, from above and from the front.

The body has length 1, its nose at x = 0, is above the ground z = 0 and symmetric about y = 0.

Rear edges are sharp. Strongly rounded rear ends make the wake bistable: in a study of the solver,
the drag of one such body varied from 0.35 to 0.53 with the mesh, which no model can learn.

Shapes: A B C nodes of a grid, W corners of a rounded outline.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.geometry.implicit import (
    Grid,
    extract_surface,
    plane_distance,
    rounded_intersection,
    rounded_outline,
    smooth_union,
)
from mspt.geometry.mesh import SurfaceMesh

CarKind = Literal["notchback", "fastback", "estate", "van", "pickup"]


MARGIN = 0.03
"""Distance of the grid's boundary from the body, so that the surface closes within the grid."""

MIRROR_MARGIN = 0.05
"""Additional margin of the grid for mirrors."""

SHARP_FROM = 0.55
"""Position along the car behind which corners of the side view are sharp."""

MIN_SHARP_RADIUS = 0.004
"""Radius of sharp corners: a little less than the grid spacing of the distance field."""

WHEEL_WIDTH, WHEEL_CENTERS = 0.052, (0.18, 0.805)
"""Width of the wheels, and positions of the axles along the car."""

WHEEL_SINK = 0.99
"""Height of the axles in wheel radii: wheels reach slightly into the ground, as tires do."""

ARCH_RADIUS = 1.12
"""Radius of the wheel arches in wheel radii."""

ARCH_ROOM = (0.035, 2.15)
"""A wheel fits below the hood if 2.15 radii and 0.035 do; larger arches would break through it."""


@dataclass(frozen=True, kw_only=True)
class Car:
    """Parameters of a car, in car lengths.

    Attributes:
        kind: Shape of the rear.
        height: Height of the roof above the ground.
        width: Width across the doors.
        clearance: Height of the underbody above the ground.
        hood: Height of the hood at the windshield.
        hood_x: Position where the windshield begins.
        roof_start: Position where the roof begins.
        roof_stop: Position where the roof ends.
        tail: Height of the rear edge.
        nose: Height of the nose.
        diffuser: Rise of the underbody at the rear.
        tumblehome: Share by which the width decreases from belt line to roof.
        belt: Height of the belt line as a share of the height of the roof.
        front_fillet: Radius of the edges at the front.
        plan_radius: Radius of the front corners seen from above.
        rear_fillet: Radius of the edges at the rear.
        wheel: Radius of the wheels; 0 for a body without wheels and with a smooth underbody.
        mirrors: Whether the car has mirrors.
    """

    kind: CarKind
    height: float
    width: float
    clearance: float
    hood: float
    hood_x: float
    roof_start: float
    roof_stop: float
    tail: float
    nose: float
    diffuser: float
    tumblehome: float
    belt: float
    front_fillet: float
    plan_radius: float
    rear_fillet: float
    wheel: float
    mirrors: bool


# Ranges of the height and of the end of the roof, in car lengths.
HEIGHTS = {
    "notchback": (0.29, 0.35),
    "fastback": (0.26, 0.34),
    "estate": (0.31, 0.42),
    "van": (0.38, 0.46),
    "pickup": (0.33, 0.40),
}
ROOF_STOPS = {
    "notchback": (0.62, 0.74),
    "fastback": (0.56, 0.68),
    "estate": (0.88, 0.95),
    "van": (0.93, 0.97),
    "pickup": (0.56, 0.64),
}


def draw_car(kind: CarKind, rng: np.random.Generator) -> Car:
    """Draw random parameters of a car of a kind; half of the cars have no wheels.

    Most of the error of a solution lies at wheels and arches, so a data set needs cars without.
    """
    van = kind == "van"
    height = rng.uniform(*HEIGHTS[kind])
    clearance = rng.uniform(0.025, 0.07)
    hood = rng.uniform(0.14, 0.24) if not van else rng.uniform(0.2, 0.28)
    wheel = rng.uniform(0.068, 0.088) if rng.random() < 0.5 else 0.0
    return Car(
        kind=kind,
        height=height,
        width=rng.uniform(0.37, 0.46),
        clearance=clearance,
        # The front needs some height between underbody, nose and hood.
        hood=max(hood, clearance + 0.1),
        hood_x=rng.uniform(0.08, 0.16) if van else rng.uniform(0.22, 0.3),
        roof_start=rng.uniform(0.22, 0.32) if van else rng.uniform(0.4, 0.46),
        roof_stop=rng.uniform(*ROOF_STOPS[kind]),
        tail=rng.uniform(0.2, 0.27) if kind != "van" else rng.uniform(0.2, 0.25),
        nose=max(rng.uniform(0.08, 0.16), clearance + 0.045),
        diffuser=rng.uniform(0.0, 0.05),
        tumblehome=rng.uniform(0.05, 0.28),
        belt=rng.uniform(0.58, 0.66),
        front_fillet=rng.uniform(0.025, 0.06),
        plan_radius=rng.uniform(0.05, 0.2),
        rear_fillet=rng.uniform(0.004, 0.02),
        wheel=min(wheel, (hood - ARCH_ROOM[0]) / ARCH_ROOM[1]),
        mirrors=bool(rng.random() < 0.5),
    )


def car_mesh(car: Car, *, lip: float = 0.0) -> SurfaceMesh:
    """Return the closed surface of a car.

    Args:
        car: Its parameters.
        lip: Height of a ducktail at the rear edge of a fastback; cars of the data set have none.
    """
    half = car.width / 2 + (MIRROR_MARGIN if car.mirrors else 0.0) + MARGIN
    grid = Grid(low=(-MARGIN, -half, -MARGIN), high=(1 + MARGIN, half, car.height + MARGIN))
    x, y, z = grid.axes
    side = plane_distance(x, z, side_outline(car, lip=lip))[:, None, :]
    plan = plane_distance(x, y, _plan(car))[:, :, None]
    front = plane_distance(y, z, _front(car))[None, :, :]
    # The radius of the edges falls smoothly to that of the rear between x = 0.7 and 0.95.
    toward_rear = np.clip((x - 0.7) / 0.25, 0, 1)
    ease = toward_rear**2 * (3 - 2 * toward_rear)
    fillet = car.front_fillet + (car.rear_fillet - car.front_fillet) * ease
    body = rounded_intersection(side, plan, front, radius=fillet[:, None, None])
    if car.mirrors:
        # The fillet joins the mirrors to the body: a separate body would be dropped.
        body = smooth_union(body, _mirrors(car, x, y, z), width=0.02)
    if car.wheel > 0:
        body = _with_wheels(car, body, x, y, z)
    return extract_surface(body, grid)


def side_outline(car: Car, *, lip: float = 0.0) -> Float64[ndarray, "W 2"]:
    """Return the outline in the plane of x and z, from the front bumper over the roof.

    Args:
        car: Its parameters.
        lip: As in :func:`car_mesh`.
    """
    tail = car.tail
    rear = {
        "notchback": [(car.roof_stop + 0.14, tail + 0.012), (0.97, tail)],  # trunk lid
        "fastback": _slope(car, lip),
        "estate": [(0.97, tail)],
        "van": [(0.995, 0.55 * car.height)],
        "pickup": [(car.roof_stop + 0.035, tail), (0.985, tail)],  # bed
    }[car.kind]
    low, roof = car.clearance, car.height
    corners = np.array(
        [
            (0.03, low + 0.01),  # lower edge of the bumper
            (0.0, low + 0.045),
            (0.005, max(car.nose, low + 0.06)),  # nose
            (0.06, max(car.hood - 0.03, car.nose + 0.005)),  # front edge of the hood
            (car.hood_x, car.hood),  # foot of the windshield
            (car.roof_start, roof - 0.008),
            ((car.roof_start + car.roof_stop) / 2, roof),  # the roof is slightly arched
            (car.roof_stop, roof - 0.012),
            *rear,
            (1.0, (tail + low) / 2),  # rear bumper
            (0.985, low + 0.04 + car.diffuser),
            (0.86, low + 0.4 * car.diffuser),  # diffuser
            (0.78, low),
            (0.12, low),
        ]
    )
    is_sharp = corners[:, 0] > SHARP_FROM
    radii = np.where(is_sharp, max(car.rear_fillet, MIN_SHARP_RADIUS), 0.06)
    radii[:3] = 0.03  # bumper and nose
    return rounded_outline(corners, radii.tolist())


def _slope(car: Car, lip: float) -> list[tuple[float, float]]:
    """Return the corners of a fastback behind its roof: the rear edge, and the foot of a lip."""
    end, edge, roof = 0.965, car.tail - 0.01, car.height - 0.012
    if lip <= 0:
        return [(end, edge)]
    window = end - car.roof_stop
    foot = min(0.06, 0.4 * window)
    return [(end - foot, edge + foot / window * (roof - edge)), (end, edge + lip)]


def _plan(car: Car) -> ndarray:
    """Return the outline in the plane of x and y, slightly narrower at the rear."""
    half = car.width / 2
    corners = np.array([(0, -half), (1, -0.97 * half), (1, 0.97 * half), (0, half)])
    rear = car.rear_fillet
    return rounded_outline(corners, [car.plan_radius, rear, rear, car.plan_radius])


def _front(car: Car) -> ndarray:
    """Return the outline in the plane of y and z."""
    half, belt = car.width / 2, car.belt * car.height
    top = half * (1 - car.tumblehome)
    # Sill, widest point of the doors, belt line, edge of the roof; and their radii.
    right = [(half * 0.96, car.clearance), (half, belt * 0.8), (half, belt), (top, car.height)]
    corners = np.array([*right, *[(-y, z) for y, z in reversed(right)]])
    fillet = [0.015, 0.02, 0.03, 0.05]
    return rounded_outline(corners, [*fillet, *fillet[::-1]])


def _mirrors(car: Car, x: ndarray, y: ndarray, z: ndarray) -> Float64[ndarray, "A B C"]:
    """Return the approximate signed distance of both mirrors, which are ellipsoids."""
    belt = car.belt * car.height
    # Beside the windshield, just above the belt line.
    center = np.array([(car.hood_x + car.roof_start) / 2, car.width / 2 + 0.012, belt + 0.03])
    axes = np.array([0.02, 0.032, 0.018])
    offset = [
        (x[:, None, None] - center[0]) / axes[0],
        (np.abs(y)[None, :, None] - center[1]) / axes[1],
        (z[None, None, :] - center[2]) / axes[2],
    ]
    # Scaled by the shortest axis, the field changes by at most 1 per unit of length, as a distance.
    return (np.sqrt(sum(part**2 for part in offset)) - 1) * axes.min()


def _with_wheels(car: Car, body: ndarray, x: ndarray, y: ndarray, z: ndarray) -> ndarray:
    """Cut wheel arches into a body and add four wheels, joined in pairs by axles.

    Without axles the wheels would be separate bodies, and only the largest body is kept.
    """
    radius, width = car.wheel, WHEEL_WIDTH
    side = np.abs(y)[None, :, None]
    outer = car.width / 2 - 0.008  # wheels end a little inside the doors
    for center_x in WHEEL_CENTERS:
        height = WHEEL_SINK * radius
        from_axle = np.hypot(x[:, None, None] - center_x, z[None, None, :] - height)
        across = np.abs(side - (outer - width / 2)) - width / 2
        arch = np.maximum(from_axle - ARCH_RADIUS * radius, outer - width - 0.012 - side)
        body = np.maximum(body, -arch)
        wheel = rounded_intersection(from_axle - radius, across, radius=0.008)
        axle = np.maximum(from_axle - 0.02, side - (outer - width / 2))
        body = np.minimum(body, np.minimum(wheel, axle))
    return body
