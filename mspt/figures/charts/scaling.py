"""Time and memory of models against N, K or Q on logarithmic axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go

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
    if recommended is not None:
        figure.add_vline(
            x=recommended,
            line={"color": ACCENT[dark], "width": 1.5, "dash": "dot"},
            annotation={
                "text": f"√(N/Q) = {recommended}",
                "font": {"color": ACCENT[dark]},
                "x": math.log10(recommended),  # a text's place on a logarithmic axis
                "yref": "paper",
                "y": 1,
                "xanchor": "left",
                "yanchor": "top",
            },
        )
    shared = {"type": "log", "gridcolor": GRID[dark], "zeroline": False}
    figure.update_xaxes(title=axis_title, tickformat="~s", **shared, **_ticks(curves))
    # Microseconds to petabytes: ticks outside the range of the axis are not shown.
    decades = [10.0**power for power in range(-6 if unit == "s" else 0, 15)]
    texts = [tick_text(decade, unit) for decade in decades]
    figure.update_yaxes(title=result_title, tickvals=decades, ticktext=texts, **shared)
    return lay_out(figure, dark=dark, height=HEIGHT).update_layout(
        showlegend=True,
        legend={**LEGEND_ABOVE, "entrywidth": 0},
        margin={"l": 66, "r": 16, "b": 46, "t": 30},
        font={"color": INK[dark]},
    )


def tick_text(value: float, unit: Literal["s", "B"]) -> str:
    """Return a power of ten with its unit; seconds have no prefixes above 1.

    Examples:
        >>> tick_text(0.01, "s"), tick_text(10_000.0, "s"), tick_text(1e8, "B")
        ('10 ms', '10,000 s', '100 MB')
    """
    # The tolerance is for powers of ten such as 1e-6, which are not exact.
    factor, prefix = next(one for one in _PREFIXES[unit] if value >= one[0] * (1 - 1e-9))
    return f"{value / factor:,.0f} {prefix}{unit}"


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


def _ticks(curves: Sequence[Curve]) -> dict[str, Any]:
    """Return one tick for each decade, or powers of two if values span about two decades."""
    values = sorted({value for curve in curves for value in curve.values})
    # On a logarithmic axis, "dtick": 1 is a factor of ten.
    if values and values[-1] / values[0] >= 200:
        return {"dtick": 1}
    powers = [2**step for step in range(21)]
    return {"tickvals": powers, "ticktext": [f"{power:,}" for power in powers]}
