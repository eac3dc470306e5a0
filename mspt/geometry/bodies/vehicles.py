"""Parameters of vehicles as people bring them, from city car to lorry, and how they are drawn.

Unlike those of :mod:`mspt.geometry.bodies.cars`, these bodies are curved everywhere, have rounded
tails and many details. All lengths are in lengths of the body.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mspt.geometry.bodies.freeform import FreeForm, draw_form

VehicleKind = Literal[
    "city", "hatchback", "saloon", "tourer", "coupe", "supercar", "suv", "crew-cab",
    "minibus", "bus", "train", "lorry", "single-seater",
]  # fmt: skip
Underside = Literal["open", "covered", "arches", "sealed"]
"""Wheels in arches; wheels of which covers show the lower half; arches without wheels, as in bodies
whose wheels were left out; or neither."""

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Proportions:
    """Ranges of the parameters of a kind; see :class:`Vehicle`."""

    height: Range
    width: Range
    clearance: Range
    nose: Range
    hood: Range
    cowl: Range
    roof_start: Range
    roof_stop: Range
    deck_x: Range
    deck: Range
    tail: Range
    axles: tuple[Range, Range]
    wheel: Range


PROPORTIONS: Mapping[VehicleKind, Proportions] = {
    "city": Proportions(
        height=(0.38, 0.46), width=(0.43, 0.49), clearance=(0.035, 0.06), nose=(0.16, 0.22),
        hood=(0.24, 0.28), cowl=(0.13, 0.2), roof_start=(0.33, 0.4), roof_stop=(0.84, 0.92),
        deck_x=(0.95, 0.975), deck=(0.23, 0.29), tail=(0.22, 0.27),
        axles=((0.17, 0.2), (0.82, 0.855)), wheel=(0.078, 0.09),
    ),
    "hatchback": Proportions(
        height=(0.32, 0.37), width=(0.4, 0.45), clearance=(0.03, 0.05), nose=(0.13, 0.18),
        hood=(0.2, 0.235), cowl=(0.22, 0.28), roof_start=(0.38, 0.44), roof_stop=(0.78, 0.88),
        deck_x=(0.93, 0.97), deck=(0.21, 0.26), tail=(0.2, 0.25),
        axles=((0.185, 0.22), (0.8, 0.83)), wheel=(0.071, 0.082),
    ),
    "saloon": Proportions(
        height=(0.285, 0.325), width=(0.37, 0.415), clearance=(0.025, 0.045), nose=(0.12, 0.16),
        hood=(0.175, 0.21), cowl=(0.25, 0.3), roof_start=(0.4, 0.46), roof_stop=(0.64, 0.74),
        deck_x=(0.82, 0.9), deck=(0.2, 0.23), tail=(0.19, 0.225),
        axles=((0.18, 0.21), (0.785, 0.82)), wheel=(0.065, 0.076),
    ),
    "tourer": Proportions(
        height=(0.285, 0.335), width=(0.37, 0.415), clearance=(0.025, 0.045), nose=(0.12, 0.16),
        hood=(0.175, 0.21), cowl=(0.25, 0.3), roof_start=(0.4, 0.46), roof_stop=(0.86, 0.93),
        deck_x=(0.95, 0.98), deck=(0.19, 0.24), tail=(0.18, 0.225),
        axles=((0.18, 0.21), (0.785, 0.82)), wheel=(0.065, 0.076),
    ),
    "coupe": Proportions(
        height=(0.265, 0.31), width=(0.385, 0.43), clearance=(0.025, 0.04), nose=(0.1, 0.15),
        hood=(0.165, 0.2), cowl=(0.27, 0.35), roof_start=(0.43, 0.49), roof_stop=(0.57, 0.68),
        deck_x=(0.88, 0.97), deck=(0.18, 0.22), tail=(0.17, 0.215),
        axles=((0.18, 0.22), (0.78, 0.81)), wheel=(0.07, 0.08),
    ),
    "supercar": Proportions(
        height=(0.235, 0.27), width=(0.42, 0.465), clearance=(0.022, 0.032), nose=(0.07, 0.11),
        hood=(0.13, 0.165), cowl=(0.18, 0.26), roof_start=(0.37, 0.43), roof_stop=(0.5, 0.58),
        deck_x=(0.78, 0.95), deck=(0.165, 0.2), tail=(0.16, 0.2),
        axles=((0.19, 0.23), (0.77, 0.81)), wheel=(0.074, 0.084),
    ),
    "suv": Proportions(
        height=(0.355, 0.42), width=(0.395, 0.44), clearance=(0.045, 0.07), nose=(0.17, 0.22),
        hood=(0.225, 0.265), cowl=(0.23, 0.28), roof_start=(0.37, 0.42), roof_stop=(0.83, 0.92),
        deck_x=(0.94, 0.98), deck=(0.23, 0.28), tail=(0.21, 0.27),
        axles=((0.18, 0.21), (0.8, 0.83)), wheel=(0.078, 0.09),
    ),
    "crew-cab": Proportions(
        height=(0.33, 0.37), width=(0.35, 0.39), clearance=(0.045, 0.065), nose=(0.16, 0.2),
        hood=(0.21, 0.24), cowl=(0.24, 0.29), roof_start=(0.36, 0.41), roof_stop=(0.57, 0.64),
        deck_x=(0.625, 0.68), deck=(0.2, 0.225), tail=(0.195, 0.225),
        axles=((0.17, 0.2), (0.775, 0.81)), wheel=(0.07, 0.08),
    ),
    "minibus": Proportions(
        height=(0.37, 0.47), width=(0.35, 0.41), clearance=(0.03, 0.05), nose=(0.16, 0.22),
        hood=(0.23, 0.28), cowl=(0.08, 0.17), roof_start=(0.2, 0.31), roof_stop=(0.92, 0.97),
        deck_x=(0.975, 0.99), deck=(0.18, 0.25), tail=(0.18, 0.23),
        axles=((0.16, 0.2), (0.77, 0.82)), wheel=(0.062, 0.072),
    ),
    "bus": Proportions(
        height=(0.25, 0.34), width=(0.2, 0.28), clearance=(0.025, 0.04), nose=(0.1, 0.14),
        hood=(0.13, 0.16), cowl=(0.005, 0.03), roof_start=(0.02, 0.1), roof_stop=(0.96, 0.985),
        deck_x=(0.985, 0.995), deck=(0.15, 0.2), tail=(0.1, 0.14),
        axles=((0.2, 0.27), (0.68, 0.76)), wheel=(0.04, 0.052),
    ),
    "train": Proportions(
        height=(0.22, 0.32), width=(0.17, 0.26), clearance=(0.022, 0.035), nose=(0.06, 0.12),
        hood=(0.1, 0.18), cowl=(0.05, 0.2), roof_start=(0.15, 0.5), roof_stop=(0.97, 0.99),
        deck_x=(0.99, 0.995), deck=(0.15, 0.18), tail=(0.1, 0.15),
        axles=((0.3, 0.4), (0.8, 0.9)), wheel=(0.03, 0.03),
    ),
    "lorry": Proportions(
        height=(0.23, 0.29), width=(0.155, 0.21), clearance=(0.025, 0.035), nose=(0.07, 0.1),
        hood=(0.1, 0.13), cowl=(0.002, 0.015), roof_start=(0.02, 0.06), roof_stop=(0.13, 0.17),
        deck_x=(0.18, 0.22), deck=(0.07, 0.085), tail=(0.07, 0.085),
        axles=((0.075, 0.1), (0.8, 0.9)), wheel=(0.03, 0.034),
    ),
    "single-seater": Proportions(
        height=(0.18, 0.22), width=(0.34, 0.4), clearance=(0.022, 0.03), nose=(0.05, 0.09),
        hood=(0.1, 0.13), cowl=(0.3, 0.36), roof_start=(0.5, 0.55), roof_stop=(0.6, 0.66),
        deck_x=(0.85, 0.92), deck=(0.08, 0.11), tail=(0.06, 0.09),
        axles=((0.16, 0.2), (0.8, 0.84)), wheel=(0.06, 0.068),
    ),
}  # fmt: skip

ONE_VOLUME = frozenset({"bus", "train", "lorry"})
"""Kinds without hood and cabin: their outline from the side is one curve from nose to tail."""

TAIL_RADII = (0.004, 0.06)
"""Range of the radius of the edges of tails, drawn log-uniformly."""

WRAP_CELLS = (0.003, 0.0055)
"""Range of the cells of the grids on which bodies are shrink-wrapped."""

LOW_TAILS = 0.025
"""Largest radius for tails that are too low for more: they would end like the stern of a boat."""


@dataclass(frozen=True, kw_only=True)
class Details:
    """What is added to a body; 0 or False for what it does not have. Heights and lengths.

    Attributes:
        mirrors: Length of the mirrors.
        lip: Height of a ducktail, or of the edge of a roof that is drawn out.
        wing: Height of a rear wing above the deck.
        splitter: Length of a splitter in front of the nose.
        skirts: Depth of side skirts below the sill.
        flares: How far fenders stand out around the wheels.
        scoop: Height of an air scoop on hood or roof.
        intake: Height of an air intake that is cut into the nose.
        roof_box: Height of a box on the roof.
        tunnel: Height of a tunnel in the underbody.
        hollow: Thickness of the walls of a body that is a shell, open from below; 0 for a body
            with a floor.
    """

    mirrors: float = 0.0
    lip: float = 0.0
    wing: float = 0.0
    splitter: float = 0.0
    skirts: float = 0.0
    flares: float = 0.0
    scoop: float = 0.0
    intake: float = 0.0
    roof_box: float = 0.0
    tunnel: float = 0.0
    hollow: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Vehicle:
    """Parameters of a vehicle.

    Attributes:
        kind: Kind of the vehicle.
        height: Height of the roof above the ground.
        width: Largest width of the body.
        clearance: Height of the underbody.
        nose: Height of the tip of the nose.
        hood: Height at the foot of the windshield.
        cowl: Position of the foot of the windshield.
        roof_start: Position where the roof begins.
        roof_stop: Position where it ends.
        deck_x: Position of the foot of the rear window.
        deck: Height there.
        tail: Height of the rear edge.
        bow: How far the middle of the nose lies before its corners, seen from above.
        taper: Share by which the body narrows toward the tail.
        tumblehome: Share by which the cabin narrows toward the roof.
        shoulder: Distance between the side of the cabin and that of the body below it.
        diffuser: Rise of the underbody toward the tail.
        fillet: Radius of the other edges.
        tail_radius: Radius of the edges of the tail.
        gap: Distance between a lorry's cab and its trailer.
        axles: Positions of the axles.
        wheel: Radius of the wheels.
        wheel_width: Width of the wheels.
        inset: Distance from the side of the body to the outer face of the wheels.
        underside: What there is of wheels and arches.
        details: What is added.
        form: Free-form deformations of the body, one after the other in one sum.
        wrap: Cell of the grid on which the body was shrink-wrapped; 0 for a body as designed.
    """

    kind: VehicleKind
    height: float
    width: float
    clearance: float
    nose: float
    hood: float
    cowl: float
    roof_start: float
    roof_stop: float
    deck_x: float
    deck: float
    tail: float
    bow: float
    taper: float
    tumblehome: float
    shoulder: float
    diffuser: float
    fillet: float
    tail_radius: float
    gap: float
    axles: tuple[float, float]
    wheel: float
    wheel_width: float
    inset: float
    underside: Underside
    details: Details
    form: tuple[FreeForm, ...]
    wrap: float


def draw_vehicle(kind: VehicleKind, rng: np.random.Generator) -> Vehicle:
    """Draw random parameters of a vehicle of a kind."""
    ranges = PROPORTIONS[kind]

    def draw(name: str) -> float:
        return float(rng.uniform(*getattr(ranges, name)))

    slim = kind in ONE_VOLUME or kind == "single-seater"
    clearance = draw("clearance")
    largest = LOW_TAILS if kind in ("crew-cab", "single-seater", "lorry") else TAIL_RADII[1]
    underside = draw_underside(kind, rng)
    # A body on its own, without wheels, is often the open shell of a model.
    bare = underside in ("arches", "sealed") and not slim
    wrap = rng.uniform(*WRAP_CELLS) if rng.random() < (0.6 if bare else 0.2) else 0.0
    return Vehicle(
        kind=kind,
        height=draw("height"),
        width=draw("width"),
        clearance=clearance,
        nose=draw("nose"),
        hood=draw("hood"),
        cowl=draw("cowl"),
        roof_start=draw("roof_start"),
        roof_stop=draw("roof_stop"),
        deck_x=draw("deck_x"),
        deck=draw("deck"),
        tail=draw("tail"),
        bow=float(rng.uniform(0.0, 0.02) if slim else rng.uniform(0.01, 0.08)),
        taper=float(rng.uniform(0.0, 0.05) if slim else rng.uniform(0.02, 0.2)),
        tumblehome=float(rng.uniform(0.0, 0.08) if slim else rng.uniform(0.12, 0.32)),
        shoulder=float(rng.uniform(0.004, 0.025)),
        diffuser=float(rng.uniform(0.0, 0.06)),
        fillet=float(rng.uniform(0.012, 0.03) if slim else rng.uniform(0.02, 0.055)),
        tail_radius=float(np.exp(rng.uniform(*np.log((TAIL_RADII[0], largest))))),
        gap=float(rng.uniform(0.03, 0.06)),
        axles=(float(rng.uniform(*ranges.axles[0])), float(rng.uniform(*ranges.axles[1]))),
        wheel=draw("wheel"),
        wheel_width=float(
            rng.uniform(0.022, 0.03) if kind in ONE_VOLUME else rng.uniform(0.042, 0.062)
        ),
        inset=float(rng.uniform(0.0, 0.018)),
        underside=underside,
        details=draw_details(kind, rng, bare=bare and wrap > 0),
        form=draw_form(rng, scale=0.5 if slim else 1.0),  # narrow bodies bend less
        wrap=float(wrap),
    )


def draw_underside(kind: VehicleKind, rng: np.random.Generator) -> Underside:
    """Draw what a kind has of wheels and arches."""
    if kind == "train":
        return "sealed"
    if kind == "single-seater":
        return "open" if rng.random() < 0.7 else "sealed"
    choice = rng.random()
    if kind in ONE_VOLUME:
        return "open" if choice < 0.5 else "covered" if choice < 0.75 else "sealed"
    return ("open", "covered", "arches", "sealed")[int(np.searchsorted([0.42, 0.52, 0.76], choice))]


def draw_details(kind: VehicleKind, rng: np.random.Generator, *, bare: bool) -> Details:
    """Draw what is added to a body of a kind.

    Args:
        kind: Kind of the vehicle.
        rng: Random generator.
        bare: Whether the body may be a shell that is open from below.
    """
    sporty = kind in ("coupe", "supercar")
    tall = kind in ("city", "hatchback", "tourer", "suv", "minibus")

    def some(share: float, low: float, high: float) -> float:
        value, chance = rng.uniform(low, high), rng.random()
        return float(value) if chance < share else 0.0

    found = Details(
        mirrors=some(0.6, 0.016, 0.026),
        lip=some(0.5, 0.008, 0.025),
        wing=some(0.3 if sporty else 0.1 if kind in ("hatchback", "saloon") else 0.0, 0.035, 0.075),
        splitter=some(0.5 if sporty else 0.12, 0.006, 0.024),
        skirts=some(0.25, 0.008, 0.018),
        flares=some(0.35, 0.006, 0.02),
        scoop=some(0.2, 0.015, 0.03),
        intake=some(0.35, 0.02, 0.045),
        roof_box=some(0.15 if tall else 0.0, 0.045, 0.075),
        tunnel=some(0.4 if sporty else 0.2, 0.025, 0.05),
        hollow=some(0.3, 0.022, 0.035),
    )
    if kind in ONE_VOLUME:
        return Details(mirrors=found.mirrors / 2, skirts=found.skirts, tunnel=0.0)
    if kind == "single-seater":
        return Details(wing=found.wing or 0.05, splitter=found.splitter, tunnel=0.0)
    return found if bare else Details(**{**vars(found), "hollow": 0.0})
