"""Fields in two dimensions: truth, prediction and error side by side, and single fields."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int
from plotly.subplots import make_subplots

from mspt.data.case import Quantity
from mspt.figures.charts.raster import Raster, sample_raster
from mspt.figures.theme import FIELD_SCALE, INK, error_scale, lay_out, two_value_scale

_GAP = 0.025
# Center, top and length of the two color bars, as shares of the figure: below their panels, or in
# place of a fourth panel.
_BARS_BELOW = ((0.329, -0.03, 0.45), (0.842, -0.03, 0.28))
_BARS_BESIDE = ((0.76, 0.42, 0.42), (0.76, 0.2, 0.42))

_MOST_DOTS = 4_000
"""Most points that are drawn as dots over a field; browsers draw each as an element of its own."""

BULK_QUANTILE = 0.995
"""Share of the values that the color bar must show."""

BULK_RANGE = 2 / 3
"""The remaining values are left out if the others take less than this share of the range."""


def comparison_figure(  # noqa: PLR0913 - a picture has many independent settings
    raster: Raster,
    points: Float[np.ndarray, "N 2"],
    truth: Float[np.ndarray, " N"],
    prediction: Float[np.ndarray, " N"],
    *,
    quantity: Quantity,
    columns: Literal[2, 3] = 3,
    moved: tuple[Raster, Float[np.ndarray, "N 2"]] | None = None,
    dark: bool = False,
) -> go.Figure:
    """Draw truth, prediction and signed error of one field.

    Truth and prediction share one pair of color limits; the error scale is centered on zero. The
    panels zoom together. Hovering shows the exact values at the nearest point, never interpolated
    ones.

    Args:
        raster: Interpolation to pixels.
        points: Coordinates.
        truth: Values of the solver.
        prediction: Values of the model.
        quantity: The quantity of these values.
        columns: 3 for one row, 2 for two rows with the color bars in place of a fourth panel.
        moved: Where the model predicts the points to be, with the raster there; None where truth
            and prediction are at the same points.
        dark: Whether the page is dark.
    """
    error = prediction - truth
    details = np.stack([truth, prediction, error], axis=-1)
    rows, bars = (1, _BARS_BELOW) if columns == 3 else (2, _BARS_BESIDE)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        specs=[[{}] * columns] if rows == 1 else [[{}, {}], [{}, None]],
        subplot_titles=("Truth (solver)", "Prediction (model)", "Error (prediction − truth)"),
        horizontal_spacing=_GAP,
        vertical_spacing=0.07,
    )
    for index, values in enumerate((truth, prediction, error)):
        row, column = index // columns + 1, index % columns + 1
        at, places = moved if moved and index == 1 else (raster, points)
        filled = _filled(at, values, details, quantity=quantity)
        filled.update(coloraxis="coloraxis2" if index == 2 else "coloraxis")
        figure.add_trace(filled, row=row, col=column)
        figure.add_traces(_over(at, places, details, quantity=quantity, dark=dark), row, column)
    limits, note = robust_limits(np.concatenate([truth, prediction]))
    error_limits, error_note = robust_limits(error, centered=True)
    title = label(quantity)
    figure.update_layout(
        coloraxis=color_axis(limits, FIELD_SCALE, place=bars[0], title=title + note, dark=dark),
        coloraxis2=color_axis(
            error_limits,
            error_scale(dark=dark),
            place=bars[1],
            title=f"error of {title}{error_note}",
            dark=dark,
        ),
    )
    return frame_panels(
        lay_out(figure, dark=dark, height=430 if rows == 1 else 545), raster, panels=3
    )


def field_figure(
    raster: Raster,
    points: Float[np.ndarray, "N 2"],
    values: Float[np.ndarray, " N"],
    *,
    quantity: Quantity,
    dark: bool = False,
    height: int = 340,
) -> go.Figure:
    """Draw one field; a quantity with two levels gets two uniform colors.

    Args:
        raster: Interpolation to pixels.
        points: Coordinates.
        values: Values at the points.
        quantity: The quantity of these values.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    limits, note = robust_limits(values)
    two_levels = len(quantity.levels) == 2
    if two_levels:
        limits, note = (quantity.levels[0], quantity.levels[1]), ""
    scale = two_value_scale(dark=dark) if two_levels else FIELD_SCALE
    axis = color_axis(
        limits, scale, place=(0.5, -0.03, 0.6), title=label(quantity) + note, dark=dark
    )
    if two_levels:
        # Ticks in the middle of each of the two colors.
        quarter = (limits[1] - limits[0]) / 4
        axis["colorbar"] |= {
            "tickvals": [limits[0] + quarter, limits[1] - quarter],
            "ticktext": [f"{level:g}" for level in quantity.levels],
        }
    details = values[:, None]
    filled = _filled(raster, values, details, quantity=quantity).update(coloraxis="coloraxis")
    if two_levels:  # smoothing would show values that do not exist
        filled.update(zsmooth=False)
    over = _over(raster, points, details, quantity=quantity, dark=dark)
    figure = go.Figure([filled, *over]).update_layout(coloraxis=axis)
    return frame_panels(lay_out(figure, dark=dark, height=height), raster)


