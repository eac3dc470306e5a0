"""Predictions of shapes in engineering units, at a speed, in some air, for a body of a real size.

Shapes: T triangles.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, TypeVar

from numpy import ndarray

from mspt.data.case import Quantity
from mspt.errors import MSPTError
from mspt.geometry.placement import Placement
from mspt.metrics.conditions import (
    AIR_DENSITY,
    AIR_VISCOSITY,
    CRUISE,
    OperatingConditions,
    area_in_square_meters,
    dynamic_pressure,
    force_in_newtons,
    power_in_kilowatts,
    pressure_in_pascals,
    reynolds_note,
    reynolds_number,
    shear_in_pascals,
    velocity_in_meters_per_second,
)
from mspt.metrics.forces import Coefficients
from mspt.solvers.openfoam.case import VISCOSITY

Shown = TypeVar("Shown", bound=ndarray)

DATA_REYNOLDS = 1 / VISCOSITY
"""Reynolds number of the flows around bodies, which have length 1 and speed 1."""

_PHYSICAL = {
    "C_p": ("pressure", "Pa", "Pressure above that of the free stream."),
    "C_f": ("wall shear", "Pa", "Wall shear stress."),
    "speed": ("speed", "m/s", "Speed of the flow."),
}
_CONVERT = {
    "C_p": pressure_in_pascals,
    "C_f": shear_in_pascals,
    "speed": velocity_in_meters_per_second,
}


def in_units(
    quantity: Quantity, values: Shown, conditions: OperatingConditions | None
) -> tuple[Quantity, Shown]:
    """Return a quantity and its values in engineering units, or as they are without conditions.

    Args:
        quantity: ``C_p``, ``C_f`` or ``speed``, in units of the data.
        values: Its values.
        conditions: Speed, air and size; None to stay dimensionless.

    Examples:
        >>> import numpy as np
        >>> C_p = Quantity(name="C_p", symbol="C_p", unit="1", description="Pressure.")
        >>> slow = OperatingConditions(speed=20.0, length=4.0, density=1.25)
        >>> quantity, values = in_units(C_p, np.array([-1.0, 0.5]), slow)
        >>> quantity.name, quantity.unit, values.tolist()
        ('pressure', 'Pa', [-250.0, 125.0])
    """
    if conditions is None:
        return quantity, values
    name, unit, words = _PHYSICAL[quantity.name]
    shown = replace(quantity, name=name, symbol=name, unit=unit, description=words)
    return shown, _CONVERT[quantity.name](values, conditions)


def physical_cells(
    cells: Mapping[str, ndarray], conditions: OperatingConditions
) -> dict[str, ndarray]:
    """Return the fields of a written surface with pressure and wall shear in Pa beside them.

    Args:
        cells: ``Cp`` and ``Cf`` of its triangles, and what else is written.
        conditions: Speed, air and size.
    """
    return {
        **cells,
        "pressure_Pa": pressure_in_pascals(cells["Cp"], conditions),
        "wall_shear_Pa": shear_in_pascals(cells["Cf"], conditions),
    }


def conditions_for(
    placement: Placement | None,
    *,
    speed: float,
    length: float | None = None,
    density: float = AIR_DENSITY,
    viscosity: float = AIR_VISCOSITY,
) -> OperatingConditions:
    """Return the conditions of a placed body, which has the length of its file if none is given.

    Args:
        placement: Of the body; None where the file has no unit.
        speed: In m/s.
        length: Of the real body in m.
        density: In kg/m^3.
        viscosity: Kinematic, in m^2/s.

    Raises:
        MSPTError: If no length is known, or a value is not positive.
    """
    if length is None and placement is not None:
        length = placement.length_m
    if length is None:
        raise MSPTError(
            "length must be given for a shape in the wind-tunnel frame, got none; "
            "add it, such as --length 4.5m"
        )
    return OperatingConditions(speed=speed, length=length, density=density, viscosity=viscosity)


def physical_forces(
    found: Coefficients, conditions: OperatingConditions, *, drag_spread: float = 0.0
) -> dict[str, tuple[float, str]]:
    """Return forces, power, area and Reynolds number, each with its unit.

    Args:
        found: Coefficients, with A_ref in body lengths squared.
        conditions: Speed, air and size.
        drag_spread: Standard deviation of C_D.

    Examples:
        >>> found = Coefficients(
        ...     C_D=0.3, C_L=-0.1, C_S=0.0, C_D_pressure=0.25, C_D_friction=0.05,
        ...     C_L_pressure=-0.1, C_L_friction=0.0, reference_area=0.125,
        ... )
        >>> slow = OperatingConditions(speed=20.0, length=4.0, density=1.25)
        >>> forces = physical_forces(found, slow)
        >>> forces["drag"], forces["lift"], forces["frontal_area"], forces["power"]
        ((150.0, 'N'), (-50.0, 'N'), (2.0, 'm^2'), (3.0, 'kW'))
    """
    area = found.reference_area

    def newtons(coefficient: float) -> tuple[float, str]:
        return force_in_newtons(coefficient, reference_area=area, conditions=conditions), "N"

    def kilowatts(speed: float) -> tuple[float, str]:
        used = power_in_kilowatts(
            found.C_D, reference_area=area, conditions=conditions, speed=speed
        )
        return used, "kW"

    return {
        "drag": newtons(found.C_D),
        "drag_spread": newtons(drag_spread),
        "drag_pressure": newtons(found.C_D_pressure),
        "drag_friction": newtons(found.C_D_friction),
        "lift": newtons(found.C_L),
        "side_force": newtons(found.C_S),
        "power": kilowatts(conditions.speed),
        "power_at_120_km_h": kilowatts(CRUISE),
        "frontal_area": (area_in_square_meters(area, conditions), "m^2"),
        "dynamic_pressure": (dynamic_pressure(conditions), "Pa"),
        "reynolds_number": (reynolds_number(conditions), "1"),
    }


def physical_summary(
    found: Coefficients, conditions: OperatingConditions, *, drag_spread: float = 0.0
) -> dict[str, Any]:
    """Return conditions and forces as values that JSON can hold, with units and a note.

    Args:
        found: Coefficients, with A_ref in body lengths squared.
        conditions: Speed, air and size.
        drag_spread: Standard deviation of C_D.
    """
    forces = physical_forces(found, conditions, drag_spread=drag_spread)
    units = {"speed": "m/s", "length": "m", "density": "kg/m^3", "viscosity": "m^2/s"}
    return {
        "conditions": {**asdict(conditions), "units": units},
        **{name: value for name, (value, _) in forces.items()},
        "units": {name: unit for name, (_, unit) in forces.items()},
        "note": reynolds_note(conditions, of_data=DATA_REYNOLDS),
    }
