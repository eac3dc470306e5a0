"""The families of straight bodies, deformed: the same blocks, cars and generic bodies, but curved.

Cars are without wheels here, because a deformation would squash them;
:mod:`mspt.geometry.bodies.vehicles` has curved cars on round wheels.
"""

from dataclasses import dataclass, replace

import numpy as np

from mspt.geometry.bodies.blocks import BlockBody, block_mesh, draw_block
from mspt.geometry.bodies.cars import Car, CarKind, car_mesh, draw_car
from mspt.geometry.bodies.freeform import FreeForm, deformed, draw_form
from mspt.geometry.bodies.generic import Bluff, BluffKind, bluff_mesh, draw_bluff
from mspt.geometry.halves import half_of, whole_of
from mspt.geometry.mesh import SurfaceMesh

MAX_EDGE = 0.02
"""Longest edge of a mesh that is deformed: a sixth of the shortest correlation length."""


@dataclass(frozen=True, kw_only=True)
class Curved:
    """Parameters of a deformed body.

    Attributes:
        straight: The body before its deformation.
        form: Deformations, which are added.
    """

    straight: Car | BlockBody | Bluff
    form: tuple[FreeForm, ...]


def draw_curved(kind: CarKind | BluffKind | None, rng: np.random.Generator) -> Curved:
    """Draw a deformed car without wheels, generic body or, for None, block."""
    if kind is None:
        straight = draw_block(rng)
    elif kind in ("ellipsoid", "box", "cylinder", "blob", "wing"):
        straight = draw_bluff(kind, rng)
    else:
        straight = replace(draw_car(kind, rng), wheel=0.0)
    return Curved(straight=straight, form=draw_form(rng, scale=0.5 if kind == "wing" else 1.0))


def curved_mesh(body: Curved) -> SurfaceMesh:
    """Return the closed surface of a deformed body; both halves are exact mirror images."""
    if isinstance(body.straight, Car):
        mesh = car_mesh(body.straight)
    elif isinstance(body.straight, BlockBody):
        mesh = block_mesh(body.straight)
    else:
        mesh = bluff_mesh(body.straight)
    # Halved first: the deformation then keeps the two halves mirror images.
    half = half_of(mesh, max_edge=MAX_EDGE)
    bent = deformed(half, body.form)
    # The middle plane stays where it is but for rounding.
    bent.vertices[half.vertices[:, 1] == 0, 1] = 0.0
    return whole_of(bent)
