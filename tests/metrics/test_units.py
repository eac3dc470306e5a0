"""Units that a person writes behind a number are those of the international agreements."""

from collections.abc import Mapping

import pytest

from mspt.errors import MSPTError
from mspt.metrics.conditions import (
    CRUISE,
    DENSITIES,
    LENGTHS,
    SPEEDS,
    VISCOSITIES,
    quantity_from,
)

INCH, HOUR = 0.0254, 3600
FOOT = 12 * INCH
MILE = 5280 * FOOT


@pytest.mark.parametrize(
    ("text", "units", "value"),
    [
        ("3m/s", SPEEDS, 3), ("3 km/h", SPEEDS, 3000 / HOUR), ("3kmh", SPEEDS, 3000 / HOUR),
        ("3 MPH", SPEEDS, 3 * MILE / HOUR), ("3m", LENGTHS, 3), ("3cm", LENGTHS, 0.03),
        ("3mm", LENGTHS, 0.003), ("3 in", LENGTHS, 3 * INCH), ("3ft", LENGTHS, 3 * FOOT),
        ("1.2", DENSITIES, 1.2), ("1.2 kg/m³", DENSITIES, 1.2), ("2e-5", VISCOSITIES, 2e-5),
        ("2e-5 m²/s", VISCOSITIES, 2e-5), ("15mm2/s", VISCOSITIES, 1.5e-5),
    ],
)  # fmt: skip
def test_numbers_are_taken_in_their_unit(
    text: str, units: Mapping[str, float], value: float
) -> None:
    assert quantity_from(text, name="number", units=units) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("text", ["0m", "-1m", "1e999m", "m", "1.2.3m", "3 parsec", "3", ""])
def test_what_is_no_positive_length_is_refused(text: str) -> None:
    with pytest.raises(MSPTError, match="length must be a positive number with a unit"):
        quantity_from(text, name="length", units=LENGTHS)


def test_power_is_also_given_at_120_kilometers_an_hour() -> None:
    assert pytest.approx(120_000 / HOUR) == CRUISE
