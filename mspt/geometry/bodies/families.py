"""Parametric bodies of all families, each from one seed."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from mspt.errors import GeometryError
from mspt.geometry.bodies.blocks import Block, block_mesh, draw_block
from mspt.geometry.bodies.cars import Car, CarKind, car_mesh, draw_car
from mspt.geometry.bodies.generic import Bluff, BluffKind, bluff_mesh, draw_bluff
from mspt.geometry.mesh import SurfaceMesh

Family = Literal[
    "notchback", "fastback", "estate", "van", "pickup",
    "block",
    "ellipsoid", "box", "cylinder", "blob", "wing",
]  # fmt: skip
FAMILIES: tuple[str, ...] = get_args(Family)
_CARS: dict[str, CarKind] = {kind: kind for kind in get_args(CarKind)}
_BLUFFS: dict[str, BluffKind] = {kind: kind for kind in get_args(BluffKind)}


@dataclass(frozen=True, kw_only=True)
class Body:
    """A parametric body.

    Attributes:
        family: What it is.
        parameters: What it was built from.
        mesh: Its closed surface, in the wind-tunnel frame: nose at x = 0, length 1, symmetric
            about y = 0, over the ground z = 0.
        wheels: Whether it stands on wheels.
    """

    family: str
    parameters: Car | Block | Bluff
    mesh: SurfaceMesh

    @property
    def wheels(self) -> bool:
        """Whether the body stands on wheels."""
        return isinstance(self.parameters, Car) and self.parameters.wheel > 0

    def describe(self) -> dict[str, Any]:
        """Return family and parameters as plain values."""
        return {"family": self.family, **asdict(self.parameters)}


def draw_body(family: str, seed: int) -> Body:
    """Draw a body of a family; the same seed always gives the same body.

    Raises:
        GeometryError: If there is no such family.

    Examples:
        >>> draw_body("block", 0).mesh.extent[0].round(6)
        np.float64(1.0)
    """
    rng = np.random.default_rng(seed)
    if car := _CARS.get(family):
        parameters = draw_car(car, rng)
        mesh = car_mesh(parameters)
    elif family == "block":
        parameters = draw_block(rng)
        mesh = block_mesh(parameters)
    elif bluff := _BLUFFS.get(family):
        parameters = draw_bluff(bluff, rng)
        mesh = bluff_mesh(parameters)
    else:
        raise GeometryError(f"family must be one of {', '.join(FAMILIES)}, got {family!r}")
    return Body(family=family, parameters=parameters, mesh=_to_length_one(mesh))


def _to_length_one(mesh: SurfaceMesh) -> SurfaceMesh:
    """Scale by a few percent so that the nose is at x = 0 and the length is 1."""
    scale = 1 / mesh.extent[0]
    offset = np.array([-mesh.bounds[0][0] * scale, 0.0, 0.0])
    return mesh.mapped(np.eye(3) * scale, offset)
