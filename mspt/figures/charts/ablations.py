"""Ablations: one quantity along a setting, and error and cost over K and Q.

Letters: N points, K patches, Q supernodes per patch.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from mspt.benchmarks.ablation_curves import AblationCurve, Quantity, Spread
from mspt.benchmarks.ablation_maps import AblationMap, flops_over_patches
from mspt.benchmarks.ablations import Value
from mspt.cost.formulas import flop_text
from mspt.figures.charts.axes import log_axis
from mspt.figures.charts.series import error_bar, finished, percent_tick, style, thousands
from mspt.figures.theme import DOT, FIELD_SCALE, GRID, INK, PAGE, magnitude_scale

FAILED = "failed"
MAP_HEIGHT = 420
_STEPS_PER_OCTAVE = 2
"""Cells of the map of costs for each doubling of K or Q."""


def ablation_figure(
    curves: Mapping[int, AblationCurve], *, quantity: Quantity, axis_title: str, dark: bool
) -> go.Figure:
    """Draw a quantity along one setting, with bars over seeds; failed runs are crosses on top.

    Args:
        curves: By the number of their color.
        quantity: What is drawn.
        axis_title: The setting in words.
        dark: Whether the page is dark.
    """
    figure = go.Figure()
    points = [point for curve in curves.values() for point in curve.points]
    across, place_of = _setting_axis([point.value for point in points])
    ends = [value for point in points for value in (point.low, point.high)]
    text = percent_tick if quantity.unit == "%" else thousands
    up = log_axis([value for value in ends if not math.isnan(value)], text)
    for place, curve in curves.items():
        shown = [point for point in curve.points if not math.isnan(point.mean)]
        own = style(place, dark=dark)
        figure.add_scatter(
            x=[place_of[point.value] for point in shown],
            y=[point.mean for point in shown],
            name=curve.label or "all rows",
            mode="lines+markers",
            line={"color": own["color"], "dash": own["dash"], "width": 2},
            marker={"size": 9, "symbol": own["symbol"], "color": own["color"]},
            error_y=error_bar(
                [point.mean for point in shown],
                [point.low for point in shown],
                [point.high for point in shown],
                color=own["color"],
            ),
            customdata=[_hover(point, quantity) for point in shown],
            cliponaxis=False,
            hovertemplate=f"<b>{curve.label}</b><br>{axis_title}: %{{customdata}}<extra></extra>",
        )
    figure.add_traces(_crosses(curves, place_of, top=10 ** up["range"][1], dark=dark))
    figure.update_xaxes(title=axis_title, gridcolor=GRID[dark], **across)
    figure.update_yaxes(title=quantity.title, gridcolor=GRID[dark], **up)
    return finished(figure, dark=dark)


def _setting_axis(values: Sequence[Value]) -> tuple[dict[str, Any], dict[Value, float]]:
    """Return an axis for a setting, and the place of each value on it.

    Positive numbers have a logarithmic axis, anything else equal steps.
    """
    known = list(dict.fromkeys(values))
    numbers = [one for one in known if isinstance(one, int | float) and not isinstance(one, bool)]
    if len(numbers) == len(known) and min(numbers, default=0) > 0:
        places: dict[Value, float] = {one: float(one) for one in numbers}
        return log_axis(numbers, thousands, ticks=numbers), places
    places = {one: float(place) for place, one in enumerate(known)}
    axis = {
        "tickvals": list(places.values()),
        "ticktext": [f"{one}".replace("_", " ") for one in known],
        "range": [-0.5, len(known) - 0.5],
    }
    return axis, places


def _hover(point: Spread, quantity: Quantity) -> str:
    number = number_text(point.mean, quantity)
    ended = [row for row in point.rows if not row.has_failed]
    words = f"{_plain(point.value)}<br>{number}"
    if len(ended) > 1:
        low, high = (number_text(end, quantity) for end in (point.low, point.high))
        words += f", mean of {len(ended)} seeds from {low} to {high}"
    if failed := len(point.rows) - len(ended):
        words += f"<br>{failed} of {len(point.rows)} runs failed"
    return words


def number_text(value: float, quantity: Quantity) -> str:
    """Return a number with its unit."""
    return f"{value:.2%}" if quantity.unit == "%" else f"{value:,.1f} {quantity.unit}"


def _plain(value: Value) -> str:
    return f"{value}".replace("_", " ")


def _crosses(
    curves: Mapping[int, AblationCurve], place_of: Mapping[Value, float], *, top: float, dark: bool
) -> list[go.Scatter]:
    """Return crosses for values at which every run of a curve has failed."""
    failed = [
        (place_of[point.value], point.rows[0].error, curve.label)
        for curve in curves.values()
        for point in curve.points
        if all(row.has_failed for row in point.rows)
    ]
    if not failed:
        return []
    return [
        go.Scatter(
            x=[place for place, _, _ in failed],
            y=[top] * len(failed),
            customdata=[[error, label] for _, error, label in failed],
            name=FAILED,
            mode="markers",
            marker={"size": 11, "symbol": "x", "color": INK[dark]},
            cliponaxis=False,
            hovertemplate="<b>%{customdata[1]}</b><br>failed: %{customdata[0]}<extra></extra>",
        )
    ]


def error_map(found: AblationMap, *, quantity: Quantity, dark: bool) -> go.Figure:
    """Draw a quantity over K and Q as colored squares with their numbers; crosses for failed runs.

    Args:
        found: The map.
        quantity: What its cells hold.
        dark: Whether the page is dark.
    """
    cells = [cell for cell in found.cells if not math.isnan(cell.error.mean)]
    values = [cell.error.mean for cell in cells]
    figure = go.Figure(
        go.Scatter(
            x=[cell.num_patches for cell in cells],
            y=[cell.num_supernodes for cell in cells],
            mode="markers+text",
            text=[number_text(value, quantity) for value in values],
            textposition="bottom center",
            textfont={"size": 11},
            marker={
                "symbol": "square",
                "size": 25,
                "color": values,
                "colorscale": magnitude_scale(dark=dark),
                "line": {"color": INK[dark], "width": 0.8},
            },
            customdata=[[cell.error.low, cell.error.high, len(cell.error.rows)] for cell in cells],
            cliponaxis=False,
            hovertemplate="K = %{x}, Q = %{y}: %{text}<br>%{customdata[2]} runs<extra></extra>",
        )
    )
    if failed := [cell for cell in found.cells if math.isnan(cell.error.mean)]:
        figure.add_scatter(
            x=[cell.num_patches for cell in failed],
            y=[cell.num_supernodes for cell in failed],
            mode="markers",
            marker={"size": 12, "symbol": "x", "color": INK[dark]},
            customdata=[cell.error.rows[0].error or "no such number" for cell in failed],
            hovertemplate="K = %{x}, Q = %{y}: %{customdata}<extra></extra>",
        )
    return _over_patches(figure, found, dark=dark)


def cost_map(found: AblationMap, *, dark: bool) -> go.Figure:
    """Draw the arithmetic of a forward pass over K and Q, with the runs and the cheapest K.

    Args:
        found: The map.
        dark: Whether the page is dark.
    """
    patches = _ladder([cell.num_patches for cell in found.cells])
    supernodes = _ladder([cell.num_supernodes for cell in found.cells])
    flops = flops_over_patches(found, _middles(patches), _middles(supernodes))
    known = [value for row in flops for value in row if not math.isnan(value)]
    ticks = log_axis(known, flop_text)
    figure = go.Figure(
        go.Heatmap(
            x=patches,
            y=supernodes,
            z=[[math.log10(value) if value == value else None for value in row] for row in flops],
            colorscale=FIELD_SCALE,
            colorbar={
                "thickness": 10,
                "tickvals": [math.log10(value) for value in ticks["tickvals"]],
                "ticktext": ticks["ticktext"],
            },
            hoverinfo="skip",
        )
    )
    _cheapest(figure, found, _middles(supernodes))
    figure.add_scatter(
        x=[cell.num_patches for cell in found.cells],
        y=[cell.num_supernodes for cell in found.cells],
        mode="markers",
        marker={"size": 9, "color": PAGE[False], "line": {"color": DOT, "width": 1.5}},
        customdata=[flop_text(cell.flops) if cell.flops else "unknown" for cell in found.cells],
        cliponaxis=False,
        name="runs",
        hovertemplate="K = %{x}, Q = %{y}: %{customdata}<extra></extra>",
    )
    return _over_patches(figure, found, dark=dark)


def _cheapest(figure: go.Figure, found: AblationMap, supernodes: Sequence[int]) -> None:
    """Add the line of the K with the cheapest attention for each Q."""
    if found.num_points is None:
        return
    figure.add_scatter(
        x=[math.sqrt(found.num_points / value) for value in supernodes],
        y=list(supernodes),
        mode="lines",
        line={"color": PAGE[False], "width": 2, "dash": "dash"},
        hovertemplate="cheapest attention, K = √(N/Q)<extra></extra>",
    )


def _ladder(values: Sequence[int]) -> list[float]:
    """Return the borders of cells that cover all values, evenly spaced by their logarithms."""
    low, high = math.log2(min(values)) - 0.5, math.log2(max(values)) + 0.5
    count = max(1, round((high - low) * _STEPS_PER_OCTAVE))
    return [2 ** (low + step * (high - low) / count) for step in range(count + 1)]


def _middles(borders: Sequence[float]) -> list[int]:
    """Return the whole number nearest to the middle of each cell."""
    return [max(1, round(math.sqrt(low * high))) for low, high in pairwise(borders)]


def _over_patches(figure: go.Figure, found: AblationMap, *, dark: bool) -> go.Figure:
    patches = sorted({cell.num_patches for cell in found.cells})
    supernodes = sorted({cell.num_supernodes for cell in found.cells})
    across, up = (
        log_axis(_widened(values), thousands, ticks=values) for values in (patches, supernodes)
    )
    figure.update_xaxes(title="patches K", gridcolor=GRID[dark], **across)
    figure.update_yaxes(title="supernodes Q per patch", gridcolor=GRID[dark], **up)
    return finished(figure, dark=dark).update_layout(
        showlegend=False, height=MAP_HEIGHT, margin={"l": 58, "r": 16, "b": 46, "t": 16}
    )


def _widened(values: Sequence[int]) -> list[float]:
    return [min(values) / math.sqrt(2), *map(float, values), max(values) * math.sqrt(2)]
