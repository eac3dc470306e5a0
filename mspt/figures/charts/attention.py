"""Charts of attention: the matrix of one patch, all blocks, and the effect of masking patches.

Letters: H heads, K patches, L points per patch, S supernodes, B blocks.
"""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int
from numpy import ndarray
from plotly.subplots import make_subplots

from mspt.figures.charts.axes import log_axis, short
from mspt.figures.theme import ACCENT, BAR, INK, LEGEND_ABOVE, SOFT_GRID, lay_out
from mspt.figures.viewer.colors import palette_stops

FLOOR = 1e-4
"""Smallest value drawn on a logarithmic axis, as a share of the largest; smaller ones move up."""

COLOR_QUANTILE = 0.995
"""Share of the weights within the color bar: a few large ones would hide the others."""


def patch_matrix_figure(
    local: Float[ndarray, "L L"],
    supernodes: Float[ndarray, "L S"],
    points: Int[ndarray, " L"],
    *,
    own: Int[ndarray, " _"],
    picked: tuple[int, ...],
    dark: bool,
) -> go.Figure:
    """Draw the attention matrix of one patch (upper row of equation 6): a row for each query.

    Args:
        local: Weights on the points of the patch.
        supernodes: Weights on all supernodes; with ``local`` each row sums to one.
        points: Indices of the points of the patch.
        own: Supernodes of this patch, which are outlined.
        picked: Selected points, whose rows are outlined.
        dark: Whether the page is dark.
    """
    parts = (local, supernodes)
    figure = make_subplots(
        cols=2,
        shared_yaxes=True,
        column_widths=[part.shape[1] for part in parts],
        horizontal_spacing=0.025,
        subplot_titles=["points of the own patch", "supernodes of all patches"],
    )
    names = (points, np.arange(supernodes.shape[1]))
    for column, (part, keys, word) in enumerate(
        zip(parts, names, ("point", "supernode"), strict=True), start=1
    ):
        figure.add_heatmap(
            z=100 * part,
            coloraxis="coloraxis",
            customdata=np.stack(np.broadcast_arrays(points[:, None], keys[None]), axis=-1),
            hovertemplate=f"point %{{customdata[0]}} to {word} %{{customdata[1]}}: "
            "%{z:.3g}%<extra></extra>",
            row=1,
            col=column,
        )
    # Heatmaps have no outlines of single rows, so shapes are drawn over both.
    mark = {"color": ACCENT[dark], "width": 1.5}
    for row in np.flatnonzero(np.isin(points, picked)):
        for axis, part in (("", local), ("2", supernodes)):
            ends = {"x0": -0.5, "x1": part.shape[1] - 0.5, "y0": row - 0.5, "y1": row + 0.5}
            figure.add_shape(type="rect", line=mark, xref=f"x{axis}", yref=f"y{axis}", **ends)
    for node in own:
        ends = {"x0": node - 0.5, "x1": node + 0.5, "y0": -0.5, "y1": len(points) - 0.5}
        line = {"color": INK[dark], "width": 1, "dash": "dot"}
        figure.add_shape(type="rect", line=line, xref="x2", yref="y2", **ends)
    top = 100 * float(np.quantile(np.concatenate(parts, axis=1), COLOR_QUANTILE))
    bar = {"title": {"text": "%"}, "thickness": 10, "outlinewidth": 0, "x": 1.01}
    figure.update_layout(
        coloraxis={
            "colorscale": palette_stops("share", dark=dark),
            "cmin": 0.0,
            "cmax": top or 1.0,
            "colorbar": bar,
        }
    )
    figure.update_xaxes(showgrid=False, zeroline=False, constrain="domain")
    figure.update_xaxes(title="key, in leaf order", col=1)
    figure.update_xaxes(title="supernode", col=2)
    figure.update_yaxes(autorange="reversed", showgrid=False, zeroline=False)
    figure.update_yaxes(title="query, in leaf order", col=1)
    figure.update_annotations(font={"size": 12, "color": INK[dark]})
    return lay_out(figure, dark=dark, height=430).update_layout(margin={"l": 56, "b": 44})


