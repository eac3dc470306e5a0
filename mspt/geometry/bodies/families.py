"""Parametric bodies of all families, each generated from one seed."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from mspt.errors import GeometryError
from mspt.geometry.bodies.blocks import BlockBody, block_mesh, draw_block
from mspt.geometry.bodies.cars import Car, CarKind, car_mesh, draw_car
from mspt.geometry.bodies.curved import Curved, curved_mesh, draw_curved
from mspt.geometry.bodies.generic import Bluff, BluffKind, bluff_mesh, draw_bluff
from mspt.geometry.bodies.proportions import VehicleKind
from mspt.geometry.bodies.vehicle_shapes import vehicle_mesh
from mspt.geometry.bodies.vehicles import Vehicle, draw_vehicle
from mspt.geometry.mesh import SurfaceMesh

Family = Literal[
    "notchback", "fastback", "estate", "van", "pickup",
    "block",
    "ellipsoid", "box", "cylinder", "blob", "wing",
]  # fmt: skip
FAMILIES: tuple[str, ...] = get_args(Family)
"""Families of bodies with straight outlines and sharp tails."""

VEHICLES: tuple[str, ...] = get_args(VehicleKind)
"""Families of vehicles as people bring them."""

CURVED = "curved "
CURVED_FAMILIES: tuple[str, ...] = tuple(CURVED + family for family in FAMILIES)
"""Families of deformed bodies."""

ALL_FAMILIES = (*FAMILIES, *VEHICLES, *CURVED_FAMILIES)
_CARS: dict[str, CarKind] = {kind: kind for kind in get_args(CarKind)}
_BLUFFS: dict[str, BluffKind] = {kind: kind for kind in get_args(BluffKind)}
_VEHICLES: dict[str, VehicleKind] = {kind: kind for kind in get_args(VehicleKind)}


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
    parameters: Car | BlockBody | Bluff | Vehicle | Curved
    mesh: SurfaceMesh

    @property
    def wheels(self) -> bool:
        """Whether the body stands on wheels."""
        if isinstance(self.parameters, Vehicle):
            return self.parameters.underside in ("open", "covered")
        return isinstance(self.parameters, Car) and self.parameters.wheel > 0

    def describe(self) -> dict[str, Any]:
        """Return family and parameters as a dictionary of JSON values."""
        return {"family": self.family, **asdict(self.parameters)}


def draw_body(family: str, seed: int) -> Body:
    """Generate a random body of a family; the same seed always gives the same body.

    Args:
        family: One of ``ALL_FAMILIES``.
        seed: Seed of the parameters.

    Raises:
        GeometryError: If the family is unknown.

    Examples:
        >>> draw_body("block", 0).mesh.extent[0].round(6)
        np.float64(1.0)
    """
    parameters, mesh = _draw(family, np.random.default_rng(seed))
    return Body(family=family, parameters=parameters, mesh=_to_length_one(mesh))


def _draw(
    family: str, rng: np.random.Generator
) -> tuple[Car | BlockBody | Bluff | Vehicle | Curved, SurfaceMesh]:
    if car := _CARS.get(family):
        parameters = draw_car(car, rng)
        return parameters, car_mesh(parameters)
    if family == "block":
        parameters = draw_block(rng)
        return parameters, block_mesh(parameters)
    if bluff := _BLUFFS.get(family):
        parameters = draw_bluff(bluff, rng)
        return parameters, bluff_mesh(parameters)
    if vehicle := _VEHICLES.get(family):
        parameters = draw_vehicle(vehicle, rng)
        return parameters, vehicle_mesh(parameters)
    if family in CURVED_FAMILIES:
        straight = family.removeprefix(CURVED)
        parameters = draw_curved(_CARS.get(straight) or _BLUFFS.get(straight), rng)
        return parameters, curved_mesh(parameters)
    raise GeometryError(f"family must be one of {', '.join(ALL_FAMILIES)}, got {family!r}")


def _to_length_one(mesh: SurfaceMesh) -> SurfaceMesh:
    """Scale and move a body so that its nose is at x = 0 and its length is 1.

    Rounding, smoothing and deformations have changed it by a few percent.
    """
    scale = 1 / mesh.extent[0]
    offset = np.array([-mesh.bounds[0][0] * scale, 0.0, 0.0])
    return mesh.mapped(np.eye(3) * scale, offset)
