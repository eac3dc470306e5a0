"""The flow around a body from inside: a slice, an iso-surface and streamlines, in linked panels.

Letters: P points of the flow, S seeds, G nodes, V vertices.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

import numpy as np
import pyvista as pv
from jaxtyping import Float, Float64
from numpy import ndarray
from scipy.ndimage import distance_transform_edt

from mspt.data.case import Quantity
from mspt.figures.scenes.parts import body_layers
from mspt.figures.theme import shared_limits
from mspt.figures.viewer.scene import Curves, Field, Layer, Panel, Particles, Scene, box_around
from mspt.figures.vtk.resample import (
    AXES,
    Axis,
    FlowGrid,
    PlaneGrid,
    flow_grid,
    plane_grid,
    surroundings,
)
from mspt.figures.vtk.stage import thin_mesh
from mspt.figures.vtk.streamlines import Paths, paths, rake
from mspt.geometry.mesh import SurfaceMesh
from mspt.inference.physical import in_units
from mspt.metrics.conditions import OperatingConditions

Colored = Literal["speed", "C_p"]
QUANTITIES: dict[Colored, Quantity] = {
    "speed": Quantity(name="speed", symbol="|u|", unit="U_inf", description="Speed of the flow."),
    "C_p": Quantity(name="C_p", symbol="C_p", unit="1", description="Pressure coefficient."),
}
ISO_RANGES: dict[Colored, tuple[float, float, float]] = {
    "speed": (0.1, 1.4, 0.6),
    "C_p": (-1.0, 0.9, -0.2),
}
"""Smallest, largest and usual value of an iso-surface."""

LINES, PARTICLES = "streamlines", "particles"
GRID = (80, 40, 34)
"""Nodes along each axis of the grid that iso-surfaces and streamlines follow from."""

RING = 0.02
"""Distance of the seeds around a point that was clicked, in body lengths."""

MOST_TRIANGLES = 20_000
"""Triangles of the body that are drawn: it is gray, and sent with every scene."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FlowAround:
    """A flow around a body at scattered points, as a solver or a model gives it.

    Attributes:
        title: Who has computed it.
        points: Points in the flow, on both sides of y = 0.
        velocity: Velocity there, in free-stream speeds.
        pressure: C_p there.
    """

    title: str
    points: Float[ndarray, "P 3"]
    velocity: Float[ndarray, "P 3"]
    pressure: Float[ndarray, " P"]

    def on_both_sides(self) -> "FlowAround":
        """Return the flow with its mirror image in y = 0, for one that is known on one side."""
        sign = np.array([1.0, -1.0, 1.0])
        return replace(
            self,
            points=np.concatenate([self.points, self.points * sign]),
            velocity=np.concatenate([self.velocity, self.velocity * sign]),
            pressure=np.concatenate([self.pressure, self.pressure]),
        )


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is shown of a flow.

    Attributes:
        colored: Quantity of slice and iso-surface.
        axis: Normal of the slice.
        at: Place of the slice along it, in body lengths.
        iso: Value of the iso-surface; None for none.
        rake: Whether streamlines start in front of the body.
        clicked: Points through which streamlines go.
    """

    colored: Colored = "speed"
    axis: Axis = "y"
    at: float | int = 0.0
    iso: float | int | None = None
    rake: bool = False
    clicked: tuple[tuple[float, float, float], ...] = ()


def slice_range(mesh: SurfaceMesh, axis: Axis) -> tuple[float, float]:
    """Return the first and the last place of a slice across an axis."""
    low, high = surroundings(mesh)[:, AXES.index(axis)]
    return float(low), float(high)


def grid_of(mesh: SurfaceMesh, flow: FlowAround) -> FlowGrid:
    """Return a flow on a regular grid, from which iso-surfaces and streamlines follow."""
    return flow_grid(mesh, flow.points, flow.velocity, shape=GRID, pressure=flow.pressure)


def slice_of(mesh: SurfaceMesh, flow: FlowAround, look: Look) -> PlaneGrid:
    """Return speed and C_p in the slice."""
    values = np.column_stack([flow.velocity, flow.pressure])
    found = plane_grid(mesh, flow.points, values, axis=look.axis, at=look.at)
    speed = np.linalg.norm(found.values[:, :3], axis=1)
    return replace(found, values=np.stack([speed, found.values[:, 3]], axis=1))


def inside_scene(
    mesh: SurfaceMesh,
    flows: Sequence[FlowAround],
    *,
    slices: Sequence[PlaneGrid],
    grids: Sequence[FlowGrid],
    look: Look,
    conditions: OperatingConditions | None = None,
) -> Scene:
    """Return one panel for each flow, and one for the difference of the first two.

    Args:
        mesh: The body in the wind-tunnel frame.
        flows: One or two flows; of two, the first is the truth and the other a prediction.
        slices: Of each flow, see :func:`slice_of`.
        grids: Of each flow, see :func:`grid_of`.
        look: What is shown.
        conditions: Speed, air and size for m/s and Pa; None for dimensionless values.
    """
    column, known = list(QUANTITIES).index(look.colored), QUANTITIES[look.colored]
    values = [in_units(known, one.values[:, column], conditions)[1] for one in slices]
    quantity, level = in_units(known, np.array([look.iso or 0.0]), conditions)
    parts = [
        (plane, value, _iso(grid, look))
        for plane, value, grid in zip(slices, values, grids, strict=True)
    ]
    if len(flows) == 2:
        parts.append((slices[0], values[1] - values[0], None))
    points, triangles, colors, ends = _joined(parts, float(level[0]), surroundings(mesh))
    is_difference = np.arange(len(points)) >= (ends[1][0] if len(flows) == 2 else len(points))
    plain = Field(
        name=quantity.name,
        unit=quantity.unit,
        values=np.where(is_difference, np.nan, colors),
        limits=shared_limits(*values),
    )
    titles = [one.title for one in flows]
    panels = [
        Panel(title=title, coloring=plain, part=part)
        for title, part in zip(titles, ends[0], strict=False)
    ]
    if len(flows) == 2:
        difference = np.where(is_difference, colors, np.nan)
        field = Field(
            name=f"error of {quantity.name}",
            unit=quantity.unit,
            values=difference,
            limits=shared_limits(values[1] - values[0], centered=True),
            palette="error",
        )
        title = "Error (prediction − truth)"
        panels.append(Panel(title=title, coloring=field, part=ends[0][2]))
    body, _ = thin_mesh(mesh, None, most=MOST_TRIANGLES)
    lines = _lines(mesh, grids, look, limits=plain.limits, conditions=conditions)
    return Scene(
        points=points,
        triangles=triangles,
        panels=tuple(panels),
        layers=(*body_layers(body), *lines),
        hidden=(PARTICLES,) if lines else (),
        marked=_nearest(points[: len(slices[0].points)], look.clicked),
        focus=box_around(mesh),
        probe="lengths",
    )


def _joined(
    parts: Sequence[tuple[PlaneGrid, ndarray, SurfaceMesh | None]],
    level: float | int,
    box: Float64[ndarray, "2 3"],
) -> tuple[ndarray, ndarray, ndarray, tuple[list[tuple[int, int]], list[int]]]:
    """Return points, triangles and values of all panels, and where the parts of each are.

    The last are the triangles of each panel, and the first point of the last panel. Two points at
    the corners of the box belong to no triangle: the camera stays where it is as the slice moves.
    """
    points, triangles, values, pieces = [], [], [], []
    first = start = last = 0
    for plane, value, iso in parts:
        last, begun = first, start
        for own, corners, numbers in (
            (plane.points, plane.triangles, value),
            *(((iso.vertices, iso.triangles, None),) if iso is not None else ()),
        ):
            points.append(own)
            triangles.append(corners + first)
            values.append(np.full(len(own), level) if numbers is None else numbers)
            first, start = first + len(own), start + len(corners)
        pieces.append((begun, start))
    points.append(box)
    values.append(np.full(2, np.nan))
    joined = (np.concatenate(points), np.concatenate(triangles), np.concatenate(values))
    return *joined, (pieces, [last])


def _iso(grid: FlowGrid, look: Look) -> SurfaceMesh | None:
    """Return the surface on which the quantity has a value; None where it has it nowhere."""
    if look.iso is None or grid.pressure is None:
        return None
    values = np.linalg.norm(grid.velocity, axis=3) if look.colored == "speed" else grid.pressure
    # Inside the body values of the nearest nodes outside: no surface follows the body itself.
    nearest = distance_transform_edt(grid.inside, return_distances=False, return_indices=True)
    axes = (grid.x, grid.y, grid.z)
    image = pv.ImageData(
        dimensions=tuple(map(len, axes)),
        spacing=tuple(float(axis[1] - axis[0]) for axis in axes),
        origin=tuple(float(axis[0]) for axis in axes),
    )
    image.point_data["value"] = values[tuple(np.asarray(nearest))].ravel()
    found = cast(pv.PolyData, image.contour([look.iso], scalars="value"))
    if not found.n_cells:
        return None
    surface = cast(pv.PolyData, found.triangulate())
    corners = surface.faces.reshape(-1, 4)[:, 1:].astype(np.int64)
    return SurfaceMesh(np.asarray(surface.points, dtype=np.float64), corners)


def _lines(
    mesh: SurfaceMesh,
    grids: Sequence[FlowGrid],
    look: Look,
    *,
    limits: tuple[float, float],
    conditions: OperatingConditions | None,
) -> tuple[Layer, ...]:
    """Return streamlines of each flow from the same seeds, and particles that move along them.

    Lines have the colors of the slice where that shows the speed, and one color elsewhere.
    """
    found = []
    for grid in grids:
        parts = [paths(grid, rake(mesh))] if look.rake else []
        if look.clicked:
            parts.append(paths(grid, _around(look.clicked), both=True))
        found.append(_merged(parts))
    merged = _merged(found)
    if len(merged.points) == 0:
        return ()
    panel = np.repeat(np.arange(len(found)), [len(one.offsets) - 1 for one in found])
    shared = {"vertices": merged.points, "offsets": merged.offsets, "panel": panel}
    _, speed = in_units(QUANTITIES["speed"], merged.speed, conditions)
    return (
        Curves(
            name=LINES,
            values=speed if look.colored == "speed" else None,
            limits=limits,
            **shared,
        ),
        Particles(name=PARTICLES, times=merged.times, **shared),
    )


def _merged(parts: Sequence[Paths]) -> Paths:
    if not parts:
        return Paths(
            points=np.empty((0, 3)),
            offsets=np.zeros(1, dtype=np.int64),
            speed=np.empty(0),
            times=np.empty(0),
        )
    starts = np.cumsum([0, *(len(one.points) for one in parts)])
    offsets = [one.offsets[1:] + start for one, start in zip(parts, starts, strict=False)]
    return Paths(
        points=np.concatenate([one.points for one in parts]),
        offsets=np.concatenate([np.zeros(1, dtype=np.int64), *offsets]),
        speed=np.concatenate([one.speed for one in parts]),
        times=np.concatenate([one.times for one in parts]),
    )


def _around(points: Sequence[tuple[float, float, float]]) -> Float64[ndarray, "S 3"]:
    """Return seeds at points and beside them along each axis, above the ground.

    Examples:
        >>> _around([(0.5, 0.0, 0.2)]).shape
        (7, 3)
    """
    steps = RING * np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)])
    seeds = (np.array(points)[:, None] + steps).reshape(-1, 3)
    return np.maximum(seeds, [-np.inf, -np.inf, 0.5 * RING])


def _nearest(
    nodes: Float64[ndarray, "G 3"], clicked: Sequence[tuple[float, float, float]]
) -> tuple[int, ...]:
    """Return the nodes of the slice where it was clicked; none for a click in another slice."""
    found = []
    for place in clicked:
        away = np.linalg.norm(nodes - np.array(place), axis=1)
        if away.min() < RING:
            found.append(int(away.argmin()))
    return tuple(dict.fromkeys(found))
