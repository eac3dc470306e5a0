"""Parametric cars: three outlines, seen from the side, from above and from the front, intersected.

The body has length 1, its nose at x = 0, and stands over the ground z = 0, symmetric about y = 0.
Rear edges are crisp: rounded rear ends make the wake bistable, and no label of it can be trusted.

Shapes: A B C nodes of a grid.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.geometry.implicit import (
    Grid,
    plane_distance,
    rounded_intersection,
    rounded_outline,
    smooth_union,
    surface_of,
)
from mspt.geometry.mesh import SurfaceMesh

CarKind = Literal["notchback", "fastback", "estate", "van", "pickup"]


@dataclass(frozen=True, kw_only=True)
class Car:
    """Parameters of a car, all in car lengths.

    Attributes:
        kind: What its rear looks like.
        height: Of the roof above the ground.
        width: Across the doors.
        clearance: Of the underbody above the ground.
        hood: Height of the hood at the windscreen.
        hood_x: Where the windscreen begins.
        roof_start: Where the roof begins.
        roof_stop: Where the roof ends.
        tail: Height of the rear edge.
        nose: Height of the nose.
        diffuser: Rise of the underbody at its rear.
        tumblehome: Share of the width lost between belt line and roof.
        belt: Height of the belt line, as a share of the roof's.
        front_fillet: Radius of the edges at the front.
        plan_radius: Radius of the front corners seen from above.
        rear_fillet: Radius of the edges at the rear.
        wheel: Radius of the wheels; 0 for a sealed body without wheels.
        mirrors: Whether it has mirrors.
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
    """Draw a car of a kind; half of them have no wheels."""
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
        wheel=min(wheel, (hood - 0.035) / 2.15),
        mirrors=bool(rng.random() < 0.5),
    )


def car_mesh(car: Car) -> SurfaceMesh:
    """Return the closed surface of a car."""
    margin = 0.03
    half = car.width / 2 + (0.05 if car.mirrors else 0.0) + margin
    grid = Grid(low=(-margin, -half, -margin), high=(1 + margin, half, car.height + margin))
    x, y, z = grid.axes
    side = plane_distance(x, z, _side(car))[:, None, :]
    plan = plane_distance(x, y, _plan(car))[:, :, None]
    front = plane_distance(y, z, _front(car))[None, :, :]
    toward_rear = np.clip((x - 0.7) / 0.25, 0, 1)
    ease = toward_rear**2 * (3 - 2 * toward_rear)
    fillet = car.front_fillet + (car.rear_fillet - car.front_fillet) * ease
    body = rounded_intersection(side, plan, front, radius=fillet[:, None, None])
    if car.mirrors:
        body = smooth_union(body, _mirrors(car, x, y, z), width=0.02)
    if car.wheel > 0:
        body = _with_wheels(car, body, x, y, z)
    return surface_of(body, grid)


def _side(car: Car) -> ndarray:
    tail = car.tail
    rear = {
        "notchback": [(car.roof_stop + 0.14, tail + 0.012), (0.97, tail)],
        "fastback": [(0.965, tail - 0.01)],
        "estate": [(0.97, tail)],
        "van": [(0.995, 0.55 * car.height)],
        "pickup": [(car.roof_stop + 0.035, tail), (0.985, tail)],
    }[car.kind]
    low, roof = car.clearance, car.height
    corners = np.array(
        [
            (0.03, low + 0.01),
            (0.0, low + 0.045),
            (0.005, max(car.nose, low + 0.06)),
            (0.06, max(car.hood - 0.03, car.nose + 0.005)),
            (car.hood_x, car.hood),
            (car.roof_start, roof - 0.008),
            ((car.roof_start + car.roof_stop) / 2, roof),
            (car.roof_stop, roof - 0.012),
            *rear,
            (1.0, (tail + low) / 2),
            (0.985, low + 0.04 + car.diffuser),
            (0.86, low + 0.4 * car.diffuser),
            (0.78, low),
            (0.12, low),
        ]
    )
    crisp = corners[:, 0] > 0.55
    radii = np.where(crisp, max(car.rear_fillet, 0.004), 0.06)
    radii[:3] = 0.03
    return rounded_outline(corners, radii.tolist())


def _plan(car: Car) -> ndarray:
    half = car.width / 2
    corners = np.array([(0, -half), (1, -0.97 * half), (1, 0.97 * half), (0, half)])
    rear = car.rear_fillet
    return rounded_outline(corners, [car.plan_radius, rear, rear, car.plan_radius])


def _front(car: Car) -> ndarray:
    half, belt = car.width / 2, car.belt * car.height
    top = half * (1 - car.tumblehome)
    right = [(half * 0.96, car.clearance), (half, belt * 0.8), (half, belt), (top, car.height)]
    corners = np.array([*right, *[(-y, z) for y, z in reversed(right)]])
    fillet = [0.015, 0.02, 0.03, 0.05]
    return rounded_outline(corners, [*fillet, *fillet[::-1]])


def _mirrors(car: Car, x: ndarray, y: ndarray, z: ndarray) -> Float64[ndarray, "A B C"]:
    belt = car.belt * car.height
    center = np.array([(car.hood_x + car.roof_start) / 2, car.width / 2 + 0.012, belt + 0.03])
    axes = np.array([0.02, 0.032, 0.018])
    offset = [
        (x[:, None, None] - center[0]) / axes[0],
        (np.abs(y)[None, :, None] - center[1]) / axes[1],
        (z[None, None, :] - center[2]) / axes[2],
    ]
    return (np.sqrt(sum(part**2 for part in offset)) - 1) * axes.min()


def _with_wheels(car: Car, body: ndarray, x: ndarray, y: ndarray, z: ndarray) -> ndarray:
    radius, width = car.wheel, 0.052
    side = np.abs(y)[None, :, None]
    outer = car.width / 2 - 0.008
    for center_x in (0.18, 0.805):
        from_axle = np.hypot(x[:, None, None] - center_x, z[None, None, :] - 0.99 * radius)
        across = np.abs(side - (outer - width / 2)) - width / 2
        arch = np.maximum(from_axle - 1.12 * radius, outer - width - 0.012 - side)
        body = np.maximum(body, -arch)
        wheel = rounded_intersection(from_axle - radius, across, radius=0.008)
        axle = np.maximum(from_axle - 0.02, side - (outer - width / 2))
        body = np.minimum(body, np.minimum(wheel, axle))
    return body
