"""Blocks with sharp rear edges: the Ahmed body, its variants and vans.

The body has length 1, its nose at x = 0, is above the ground z = 0 and symmetric about y = 0.
Reference body, with the default dimensions: Ahmed, Ramm, Faltin (1984), SAE paper 840300.
"""

from dataclasses import dataclass

import numpy as np
from manifold3d import CrossSection, Manifold

from mspt.geometry.implicit import from_manifold, rounded_outline
from mspt.geometry.mesh import SurfaceMesh

MAX_DROP_SHARE = 0.75
"""Largest drop of the slant, as a share of the height, so that a base remains."""

MIN_BASE = 0.02
"""Smallest height of the base between slant and diffuser, in body lengths."""

MAX_RADIUS_SHARE = 0.45
"""Largest front radius as a share of the height, so that the arcs of both edges fit."""

TAPER_START, DIFFUSER_START = 0.75, 0.8
"""Positions along the body where the taper and the diffuser begin."""

ARC_STEPS = 12
"""Line segments of each rounded corner."""


@dataclass(frozen=True, kw_only=True)
class BlockBody:
    """Parameters of a block, in body lengths and degrees.

    Attributes:
        width: Width of the body.
        height: Height of the body, without its clearance.
        clearance: Distance between underbody and ground.
        front_radius: Radius of the edges at the front.
        slant_angle: Angle of the slanted rear surface below the horizontal.
        slant_length: Length of the slanted surface.
        diffuser_angle: Angle of the last fifth of the underbody above the horizontal.
        taper: Share by which the width decreases over the last quarter.
    """

    width: float = 0.3726
    height: float = 0.2759
    clearance: float = 0.0479
    front_radius: float = 0.0958
    slant_angle: float = 25.0
    slant_length: float = 0.2126
    diffuser_angle: float = 0.0
    taper: float = 0.0


def draw_block(rng: np.random.Generator) -> BlockBody:
    """Draw random parameters: an Ahmed-type body or, in a third of the cases, a taller van.

    The ranges surround the reference body; the slant covers both its attached flow (below about 30
    degrees) and its separated flow.
    """
    van = rng.random() < 1 / 3
    plain = rng.random() < 0.5
    return BlockBody(
        width=rng.uniform(0.3, 0.45),
        height=rng.uniform(0.34, 0.42) if van else rng.uniform(0.22, 0.34),
        clearance=rng.uniform(0.03, 0.08),
        front_radius=rng.uniform(0.02, 0.12),
        slant_angle=0.0 if van else rng.uniform(0.0, 50.0),
        slant_length=rng.uniform(0.1, 0.3),
        diffuser_angle=0.0 if plain else rng.uniform(0.0, 15.0),
        taper=0.0 if plain else rng.uniform(0.0, 0.2),
    )


def block_mesh(block: BlockBody) -> SurfaceMesh:
    """Return the closed surface of a block."""
    side = _extrude(_side(block), 1.0)
    # Extrusions are along z; the side view is rotated so that its extrusion is along y.
    side = side.rotate((90, 0, 0)).translate((0, 0.5, 0))
    plan = _extrude(_plan(block), 1.0)
    return from_manifold(side ^ plan)


def _extrude(outline: np.ndarray, height: float) -> Manifold:
    return CrossSection([outline]).extrude(height)


def _side(block: BlockBody) -> np.ndarray:
    """Return the outline in the plane of x and z."""
    low, high = block.clearance, block.clearance + block.height
    angle, slope = np.radians(block.slant_angle), np.radians(block.diffuser_angle)
    run, drop = block.slant_length * np.cos(angle), block.slant_length * np.sin(angle)
    drop = min(drop, MAX_DROP_SHARE * block.height)
    # 0.2 is the length of the diffuser; written out, because 1 - 0.8 is not exactly 0.2.
    rise = min(0.2 * np.tan(slope), high - drop - low - MIN_BASE)
    front = min(block.front_radius, MAX_RADIUS_SHARE * block.height)
    corners, radii = [(0.0, low), (0.0, high)], [front, front]
    if drop > 0:
        corners += [(1 - run, high)]
    corners += [(1.0, high - drop), (1.0, low + rise)]
    if rise > 0:
        corners += [(DIFFUSER_START, low)]
    radii += [0.0] * (len(corners) - 2)
    outline = rounded_outline(np.array(corners), radii, steps=ARC_STEPS)
    return outline[::-1]  # counter-clockwise, as a filled cross-section must be


def _plan(block: BlockBody) -> np.ndarray:
    """Return the outline in the plane of x and y."""
    half = block.width / 2
    rear = half * (1 - block.taper)
    side = [(0.0, half), (TAPER_START, half), (1.0, rear)]
    corners = [*((x, -y) for x, y in side), *reversed(side)]
    radii = [block.front_radius, 0.0, 0.0, 0.0, 0.0, block.front_radius]
    return rounded_outline(np.array(corners), radii, steps=ARC_STEPS)
