"""Curves that stand for runs: learning curves, and errors against what a run costs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from mspt.figures.charts.axes import log_axis, short
from mspt.figures.theme import GRID, INK, LEGEND_ABOVE, SERIES, lay_out

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star")
DASHES = ("solid", "dash", "dot")
HEIGHT = 340
LEGEND_WIDTH, ENTRY_WIDTH, LETTER_WIDTH, ROW_HEIGHT = 400, 45, 7, 19
"""Pixels: of a legend, of an entry without its name, of a letter, and of a row."""


@dataclass(frozen=True, kw_only=True)
class RunPoint:
    """Error and cost of one run.

    Attributes:
        name: Name of the run.
        cost: Parameters, minutes or seconds.
        error: Relative L2 error, the mean over seeds where there are several.
        low: Least over the seeds.
        high: Largest over the seeds.
        place: Number of its color and symbol.
    """

    name: str
    cost: float
    error: float
    low: float
    high: float
    place: int


def style(place: int, *, dark: bool) -> dict[str, Any]:
    """Return color, dash and symbol of the curve with a number; equal in all charts of a page.

    Examples:
        >>> style(7, dark=False) == {"color": "#d55e00", "dash": "dash", "symbol": "square"}
        True
    """
    round_, number = divmod(place, len(SERIES))
    return {
        "color": SERIES[number][dark],
        "dash": DASHES[round_ % len(DASHES)],
        "symbol": SYMBOLS[(number + round_) % len(SYMBOLS)],
    }


def percent_tick(value: float) -> str:
    """Return a share as the label of a tick.

    Examples:
        >>> percent_tick(0.02), percent_tick(0.0005)
        ('2%', '0.05%')
    """
    return f"{100 * value:.3g}%"


def learning_curves(
    errors: Mapping[str, Sequence[float]], *, dark: bool, places: Mapping[str, int] | None = None
) -> go.Figure:
    """Draw the validation error of several runs after each epoch, on one logarithmic axis.

    Args:
        errors: Relative L2 error after each epoch, by the name of the run.
        dark: Whether the page is dark.
        places: Number of each run's color; by default in the given order.
    """
    figure = go.Figure()
    for order, (name, values) in enumerate(errors.items()):
        own = style(order if places is None else places[name], dark=dark)
        figure.add_scatter(
            x=list(range(1, len(values) + 1)),
            y=list(values),
            name=name,
            mode="lines" if len(values) > 1 else "markers",
            line={"color": own["color"], "dash": own["dash"], "width": 2},
            hovertemplate=f"<b>{name}</b><br>epoch %{{x}}: %{{y:.2%}}<extra></extra>",
        )
    every = [value for values in errors.values() for value in values]
    figure.update_xaxes(title="epoch", gridcolor=GRID[dark], rangemode="tozero")
    figure.update_yaxes(
        title="validation error, relative L2", gridcolor=GRID[dark], **log_axis(every, percent_tick)
    )
    return finished(figure, dark=dark)


@dataclass(frozen=True, kw_only=True)
class RaceCurve:
    """A model in training.

    Attributes:
        name: Its name.
        places: Steps or seconds, one for each snapshot.
        errors: Validation error at each snapshot.
        losses: Mean training loss since the snapshot before; NaN at the first.
    """

    name: str
    places: Sequence[float]
    errors: Sequence[float]
    losses: Sequence[float]


def race_figure(curves: Sequence[RaceCurve], *, title: str, dark: bool) -> go.Figure:
    """Draw validation errors of models in training, and their training losses as dots.

    Args:
        curves: One for each model.
        title: Title of the horizontal axis.
        dark: Whether the page is dark.
    """
    figure = go.Figure()
    for place, curve in enumerate(curves):
        own = style(place, dark=dark)
        figure.add_scatter(
            x=list(curve.places),
            y=list(curve.errors),
            name=f"{curve.name}, validation",
            mode="lines+markers",
            line={"color": own["color"], "width": 2.5},
            marker={"size": 6, "color": own["color"], "symbol": own["symbol"]},
            hovertemplate=f"<b>{curve.name}</b><br>%{{x:,.4~g}}: %{{y:.2%}}<extra></extra>",
        )
        figure.add_scatter(
            x=list(curve.places),
            y=list(curve.losses),
            name=f"{curve.name}, training",
            mode="lines",
            line={"color": own["color"], "width": 1.2, "dash": "dot"},
            hovertemplate=f"<b>{curve.name}</b>, training<br>%{{y:.2%}}<extra></extra>",
        )
    values = [value for curve in curves for value in (*curve.errors, *curve.losses)]
    shown = [value for value in values if math.isfinite(value)]
    figure.update_xaxes(title=title, gridcolor=GRID[dark], rangemode="tozero")
    figure.update_yaxes(
        title="relative L2 error", gridcolor=GRID[dark], **log_axis(shown, percent_tick)
    )
    return finished(figure, dark=dark)


def error_against_cost(
    points: Sequence[RunPoint], *, title: str, paper: float | None, dark: bool
) -> go.Figure:
    """Draw the error of runs against what they cost, both on logarithmic axes.

    Args:
        points: One for each run; where several differ in their seed alone, one for all of them.
        title: Title of the horizontal axis, with its unit.
        paper: Error in the paper, drawn as a line for orientation; None for none.
        dark: Whether the page is dark.
    """
    figure = go.Figure()
    for one in points:
        own = style(one.place, dark=dark)
        figure.add_scatter(
            x=[one.cost],
            y=[one.error],
            name=one.name,
            mode="markers",
            marker={"size": 13, "color": own["color"], "symbol": own["symbol"]},
            error_y=error_bar([one.error], [one.low], [one.high], color=own["color"]),
            cliponaxis=False,
            hovertemplate=f"<b>{one.name}</b><br>%{{x:,.4~g}}: %{{y:.2%}}<extra></extra>",
        )
    errors = [value for one in points for value in (one.low, one.high)]
    if paper is not None:
        figure.add_hline(y=paper, line={"color": INK[dark], "width": 1.5, "dash": "dot"})
        figure.add_scatter(
            x=[None],
            y=[None],
            name=f"MSPT, from the paper: {percent_tick(paper)}",
            mode="lines",
            line={"color": INK[dark], "width": 1.5, "dash": "dot"},
        )
        errors.append(paper)
    costs = [one.cost for one in points]
    figure.update_xaxes(title=title, gridcolor=GRID[dark], **log_axis(costs, thousands))
    figure.update_yaxes(
        title="test error, relative L2", gridcolor=GRID[dark], **log_axis(errors, percent_tick)
    )
    return finished(figure, dark=dark)


def thousands(value: float | int) -> str:
    """Return a cost as the label of a tick.

    Examples:
        >>> thousands(200_000), thousands(1.5e6), thousands(0.05), thousands(1024)
        ('200k', '1.5M', '0.05', '1,024')
    """
    for step, letter in ((1e6, "M"), (1e3, "k")):
        if value >= max(step, 10_000):
            return f"{value / step:g}{letter}"
    return f"{value:,.0f}" if value >= 1000 else short(float(value))


def error_bar(
    means: Sequence[float], lows: Sequence[float], highs: Sequence[float], *, color: str
) -> dict[str, Any]:
    """Return settings of bars from the least to the largest value; none where these are equal."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - mean for mean, high in zip(means, highs, strict=True)],
        "arrayminus": [mean - low for mean, low in zip(means, lows, strict=True)],
        "color": color,
        "thickness": 1.5,
        "width": 4,
        "visible": any(high > low for low, high in zip(lows, highs, strict=True)),
    }


