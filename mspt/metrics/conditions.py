"""From dimensionless results to newtons, pascals and kilowatts at an operating point.

In the data a body has length 1, the free stream has speed 1, and pressures are divided by the
dynamic pressure q_inf = rho_inf U_inf^2 / 2. The functions take numbers or arrays.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from numpy import ndarray

from mspt.errors import MSPTError

Values = TypeVar("Values", float, ndarray)

AIR_DENSITY, AIR_VISCOSITY = 1.204, 1.516e-5
"""Density in kg/m^3 and kinematic viscosity in m^2/s of dry air at 20 degrees and 1013 hPa."""
CRUISE = 120 / 3.6
"""Speed in m/s, 120 km/h, at which the power is given beside that at the chosen speed."""
SAME_REYNOLDS = 0.1
"""Largest share by which a Reynolds number counts as that of the data."""

SPEEDS: Mapping[str, float] = {"m/s": 1.0, "km/h": 1 / 3.6, "kmh": 1 / 3.6, "mph": 0.44704}
LENGTHS: Mapping[str, float] = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254, "ft": 0.3048}
DENSITIES: Mapping[str, float] = {"": 1.0, "kg/m3": 1.0}
VISCOSITIES: Mapping[str, float] = {"": 1.0, "m2/s": 1.0, "mm2/s": 1e-6}
"""Units that a person can write behind a number; those of densities and viscosities may be left
out, which means SI units."""


@dataclass(frozen=True, kw_only=True)
class OperatingConditions:
    """Speed, air and size for which dimensionless results are given in engineering units.

    Attributes:
        speed: Of the body through the air, in m/s.
        length: Of the real body along the flow, in m.
        density: Of the air, in kg/m^3.
        viscosity: Kinematic, of the air, in m^2/s.

    Raises:
        MSPTError: If a value is not positive and finite.
    """

    speed: float
    length: float
    density: float = AIR_DENSITY
    viscosity: float = AIR_VISCOSITY

    def __post_init__(self) -> None:
        """Reject values that no air or body has."""
        for name, unit in (
            ("speed", "m/s"),
            ("length", "m"),
            ("density", "kg/m3"),
            ("viscosity", "m2/s"),
        ):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise MSPTError(f"{name} must be positive, got {value:g} {unit}; check its unit")

    def describe(self, *, with_length: bool = True) -> str:
        """Return the conditions in words.

        Args:
            with_length: Whether they are for one body, of a length.

        Examples:
            >>> OperatingConditions(speed=130 / 3.6, length=4.5, density=1.2).describe()
            '130 km/h (36.1 m/s), length 4.5 m, density 1.2 kg/m³, viscosity 15.16 mm²/s'
        """
        length = f"length {self.length:.4g} m, " if with_length else ""
        return (
            f"{kilometers_per_hour(self.speed):.4g} km/h ({self.speed:.3g} m/s), {length}density "
            f"{self.density:.4g} kg/m³, viscosity {1e6 * self.viscosity:.4g} mm²/s"
        )


def dynamic_pressure(conditions: OperatingConditions) -> float:
    """Return q_inf in Pa.

    Examples:
        >>> dynamic_pressure(OperatingConditions(speed=20.0, length=4.0, density=1.25))
        250.0
    """
    return 0.5 * conditions.density * conditions.speed**2


def pressure_in_pascals(coefficient: Values, conditions: OperatingConditions) -> Values:
    """Return the pressure above that of the free stream, in Pa, of a C_p.

    Examples:
        >>> pressure_in_pascals(-0.5, OperatingConditions(speed=20.0, length=4.0, density=1.25))
        -125.0
    """
    return coefficient * dynamic_pressure(conditions)


def shear_in_pascals(coefficient: Values, conditions: OperatingConditions) -> Values:
    """Return the wall shear stress in Pa of a C_f; of a vector, component by component.

    Examples:
        >>> shear_in_pascals(0.004, OperatingConditions(speed=20.0, length=4.0, density=1.25))
        1.0
    """
    return coefficient * dynamic_pressure(conditions)


def velocity_in_meters_per_second(velocity: Values, conditions: OperatingConditions) -> Values:
    """Return a velocity in m/s of one in free-stream speeds.

    Examples:
        >>> velocity_in_meters_per_second(1.5, OperatingConditions(speed=20.0, length=4.0))
        30.0
    """
    return velocity * conditions.speed


def kilometers_per_hour(speed: Values) -> Values:
    """Return a speed in km/h of one in m/s.

    Examples:
        >>> kilometers_per_hour(25.0)
        90.0
    """
    return speed * 3.6


def area_in_square_meters(area: float, conditions: OperatingConditions) -> float:
    """Return an area in m^2 of one in body lengths squared.

    Examples:
        >>> area_in_square_meters(0.125, OperatingConditions(speed=20.0, length=4.0))
        2.0
    """
    return area * conditions.length**2


def force_in_newtons(
    coefficient: Values, *, reference_area: float, conditions: OperatingConditions
) -> Values:
    """Return a force in N: coefficient times q_inf times A_ref.

    Args:
        coefficient: Of drag, lift or side force.
        reference_area: A_ref in body lengths squared.
        conditions: Speed, air and size.

    Examples:
        >>> slow = OperatingConditions(speed=20.0, length=4.0, density=1.25)
        >>> force_in_newtons(0.3, reference_area=0.125, conditions=slow)
        150.0
    """
    return (
        coefficient
        * dynamic_pressure(conditions)
        * area_in_square_meters(reference_area, conditions)
    )


def power_in_kilowatts(
    drag_coefficient: float,
    *,
    reference_area: float,
    conditions: OperatingConditions,
    speed: float | None = None,
) -> float:
    """Return the power in kW that the drag takes: force times speed.

    Args:
        drag_coefficient: C_D.
        reference_area: A_ref in body lengths squared.
        conditions: Speed, air and size.
        speed: Another speed in m/s, at which C_D is taken as the same.

    Examples:
        >>> slow = OperatingConditions(speed=20.0, length=4.0, density=1.25)
        >>> power_in_kilowatts(0.3, reference_area=0.125, conditions=slow)
        3.0
        >>> power_in_kilowatts(0.3, reference_area=0.125, conditions=slow, speed=40.0)
        24.0
    """
    force = force_in_newtons(drag_coefficient, reference_area=reference_area, conditions=conditions)
    speed = conditions.speed if speed is None else speed
    return force * (speed / conditions.speed) ** 2 * speed / 1000


def reynolds_number(conditions: OperatingConditions) -> float:
    """Return the Reynolds number U_inf L / nu of the body's length.

    Examples:
        >>> reynolds_number(OperatingConditions(speed=30.0, length=4.0, viscosity=1.5e-5))
        8000000.0
    """
    return conditions.speed * conditions.length / conditions.viscosity


def reynolds_note(conditions: OperatingConditions, *, of_data: float) -> str:
    """Return in words how the Reynolds number differs from that of the data; empty if it does not.

    Args:
        conditions: Speed, air and size.
        of_data: Reynolds number of the data that a model was trained on.

    Examples:
        >>> fast = OperatingConditions(speed=30.0, length=4.0, viscosity=1.5e-5)
        >>> reynolds_note(fast, of_data=4e6)
        'the Reynolds number is 8 million, 2 times that of the data, 4 million: forces are those \
of the coefficients at 4 million'
        >>> reynolds_note(fast, of_data=7.9e6)
        ''
    """
    number = reynolds_number(conditions)
    times = number / of_data
    if abs(times - 1) <= SAME_REYNOLDS:
        return ""
    return (
        f"the Reynolds number is {_millions(number)}, {times:.2g} times that of the data, "
        f"{_millions(of_data)}: forces are those of the coefficients at {_millions(of_data)}"
    )


def _millions(number: float) -> str:
    return f"{number / 1e6:.3g} million"


def quantity_from(text: str, *, name: str, units: Mapping[str, float]) -> float:
    """Return a number in SI units from a number and its unit, as a person types them.

    Args:
        text: Such as ``130km/h``.
        name: What it is, for the message.
        units: How many SI units each unit is; the empty name where a number alone is clear.

    Raises:
        MSPTError: If it is no positive number with one of the units.

    Examples:
        >>> quantity_from("90 km/h", name="speed", units=SPEEDS)
        25.0
        >>> quantity_from("1.2", name="density", units=DENSITIES)
        1.2
        >>> quantity_from("130", name="speed", units=SPEEDS)
        Traceback (most recent call last):
        mspt.errors.MSPTError: speed must be a positive number with a unit (m/s, km/h, kmh, mph), \
got '130'; write it such as 1.5m/s
    """
    found = re.fullmatch(r"\s*([0-9.]+(?:[eE][-+]?\d+)?)\s*([a-zA-Z/0-9³²]*)\s*", text)
    unit = found.group(2).replace("³", "3").replace("²", "2").lower() if found else "?"
    try:
        value = float(found.group(1)) if found else math.nan
    except ValueError:  # several decimal points
        value = math.nan
    if unit not in units or not 0 < value < math.inf:
        known = [one for one in units if one]
        raise MSPTError(
            f"{name} must be a positive number with a unit ({', '.join(known)}), got {text!r}; "
            f"write it such as 1.5{known[0]}"
        )
    return value * units[unit]
