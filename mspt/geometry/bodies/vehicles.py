"""Parameters of vehicles as people bring them, from city car to lorry, and how they are drawn.

Unlike those of :mod:`mspt.geometry.bodies.cars`, these bodies are curved everywhere, have rounded
tails and many details. All lengths are in lengths of the body.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mspt.geometry.bodies.freeform import FreeForm, draw_form
from mspt.geometry.bodies.proportions import PROPORTIONS, VehicleKind

Underside = Literal["open", "covered", "arches", "sealed"]
"""Wheels in arches; wheels of which covers show the lower half; arches without wheels, as in bodies
whose wheels were left out; or neither."""

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
