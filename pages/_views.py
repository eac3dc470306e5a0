"""The 3-D views of a flow."""

import streamlit as st
from numpy import ndarray
from pyvista import Plotter

from mspt.data.sets.car.dataset import CAR
from mspt.figures.scenes.surface import surface_comparison
from mspt.figures.vtk.flow import flow_plotter, surface_plotter
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.placement import Placement, place_mesh
from mspt.geometry.subdivide import refined
from mspt.inference.flow import carry_to_cells
from mspt.inference.shapes import ShapeResult, in_tunnel
from pages import _flows, _parts, _viewer, _vtk

VIEWS = ("Pressure", "Friction", "Slice", "Streamlines", "Shape")
BESIDE = "Truth and error"
HEIGHT = 500
MAX_EDGE, MAX_CUT = 0.025, 60_000
_PRESSURE, _SHEAR, _VELOCITY = CAR.fields


def flow_view(shape: _flows.Shape, result: ShapeResult, truth: _flows.Truth | None) -> None:
    """Show the body or the flow around it, as chosen."""
    options = [*((BESIDE,) if truth else ()), *VIEWS]
    chosen = st.segmented_control(
        "View", options, default="Pressure", key="view", required=True, bind="query-params"
    )
    if chosen == BESIDE and truth is not None:
        mesh, cells = _shown(result)
        scene = surface_comparison(
            mesh, _flows.pressure_on(mesh, truth), cells[:, 0], quantity=_PRESSURE
        )
        label = "C_p on the body by the solver, by the model, and their difference"
        _viewer.show(scene, key="flow_beside", label=label, height=HEIGHT)
        return
    dark = _parts.is_dark()
    _vtk.show(
        lambda: _plotter(chosen, result, dark=dark),
        scene=(shape.digest, str(result.placement_facts()), result.seed, chosen),
        key="flow_view",
        height=HEIGHT,
        label=f"{chosen} of the flow around the shape, in 3-D",
    )


def preview(shape: _flows.Shape, placement: Placement) -> None:
    """Show the shape where it was placed, without a prediction."""
    dark, body = _parts.is_dark(), in_tunnel(shape.mesh, place_mesh(shape.mesh, placement))
    _vtk.show(
        lambda: _body_plotter(body, dark=dark),
        scene=(shape.digest, str(placement), "preview"),
        key="flow_preview",
        height=HEIGHT,
        label="The shape in the wind tunnel, in 3-D",
    )


def _body_plotter(body: SurfaceMesh, *, dark: bool) -> Plotter:
    return surface_plotter(
        body, None, quantity=None, edges=True, ground=0.0, dark=dark, height=HEIGHT
    )


def _shown(result: ShapeResult) -> tuple[SurfaceMesh, ndarray]:
    """Return the body to draw, and C_p and C_f on its triangles."""
    prediction, body = result.prediction, in_tunnel(result.given, result.placed)
    # Long triangles are cut for the eye: the model was asked at many points within each.
    mesh = refined(body, max_edge=MAX_EDGE) if len(body.triangles) < MAX_CUT else body
    cells = carry_to_cells(
        mesh,
        prediction.surface_points,
        prediction.surface_normals,
        values=prediction.surface_values,
    )
    return mesh, cells


def _plotter(chosen: str, result: ShapeResult, *, dark: bool) -> Plotter:
    prediction, body = result.prediction, in_tunnel(result.given, result.placed)
    if chosen in ("Slice", "Streamlines"):
        return flow_plotter(
            body,
            prediction.volume_points,
            prediction.velocity,
            prediction.volume_pressure,
            layer="slice" if chosen == "Slice" else "streamlines",
            dark=dark,
            height=HEIGHT,
        )
    if chosen == "Shape":
        return _body_plotter(body, dark=dark)
    shared = {"ground": 0.0, "dark": dark, "height": HEIGHT}
    mesh, cells = _shown(result)
    if chosen == "Friction":
        size = (cells[:, 1:] ** 2).sum(axis=1) ** 0.5
        return surface_plotter(mesh, size, quantity=_SHEAR, **shared)
    return surface_plotter(mesh, cells[:, 0], quantity=_PRESSURE, **shared)