def finished(figure: go.Figure, *, dark: bool, height: int = HEIGHT) -> go.Figure:
    """Return a figure with the common layout and its legend above it."""
    figure.update_xaxes(zeroline=False)
    figure.update_yaxes(zeroline=False)
    room = ROW_HEIGHT * legend_rows(figure)
    return lay_out(figure, dark=dark, height=height + room).update_layout(
        showlegend=True,
        legend={**LEGEND_ABOVE, "entrywidth": 0, "font": {"size": 12}},
        margin={"l": 66, "r": 16, "b": 46, "t": 12 + room},
    )


def legend_rows(figure: go.Figure) -> int:
    """Return how many rows a legend needs above a chart in half of a narrow page.

    Plotly makes room for a legend by itself, but not again when the window is resized.

    Examples:
        >>> legend_rows(go.Figure([go.Scatter(name="short"), go.Scatter(name="name")]))
        1
        >>> legend_rows(go.Figure([go.Scatter(name="a long name of a run")] * 5))
        3
    """
    shown = [one.name for one in figure.data if one.name and one.showlegend is not False]
    widths = [ENTRY_WIDTH + LETTER_WIDTH * len(name) for name in shown]
    if sum(widths) <= LEGEND_WIDTH:
        return min(1, len(widths))
    return math.ceil(len(widths) / max(1, LEGEND_WIDTH // max(widths)))
