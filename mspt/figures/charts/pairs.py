"""Errors of two models on the same cases.

Letters: M cases.
"""

import numpy as np
import plotly.graph_objects as go

from mspt.evaluation.pairs import PairedErrors
from mspt.figures.theme import ACCENT, BAR, GRID, INK, lay_out


def paired_figure(
    errors: PairedErrors,
    labels: tuple[str, str],
    *,
    selected: str | None = None,
    dark: bool = False,
    height: int = 420,
) -> go.Figure:
    """Draw the error of one model against that of another; on the line both are equal.

    The ``customdata`` of a point is the name of its case and its row, which a page needs to react
    to a click.

    Args:
        errors: Errors of both models on the same cases.
        labels: Names of the models.
        selected: Name of the case to mark; None for none.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    top = 1.06 * float(np.concatenate([errors.first, errors.second, [1e-6]]).max())
    line = {"color": INK[dark], "width": 1, "dash": "dot"}
    figure = go.Figure(
        go.Scatter(x=[0, top], y=[0, top], mode="lines", line=line, hoverinfo="skip")
    )
    figure.add_scatter(
        x=errors.first,
        y=errors.second,
        mode="markers",
        marker={"color": BAR[dark], "size": 8, "opacity": 0.9},
        customdata=[[name, row] for row, name in enumerate(errors.names)],
        hovertemplate="<b>%{customdata[0]}</b><br>A %{x:.2%}, B %{y:.2%}<extra></extra>",
    )
    if selected in errors.names:
        row = errors.names.index(selected)
        figure.add_scatter(
            x=errors.first[row : row + 1],
            y=errors.second[row : row + 1],
            mode="markers",
            hoverinfo="skip",
            marker={
                "symbol": "circle-open",
                "size": 18,
                "color": ACCENT[dark],
                "line": {"width": 3, "color": ACCENT[dark]},
            },
        )
    axis = {"tickformat": ".3~p", "range": [0, top], "gridcolor": GRID[dark], "nticks": 6}
    axis |= {"zeroline": False, "constrain": "domain"}
    figure.update_xaxes(title=f"relative L2 error of A: {labels[0]}", **axis)
    figure.update_yaxes(title=f"of B: {labels[1]}", scaleanchor="x", **axis)
    figure = lay_out(figure, dark=dark, height=height)
    return figure.update_layout(showlegend=False, margin={"l": 66, "b": 48})
