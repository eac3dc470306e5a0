"""A car by the few sizes that people change first, in meters and degrees.

It is a fastback of :mod:`mspt.geometry.bodies.cars`. A steep rear makes an estate of it, a flat one
a coupe.

Shapes: D numbers of a profile.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import degrees, radians, tan

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.bodies.cars import ARCH_ROOM, Car, car_mesh, side_outline
from mspt.geometry.mesh import SurfaceMesh

RANGES: Mapping[str, tuple[float, float]] = {
    "length": (3.8, 5.2),
    "height": (1.2, 1.8),
    "clearance": (0.12, 0.32),
    "slope": (12.0, 60.0),
    "spoiler": (0.0, 0.12),
}
"""Smallest and largest value of each size of a :class:`CarDesign`."""

WIDTH, HOOD, NOSE, TAIL, WHEEL = 1.8, 0.88, 0.56, 1.02, 0.325
"""Sizes in m that stay: across the doors, heights of hood, nose and rear edge, radius of wheels."""

REAR, ROOF_START, SHORTEST_ROOF = 0.965, 0.43, 0.1
"""Where the rear edge is and where the roof begins, and the length of the roof, in car lengths."""

FILLET = 0.04
"""Radius of the edges at the front, in car lengths."""

EXTENT, ROOF_INSET, FLOOR_INSET, SIDE_INSET = 0.984, 0.0118, 0.0095, 0.0073
"""Length of a mesh of such edges, and how far its surface lies within its outlines: where two of
them meet at the same height, rounding their edge moves both."""

STATIONS = 12
"""Places along a car at which its profile is taken."""


@dataclass(frozen=True, kw_only=True)
class CarDesign:
    """Sizes of a car.

    Attributes:
        length: From nose to tail, in m.
        height: Of the roof above the ground, in m.
        clearance: Of the underbody above the ground, the ride height, in m.
        slope: Of the rear window against the ground, in degrees.
        spoiler: Height of a lip at the rear edge, in m; 0 for none.
        wheels: Whether the car stands on wheels; without them its underbody is smooth.
    """

    length: float = 4.5
    height: float = 1.4
    clearance: float = 0.18
    slope: float = 25.0
    spoiler: float = 0.0
    wheels: bool = True

    def __post_init__(self) -> None:
        """Reject sizes out of range."""
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:  # also refuses NaN
                raise GeometryError(f"{name} must be in {low:g} to {high:g}, got {value:g}")

    @property
    def lip(self) -> float:
        """Height of the spoiler in the lengths of :func:`car_of`."""
        return self.spoiler / self.length * EXTENT

    def describe(self) -> str:
        """Return the sizes in words.

        Examples:
            >>> CarDesign(spoiler=0.05).describe()
            '4.50 m long, roof at 1.40 m, ride height 18 cm, rear slope 25°, spoiler 5 cm, wheels'
        """
        lip = f"spoiler {100 * self.spoiler:.0f} cm" if self.spoiler else "no spoiler"
        return (
            f"{self.length:.2f} m long, roof at {self.height:.2f} m, ride height "
            f"{100 * self.clearance:.0f} cm, rear slope {self.slope:.0f}°, {lip}, "
            f"{'wheels' if self.wheels else 'no wheels'}"
        )


def car_of(design: CarDesign) -> Car:
    """Return the parameters of a car in car lengths.

    The rear window ends at the rear edge, so that its slope decides where the roof ends. Where the
    roof would become too short, the rear edge rises instead.

    Examples:
        >>> steep, flat = (car_of(CarDesign(slope=slope)) for slope in (60.0, 20.0))
        >>> steep.roof_stop > flat.roof_stop
        True
    """
    length, rise = design.length / EXTENT, tan(radians(design.slope))
    height = design.height / length + ROOF_INSET
    clearance = design.clearance / length - FLOOR_INSET
    roof, edge = height - 0.012, TAIL / length - 0.01
    window = min((roof - edge) / rise, REAR - ROOF_START - SHORTEST_ROOF)
    hood = HOOD / length
    return Car(
        kind="fastback",
        height=height,
        width=WIDTH / length + 2 * SIDE_INSET,
        clearance=clearance,
        hood=hood,
        hood_x=0.26,
        roof_start=ROOF_START,
        roof_stop=REAR - window,
        tail=roof - window * rise + 0.01,
        nose=max(NOSE / length, clearance + 0.045),
        diffuser=0.02,
        tumblehome=0.16,
        belt=0.62,
        front_fillet=FILLET,
        plan_radius=0.12,
        rear_fillet=0.008,
        wheel=min(WHEEL / length, (hood - ARCH_ROOM[0]) / ARCH_ROOM[1]) if design.wheels else 0.0,
        mirrors=False,
    )


def design_mesh(design: CarDesign) -> SurfaceMesh:
    """Return the closed surface of a car in m, in the axes of the wind tunnel.

    Its nose is at x = 0 and the ground at z = 0; the flow is along +x.
    """
    mesh = car_mesh(car_of(design), lip=design.lip)
    scale = design.length / mesh.extent[0]
    return mesh.mapped(np.eye(3) * scale, np.array([-mesh.bounds[0][0] * scale, 0.0, 0.0]))


def slope_of(car: Car) -> float:
    """Return the slope of the rear of a car without a lip in degrees, from roof to rear edge.

    Examples:
        >>> round(slope_of(car_of(CarDesign(slope=30.0))), 6)
        30.0
    """
    edge = car.tail - (0.01 if car.kind == "fastback" else 0.0)
    drop = car.height - 0.012 - (0.55 * car.height if car.kind == "van" else edge)
    run = {"van": 0.995, "estate": 0.97, "fastback": REAR}.get(car.kind)
    if run is None:  # with a trunk or a bed, the rear window ends there
        run = car.roof_stop + (0.14 if car.kind == "notchback" else 0.035)
        drop = car.height - 0.012 - car.tail - (0.012 if car.kind == "notchback" else 0.0)
    return degrees(np.arctan2(drop, run - car.roof_stop))


def built_sizes(car: Car) -> Mapping[str, float]:
    """Return about how high and wide the mesh of a car is, in its lengths.

    Rounded edges leave it a little within its outlines, in proportion to their radius.

    Examples:
        >>> sizes = built_sizes(car_of(CarDesign(length=4.0, height=1.4)))
        >>> {name: round(4.0 * size, 3) for name, size in sizes.items()}
        {'height': 1.4, 'clearance': 0.18, 'width': 1.8}
    """
    share = car.front_fillet / FILLET
    return {
        "height": (car.height - share * ROOF_INSET) / EXTENT,
        "clearance": (car.clearance + share * FLOOR_INSET) / EXTENT,
        "width": (car.width - 2 * share * SIDE_INSET) / EXTENT,
    }


def profile(car: Car, *, lip: float = 0.0) -> Float64[ndarray, " D"]:
    """Return underside, top and half width along a car, in car lengths, from its parameters.

    Wheels are no part of it.

    Args:
        car: Its parameters.
        lip: Height of a lip at its rear edge.

    Returns:
        Twelve undersides, twelve tops and twelve half widths.
    """
    outline = side_outline(car, lip=lip)
    start, stop = outline, np.roll(outline, -1, axis=0)
    places = (np.arange(STATIONS) + 0.5) / STATIONS
    low, high = np.minimum(start[:, 0], stop[:, 0]), np.maximum(start[:, 0], stop[:, 0])
    crossed = (low[:, None] <= places) & (places <= high[:, None]) & (low < high)[:, None]
    run = np.where(low < high, stop[:, 0] - start[:, 0], 1.0)
    share = (places - start[:, :1]) / run[:, None]
    height = start[:, 1:] + share * (stop[:, 1] - start[:, 1])[:, None]
    under = np.where(crossed, height, np.inf).min(axis=0)
    over = np.where(crossed, height, -np.inf).max(axis=0)
    return np.concatenate([under, over, np.full(STATIONS, car.width / 2)])
