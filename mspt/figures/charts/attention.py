"""Attention in numbers: one patch's matrix, the blocks, and masked patches.

Weights are drawn as multiples of even attention where several are compared: 1 × is what a point
would get if all points were read alike.

Letters: H heads, K patches, L points per patch, S supernodes, B blocks.
"""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int
from numpy import ndarray
from plotly.subplots import make_subplots

from mspt.figures.theme import ACCENT, BAR, INK, lay_out
from mspt.figures.viewer.colors import palette_stops

FLOOR = 1e-4
"""Smallest value drawn on a logarithmic axis, as a share of the largest."""


def patch_matrix_figure(
    local: Float[ndarray, "L L"],
    supernodes: Float[ndarray, "L S"],
    points: Int[ndarray, " L"],
    *,
    own: Int[ndarray, " _"],
    picked: tuple[int, ...],
    dark: bool,
) -> go.Figure:
    """Draw the matrix of equation 6 for one patch: a row for each point, local keys, supernodes.

    Args:
        local: Weights on the patch's points.
        supernodes: Weights on all supernodes; with ``local`` each row sums to one.
        points: The patch's points.
        own: Which supernodes are the patch's own.
        picked: Picked points, whose rows are marked.
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
            hovertemplate=f"point %{{customdata[0]}} reads {word} %{{customdata[1]}}: "
            "%{z:.3g}%<extra></extra>",
            row=1,
            col=column,
        )
    mark = {"color": ACCENT[dark], "width": 1.5}
    for row in np.flatnonzero(np.isin(points, picked)):
        for axis, part in (("", local), ("2", supernodes)):
            ends = {"x0": -0.5, "x1": part.shape[1] - 0.5, "y0": row - 0.5, "y1": row + 0.5}
            figure.add_shape(type="rect", line=mark, xref=f"x{axis}", yref=f"y{axis}", **ends)
    for node in own:
        ends = {"x0": node - 0.5, "x1": node + 0.5, "y0": -0.5, "y1": len(points) - 0.5}
        line = {"color": INK[dark], "width": 1, "dash": "dot"}
        figure.add_shape(type="rect", line=line, xref="x2", yref="y2", **ends)
    top = 100 * float(np.quantile(np.concatenate(parts, axis=1), 0.995))
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
    """Draw, block by block, the share that goes global and how many keys are read.

    Args:
        picked: Share of the picked points' attention that goes to supernodes.
        everywhere: The same, mean over all points.
        effective: Effective number of keys of the picked points.
        block: Block that is shown elsewhere, counted from 0.
        dark: Whether the page is dark.
    """
    names = [str(index + 1) for index in range(len(picked))]
    colors = [ACCENT[dark] if index == block else BAR[dark] for index in range(len(picked))]
    figure = make_subplots(
        rows=2,
        shared_xaxes=True,
        vertical_spacing=0.16,
        row_heights=[0.58, 0.42],
        subplot_titles=["share to supernodes", "effective number of keys"],
    )
    figure.add_bar(
        x=names,
        y=picked,
        marker={"color": colors, "line": {"width": 0}},
        name="picked",
        hovertemplate="block %{x}: %{y:.1%} goes to supernodes<extra>picked</extra>",
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
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", nticks=3, row=1, col=1)
    figure.update_yaxes(rangemode="tozero", nticks=4, row=2, col=1)
    figure.update_xaxes(type="category")
    figure.update_xaxes(title="block, counted from 1", row=2, col=1)
    figure.update_yaxes(gridcolor="rgba(128,138,148,0.25)", zeroline=False)
    figure.update_annotations(font={"size": 12, "color": INK[dark]})
    return lay_out(figure, dark=dark, height=300).update_layout(margin={"l": 48, "b": 42, "t": 26})


def comparison_figure(
    attention: Float[ndarray, " K"],
    effect: Float[ndarray, " K"],
    *,
    own: Int[ndarray, " _"],
    chosen: int | None,
    quantity: str,
    dark: bool,
) -> go.Figure:
    """Draw the effect of masking each patch against the attention it gets, on logarithmic axes.

    Args:
        attention: Attention of the picked points to each patch's supernodes.
        effect: Change of the picked points' prediction.
        own: Patches that the picked points lie in.
        chosen: Patch that is masked elsewhere.
        quantity: What changes, with its unit.
        dark: Whether the page is dark.
    """
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
        ring = {"symbol": "circle-open", "size": 17, "line": {"width": 2.5, "color": INK[dark]}}
        figure.add_scatter(
            x=x[[chosen]],
            y=y[[chosen]],
            mode="markers",
            name="masked above",
            marker=ring,
            hoverinfo="skip",
        )
    figure.update_xaxes(title="attention to the patch's supernodes, %", type="log", nticks=6)
    figure.update_yaxes(title=f"change of {quantity}", type="log", nticks=6)
    figure.update_xaxes(gridcolor="rgba(128,138,148,0.25)", zeroline=False)
    figure.update_yaxes(gridcolor="rgba(128,138,148,0.25)", zeroline=False, exponentformat="power")
    figure = lay_out(figure, dark=dark, height=360)
    return figure.update_layout(
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        margin={"l": 66, "b": 46, "t": 30},
    )


def _floored(values: Float[ndarray, " K"]) -> Float[ndarray, " K"]:
    """Return values that a logarithmic axis can show."""
    return np.maximum(values, FLOOR * (float(values.max()) or 1.0))
