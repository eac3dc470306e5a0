"""Blocks with sharp rear edges: the Ahmed body and its relatives, vans and boxes with a slant.

The body has length 1, its nose at x = 0, and stands over the ground z = 0, symmetric about y = 0.
Reference body and its dimensions: Ahmed, Ramm, Faltin, SAE paper 840300.
"""

from dataclasses import dataclass

import numpy as np
from manifold3d import CrossSection, Manifold

from mspt.geometry.implicit import from_manifold, rounded_outline
from mspt.geometry.mesh import SurfaceMesh


@dataclass(frozen=True, kw_only=True)
class Block:
    """Parameters of a block, in body lengths and degrees.

    Attributes:
        width: Of the body.
        height: Of the body, without its clearance.
        clearance: Between underbody and ground.
        front_radius: Of the edges at the front.
        slant_angle: Of the slanted rear surface, below the horizontal.
        slant_length: Of the slanted surface.
        diffuser_angle: Rise of the underbody's last fifth.
        taper: Share of the width lost along the last quarter.
    """

    width: float = 0.3726
    height: float = 0.2759
    clearance: float = 0.0479
    front_radius: float = 0.0958
    slant_angle: float = 25.0
    slant_length: float = 0.2126
    diffuser_angle: float = 0.0
    taper: float = 0.0


def draw_block(rng: np.random.Generator) -> Block:
    """Draw a block: an Ahmed-type body or, one in three, a higher and straighter van."""
    van = rng.random() < 1 / 3
    plain = rng.random() < 0.5
    return Block(
        width=rng.uniform(0.3, 0.45),
        height=rng.uniform(0.34, 0.42) if van else rng.uniform(0.22, 0.34),
        clearance=rng.uniform(0.03, 0.08),
        front_radius=rng.uniform(0.02, 0.12),
        slant_angle=0.0 if van else rng.uniform(0.0, 50.0),
        slant_length=rng.uniform(0.1, 0.3),
        diffuser_angle=0.0 if plain else rng.uniform(0.0, 15.0),
        taper=0.0 if plain else rng.uniform(0.0, 0.2),
    )


def block_mesh(block: Block) -> SurfaceMesh:
    """Return the closed surface of a block."""
    side = _extrude(_side(block), 1.0)
    # Extrusions go along z: the side view is turned so that it goes along y.
    side = side.rotate((90, 0, 0)).translate((0, 0.5, 0))
    plan = _extrude(_plan(block), 1.0)
    return from_manifold(side ^ plan)


def _extrude(outline: np.ndarray, height: float) -> Manifold:
    return CrossSection([outline]).extrude(height)


def _side(block: Block) -> np.ndarray:
    low, high = block.clearance, block.clearance + block.height
    angle, slope = np.radians(block.slant_angle), np.radians(block.diffuser_angle)
    run, drop = block.slant_length * np.cos(angle), block.slant_length * np.sin(angle)
    drop = min(drop, 0.75 * block.height)
    rise = min(0.2 * np.tan(slope), high - drop - low - 0.02)
    front = min(block.front_radius, 0.45 * block.height)
    corners, radii = [(0.0, low), (0.0, high)], [front, front]
    if drop > 0:
        corners += [(1 - run, high)]
    corners += [(1.0, high - drop), (1.0, low + rise)]
    if rise > 0:
        corners += [(0.8, low)]
    radii += [0.0] * (len(corners) - 2)
    outline = rounded_outline(np.array(corners), radii, steps=12)
    return outline[::-1]


def _plan(block: Block) -> np.ndarray:
    half = block.width / 2
    rear = half * (1 - block.taper)
    corners = [(0.0, -half), (0.75, -half), (1.0, -rear), (1.0, rear), (0.75, half), (0.0, half)]
    radii = [block.front_radius, 0.0, 0.0, 0.0, 0.0, block.front_radius]
    return rounded_outline(np.array(corners), radii, steps=12)
