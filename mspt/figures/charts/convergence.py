"""How a solver's run has settled: its residuals and the drag over the iterations.

Letters: I iterations, R iterations with a residual.
"""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from numpy import ndarray
from plotly.subplots import make_subplots

from mspt.figures.charts.axes import log_axis, short
from mspt.figures.theme import ACCENT, BLUE, GREEN, GRID, INK, LEGEND_ABOVE, SOFT_GRID, lay_out

ROOM = 0.15
"""Room beyond the values of an axis, as a share of their range."""


def convergence_figure(
    residuals: Float[ndarray, "R 2"],
    drag: Float[ndarray, " I"],
    *,
    limits: tuple[float, float],
    averaged_from: int,
    unit: str = "1",
    dark: bool,
    height: int = 240,
) -> go.Figure:
    """Draw residuals on a logarithmic axis, and below them C_D with the iterations of its mean.

    Args:
        residuals: Of pressure and velocity at each iteration; may be empty.
        drag: C_D at each iteration, or the drag in a unit.
        limits: Residuals of pressure and velocity below which a flow is steady.
        averaged_from: First iteration of the mean.
        unit: Of the drag; ``1`` for C_D.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.09)
    name, value = ("C_D", "%{y:.4f}") if unit == "1" else ("drag", f"%{{y:.4g}} {unit}")
    shown = np.where(residuals > 0, residuals, np.nan)  # a logarithmic axis has no zero
    for column, (part, color) in enumerate((("pressure", BLUE[dark]), ("velocity", GREEN[dark]))):
        figure.add_scatter(
            row=1,
            col=1,
            x=np.arange(1, len(shown) + 1),
            y=shown[:, column],
            name=part,
            mode="lines",
            line={"color": color, "width": 1.5},
            hovertemplate=f"iteration %{{x}}: %{{y:.2e}}<extra>{part}</extra>",
        )
        figure.add_shape(
            type="line",
            xref="x domain",
            x0=0,
            x1=1,
            yref="y",
            y0=limits[column],
            y1=limits[column],
            line={"color": color, "width": 1, "dash": "dot"},
        )
    figure.add_scatter(
        row=2,
        col=1,
        x=np.arange(1, len(drag) + 1),
        y=drag,
        name=name,
        showlegend=False,
        mode="lines",
        line={"color": ACCENT[dark], "width": 1.5},
        hovertemplate=f"iteration %{{x}}: {name} {value}<extra></extra>",
    )
    figure.add_shape(
        type="rect",
        xref="x2",
        x0=averaged_from,
        x1=len(drag),
        yref="y2 domain",
        y0=0,
        y1=1,
        fillcolor=SOFT_GRID,
        line_width=0,
    )
    known = np.concatenate([shown[np.isfinite(shown)], limits])
    axis = log_axis(known.tolist(), short)
    figure.update_yaxes(row=1, col=1, title="residual", **axis)
    # The first iterations are far off: the axis is that of the iterations of the mean.
    figure.update_yaxes(
        row=2,
        col=1,
        title=name if unit == "1" else f"{name} ({unit})",
        range=_with_room(drag[averaged_from - 1 :], least=0.1),
        nticks=4,
    )
    figure.update_xaxes(range=[1, max(len(drag), len(shown))], gridcolor=GRID[dark])
    figure.update_xaxes(title="iteration", row=2, col=1)
    figure.update_yaxes(gridcolor=GRID[dark], color=INK[dark])
    figure = lay_out(figure, dark=dark, height=height)
    return figure.update_layout(
        showlegend=True, legend=LEGEND_ABOVE, margin={"l": 62, "r": 8, "t": 24, "b": 40}
    )


def _with_room(values: Float[ndarray, " N"], *, least: float = 0.0) -> list[float]:
    """Return an axis range for values, at least a share of their mean wide on each side."""
    low, high = float(values.min()), float(values.max())
    room = max(ROOM * (high - low), least * abs(float(values.mean())), 1e-9)
    return [low - room, high + room]
