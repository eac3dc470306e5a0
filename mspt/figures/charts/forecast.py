"""What models would take, as bars on logarithmic axes: time on the left, memory on the right."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mspt.figures.charts.axes import log_axis
from mspt.figures.charts.scaling import tick_text
from mspt.figures.theme import GRID, INK, MODEL_COLORS, lay_out

ROW_HEIGHT, FRAME = 46, 90
"""Pixels for each model, and for titles and axes."""
_LEAST_SHARE = 1 / 3
"""Where bars begin, as a share of the smallest value: a logarithmic axis has no zero."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """What one model would take.

    Attributes:
        architecture: Architecture of the model.
        name: Name of its row.
        seconds: Time of a pass and its partition.
        num_bytes: All memory at the peak.
        texts: Both as text.
    """

    architecture: str
    name: str
    seconds: float
    num_bytes: float
    texts: tuple[str, str]


def forecast_figure(bars: Sequence[Bar], *, free_bytes: float, dark: bool) -> go.Figure:
    """Draw time and memory of each model, and the memory that is free as a line.

    Args:
        bars: One for each row, from top to bottom.
        free_bytes: Memory that is free.
        dark: Whether the page is dark.
    """
    figure = make_subplots(
        cols=2, shared_yaxes=True, horizontal_spacing=0.06, subplot_titles=["time", "memory"]
    )
    names = [bar.name for bar in bars]
    colors = [MODEL_COLORS[bar.architecture][dark] for bar in bars]
    parts: tuple[tuple[list[float], Literal["s", "B"]], ...] = (
        ([bar.seconds for bar in bars], "s"),
        ([bar.num_bytes for bar in bars], "B"),
    )
    for column, (values, unit) in enumerate(parts, start=1):
        drawn = [*values, _LEAST_SHARE * min(values), *([free_bytes] if unit == "B" else [])]
        figure.add_bar(
            x=values,
            y=names,
            orientation="h",
            marker={"color": colors},
            text=[bar.texts[column - 1] for bar in bars],
            textposition="auto",
            hovertemplate="<b>%{y}</b><br>%{text}<extra></extra>",
            showlegend=False,
            row=1,
            col=column,
        )
        axis = log_axis(drawn, partial(tick_text, unit=unit))
        figure.update_xaxes(row=1, col=column, gridcolor=GRID[dark], **axis)
    line = {"color": INK[dark], "dash": "dot", "width": 1.5}
    across = {"x0": free_bytes, "x1": free_bytes, "y0": 0, "y1": 1}
    figure.add_shape(type="line", xref="x2", yref="paper", line=line, **across)
    figure.add_annotation(
        text="free here",
        x=math.log10(free_bytes),  # annotations take logarithms, shapes do not
        y=0,
        xref="x2",
        yref="paper",
        yanchor="bottom",
        xanchor="left",
        showarrow=False,
    )
    figure.update_yaxes(autorange="reversed")
    return lay_out(figure, dark=dark, height=FRAME + ROW_HEIGHT * len(bars))
