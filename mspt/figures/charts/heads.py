"""Thumbnails of the attention of each head of a block.

Weights are drawn as multiples of uniform attention: 1 × is the weight of each point if all points
had the same weight.

Letters: N points, X space axes, H heads.
"""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int
from numpy import ndarray
from plotly.subplots import make_subplots

from mspt.figures.theme import INK, lay_out
from mspt.figures.viewer.colors import palette_stops

DECADES = (-2, 2)
"""Powers of ten at the ends of the color bar of thumbnails."""

PIXELS = 110
"""Pixels along the longer side of a cloud."""

OUTSKIRTS = (0.015, 0.97)
"""Quantiles of the points along each axis between which thumbnails show the cloud."""


def head_grid_figure(
    points: Float[ndarray, "N X"],
    weights: Float[ndarray, "H N"],
    shares: Float[ndarray, " H"],
    *,
    chosen: int | None,
    picked: Int[ndarray, " P"],
    dark: bool,
) -> go.Figure:
    """Draw the weights of each head over the cloud, with one logarithmic color scale.

    A pixel shows the largest weight of its points. Clouds in space are projected onto the plane of
    the first and the last axis. Sparse outer regions are left out of the frame.

    Args:
        points: The cloud.
        weights: Weights of each head on every point; each row sums to one.
        shares: Share of the attention of each head that is on supernodes.
        chosen: Index of the selected head, from 0; None for the mean of all heads.
        picked: Points whose attention is shown.
        dark: Whether the page is dark.
    """
    columns = min(len(weights), 2)
    rows = -(-len(weights) // columns)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        horizontal_spacing=0.03,
        vertical_spacing=0.16 / rows,
        subplot_titles=[
            _head_title(head, share, chosen) for head, share in enumerate(shares.tolist())
        ],
    )
    flat = points[:, [0, points.shape[1] - 1]]
    x, y, shape, pixel = _pixels(flat)
    for head, row in enumerate(weights):
        place = {"row": head // columns + 1, "col": head % columns + 1}
        thumbnail = _thumbnail(row, x, y, shape=shape, pixel=pixel)
        figure.add_trace(thumbnail, row=place["row"], col=place["col"])
        figure.add_scatter(
            x=flat[picked, 0],
            y=flat[picked, 1],
            mode="markers",
            marker={
                "symbol": "circle-open",
                "size": 9,
                "color": INK[dark],
                "line": {"width": 2, "color": INK[dark]},
            },
            hoverinfo="skip",
            **place,
        )
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, constrain="domain")
    for index in range(1, len(weights) + 1):
        name = "" if index == 1 else str(index)
        figure.layout[f"yaxis{name}"].update(scaleanchor=f"x{name}", scaleratio=1)
    # In flows, few points lie far behind the body; showing all would make the body tiny.
    ends = np.quantile(flat, OUTSKIRTS, axis=0)
    air = 0.03 * (ends[1] - ends[0])
    figure.update_xaxes(range=[ends[0, 0] - air[0], ends[1, 0] + air[0]])
    figure.update_yaxes(range=[ends[0, 1] - air[1], ends[1, 1] + air[1]])
    figure.update_annotations(font={"size": 12, "color": INK[dark]})
    bar = {
        "title": {"text": "× uniform", "side": "right", "font": {"size": 11}},
        "tickvals": list(range(DECADES[0], DECADES[1] + 1)),
        "ticktext": ["0.01", "0.1", "1", "10", "100"],
        "thickness": 8,
        "outlinewidth": 0,
        "x": 1.01,
    }
    figure.update_layout(
        coloraxis={
            "colorscale": palette_stops("share", dark=dark),
            "cmin": DECADES[0],
            "cmax": DECADES[1],
            "colorbar": bar,
        }
    )
    return lay_out(figure, dark=dark, height=40 + 128 * rows).update_layout(margin={"t": 28})


def _head_title(head: int, share: float, chosen: int | None) -> str:
    words = f"head {head + 1}: {share:.0%} global"
    return f"<b>{words}</b>" if head == chosen else words


def _pixels(
    flat: Float[ndarray, "N 2"],
) -> tuple[ndarray, ndarray, tuple[int, int], Int[ndarray, " N"]]:
    """Return the centers of pixels along both axes, their number, and the pixel of each point."""
    low, high = flat.min(0), flat.max(0)
    size = float((high - low).max()) / PIXELS or 1.0
    columns, rows = (int(count) + 1 for count in (high - low) / size)
    place = ((flat - low) / size).astype(np.int64)
    x = low[0] + size * (np.arange(columns) + 0.5)
    y = low[1] + size * (np.arange(rows) + 0.5)
    return x, y, (rows, columns), place[:, 1] * columns + place[:, 0]


def _thumbnail(
    weights: Float[ndarray, " N"],
    x: ndarray,
    y: ndarray,
    *,
    shape: tuple[int, int],
    pixel: Int[ndarray, " N"],
) -> go.Heatmap:
    """Return the weights of one head as an image."""
    image = np.full(shape[0] * shape[1], np.nan)
    np.fmax.at(image, pixel, weights * len(weights))  # fmax ignores the NaN of empty pixels
    with np.errstate(divide="ignore"):
        # A weight of zero is far below the color bar, but finite: Plotly leaves infinity empty.
        powers = np.log10(image).clip(min=DECADES[0] - 9)
    return go.Heatmap(
        x=x,
        y=y,
        z=powers.reshape(shape).astype(np.float32),
        customdata=image.reshape(shape).astype(np.float32),
        coloraxis="coloraxis",
        hoverongaps=False,
        hovertemplate="%{customdata:.3g} × uniform attention<extra></extra>",
    )
