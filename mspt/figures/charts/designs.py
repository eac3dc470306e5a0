"""Force coefficients of many designs: model against solver, and accuracy of their order.

Shapes: M designs, G gaps.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any, Literal, get_args

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int
from numpy import ndarray

from mspt.data.sets.car.families import UNSEEN
from mspt.figures.theme import ACCENT, FAMILY_COLORS, GRID, INK, LEGEND_ABOVE, lay_out
from mspt.geometry.bodies.cars import CarKind
from mspt.geometry.bodies.families import CURVED, VEHICLES

COUNT = 1e-4
"""One drag count, the unit of small differences of coefficients in the car industry."""

_UNSEEN = "unseen family"


def drag_scatter(
    predicted: Float[ndarray, " M"],
    true: Float[ndarray, " M"],
    names: Sequence[str],
    families: Sequence[str],
    *,
    highlighted: int | None,
    dark: bool,
    quantity: Literal["C_D", "C_L"] = "C_D",
) -> go.Figure:
    """Draw predicted coefficients against those of the solver; on the diagonal they are equal.

    The ``customdata`` of a point ends with the index of its design, which a page needs to react to
    a click.

    Args:
        predicted: Coefficient of each design by the model.
        true: Coefficient of each design by the solver.
        names: Names of the designs.
        families: Families of the designs; those that training did not use have open markers.
        highlighted: Index of the selected design; None for none.
        dark: Whether the page is dark.
        quantity: Name of the coefficient.
    """
    ends = _ends(np.concatenate([predicted, true]))
    figure = go.Figure(_diagonal(ends, dark=dark))
    groups = np.array([family_group(family) for family in families])
    unseen = np.array([family in UNSEEN for family in families], dtype=bool)
    for group, new in product(FAMILY_COLORS, (False, True)):
        rows = np.flatnonzero((groups == group) & (unseen == new))
        if len(rows):
            trace = _points(predicted, true, rows, quantity=quantity)
            trace.customdata = [[names[row], families[row], row] for row in rows.tolist()]
            marker = _marker(FAMILY_COLORS[group][dark], new=new)
            figure.add_trace(trace.update(name=group, marker=marker, showlegend=not new))
    if unseen.any():  # one entry of the legend for all open markers, without a point
        marker = _marker(INK[dark], new=True)
        figure.add_scatter(x=[None], y=[None], mode="markers", name=_UNSEEN, marker=marker)
    if highlighted is not None:
        figure.add_trace(_ring(predicted, true, highlighted, dark=dark))
    figure.update_xaxes(title=f"{_subscript(quantity)}, solver", range=ends, **_axis(dark=dark))
    figure.update_yaxes(
        title=f"{_subscript(quantity)}, model",
        range=ends,
        scaleanchor="x",
        constrain="domain",
        **_axis(dark=dark),
    )
    # Equal scales shrink the axes, not their ranges: the diagonal stays a diagonal.
    figure.update_xaxes(constrain="domain")
    return _with_legend(lay_out(figure, dark=dark, height=420))


def order_figure(
    gaps: Float[ndarray, " G"],
    shares: Float[ndarray, " G"],
    pairs: Int[ndarray, " G"],
    *,
    dark: bool,
) -> go.Figure:
    """Draw the share of pairs of designs in the right order against their difference in C_D.

    Args:
        gaps: Smallest differences in C_D of the pairs.
        shares: Share of the pairs in the right order; NaN where there are no pairs.
        pairs: Number of pairs.
        dark: Whether the page is dark.
    """
    known = np.isfinite(shares)
    counts = gaps[known] / COUNT
    figure = go.Figure(
        go.Scatter(
            x=counts,
            y=shares[known],
            customdata=pairs[known],
            mode="lines+markers",
            line={"color": FAMILY_COLORS["cars"][dark], "width": 2},
            marker={"size": 7},
            cliponaxis=False,
            hovertemplate="%{customdata:,} pairs at least %{x:.3g} counts apart:<br>"
            "%{y:.1%} in the right order<extra></extra>",
        )
    )
    figure.add_hline(
        y=0.5,
        line={"color": INK[dark], "width": 1, "dash": "dot"},
        annotation={"text": "random order", "font": {"color": INK[dark]}},
        annotation_position="top right",
    )
    # The axis always includes the line of random order at 50 %.
    low = min(0.45, float(shares[known].min()) - 0.03) if known.any() else 0.45
    figure.update_xaxes(
        title="gap in C<sub>D</sub>, at least … counts (1 count = 0.0001)",
        rangemode="tozero",
        **_axis(dark=dark),
    )
    figure.update_yaxes(
        title="pairs in the right order", tickformat=".0%", range=[low, 1.02], **_axis(dark=dark)
    )
    figure = lay_out(figure, dark=dark, height=320)
    return figure.update_layout(margin={"l": 62, "b": 48})


def family_group(family: str) -> str:
    """Return the group of a family of bodies.

    Examples:
        >>> [family_group(family) for family in ("van", "lorry", "curved block", "wing")]
        ['cars', 'cars', 'blocks', 'generic bodies']
    """
    straight = family.removeprefix(CURVED)
    if straight in get_args(CarKind) or family in VEHICLES:
        return "cars"
    return "blocks" if straight == "block" else "generic bodies"


def _points(
    predicted: Float[ndarray, " M"],
    true: Float[ndarray, " M"],
    rows: Int[ndarray, " _"],
    *,
    quantity: str,
) -> go.Scatter:
    """Return designs as points; hovering shows the difference of model and solver in counts."""
    miss = (predicted[rows] - true[rows]) / COUNT
    return go.Scatter(
        x=true[rows],
        y=predicted[rows],
        text=[f"{value:+.0f}".replace("-", "−") for value in miss],  # a minus sign, not a hyphen
        mode="markers",
        hovertemplate="<b>%{customdata[0]}</b>, %{customdata[1]}<br>"
        f"solver {_subscript(quantity)} %{{x:.3f}}, model %{{y:.3f}}<br>"
        "%{text} counts<extra></extra>",
    )


def _marker(color: str, *, new: bool) -> dict[str, Any]:
    shape = {"symbol": "diamond-open" if new else "circle", "color": color}
    line = {"line": {"width": 2 if new else 0, "color": color}}
    return {**shape, **line, "size": 10 if new else 8, "opacity": 0.9}


def _ring(
    predicted: Float[ndarray, " M"], true: Float[ndarray, " M"], row: int, *, dark: bool
) -> go.Scatter:
    """Return a ring around one design; hovering shows the point inside."""
    return go.Scatter(
        x=true[row : row + 1],
        y=predicted[row : row + 1],
        mode="markers",
        marker={
            "symbol": "circle-open",
            "size": 18,
            "color": ACCENT[dark],
            "line": {"width": 3, "color": ACCENT[dark]},
        },
        name="this design",
        hoverinfo="skip",
    )


def _diagonal(ends: list[float], *, dark: bool) -> go.Scatter:
    line = {"color": INK[dark], "width": 1, "dash": "dot"}
    return go.Scatter(x=ends, y=ends, mode="lines", line=line, hoverinfo="skip", showlegend=False)


def _ends(values: Float[ndarray, " _"]) -> list[float]:
    """Return the limits of both axes, with a margin around the values."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    air = 0.06 * (high - low) or 0.05
    return [low - air, high + air]


def _axis(*, dark: bool) -> dict[str, Any]:
    return {"gridcolor": GRID[dark], "zeroline": False, "nticks": 7}


def _subscript(quantity: str) -> str:
    """Return the name of a coefficient with its index in Plotly's markup."""
    letter, _, index = quantity.partition("_")
    return f"{letter}<sub>{index}</sub>"


def _with_legend(figure: go.Figure) -> go.Figure:
    return figure.update_layout(
        showlegend=True,
        legend={**LEGEND_ABOVE, "entrywidth": 0},
        margin={"l": 62, "b": 48, "t": 40},
    )
