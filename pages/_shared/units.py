"""The choice of units: dimensionless as in the data, or newtons and pascals at a speed."""

import streamlit as st

from mspt.inference.physical import DATA_REYNOLDS
from mspt.metrics.conditions import (
    AIR_DENSITY,
    AIR_VISCOSITY,
    OperatingConditions,
    kilometers_per_hour,
    reynolds_note,
    reynolds_number,
)
from pages._shared import notes

DIMENSIONLESS, PHYSICAL = "Dimensionless", "Physical"
USUAL_SPEED = 130.0
"""Speed in km/h that is offered first."""


def pick(length: float | None = None, *, with_length: bool = True) -> OperatingConditions | None:
    """Show the choice of units, and of speed, air and length where they are physical.

    Args:
        length: Of the shape in m, as its file has it.
        with_length: Whether the real length can be chosen, as for one shape.

    Returns:
        The conditions; None for dimensionless numbers. Without a length in either they are for one
        of 1 m, to be replaced by that of each shape.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = st.segmented_control(
            "Units",
            (DIMENSIONLESS, PHYSICAL),
            default=DIMENSIONLESS,
            key="units",
            bind="query-params",
            required=True,
            help="Coefficients as in the data, or N, Pa, m/s and kW at a speed: of all numbers, "
            "colors, tables and files.",
            width="content",
        )
        if chosen == DIMENSIONLESS:
            return None
        speed = _number("Speed, km/h", "speed", USUAL_SPEED, step=5.0)
        density = _number("Density, kg/m³", "density", AIR_DENSITY, step=0.01)
        viscosity = _number("Viscosity, mm²/s", "viscosity", 1e6 * AIR_VISCOSITY, step=0.1)
        real = None
        if with_length:
            real = st.number_input(
                "Real length, m",
                min_value=0.001,
                max_value=1000.0,
                value=None,
                placeholder=f"{length:.4g}" if length else "",
                key="length",
                bind="query-params",
                help="Empty: that of the file in its unit.",
                width=130,
            )
    return OperatingConditions(
        speed=speed / 3.6,
        length=real or length or 1.0,
        density=density,
        viscosity=1e-6 * viscosity,
    )


def _number(label: str, key: str, value: float, *, step: float) -> float:
    return st.number_input(
        label,
        min_value=0.01,
        max_value=10_000.0,
        value=round(value, 4),
        step=step,
        format="%.4g",
        key=key,
        bind="query-params",
        width=112,
    )


def usual(length: float) -> OperatingConditions:
    """Return the conditions that are offered first, for a body of a length in m."""
    return OperatingConditions(speed=USUAL_SPEED / 3.6, length=length)


def caption(conditions: OperatingConditions) -> None:
    """Say what physical numbers hold for, and how that differs from the data."""
    note = reynolds_note(conditions, of_data=DATA_REYNOLDS)
    number = reynolds_number(conditions) / 1e6
    words = f"At {conditions.describe()}. "
    words += notes.sentence(note) if note else f"Reynolds number {number:.3g} million."
    st.caption(words)


def words(conditions: OperatingConditions) -> str:
    """Return the speed as text.

    Examples:
        >>> words(OperatingConditions(speed=25.0, length=4.5))
        '90 km/h'
    """
    return f"{kilometers_per_hour(conditions.speed):.4g} km/h"


def flags(conditions: OperatingConditions | None, *, with_length: bool = True) -> str:
    """Return the settings of a command for the same units, with a space in front; empty for none.

    Examples:
        >>> flags(OperatingConditions(speed=25.0, length=4.5, density=1.2, viscosity=1.5e-5))
        ' --speed 90km/h --density 1.2 --viscosity 15mm2/s --length 4.5m'
        >>> flags(None)
        ''
    """
    if conditions is None:
        return ""
    settings = {
        "speed": f"{kilometers_per_hour(conditions.speed):.6g}km/h",
        "density": f"{conditions.density:.6g}",
        "viscosity": f"{1e6 * conditions.viscosity:.6g}mm2/s",
    }
    if with_length:
        settings["length"] = f"{conditions.length:.6g}m"
    return "".join(f" --{name} {value}" for name, value in settings.items())
