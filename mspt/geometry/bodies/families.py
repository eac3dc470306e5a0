"""Parametric bodies of all families, each generated from one seed."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from mspt.errors import GeometryError
from mspt.geometry.bodies.blocks import BlockBody, block_mesh, draw_block
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
        family: Name of its family.
        parameters: Parameters from which it was built.
        mesh: Closed surface in the wind-tunnel frame: nose at x = 0, length 1, symmetric about
            y = 0, above the ground z = 0.
    """

    family: str
    parameters: Car | BlockBody | Bluff
    mesh: SurfaceMesh

    @property
    def wheels(self) -> bool:
        """Whether the body stands on wheels."""
        return isinstance(self.parameters, Car) and self.parameters.wheel > 0

    def describe(self) -> dict[str, Any]:
        """Return family and parameters as a dictionary of JSON values."""
        return {"family": self.family, **asdict(self.parameters)}


def draw_body(family: str, seed: int) -> Body:
    """Generate a random body of a family; the same seed always gives the same body.

    Args:
        family: One of ``FAMILIES``.
        seed: Seed of the parameters.

    Raises:
        GeometryError: If the family is unknown.

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
    """Scale and move a body so that its nose is at x = 0 and its length is 1.

    Rounding and smoothing have shortened it by a few percent at most.
    """
    scale = 1 / mesh.extent[0]
    offset = np.array([-mesh.bounds[0][0] * scale, 0.0, 0.0])
    return mesh.mapped(np.eye(3) * scale, offset)
