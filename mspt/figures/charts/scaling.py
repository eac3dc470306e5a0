"""Time and memory of models against N, K or Q on logarithmic axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go

from mspt.figures.charts.axes import log_axis
from mspt.figures.theme import ACCENT, GRID, INK, LEGEND_ABOVE, MODEL_COLORS, lay_out

Origin = Literal["stored", "here", "closed form", "paper"]
MODEL_NAMES = {
    "mspt": "MSPT",
    "published": "Published variant",
    "transolver": "Transolver",
    "full_attention": "Full attention",
}
"""Names of the architectures for readers."""
_STYLES: dict[Origin, dict[str, Any]] = {
    "stored": {"mode": "lines+markers", "marker": {"size": 8}, "line": {"width": 2.5}},
    "here": {
        "mode": "lines+markers",
        "marker": {"size": 11, "symbol": "diamond-open", "line": {"width": 2}},
        "line": {"width": 1.5, "dash": "dot"},
    },
    "closed form": {"mode": "lines", "line": {"width": 1.5, "dash": "dash"}},
    "paper": {"mode": "markers", "marker": {"size": 14, "symbol": "star"}},
}
_WORDS = {
    "stored": "stored",
    "here": "this machine",
    "closed form": "closed form",
    "paper": "paper",
}
HEIGHT = 370


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A curve of one model.

    Attributes:
        architecture: Architecture of the model.
        origin: Origin of its numbers.
        values: Values of the axis.
        results: Seconds or bytes.
        note: Text beside the name in the legend, such as a fitted exponent.
    """

    architecture: str
    origin: Origin
    values: Sequence[float | int]
    results: Sequence[float | int]
    note: str = ""


_PREFIXES = {
    "s": ((1.0, ""), (1e-3, "m"), (1e-6, "µ")),
    "B": ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")),
}


def scaling_figure(
    curves: Sequence[Curve],
    *,
    letter: str,
    axis_title: str,
    result_title: str,
    unit: Literal["s", "B"],
    recommended: int | None = None,
    dark: bool = False,
) -> go.Figure:
    """Draw curves on two logarithmic axes, on which a power law is a straight line.

    Args:
        curves: Curves to draw.
        letter: Letter of the horizontal axis, for the text on hovering.
        axis_title: Title of the horizontal axis.
        result_title: Title of the vertical axis.
        unit: Unit of the results: seconds or bytes.
        recommended: Value of the horizontal axis to mark as sqrt(N / Q); None for none.
        dark: Whether the page is dark.
    """
    figure = go.Figure()
    for curve in curves:
        figure.add_trace(_trace(curve, letter=letter, unit=unit, dark=dark))
    values, results = (
        [value for curve in curves for value in getattr(curve, part)]
        for part in ("values", "results")
    )
    if recommended is not None:
        figure.add_traces(_marker(recommended, results, dark=dark))
        values.append(recommended)
    shared = {"gridcolor": GRID[dark], "zeroline": False}
    across = log_axis(values, compact, ticks=_sizes(values))
    figure.update_xaxes(title=axis_title, **across, **shared)
    up = log_axis(results, lambda value: tick_text(value, unit))
    figure.update_yaxes(title=result_title, **up, **shared)
    return lay_out(figure, dark=dark, height=HEIGHT).update_layout(
        showlegend=True,
        legend={**LEGEND_ABOVE, "entrywidth": 0},
        margin={"l": 66, "r": 16, "b": 46, "t": 30},
        font={"color": INK[dark]},
    )


def tick_text(value: float, unit: Literal["s", "B"]) -> str:
    """Return a round value with its unit; seconds have no prefixes above 1.

    Examples:
        >>> tick_text(0.01, "s"), tick_text(10_000.0, "s"), tick_text(2e8, "B")
        ('10 ms', '10,000 s', '200 MB')
        >>> tick_text(1.5e-7, "s")
        '0.15 µs'
    """
    # The tolerance is for powers of ten such as 1e-6, which are not exact.
    found = (one for one in _PREFIXES[unit] if value >= one[0] * (1 - 1e-9))
    factor, prefix = next(found, _PREFIXES[unit][-1])
    return f"{_plain(value / factor)} {prefix}{unit}"


def compact(value: float | int) -> str:
    """Return a size as text: thousands and millions by letter, smaller ones in full.

    Examples:
        >>> compact(181), compact(1024), compact(30_000), compact(1e6)
        ('181', '1,024', '30k', '1M')
    """
    for factor, letter in ((1e6, "M"), (1e3, "k")):
        if value >= 10 * factor or (value >= factor and value % factor == 0):
            return f"{_plain(value / factor)}{letter}"
    return _plain(value)


def _plain(value: float | int) -> str:
    """Return a number without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _sizes(values: Sequence[float | int]) -> list[float | int]:
    """Return the powers of two among sizes that are powers of two apart; none for others."""
    sizes = sorted(set(values))
    doubled = [size for size in sizes if math.log2(size).is_integer()]
    return doubled if 2 * len(doubled) > len(sizes) else []


def _marker(recommended: int, results: Sequence[float | int], *, dark: bool) -> list[go.Scatter]:
    """Return a vertical line with a label at a value of the horizontal axis.

    It is a trace: Plotly takes the places of texts on logarithmic axes as logarithms, but those of
    lines as values.
    """
    known = [result for result in results if result > 0] or [1.0]
    color = ACCENT[dark]
    return [
        go.Scatter(
            x=[recommended, recommended],
            y=[min(known), max(known)],
            mode="lines+text",
            line={"color": color, "width": 1.5, "dash": "dot"},
            text=["", f" √(N/Q) = {recommended:,}"],
            textposition="middle right",
            textfont={"color": color},
            hoverinfo="skip",
            showlegend=False,
            name="√(N/Q)",
        )
    ]


def _trace(curve: Curve, *, letter: str, unit: str, dark: bool) -> go.Scatter:
    name = MODEL_NAMES[curve.architecture]
    style, color = _STYLES[curve.origin], MODEL_COLORS[curve.architecture][dark]
    note = f", {curve.note}" if curve.note else ""
    where = "" if curve.origin == "stored" else f", {_WORDS[curve.origin]}"
    trace = go.Scatter(
        x=list(curve.values),
        y=list(curve.results),
        name=f"{name}{where}{note}",
        showlegend=curve.origin != "closed form",  # recognizable by the color of its model
        cliponaxis=False,
        hovertemplate=f"<b>{name}</b>, {_WORDS[curve.origin]}<br>{letter} = %{{x:,}}: "
        f"%{{y:.3s}}{unit}<extra></extra>",
        **style,
    )
    if "line" in style:
        trace.update(line_color=color)
    return trace.update(marker_color=color)
