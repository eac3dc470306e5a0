"""The pictures of a report: which fields, from where, in which units, with their color bars."""

from dataclasses import dataclass
from html import escape

import numpy as np
from numpy import ndarray

from mspt.data.case import Quantity
from mspt.data.sets.car.clouds import LAYOUT
from mspt.data.sets.car.flow_case import FlowCase
from mspt.figures.charts.fields import label
from mspt.figures.report.pictures import FRONT, REAR, SIDE, Shades, body_picture, slice_picture
from mspt.figures.theme import shared_limits
from mspt.figures.viewer.colors import palette_stops
from mspt.figures.viewer.scene import Palette
from mspt.figures.vtk.resample import slice_grid
from mspt.inference.physical import in_units
from mspt.inference.shapes import ShapeResult
from mspt.inference.side_by_side import truth_on
from mspt.metrics.conditions import OperatingConditions

_SPEED = Quantity(name="speed", symbol="|u|", unit="U_inf", description="Speed of the flow.")
_PRESSURE, _FRICTION, _ = LAYOUT.fields
BAR = 260
"""Length of a color bar in pixels."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture and its color bar.

    Attributes:
        title: What it shows.
        png: The picture.
        bar: Its color bar, an SVG image.
    """

    title: str
    png: bytes
    bar: str


def pictures_of(
    result: ShapeResult, conditions: OperatingConditions | None, truth: FlowCase | None
) -> tuple[Picture, ...]:
    """Return pressure, friction and the flow around a body; beside the solver's if there is one.

    Args:
        result: The prediction.
        conditions: Speed, air and size for Pa and m/s; None for dimensionless fields.
        truth: The solver's result; None without one.
    """
    prediction, mesh = result.prediction, result.prediction.fine_mesh
    quantity, pressure = in_units(_PRESSURE, prediction.fine["C_p"], conditions)
    of_shear, shear = in_units(
        _FRICTION, np.linalg.norm(prediction.fine["C_f"], axis=1), conditions
    )
    limits = shared_limits(pressure)
    shown = [
        _body(result, pressure, quantity, limits=limits, toward=FRONT, title="Pressure"),
        _body(result, pressure, quantity, limits=limits, toward=REAR, title="Pressure, rear"),
        _body(result, shear, of_shear, limits=shared_limits(shear), toward=SIDE, title="Friction"),
        _slice(result, conditions),
    ]
    if truth is not None:
        _, solved = in_units(_PRESSURE, truth_on(mesh, truth), conditions)
        error = pressure - solved
        shown.append(
            _body(result, solved, quantity, limits=limits, toward=FRONT, title="Pressure, solver")
        )
        shown.append(
            _body(
                result,
                error,
                quantity,
                limits=shared_limits(error, centered=True),
                palette="error",
                toward=FRONT,
                title="Error (model − solver)",
            )
        )
    return tuple(shown)


def _body(
    result: ShapeResult,
    values: ndarray,
    quantity: Quantity,
    *,
    limits: tuple[float, float],
    toward: tuple[float, float, float],
    title: str,
    palette: Palette = "field",
) -> Picture:
    shades = Shades(limits=limits, palette=palette)
    png = body_picture(result.prediction.fine_mesh, values, shades=shades, toward=toward)
    name = f"error of {label(quantity)}" if palette == "error" else label(quantity)
    return Picture(title=title, png=png, bar=color_bar(name, shades))


def _slice(result: ShapeResult, conditions: OperatingConditions | None) -> Picture:
    prediction = result.prediction
    grid = slice_grid(result.placed.mesh, prediction.volume_points, prediction.velocity)
    speed = np.linalg.norm(grid.values, axis=2)
    quantity, shown = in_units(_SPEED, speed, conditions)
    shades = Shades(limits=shared_limits(shown.ravel()))
    flat = type(grid)(x=grid.x, z=grid.z, values=shown)
    return Picture(
        title="Speed in the plane of symmetry",
        png=slice_picture(flat, shades=shades, finer=2),
        bar=color_bar(label(quantity), shades),
    )


def color_bar(name: str, shades: Shades) -> str:
    """Return a color bar with its name and three values as an SVG image.

    Args:
        name: Title with the unit.
        shades: Colors and limits.
    """
    stops = "".join(
        f'<stop offset="{place:.4g}" stop-color="{color}"/>'
        for place, color in palette_stops(shades.palette, dark=False)
    )
    low, high = shades.limits
    ticks = "".join(
        f'<text x="{20 + share * BAR:g}" y="44" text-anchor="middle">'
        f"{escape(f'{low + share * (high - low):.4g}'.replace('-', '−'))}</text>"
        for share in (0, 0.5, 1)
    )
    key = f"bar-{shades.palette}"
    return (
        f'<svg width="{BAR + 40}" height="50" role="img" aria-label="{escape(name)}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#3d4a55">'
        f'<defs><linearGradient id="{key}">{stops}</linearGradient></defs>'
        f'<text x="{20 + BAR / 2:g}" y="12" text-anchor="middle">{escape(name)}</text>'
        f'<rect x="20" y="18" width="{BAR}" height="10" fill="url(#{key})"/>{ticks}</svg>'
    )