def panels_figure(
    raster: Raster,
    points: Float[np.ndarray, "N 2"],
    fields: Mapping[str, Float[np.ndarray, " N"]],
    *,
    quantity: Quantity,
    dark: bool = False,
    height: int = 320,
) -> go.Figure:
    """Draw several fields side by side with the color limits of the first, zooming together.

    Args:
        raster: Interpolation to pixels.
        points: Coordinates.
        fields: Values at the points, by the title of their panel; the truth comes first.
        quantity: The quantity of these values.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    titles, values = tuple(fields), list(fields.values())
    figure = make_subplots(rows=1, cols=len(fields), subplot_titles=titles, horizontal_spacing=_GAP)
    for column, one in enumerate(values, start=1):
        details = one[:, None]
        filled = _filled(raster, one, details, quantity=quantity).update(coloraxis="coloraxis")
        over = _over(raster, points, details, quantity=quantity, dark=dark)
        figure.add_traces([filled, *over], 1, column)
    limits, note = robust_limits(values[0])
    axis = color_axis(
        limits, FIELD_SCALE, place=(0.5, -0.03, 0.5), title=label(quantity) + note, dark=dark
    )
    figure.update_layout(coloraxis=axis)
    return frame_panels(lay_out(figure, dark=dark, height=height), raster, panels=len(fields))


def points_figure(
    raster: Raster, points: Float[np.ndarray, "N 2"], *, dark: bool = False, height: int = 340
) -> go.Figure:
    """Draw the points of a cloud and the boundary of its domain, for cases without features.

    Args:
        raster: Interpolation to pixels, for the boundary.
        points: Coordinates.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    dots = go.Scatter(
        x=points[:, 0],
        y=points[:, 1],
        mode="markers",
        marker={"size": 3, "color": INK[dark], "opacity": 0.8},
        hovertemplate="x %{x:.4f}<br>y %{y:.4f}<extra></extra>",
    )
    figure = go.Figure([*outline_traces(raster, dark=dark), dots])
    framed = frame_panels(lay_out(figure, dark=dark, height=height), raster)
    return framed.update_layout(margin={"b": 8})


def label(quantity: Quantity) -> str:
    """Return the name of a quantity with its unit, for axes and color bars.

    Examples:
        >>> label(Quantity(name="stress", symbol="s", unit="Pa", description=""))
        'stress (Pa)'
        >>> label(Quantity(name="pressure", symbol="u", unit="1", description=""))
        'pressure (dimensionless)'
    """
    return f"{quantity.name} ({suffix(quantity).strip() or 'dimensionless'})"


def suffix(quantity: Quantity) -> str:
    """Return the text to append to a value: a space and the unit, or nothing if dimensionless.

    Examples:
        >>> suffix(Quantity(name="stress", symbol="s", unit="Pa", description=""))
        ' Pa'
    """
    return "" if quantity.unit == "1" else f" {quantity.unit}"


def robust_limits(
    values: Float[np.ndarray, " M"], *, centered: bool = False
) -> tuple[tuple[float, float], str]:
    """Return color limits, and a note if a few extreme values exceed them.

    A stress peak at one sharp corner would leave one color for the rest of the domain. If the
    largest half percent of the values takes more than a third of the range, these values share the
    last color, and the note says so.

    Args:
        values: All values that share the limits.
        centered: Whether the limits are symmetric about zero.

    Examples:
        >>> robust_limits(np.array([0.0, 1.0, 2.0]))
        ((0.0, 2.0), '')
        >>> robust_limits(np.array([-2.0, 1.0]), centered=True)
        ((-2.0, 2.0), '')
        >>> robust_limits(np.array([0.0] + 998 * [1.0] + [9.0]))
        ((0.0, 1.0), '<br>top 0.5% share the last color')
    """
    used = np.abs(values) if centered else values
    low, high = (0.0 if centered else float(used.min())), float(used.max())
    most = round(float(np.quantile(used, BULK_QUANTILE)), 12)  # without rounding errors
    note = ""
    if low < most < low + BULK_RANGE * (high - low):
        high, note = most, "<br>top 0.5% share the last color"
    if high <= low:
        return ((-1.0, 1.0) if centered else (low - 0.5, low + 0.5)), ""
    return (-high if centered else low, high), note


def outline_traces(raster: Raster, *, dark: bool) -> list[go.Scatter]:
    """Return the boundary of the domain as a line, which covers the steps of the pixels."""
    if not len(raster.outline):
        return []
    return [
        go.Scatter(
            x=raster.outline[:, 0],
            y=raster.outline[:, 1],
            mode="lines",
            line={"width": 1.6, "color": INK[dark]},
            hoverinfo="skip",
        )
    ]


