"""The predicted flow around a shape as a VTK scene."""

import numpy as np
import pyvista as pv

from mspt.data.sets.car.dataset import CAR
from mspt.figures.vtk.flow import flow_plotter, surface_plotter
from mspt.figures.vtk.stage import add_ghost, make_stage, polygons, thin_mesh
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.outer import hidden_surface
from mspt.inference.shapes import ShapeResult

SHAPE_LAYERS = ("Pressure", "Friction", "Slice", "Streamlines", "Shape")
_PRESSURE, _SHEAR, _ = CAR.fields


def shape_plotter(result: ShapeResult, layer: str, *, dark: bool, height: int) -> pv.Plotter:
    """Return a scene of a prediction in the wind tunnel.

    Args:
        result: The prediction.
        layer: One of ``SHAPE_LAYERS``.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    prediction, body = result.prediction, result.placed.mesh
    if layer in ("Slice", "Streamlines"):
        return flow_plotter(
            body,
            prediction.volume_points,
            prediction.velocity,
            prediction.volume_pressure,
            layer="slice" if layer == "Slice" else "streamlines",
            dark=dark,
            height=height,
        )
    if layer == "Shape":
        return ghost_plotter(result, dark=dark, height=height)
    mesh, cells = prediction.fine_mesh, prediction.fine
    friction = layer == "Friction"
    return surface_plotter(
        mesh,
        np.linalg.norm(cells["C_f"], axis=1) if friction else cells["C_p"],
        quantity=_SHEAR if friction else _PRESSURE,
        ground=0.0,
        dark=dark,
        height=height,
    )


def ghost_plotter(result: ShapeResult, *, dark: bool, height: int) -> pv.Plotter:
    """Return a scene of the body alone, and in another color what was left out of it.

    The body can be seen through if something was left out.
    """
    shape, placed = result.shape, result.placed
    has_hidden = shape.outer.hidden_parts or shape.outer.overlap_area
    hidden = hidden_surface(shape.whole) if has_hidden else None
    if hidden is None:
        return placed_plotter(placed.mesh, dark=dark, height=height)
    moved = hidden.vertices @ placed.matrix.T + placed.offset
    plotter = make_stage(placed.mesh, ground=0.0, dark=dark, height=height)
    body, _ = thin_mesh(placed.mesh, None)
    outer, inner = (
        polygons(body.vertices, body.triangles),
        polygons(moved, hidden.triangles),
    )
    add_ghost(plotter, outer, inner, dark=dark)
    return plotter


def placed_plotter(body: SurfaceMesh, *, dark: bool, height: int) -> pv.Plotter:
    """Return a scene of a body in the wind tunnel without a prediction, its edges drawn."""
    return surface_plotter(
        body, None, quantity=None, edges=True, ground=0.0, dark=dark, height=height
    )
