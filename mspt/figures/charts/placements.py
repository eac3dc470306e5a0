"""Side views of a body in the wind tunnel, to choose the right one among several placements."""

import numpy as np
import plotly.graph_objects as go

from mspt.figures.theme import ACCENT, BAR, INK
from mspt.geometry.area import side_outlines
from mspt.geometry.mesh import SurfaceMesh

BELOW, ABOVE = -0.2, 0.2
"""Room for words below the ground and above the body, in body lengths."""


def placement_figure(
    mesh: SurfaceMesh, *, length: str = "", dark: bool, width: int = 190, most: int = 150
) -> go.Figure:
    """Draw a body from its left side on the ground, with the direction of the flow and its nose.

    The height follows from the width and the form of the body.

    Args:
        mesh: The body in the wind-tunnel frame.
        length: Its length with the unit, written below it; empty for none.
        dark: Whether the page is dark.
        width: Width in pixels.
        most: Largest height in pixels; a taller body is drawn smaller.
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
    top = float(mesh.bounds[1, 2])
    reach = max(1.0, top)  # words and arrows keep their size beside a tall body
    figure.add_hline(y=0, line={"color": INK[dark], "width": 1})
    left, right, tip = -0.5 * reach, 1 + 0.12 * reach, max(top, 0.25)
    arrows = (
        ("air", 0.8 * left, top / 2, 0.24 * left, top / 2),
        ("up", right, 0.0, right, tip),
    )
    for text, start, bottom, end, end_height in arrows:
        _arrow(figure, (start, bottom), (end, end_height), color=ACCENT[dark])
        figure.add_annotation(
            x=start,
            y=end_height,
            text=text,
            showarrow=False,
            font={"color": ACCENT[dark]},
            xanchor="left",
            yanchor="bottom",
        )
    notes = [("nose", 0.0, top, "bottom")] + ([(length, 0.5, 0.0, "top")] if length else [])
    for text, x, y, anchor in notes:
        figure.add_annotation(
            x=x, y=y, text=text, showarrow=False, font={"color": INK[dark]}, yanchor=anchor
        )
    across_range, up_range = (left, 1 + 0.3 * reach), (BELOW * reach, tip + ABOVE * reach)
    figure.update_xaxes(visible=False, range=across_range)
    figure.update_yaxes(visible=False, scaleanchor="x", range=up_range)
    height = min(most, width * float(np.ptp(up_range) / np.ptp(across_range)))
    figure.update_layout(
        height=round(height),
        width=width,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        dragmode=False,
    )
    return figure


def _arrow(
    figure: go.Figure, start: tuple[float, float], end: tuple[float, float], *, color: str
) -> None:
    figure.add_annotation(
        x=end[0],
        y=end[1],
        ax=start[0],
        ay=start[1],
        axref="x",
        ayref="y",
        text="",
        showarrow=True,
        arrowcolor=color,
        arrowwidth=2,
        arrowhead=2,
    )


def _path(outlines: list[np.ndarray]) -> tuple[list[float | None], list[float | None]]:
    """Return closed outlines as one path; None lifts the pen."""
    across: list[float | None] = []
    up: list[float | None] = []
    for outline in outlines:
        closed = np.concatenate([outline, outline[:1]])
        across += [*closed[:, 0].tolist(), None]
        up += [*closed[:, 1].tolist(), None]
    return across, up
