"""Logarithmic axes: range, ticks and their labels, all from the values that are drawn.

Plotly takes the range of a logarithmic axis and the places of texts as decimal logarithms, but
traces and shapes as plain values; and of its automatic ticks, powers of ten, a narrow range may
contain none. Every logarithmic axis of the figures comes from :func:`log_axis`.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

_AIR = 0.06
"""Margin on both sides, as a share of the range of the values."""

_LEAST_DECADES = math.log10(4)
"""Shortest axis: values that differ little are drawn on an axis that spans a factor of four."""

_STEPS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9))
"""Places of ticks within a decade, from few to many."""

_FEWEST, _MOST = 3, 8
"""Ticks with labels that are aimed at."""


def log_axis(
    values: Iterable[float | int],
    text: Callable[[float], str],
    *,
    ticks: Iterable[float | int] = (),
) -> dict[str, Any]:
    """Return settings of a logarithmic axis that the values fill, with at least two labeled ticks.

    Args:
        values: All values on the axis, markers included; those that are not positive are left out.
        text: Returns the label of a tick.
        ticks: Values that get ticks, such as measured sizes, instead of round ones.

    Examples:
        >>> axis = log_axis([0.02, 0.9], "{:g}".format)
        >>> axis["type"], axis["ticktext"]
        ('log', ['0.03', '0.1', '0.3', '1'])
        >>> log_axis([8, 1024], "{:,.0f}".format, ticks=[8, 64, 1024])["ticktext"]
        ['8', '64', '1,024']
        >>> [round(end, 2) for end in log_axis([10, 1000], str)["range"]]
        [0.88, 3.12]
    """
    powers = [math.log10(value) for value in values if 0 < value < math.inf]
    low, high = (min(powers), max(powers)) if powers else (0.0, 1.0)
    middle, span = (low + high) / 2, max(high - low, _LEAST_DECADES)
    half = (0.5 + _AIR) * span
    ends = middle - half, middle + half
    places = [value for value in sorted(set(ticks)) if ends[0] <= math.log10(value) <= ends[1]]
    places = places if len(places) >= 2 else _round_values(*ends)
    return {
        "type": "log",
        "range": list(ends),
        "tickvals": places,
        "ticktext": [text(place) for place in places],
    }


def _round_values(low: float, high: float) -> list[float]:
    """Return round values between two decimal logarithms, neither few nor many of them."""
    found: list[float] = []
    for steps in _STEPS:
        found = [
            value
            for power in range(math.floor(low), math.ceil(high) + 1)
            for step in steps
            if low <= math.log10(value := float(f"{step}e{power}")) <= high
        ]
        if len(found) >= _FEWEST:
            break
    return found[:: math.ceil(len(found) / _MOST)]


def short(value: float) -> str:
    """Return a tick as text; very small and large ones with a power of ten in Plotly's markup.

    Examples:
        >>> short(0.02), short(300.0), short(2e-7), short(1e6)
        ('0.02', '300', '2·10<sup>−7</sup>', '10<sup>6</sup>')
    """
    if 1e-3 <= value < 1e5:
        return f"{value:g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    power = f"10<sup>{int(exponent)}</sup>".replace("-", "−")
    factor = f"{float(mantissa):g}"
    return power if factor == "1" else f"{factor}·{power}"
