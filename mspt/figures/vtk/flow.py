"""Bodies and the flow around them as VTK scenes.

A scene is a plotter with all actors; the caller shows and closes it.

Shapes: T triangles, P points of the flow.
"""

from typing import Literal

import numpy as np
import pyvista as pv
from jaxtyping import Float
from numpy import ndarray
from scipy.ndimage import distance_transform_edt

from mspt.data.case import Quantity
from mspt.figures.theme import shared_limits
from mspt.figures.vtk.resample import SliceGrid, flow_grid, slice_grid
from mspt.figures.vtk.stage import add_colored, add_plain, make_stage, polygons, thin_mesh
from mspt.figures.vtk.streamlines import rake, streamlines, tubes
from mspt.geometry.mesh import SurfaceMesh
from mspt.inference.physical import in_units
from mspt.metrics.conditions import OperatingConditions

_COLORS = {
    "speed": Quantity(name="speed", symbol="|u|", unit="U_inf", description="Speed of the flow."),
    "C_p": Quantity(name="C_p", symbol="C_p", unit="1", description="Pressure coefficient."),
}


def surface_plotter(  # noqa: PLR0913 - a picture has many independent settings
    mesh: SurfaceMesh,
    values: Float[ndarray, " T"] | None,
    *,
    quantity: Quantity | None,
    limits: tuple[float, float] | None = None,
    diverging: bool = False,
    edges: bool = False,
    ground: float | None = None,
    dark: bool,
    height: int = 520,
) -> pv.Plotter:
    """Return a scene with a body, colored by a value of each triangle or gray.

    Args:
        mesh: The body; it is simplified if it has more than 100,000 triangles.
        values: One value for each triangle; None for gray.
        quantity: The quantity of these values; required with values.
        limits: Values of the first and the last color; by default those of :func:`shared_limits`.
        diverging: Whether the values are errors, whose scale has zero in the middle.
        edges: Whether to show the edges of the triangles.
        ground: Height of the ground below a body in the wind tunnel, where the flow is along +x;
            None for a shape that is not placed there.
        dark: Whether the page is dark.
        height: Height in pixels.

    Raises:
        ValueError: If values are given without their quantity.
    """
    if values is not None and quantity is None:
        raise ValueError("quantity must be given with values, got None; pass their Quantity")
    shown, of_shown = thin_mesh(mesh, values)
    body = polygons(shown.vertices, shown.triangles)
    plotter = make_stage(mesh, ground=ground, dark=dark, height=height)
    if values is None or of_shown is None or quantity is None:
        add_plain(plotter, body, edges=edges, dark=dark)
        return plotter
    body.cell_data[quantity.name] = of_shown.astype(np.float32)
    add_colored(
        plotter,
        body,
        quantity,
        limits=limits or shared_limits(values, centered=diverging),
        diverging=diverging,
        edges=edges,
        dark=dark,
    )
    return plotter


def flow_plotter(  # noqa: PLR0913 - a picture has many independent settings
    mesh: SurfaceMesh,
    points: Float[ndarray, "P 3"],
    velocity: Float[ndarray, "P 3"],
    pressure: Float[ndarray, " P"],
    *,
    layer: Literal["slice", "streamlines"],
    by: Literal["speed", "C_p"] = "speed",
    limits: tuple[float, float] | None = None,
    diverging: bool = False,
    conditions: OperatingConditions | None = None,
    dark: bool,
    height: int = 520,
) -> pv.Plotter:
    """Return a scene with a gray body in the wind tunnel and the flow around it.

    Args:
        mesh: The body: length 1, flow along +x, ground at z = 0.
        points: Points in the flow, on both sides of y = 0.
        velocity: Velocity at these points, in free-stream speeds.
        pressure: C_p at these points.
        layer: ``slice`` for the plane of symmetry, ``streamlines`` for lines from in front of the
            body.
        by: Quantity that colors the slice; streamlines are colored by the speed.
        limits: Values of the first and the last color; by default those of :func:`shared_limits`.
        diverging: Whether the pressure is an error, whose scale has zero in the middle.
        conditions: Speed, air and size for colors in m/s and Pa; None for dimensionless ones.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    plain = _COLORS["speed" if layer == "streamlines" else by]
    is_speed = plain.name == "speed"
    values = np.linalg.norm(velocity, axis=1) if is_speed else pressure
    quantity, values = in_units(plain, values, conditions)
    if layer == "slice":
        grid = slice_grid(mesh, points, velocity if is_speed else pressure)
        drawn = slice_surface(grid, name=quantity.name)
    else:
        lines = streamlines(flow_grid(mesh, points, velocity), rake(mesh), name=quantity.name)
        drawn = tubes(lines, radius=0.0025 * mesh.extent[0])
    _, drawn.point_data[quantity.name] = in_units(
        plain, np.asarray(drawn.point_data[quantity.name]), conditions
    )
    body, _ = thin_mesh(mesh, None)
    plotter = make_stage(mesh, ground=0.0, dark=dark, height=height)
    add_plain(plotter, polygons(body.vertices, body.triangles), edges=False, dark=dark)
    limits = limits or shared_limits(values, centered=diverging)
    added = add_colored(
        plotter, drawn, quantity, limits=limits, diverging=diverging, edges=False, dark=dark
    )
    added.prop.lighting = layer == "streamlines"  # a plane must show exactly the colors of the bar
    return plotter


def slice_surface(grid: SliceGrid, *, name: str) -> pv.PolyData:
    """Return a slice as squares with a value at each corner; vectors are shown by their length.

    Squares at the outline of the body extend into it, where the body hides them. Their corners
    inside get the value of the nearest corner outside.

    Args:
        grid: The slice.
        name: Name of the values.
    """
    values = grid.values if grid.values.ndim == 2 else np.linalg.norm(grid.values, axis=2)
    known = np.isfinite(values)
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    x, z = np.meshgrid(grid.x, grid.z)
    corner, here, next_ = np.arange(x.size).reshape(x.shape), slice(None, -1), slice(1, None)
    around = ((here, here), (here, next_), (next_, next_), (next_, here))
    squares = np.stack([corner[place] for place in around], axis=-1)
    drawn = np.any([known[place] for place in around], axis=0)
    surface = polygons(np.stack([x, 0 * x, z], axis=-1).reshape(-1, 3), squares[drawn])
    surface.point_data[name] = values[tuple(np.asarray(nearest))].ravel().astype(np.float32)
    return surface