def blocks_figure(
    picked: Float[ndarray, " B"],
    everywhere: Float[ndarray, " B"],
    effective: Float[ndarray, " B"],
    *,
    block: int,
    dark: bool,
) -> go.Figure:
    """Draw for each block the share of attention on supernodes and the effective number of keys.

    Args:
        picked: Share of the attention of the selected points that is on supernodes.
        everywhere: The same as a mean over all points.
        effective: Effective number of keys of the selected points.
        block: Index of the selected block, from 0.
        dark: Whether the page is dark.
    """
    names = [str(index + 1) for index in range(len(picked))]
    colors = [ACCENT[dark] if index == block else BAR[dark] for index in range(len(picked))]
    figure = make_subplots(
        rows=2,
        shared_xaxes=True,
        vertical_spacing=0.16,
        row_heights=[0.58, 0.42],
        subplot_titles=["share on supernodes", "effective number of keys"],
    )
    figure.add_bar(
        x=names,
        y=picked,
        marker={"color": colors, "line": {"width": 0}},
        name="picked",
        hovertemplate="block %{x}: %{y:.1%} on supernodes<extra>picked</extra>",
        row=1,
        col=1,
    )
    figure.add_scatter(
        x=names,
        y=everywhere,
        mode="markers",
        marker={"symbol": "line-ew", "size": 22, "line": {"width": 2.5, "color": INK[dark]}},
        name="all points, mean",
        hovertemplate="block %{x}: %{y:.1%}<extra>mean of all points</extra>",
        row=1,
        col=1,
    )
    figure.add_bar(
        x=names,
        y=effective,
        marker={"color": colors, "line": {"width": 0}},
        hovertemplate="block %{x}: %{y:.1f} keys<extra>picked</extra>",
        row=2,
        col=1,
    )
    # A little more than 100 %, so that a full bar does not touch the frame.
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", nticks=3, row=1, col=1)
    figure.update_yaxes(rangemode="tozero", nticks=4, row=2, col=1)
    figure.update_xaxes(type="category")
    figure.update_xaxes(title="block, counted from 1", row=2, col=1)
    figure.update_yaxes(gridcolor=SOFT_GRID, zeroline=False)
    figure.update_annotations(font={"size": 12, "color": INK[dark]})
    return lay_out(figure, dark=dark, height=300).update_layout(margin={"l": 48, "b": 42, "t": 26})


def masking_figure(
    attention: Float[ndarray, " K"],
    effect: Float[ndarray, " K"],
    *,
    own: Int[ndarray, " _"],
    chosen: int | None,
    quantity: str,
    dark: bool,
) -> go.Figure:
    """Draw the effect of masking each patch against the attention on it, on logarithmic axes.

    Args:
        attention: Attention of the selected points on the supernodes of each patch.
        effect: Change of the prediction at the selected points when the patch is masked.
        own: Patches of the selected points.
        chosen: Patch whose masking is shown beside the chart; None for none.
        quantity: Name and unit of the prediction.
        dark: Whether the page is dark.
    """
    # Moved points keep their exact values in ``customdata``, which hovering shows.
    x, y = (_floored(part) for part in (100 * attention, effect))
    known = np.isin(np.arange(len(attention)), own)
    figure = go.Figure()
    for rows, name, symbol, color in (
        (~known, "other patches", "circle", BAR[dark]),
        (known, "own patch", "diamond", ACCENT[dark]),
    ):
        figure.add_scatter(
            x=x[rows],
            y=y[rows],
            customdata=np.stack([np.arange(len(x)), 100 * attention, effect], axis=-1)[rows],
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 9, "color": color, "opacity": 0.9},
            hovertemplate="patch %{customdata[0]:.0f}<br>attention %{customdata[1]:.3g}%<br>"
            f"change of {quantity} %{{customdata[2]:.3g}}<extra></extra>",
        )
    if chosen is not None:
        ring = {"symbol": "circle-open", "size": 17, "color": INK[dark], "line": {"width": 2.5}}
        figure.add_scatter(
            x=x[[chosen]],
            y=y[[chosen]],
            mode="markers",
            name="masked above",
            marker=ring,
            hoverinfo="skip",
        )
    figure.update_xaxes(title="attention to the patch's supernodes, %", **log_axis(x, short))
    figure.update_yaxes(title=f"change of {quantity}", **log_axis(y, short))
    shared = {"gridcolor": SOFT_GRID, "zeroline": False}
    figure.update_xaxes(shared).update_yaxes(shared)
    figure = lay_out(figure, dark=dark, height=360)
    return figure.update_layout(
        showlegend=True,
        legend=LEGEND_ABOVE,
        margin={"l": 66, "b": 46, "t": 30},
    )


def _floored(values: Float[ndarray, " K"]) -> Float[ndarray, " K"]:
    """Return values with a lower bound, because a logarithmic axis cannot show zero."""
    return np.maximum(values, FLOOR * (float(values.max()) or 1.0))
