"""Speed, air and size on the command line, and forces in newtons as people read them."""

import argparse
from typing import Any

from mspt.cli._output import facts, number, paragraphs
from mspt.errors import MSPTError
from mspt.geometry.placement import Placement
from mspt.inference.physical import conditions_for
from mspt.metrics.conditions import (
    DENSITIES,
    LENGTHS,
    SPEEDS,
    VISCOSITIES,
    OperatingConditions,
    kilometers_per_hour,
    quantity_from,
)

_UNITS = {"speed": SPEEDS, "length": LENGTHS, "density": DENSITIES, "viscosity": VISCOSITIES}


def add_conditions(parser: argparse.ArgumentParser, *, with_length: bool = True) -> None:
    """Declare the settings for forces in newtons.

    Args:
        parser: Parser of a command.
        with_length: Whether there is one body, whose real length can be given.
    """
    parser.add_argument(
        "--speed",
        metavar="SPEED",
        help="also give forces in N, pressures in Pa and power in kW at this speed, such as "
        "130km/h, 36m/s or 80mph",
    )
    parser.add_argument(
        "--density", metavar="RHO", help="of the air in kg/m3; default: 1.204, at 20 degrees"
    )
    parser.add_argument(
        "--viscosity",
        metavar="NU",
        help="kinematic, of the air, in m2/s (or such as 15.2mm2/s); default: 1.516e-5",
    )
    if with_length:
        parser.add_argument(
            "--length",
            metavar="LENGTH",
            help="of the real body, such as 4.5m; default: that of the file in its unit",
        )


def conditions_of(
    args: argparse.Namespace, placement: Placement | None, *, length: float | None = None
) -> OperatingConditions | None:
    """Return the conditions that a person has given; None without a speed.

    Args:
        args: The settings.
        placement: Of the body; None where it has none, or where there are several.
        length: In m, where a person can give none.

    Raises:
        MSPTError: If a value has no meaning, or others are given without a speed.
    """
    given = {
        name: quantity_from(text, name=name, units=units)
        for name, units in _UNITS.items()
        if (text := getattr(args, name, None)) is not None
    }
    if not given:
        return None
    if "speed" not in given:
        raise MSPTError(
            f"speed must be given with {', '.join(given)}, got none; add it, such as "
            "--speed 130km/h"
        )
    if length is not None:
        given["length"] = length
    return conditions_for(placement, **given)


def show_physical(physical: dict[str, Any]) -> str:
    """Return forces, power and what they hold for, as :func:`physical_summary` has them."""
    conditions = physical["conditions"]
    found = OperatingConditions(
        **{name: value for name, value in conditions.items() if name != "units"}
    )
    speed = f"{kilometers_per_hour(found.speed):.4g} km/h"
    listed = facts(
        {
            "at": found.describe(),
            "drag": f"{number(physical['drag'])} N: pressure {number(physical['drag_pressure'])} "
            f"N, friction {number(physical['drag_friction'])} N; varies by "
            f"{number(physical['drag_spread'])} N with the points drawn",
            "lift": f"{number(physical['lift'])} N",
            "side force": f"{number(physical['side_force'])} N",
            "power": f"{number(physical['power'])} kW at {speed}, "
            f"{number(physical['power_at_120_km_h'])} kW at 120 km/h",
            "frontal area": f"{number(physical['frontal_area'])} m\u00b2",
            "q_inf": f"{number(physical['dynamic_pressure'])} Pa",
            "Reynolds": f"{number(physical['reynolds_number'] / 1e6)} million",
        }
    )
    note = physical["note"]
    return paragraphs(listed, f"Note: {note}." if note else "")
