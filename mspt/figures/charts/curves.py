"""Errors over many cases, and over the epochs of a training."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from mspt.figures.charts.axes import log_axis
from mspt.figures.theme import ACCENT, BAR, INK, LEGEND_ABOVE, lay_out


def error_histogram(
    errors: Float[np.ndarray, " B"], *, selected: float, dark: bool = False, height: int = 340
) -> go.Figure:
    """Draw a histogram of the errors of all cases, with the selected case and the mean marked.

    Args:
        errors: Relative L2 error of each case.
        selected: Relative L2 error of the selected case.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    figure = histogram(
        errors,
        bins=num_bins(len(errors), most=40),
        hovertemplate="%{y} cases with relative L2 from %{customdata[0]:.2%} to "
        "%{customdata[1]:.2%}<extra></extra>",
        dark=dark,
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


def learning_curve(
    errors: Float[np.ndarray, "M 2"], *, dark: bool = False, height: int = 260
) -> go.Figure:
    """Draw training and validation error after each epoch on a logarithmic axis.

    Args:
        errors: Relative L2 error on training and on validation cases, one row per epoch.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    epoch = np.arange(1, len(errors) + 1)
    figure = go.Figure()
    for column, (name, color) in enumerate((("training", INK[dark]), ("validation", ACCENT[dark]))):
        figure.add_scatter(
            x=epoch,
            y=errors[:, column],
            name=name,
            mode="lines",
            line={"color": color, "width": 2},
            hovertemplate=f"epoch %{{x}}: {name} %{{y:.2%}}<extra></extra>",
        )
    figure.update_xaxes(title="epoch")
    axis = log_axis(errors.ravel().tolist(), lambda value: f"{100 * value:.3g}%")
    figure.update_yaxes(title="relative L2 error", **axis)
    figure = lay_out(figure, dark=dark, height=height)
    return figure.update_layout(
        showlegend=True,
        legend=LEGEND_ABOVE,
        margin={"l": 62, "b": 44, "t": 30},
    )


def histogram(
    values: Float[np.ndarray, " B"],
    *,
    bins: int,
    hovertemplate: str,
    span: tuple[float, float] | None = None,
    dark: bool = False,
) -> go.Figure:
    """Return a figure with the bars of a histogram, without layout.

    Args:
        values: Values to count.
        bins: Number of bins.
        hovertemplate: Plotly's template of the text on hovering; ``customdata`` holds both ends of
            a bin.
        span: Range of all bins; that of the values if None.
        dark: Whether the page is dark.
    """
    counts, edges = np.histogram(values, bins=bins, range=span)
    return go.Figure(
        go.Bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=np.diff(edges),
            marker={"color": BAR[dark], "line": {"width": 0}},
            customdata=np.stack([edges[:-1], edges[1:]], axis=-1),
            hovertemplate=hovertemplate,
        )
    )


def num_bins(count: int, *, most: int) -> int:
    """Return a number of bins that grows with the square root of the number of values.

    Examples:
        >>> num_bins(100, most=40), num_bins(1, most=40)
        (20, 6)
    """
    return int(np.clip(round(2 * np.sqrt(count)), 6, most))
