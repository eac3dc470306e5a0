"""Numbers of the page for shapes in newtons and kilowatts."""

from collections.abc import Mapping
from typing import Any

from mspt.inference.physical import physical_forces
from mspt.inference.shapes import ShapeResult
from mspt.metrics.conditions import (
    OperatingConditions,
    dynamic_pressure,
    force_in_newtons,
    reynolds_number,
)
from pages._shared import units
from pages._shared.numbers import Card, minus, significant


def forces(result: ShapeResult, conditions: OperatingConditions) -> list[Card]:
    """Return drag, its parts, lift and power at a speed."""
    prediction, expected = result.prediction, result.trust.expected
    spread = prediction.drag_spread if expected is None else expected.half_width
    found = physical_forces(prediction.coefficients, conditions, drag_spread=spread)
    value = {name: number for name, (number, _) in found.items()}
    return [
        Card(
            label="Drag",
            value=f"{newtons(value['drag'])} ± {newtons(value['drag_spread'])} N",
            note=f"C_D = {prediction.coefficients.C_D:.3f}",
            help_text=(
                "± is the spread between clouds of points, not the error."
                if expected is None
                else f"The interval of {expected.coverage:.0%} of such shapes, as for C_D."
            ),
        ),
        Card(
            label="Drag: pressure + friction",
            value=f"{newtons(value['drag_pressure'])} + {newtons(value['drag_friction'])} N",
        ),
        Card(
            label="Lift",
            value=f"{newtons(value['lift'], sign='+')} N",
            note=f"side force {newtons(value['side_force'], sign='+')} N",
        ),
        Card(
            label="Power",
            value=f"{significant(value['power'])} kW",
            note=f"{significant(value['power_at_120_km_h'])} kW at 120 km/h",
            help_text="Drag times speed; rolling resistance and losses are not in it.",
        ),
    ]


def drag_at_usual_speed(result: ShapeResult) -> str:
    """Return the drag at a usual speed in words; empty where the unit of the file is not known."""
    if result.placement is None:
        return ""
    conditions = units.usual(result.placement.length_m)
    found = result.prediction.coefficients
    drag = force_in_newtons(found.C_D, reference_area=found.reference_area, conditions=conditions)
    return f"{newtons(drag)} N at {units.words(conditions)}"


def newtons(force: float, *, sign: str = "") -> str:
    """Return a force in N as text, without its unit.

    Examples:
        >>> newtons(407.3), newtons(-12.34, sign="+"), newtons(1234.5)
        ('407', '−12.3', '1,234')
    """
    places = 0 if abs(force) >= 100 else 1 if abs(force) >= 10 else 2
    return minus(f"{force:{sign},.{places}f}")


def of_solver(
    result: ShapeResult, info: Mapping[str, Any], conditions: OperatingConditions | None
) -> list[Card]:
    """Return drag and lift of the solver beside the model's, in the chosen units."""
    found, area = result.prediction.coefficients, info["frontal_area"]
    cards = []
    for letter, force, model, sign in (
        ("C_D", "Drag", found.C_D, ""),
        ("C_L", "Lift", found.C_L, "+"),
    ):
        value, spread = info[letter], info[f"{letter}_spread"]
        if conditions is None:
            texts = (f"{value:{sign}.3f}", f"{spread:.3f}", f"{model:{sign}.3f}", "")
        else:
            scale = force_in_newtons(1.0, reference_area=area, conditions=conditions)
            own = force_in_newtons(
                model, reference_area=found.reference_area, conditions=conditions
            )
            texts = (
                newtons(scale * value, sign=sign),
                newtons(scale * spread),
                newtons(own, sign=sign),
                " N",
            )
        value_text, spread_text, model_text, unit = texts
        cards.append(
            Card(
                label=f"{letter if conditions is None else force} of the solver",
                value=minus(f"{value_text} ± {spread_text}{unit}"),
                note=minus(f"model {model_text}{unit}"),
                help_text="± is the spread over the last iterations.",
            )
        )
    return cards


def facts(conditions: OperatingConditions | None) -> dict[str, str]:
    """Return dynamic pressure and Reynolds number, for the table of facts."""
    if conditions is None:
        return {}
    return {
        "Dynamic pressure q_inf": f"{significant(dynamic_pressure(conditions))} Pa",
        "Speed": f"{units.words(conditions)} = {conditions.speed:.3g} m/s",
        "Reynolds number": f"{reynolds_number(conditions) / 1e6:.3g} million",
    }
