"""Side views of a body in the wind tunnel, to choose the right one among several placements."""

import numpy as np
import plotly.graph_objects as go

from mspt.figures.theme import ACCENT, BAR, INK
from mspt.geometry.area import side_outlines
from mspt.geometry.mesh import SurfaceMesh


def placement_figure(mesh: SurfaceMesh, *, dark: bool) -> go.Figure:
    """Draw a body from its left side on the ground, with the direction of the flow.

    Args:
        mesh: The body in the wind-tunnel frame.
        dark: Whether the page is dark.
    """
    figure = go.Figure()
    # One path for all outlines, so that holes stay empty.
    across, up = _path(side_outlines(mesh))
    figure.add_scatter(
        x=across,
        y=up,
        fill="toself",
        fillcolor=BAR[dark],
        line={"color": INK[dark], "width": 1},
        mode="lines",
        hoverinfo="skip",
    )
    height = float(mesh.bounds[1, 2])
    figure.add_hline(y=0, line={"color": INK[dark], "width": 1})
    figure.add_annotation(
        x=-0.05,
        ax=-0.35,
        y=height / 2,
        ay=height / 2,
        axref="x",
        ayref="y",
        text="air",
        showarrow=True,
        arrowcolor=ACCENT[dark],
        arrowwidth=2,
        arrowhead=2,
        font={"color": ACCENT[dark]},
        yshift=0,
        xanchor="right",
    )
    figure.update_xaxes(visible=False, range=[-0.5, 1.1])
    figure.update_yaxes(visible=False, scaleanchor="x", range=[-0.05, height * 1.15 + 0.02])
    figure.update_layout(
        height=150,
        margin={"l": 0, "r": 0, "t": 4, "b": 4},
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        dragmode=False,
    )
    return figure


def _path(outlines: list[np.ndarray]) -> tuple[list[float | None], list[float | None]]:
    """Return closed outlines as one path; None lifts the pen."""
    across: list[float | None] = []
    up: list[float | None] = []
    for outline in outlines:
        closed = np.concatenate([outline, outline[:1]])
        across += [*closed[:, 0].tolist(), None]
        up += [*closed[:, 1].tolist(), None]
    return across, up
