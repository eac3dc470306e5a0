"""Error of one checkpoint against the number of points at which it is evaluated."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from mspt.evaluation.resolution import AtResolution
from mspt.figures.charts.axes import log_axis
from mspt.figures.theme import ACCENT, BLUE, GREEN, GRID, INK, LEGEND_ABOVE, lay_out

_COLORS = {"K": BLUE, "L": GREEN}
_NAMES = {"K": "as many patches as in training", "L": "as many points in each patch"}


def resolution_figure(rows: Sequence[AtResolution], *, dark: bool) -> go.Figure:
    """Draw the error against N, for a constant number of patches and for a constant patch size.

    Args:
        rows: At least one row; the one with factor 1 is marked as that of training.
        dark: Whether the page is dark.
    """
    figure = go.Figure()
    kinds = [kept for kept in "KL" if any(row.kept == kept for row in rows)]
    for kept in kinds:
        # The resolution of training belongs to both curves.
        some = [row for row in rows if row.kept == kept or row.factor == 1]
        color = _COLORS[kept][dark]
        figure.add_scatter(
            x=[row.num_points for row in some],
            y=[row.relative_l2 for row in some],
            customdata=[_patches(row) for row in some],
            mode="lines+markers",
            name=_NAMES[kept] if len(kinds) > 1 else "error",
            line={"color": color, "width": 2, "dash": "dot" if kept == "L" else "solid"},
            marker={"size": 8, "symbol": "diamond" if kept == "L" else "circle"},
            hovertemplate="N = %{x:,} points, %{customdata}<br>relative L2 %{y:.2%}<extra></extra>",
        )
    places = sorted({row.num_points for row in rows})
    axis = log_axis(places, "{:,.0f}".format, ticks=places)
    for row in rows:
        if row.factor == 1:
            _mark_training(figure, row.num_points, dark=dark)
    figure.update_xaxes(title="number of points N", gridcolor=GRID[dark], **axis)
    figure.update_yaxes(
        title="relative L2", tickformat=".0%", rangemode="tozero", gridcolor=GRID[dark]
    )
    figure = lay_out(figure, dark=dark, height=324)
    return figure.update_layout(
        showlegend=len(kinds) > 1,
        legend={**LEGEND_ABOVE, "y": 1.12, "entrywidth": 0},  # above the label of the line
        margin={"l": 62, "b": 48, "t": 64},
    )


def _mark_training(figure: go.Figure, num_points: int, *, dark: bool) -> None:
    """Add a vertical line with a label above the chart at the number of points in training."""
    figure.add_vline(x=num_points, line={"color": ACCENT[dark], "width": 1.5, "dash": "dot"})
    figure.add_annotation(
        x=math.log10(num_points),  # texts are placed by the logarithm, lines by the value
        y=1,
        yref="paper",
        yanchor="bottom",
        showarrow=False,
        text="trained at N",
        font={"color": INK[dark]},
    )


def _patches(row: AtResolution) -> str:
    return "no patches" if row.num_patches is None else f"K = {row.num_patches} patches"
