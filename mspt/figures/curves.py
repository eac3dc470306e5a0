"""Errors over many cases."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from mspt.figures.theme import ACCENT, BAR, lay_out


def error_histogram(
    errors: Float[np.ndarray, " B"], *, selected: float, dark: bool = False, height: int = 340
) -> go.Figure:
    """Draw how relative L2 errors spread over cases, with the selected case marked.

    Args:
        errors: Relative L2 of each case.
        selected: Relative L2 of the case on the page.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    counts, edges = np.histogram(errors, bins=_bins(errors))
    figure = go.Figure(
        go.Bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=np.diff(edges),
            marker={"color": BAR[dark], "line": {"width": 0}},
            customdata=np.stack([edges[:-1], edges[1:]], axis=-1),
            hovertemplate="%{y} cases with relative L2 from %{customdata[0]:.2%} to "
            "%{customdata[1]:.2%}<extra></extra>",
        )
    )
    figure.add_vline(x=float(errors.mean()), line={"color": BAR[dark], "width": 2, "dash": "dot"})
    figure.add_vline(x=selected, line={"color": ACCENT[dark], "width": 3})
    figure.add_annotation(
        x=selected,
        y=1,
        yref="paper",
        yanchor="bottom",
        showarrow=False,
        text="this case",
        font={"color": ACCENT[dark]},
    )
    figure.update_xaxes(title="relative L2 error", tickformat=".1%", rangemode="tozero")
    figure.update_yaxes(title="test cases")
    figure = lay_out(figure, dark=dark, height=height)
    return figure.update_layout(bargap=0.05, margin={"l": 56, "b": 48})


def _bins(errors: Float[np.ndarray, " B"]) -> int:
    """Return a number of bins that grows with the square root of the number of cases."""
    return int(np.clip(round(2 * np.sqrt(len(errors))), 6, 40))
