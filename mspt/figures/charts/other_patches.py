"""Error and cost against the number of patches: of one model, and of models trained at each K.

Letters: N points, K patches, Q supernodes per patch.
"""

import math
from collections.abc import Mapping

import plotly.graph_objects as go

from mspt.cost.formulas import flop_text
from mspt.figures.charts.axes import log_axis
from mspt.figures.charts.series import finished, percent_tick, thousands
from mspt.figures.theme import ACCENT, BLUE, GREEN, GRID, INK

HEIGHT = 300


def patch_errors_figure(
    same: Mapping[int, float],
    trained: Mapping[int, float],
    *,
    model: str,
    training: int,
    trained_name: str,
    chosen: int,
    dark: bool,
) -> go.Figure:
    """Draw the error of one model at several K beside that of models that were trained at them.

    Args:
        same: Relative L2 error of the model by K, on the case in view.
        trained: Relative L2 error by K of models trained at it, on other cases.
        model: Name of the model.
        training: K of its training, which is marked.
        trained_name: What the other models are, for the legend.
        chosen: K in view, which has a ring.
        dark: Whether the page is dark.
    """
    figure = go.Figure()
    _line(figure, same, name=f"{model} on this case", color=BLUE[dark], dash="solid")
    if trained:
        _line(figure, trained, name=trained_name, color=GREEN[dark], dash="dash")
    if chosen in same:
        ring = {"size": 17, "symbol": "circle-open", "color": ACCENT[dark], "line": {"width": 2.5}}
        figure.add_scatter(
            x=[chosen],
            y=[same[chosen]],
            mode="markers",
            marker=ring,
            showlegend=False,
            hoverinfo="skip",
            cliponaxis=False,
        )
    _mark_training(figure, training, dark=dark)
    patches = sorted({*same, *trained, training})
    errors = [*same.values(), *trained.values()]
    figure.update_yaxes(
        title="relative L2 error", gridcolor=GRID[dark], **log_axis(errors, percent_tick)
    )
    return _over_patches(figure, patches, dark=dark)


def patch_cost_figure(
    flops: Mapping[int, float], *, training: int | None, chosen: int, dark: bool
) -> go.Figure:
    """Draw the arithmetic of a forward pass against K.

    Args:
        flops: Multiplications and additions by K.
        training: K of the training, which is marked; None for none.
        chosen: K in view, which has a ring.
        dark: Whether the page is dark.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=list(flops),
        y=list(flops.values()),
        customdata=[flop_text(value) for value in flops.values()],
        mode="lines",
        name="forward pass, closed form",
        line={"color": INK[dark], "width": 2, "dash": "dash"},
        hovertemplate="K = %{x:,}: %{customdata}<extra></extra>",
    )
    if chosen in flops:
        figure.add_scatter(
            x=[chosen],
            y=[flops[chosen]],
            mode="markers",
            marker={"size": 11, "color": ACCENT[dark]},
            name=f"K = {chosen:,}",
            hoverinfo="skip",
        )
    places = list(flops)
    if training is not None:
        _mark_training(figure, training, dark=dark)
        places.append(training)
    figure.update_yaxes(
        title="multiplications and additions",
        gridcolor=GRID[dark],
        **log_axis(flops.values(), flop_text),
    )
    return _over_patches(figure, places, dark=dark)


def _line(
    figure: go.Figure, errors: Mapping[int, float], *, name: str, color: str, dash: str
) -> None:
    patches = sorted(errors)
    figure.add_scatter(
        x=patches,
        y=[errors[k] for k in patches],
        name=name,
        mode="lines+markers",
        line={"color": color, "width": 2, "dash": dash},
        marker={"size": 8},
        cliponaxis=False,
        hovertemplate=f"<b>{name}</b><br>K = %{{x:,}}: %{{y:.2%}}<extra></extra>",
    )


def _mark_training(figure: go.Figure, patches: int, *, dark: bool) -> None:
    figure.add_vline(x=patches, line={"color": INK[dark], "width": 1.5, "dash": "dot"})
    figure.add_annotation(
        x=math.log10(patches),  # texts are placed by the logarithm, lines by the value
        y=1,
        yref="paper",
        yanchor="top",
        xanchor="left",
        showarrow=False,
        text=" trained at K",
        font={"color": INK[dark]},
    )


def _over_patches(figure: go.Figure, patches: list[int], *, dark: bool) -> go.Figure:
    powers = [k for k in patches if k & (k - 1) == 0]  # few enough for a label each
    axis = log_axis(patches, thousands, ticks=powers)
    figure.update_xaxes(title="patches K", gridcolor=GRID[dark], **axis)
    return finished(figure, dark=dark, height=HEIGHT)