def _filled(
    raster: Raster,
    values: Float[np.ndarray, " N"],
    details: Float[np.ndarray, "N V"],
    *,
    quantity: Quantity,
) -> go.Heatmap:
    """Return the filled field; on grids, where pixels are points, it shows values on hovering."""
    image = sample_raster(raster, values).astype(np.float32)  # half the bytes for the browser
    filled = go.Heatmap(x=raster.x, y=raster.y, z=image, zsmooth="fast")
    if len(raster.outline):
        return filled.update(hoverinfo="skip")
    return filled.update(
        customdata=details[raster.corners[..., 0]].astype(np.float32),
        hovertemplate=_hover_text(details.shape[1], quantity),
    )


def _over(
    raster: Raster,
    points: Float[np.ndarray, "N 2"],
    details: Float[np.ndarray, "N V"],
    *,
    quantity: Quantity,
    dark: bool,
) -> list[go.Scatter]:
    """Return boundary and points over an interpolated field; the points show values on hovering."""
    if not len(raster.outline):
        return []
    rows = _dots(raster, points)
    dots = go.Scatter(
        x=points[rows, 0],
        y=points[rows, 1],
        customdata=details[rows].astype(np.float32),
        mode="markers",
        # Many points would cover the colors.
        marker={"size": 2, "color": INK[dark], "opacity": min(0.3, 900 / max(1, len(rows)))},
        hovertemplate=_hover_text(details.shape[1], quantity),
    )
    return [*outline_traces(raster, dark=dark), dots]


def _dots(raster: Raster, points: Float[np.ndarray, "N 2"]) -> Int[np.ndarray, " M"]:
    """Return the points that are drawn as dots: those in the picture, evenly thinned if many."""
    ends = np.array([_range(raster.x), _range(raster.y)]).T
    seen = np.flatnonzero(((points >= ends[0]) & (points <= ends[1])).all(axis=1))
    return seen[:: -(-len(seen) // _MOST_DOTS) or 1]


def _hover_text(num_values: int, quantity: Quantity) -> str:
    """Return Plotly's template of the text on hovering: coordinates, then values with units."""
    names = ("truth", "prediction", "error") if num_values == 3 else (quantity.name,)
    unit = suffix(quantity)
    lines = [f"{name} %{{customdata[{index}]:.5g}}{unit}" for index, name in enumerate(names)]
    return "<br>".join(["x %{x:.4f}, y %{y:.4f}", *lines]) + "<extra></extra>"


def color_axis(
    limits: tuple[float, float],
    scale: str | list[list[float | str]],
    *,
    place: tuple[float, float, float],
    title: str,
    dark: bool,
) -> dict[str, Any]:
    """Return a color axis with a horizontal color bar.

    Args:
        limits: Values at the ends of the bar.
        scale: Color scale.
        place: Center, top and length of the bar, as shares of the figure.
        title: Title below the bar.
        dark: Whether the page is dark.
    """
    bar = {
        "orientation": "h",
        "x": place[0],
        "xanchor": "center",
        "y": place[1],
        "yanchor": "top",
        "len": place[2],
        "thickness": 11,
        "outlinewidth": 0,
        "nticks": 5,
        "tickangle": 0,
        "exponentformat": "power",
        "title": {"text": title, "side": "bottom", "font": {"color": INK[dark]}},
        "tickfont": {"color": INK[dark]},
    }
    return {"cmin": limits[0], "cmax": limits[1], "colorscale": scale, "colorbar": bar}


def frame_panels(figure: go.Figure, raster: Raster, *, panels: int = 1) -> go.Figure:
    """Give every panel equal scales on both axes and make all panels zoom together.

    Args:
        figure: Figure to change and return.
        raster: Raster of all panels.
        panels: Number of panels.
    """
    shared = {"visible": False, "constrain": "domain"}
    # Fixed ranges: Plotly's automatic ones add a margin of their own around points.
    figure.update_xaxes(range=_range(raster.x), **shared)
    figure.update_yaxes(range=_range(raster.y), scaleratio=1, **shared)
    for panel in range(1, panels + 1):
        name = "" if panel == 1 else str(panel)
        figure.layout[f"yaxis{name}"].scaleanchor = f"x{name}"
        if panel > 1:
            figure.layout[f"xaxis{name}"].matches = "x"
            figure.layout[f"yaxis{name}"].matches = "y"
    return figure.update_layout(margin={"b": 78})


def _range(centers: Float[np.ndarray, " W"]) -> list[float]:
    """Return the extent of pixels with these centers, with a margin for the outline."""
    air = 0.5 * (centers[1] - centers[0]) + 0.006 * (centers[-1] - centers[0])
    return [float(centers[0] - air), float(centers[-1] + air)]
