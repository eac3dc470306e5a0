"""The predicted flow around a shape as a VTK scene."""

import numpy as np
import pyvista as pv

from mspt.data.sets.car.dataset import CAR
from mspt.figures.vtk.flow import flow_plotter, surface_plotter
from mspt.geometry.mesh import SurfaceMesh
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
        return placed_plotter(body, dark=dark, height=height)
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


def placed_plotter(body: SurfaceMesh, *, dark: bool, height: int) -> pv.Plotter:
    """Return a scene of a body in the wind tunnel without a prediction, its edges drawn."""
    return surface_plotter(
        body, None, quantity=None, edges=True, ground=0.0, dark=dark, height=height
    )
