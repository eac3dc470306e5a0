"""The predicted flow around a shape as a VTK scene.

Shapes: E edges.
"""

from typing import cast

import numpy as np
import pyvista as pv
from jaxtyping import Float

from mspt.data.sets.car.dataset import CAR
from mspt.figures.theme import ACCENT, DEFECT, GREEN
from mspt.figures.vtk.flow import flow_plotter, surface_plotter
from mspt.figures.vtk.stage import add_ghost, add_plain, make_stage, polygons, thin_mesh
from mspt.geometry.marks import Marks, find_marks
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.placement import PlacedMesh
from mspt.inference.physical import in_units
from mspt.inference.shapes import ShapeResult
from mspt.metrics.conditions import OperatingConditions

SHAPE_LAYERS = ("Pressure", "Friction", "Slice", "Streamlines", "Shape")
EDGE_RADIUS, MAX_TUBES = 0.004, 5000
"""Radius of a marked edge in body lengths, and the most edges that are drawn with one."""

RAISED = 0.001
"""Height of a marked surface over the body, in body lengths: surfaces in one place flicker."""

_PRESSURE, _SHEAR, _ = CAR.fields


def shape_plotter(
    result: ShapeResult,
    layer: str,
    *,
    marks: Marks | None = None,
    conditions: OperatingConditions | None = None,
    dark: bool,
    height: int,
) -> pv.Plotter:
    """Return a scene of a prediction in the wind tunnel.

    Args:
        result: The prediction.
        layer: One of ``SHAPE_LAYERS``.
        marks: What the layer ``Shape`` marks on the body; found anew if None.
        conditions: Speed, air and size for fields in Pa and m/s; None for dimensionless ones.
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
            conditions=conditions,
            dark=dark,
            height=height,
        )
    if layer == "Shape":
        found = find_marks(result.shape) if marks is None else marks
        return marked_plotter(result.placed, found, dark=dark, height=height)
    cells = prediction.fine
    if layer == "Friction":
        quantity, values = in_units(_SHEAR, np.linalg.norm(cells["C_f"], axis=1), conditions)
    else:
        quantity, values = in_units(_PRESSURE, cells["C_p"], conditions)
    return surface_plotter(
        prediction.fine_mesh,
        values,
        quantity=quantity,
        ground=0.0,
        dark=dark,
        height=height,
    )


def marked_plotter(placed: PlacedMesh, marks: Marks, *, dark: bool, height: int) -> pv.Plotter:
    """Return a scene of the body, with the defects of its file and what was changed.

    Open edges and edges of more than two triangles are lines, surfaces that were added or left out
    have colors of their own, see :func:`mark_colors`. The body can be seen through if something was
    left out.

    Args:
        placed: The body in the wind tunnel.
        marks: What to mark on it.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    body, _ = thin_mesh(placed.mesh, None)
    outer = polygons(body.vertices, body.triangles)
    plotter = make_stage(placed.mesh, ground=0.0, dark=dark, height=height)
    colors = mark_colors(dark=dark)
    if marks.left_out is None:
        add_plain(plotter, outer, edges=True, dark=dark)
    else:
        hidden = marks.left_out
        inner = polygons(placed.to_tunnel(hidden.vertices), hidden.triangles)
        add_ghost(plotter, outer, inner, dark=dark)
    if marks.added is not None:
        corners = placed.to_tunnel(marks.added.corners.reshape(-1, 3)).reshape(-1, 3, 3)
        raised = corners + RAISED * (marks.added.normals @ placed.matrix.T / placed.scale)[:, None]
        count = 3 * len(raised)
        added = polygons(raised.reshape(-1, 3), np.arange(count).reshape(-1, 3))
        plotter.add_mesh(added, color=colors["added"], lighting=False)
    for kind, edges in (("open", marks.open_edges), ("crowded", marks.crowded_edges)):
        if len(edges):
            ends = placed.to_tunnel(edges.reshape(-1, 3)).reshape(-1, 2, 3)
            plotter.add_mesh(_thick_lines(ends), color=colors[kind], lighting=False)
    return plotter


def mark_colors(*, dark: bool) -> dict[str, str]:
    """Return the color of each kind of mark, see :meth:`mspt.geometry.marks.Marks.describe`."""
    return {
        "open": DEFECT[dark],
        "crowded": DEFECT[dark],
        "added": GREEN[dark],
        "left out": ACCENT[dark],
    }


def _thick_lines(ends: Float[np.ndarray, "E 2 3"]) -> pv.PolyData:
    """Return edges as tubes that can be seen from afar; as plain lines if there are very many."""
    lines = pv.PolyData()
    lines.points = ends.reshape(-1, 3).astype(np.float32)
    pairs = np.arange(2 * len(ends)).reshape(-1, 2)
    lines.lines = np.insert(pairs, 0, 2, axis=1).ravel()
    if len(ends) > MAX_TUBES:
        return lines
    return cast(pv.PolyData, lines.tube(radius=EDGE_RADIUS, n_sides=6))


def placed_plotter(body: SurfaceMesh, *, dark: bool, height: int) -> pv.Plotter:
    """Return a scene of a body in the wind tunnel without a prediction, its edges drawn."""
    return surface_plotter(
        body, None, quantity=None, edges=True, ground=0.0, dark=dark, height=height
    )
