"""Time and memory against N, K or Q on logarithmic axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go

from mspt.figures.theme import ACCENT, INK, lay_out

Origin = Literal["stored", "here", "closed form", "paper"]
NAMES = {
    "mspt": "MSPT",
    "published": "Published variant",
    "transolver": "Transolver",
    "full_attention": "Full attention",
}
# Okabe and Ito's colors, told apart by color-blind readers; markers say the rest.
_COLORS = {
    "mspt": {False: "#0072b2", True: "#56b4e9"},
    "published": {False: "#cc79a7", True: "#e29bc4"},
    "transolver": {False: "#d55e00", True: "#ff9f45"},
    "full_attention": {False: "#009e73", True: "#00b386"},
}
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
_GRID = {False: "#e6ebef", True: "#26303a"}


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One curve.

    Attributes:
        architecture: Which model.
        origin: Where its numbers come from.
        values: Values of the axis.
        results: Seconds or bytes.
        note: Beside the name in the legend, such as a fitted exponent.
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
    """Draw curves on two logarithmic axes; on them a power law is a straight line.

    Args:
        curves: What to draw.
        letter: Letter of the axis, for what is shown while hovering.
        axis_title: Title of the axis.
        result_title: Title of the other axis.
        unit: Of the results.
        recommended: A value of the axis to mark.
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
                "yref": "paper",
                "y": 0.02,
                "xanchor": "left",
            },
        )
    shared = {"type": "log", "gridcolor": _GRID[dark], "zeroline": False}
    figure.update_xaxes(title=axis_title, tickformat="~s", **shared, **_ticks(curves))
    decades = [10.0**power for power in range(-6 if unit == "s" else 0, 15)]
    texts = [tick_text(decade, unit) for decade in decades]
    figure.update_yaxes(title=result_title, tickvals=decades, ticktext=texts, **shared)
    return lay_out(figure, dark=dark, height=HEIGHT).update_layout(
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "entrywidth": 0},
        margin={"l": 66, "r": 16, "b": 46, "t": 30},
        font={"color": INK[dark]},
    )


def tick_text(value: float, unit: Literal["s", "B"]) -> str:
    """Return a power of ten as people read it: no kiloseconds.

    Examples:
        >>> tick_text(0.01, "s"), tick_text(10_000.0, "s"), tick_text(1e8, "B")
        ('10 ms', '10,000 s', '100 MB')
    """
    factor, prefix = next(one for one in _PREFIXES[unit] if value >= one[0] * (1 - 1e-9))
    return f"{value / factor:,.0f} {prefix}{unit}"


def _trace(curve: Curve, *, letter: str, unit: str, dark: bool) -> go.Scatter:
    name = NAMES[curve.architecture]
    style, color = _STYLES[curve.origin], _COLORS[curve.architecture][dark]
    note = f", {curve.note}" if curve.note else ""
    where = "" if curve.origin == "stored" else f", {_WORDS[curve.origin]}"
    trace = go.Scatter(
        x=list(curve.values),
        y=list(curve.results),
        name=f"{name}{where}{note}",
        showlegend=curve.origin != "closed form",
        cliponaxis=False,
        hovertemplate=f"<b>{name}</b>, {_WORDS[curve.origin]}<br>{letter} = %{{x:,}}: "
        f"%{{y:.3s}}{unit}<extra></extra>",
        **style,
    )
    if "line" in style:
        trace.update(line_color=color)
    return trace.update(marker_color=color)


def _ticks(curves: Sequence[Curve]) -> dict[str, Any]:
    """Return one tick a decade, or the values themselves where they span less than two decades."""
    values = sorted({value for curve in curves for value in curve.values})
    if values and values[-1] / values[0] >= 200:
        return {"dtick": 1}
    powers = [2**step for step in range(21)]
    return {"tickvals": powers, "ticktext": [f"{power:,}" for power in powers]}
