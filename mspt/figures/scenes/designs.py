"""Several bodies side by side, or two with a line between them, in one viewer.

Letters: T triangles.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mspt.data.case import Quantity
from mspt.figures.theme import shared_limits
from mspt.figures.viewer.scene import Field, Panel, Scene
from mspt.geometry.mesh import SurfaceMesh

MOST_TRIANGLES = 150_000
"""Triangles of all bodies together, which limits what is sent to the browser."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ColoredBody:
    """A body with a value on each triangle.

    Attributes:
        title: Title of its panel.
        mesh: The body in the wind-tunnel frame.
        values: One value for each triangle.
        is_difference: Whether the values are differences, which have a scale of their own.
    """

    title: str
    mesh: SurfaceMesh
    values: Float[ndarray, " T"]
    is_difference: bool = False


def designs_scene(
    bodies: Sequence[ColoredBody], *, quantity: Quantity, divided: bool = False
) -> Scene:
    """Return one linked panel for each body; all values share their limits, and so do differences.

    Triangles do not share corners, so that each has one color and values are not interpolated.

    Args:
        bodies: At least one.
        quantity: The quantity of their values.
        divided: Whether the first two share one place, with a line between them.
    """
    counts = [len(body.mesh.triangles) for body in bodies]
    stops = np.cumsum(counts).tolist()
    values = np.concatenate([body.values for body in bodies])
    differs = np.repeat([body.is_difference for body in bodies], counts)
    plain, difference = _fields(values, differs, quantity)
    panels = tuple(
        Panel(
            title=body.title,
            coloring=difference if body.is_difference else plain,
            part=(stop - count, stop),
        )
        for body, count, stop in zip(bodies, counts, stops, strict=True)
    )
    return Scene(
        points=np.concatenate([body.mesh.corners.reshape(-1, 3) for body in bodies]),
        triangles=np.arange(3 * stops[-1]).reshape(-1, 3),
        panels=panels,
        divided=divided,
    )


def _fields(
    values: Float[ndarray, " T"], differs: ndarray, quantity: Quantity
) -> tuple[Field, Field]:
    """Return the coloring of values and that of differences, each without the other's values."""
    plain = np.where(differs, np.nan, values)
    difference = np.where(differs, values, np.nan)
    return (
        Field(
            name=quantity.name,
            unit=quantity.unit,
            values=np.repeat(plain, 3),
            limits=shared_limits(plain),
        ),
        Field(
            name=f"difference of {quantity.name}",
            unit=quantity.unit,
            values=np.repeat(difference, 3),
            limits=shared_limits(difference, centered=True),
            palette="error",
        ),
    )
