"""The 3-D views of a flow."""

import streamlit as st
from pyvista import Plotter

from mspt.data.car import CAR
from mspt.figures.flow import flow_plotter, surface_plotter
from mspt.figures.scene import shared_limits
from mspt.flow_inference import carry_to_cells
from mspt.geometry.refine import refined
from mspt.predict import ShapeResult, in_tunnel
from pages import _flows, _parts, _vtk

VIEWS = ("Pressure", "Friction", "Slice", "Streamlines", "Shape")
TRUTH_VIEWS = ("Truth", "Error")
HEIGHT = 500
MAX_EDGE, MAX_CUT = 0.025, 60_000
_PRESSURE, _SHEAR, _VELOCITY = CAR.fields


def flow_view(shape: _flows.Shape, result: ShapeResult, truth: _flows.Truth | None) -> None:
    """Show the body or the flow around it, as chosen."""
    options = [*VIEWS, *(TRUTH_VIEWS if truth else ())]
    chosen = st.segmented_control(
        "View", options, default="Pressure", key="view", required=True, bind="query-params"
    )
    dark = _parts.is_dark()
    _vtk.show(
        lambda: _plotter(chosen, result, truth, dark=dark),
        scene=(shape.digest, str(result.placement_facts()), result.seed, chosen, truth is not None),
        key="flow_view",
        height=HEIGHT,
        label=f"{chosen} of the flow around the shape, in 3-D",
    )


def _plotter(
    chosen: str, result: ShapeResult, truth: _flows.Truth | None, *, dark: bool
) -> Plotter:
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
    shared = {"ground": 0.0, "dark": dark, "height": HEIGHT}
    if chosen == "Shape":
        return surface_plotter(body, None, quantity=None, edges=True, **shared)
    # Long triangles are cut for the eye: the model was asked at many points within each.
    shown = refined(body, max_edge=MAX_EDGE) if len(body.triangles) < MAX_CUT else body
    predicted = carry_to_cells(
        shown,
        prediction.surface_points,
        prediction.surface_normals,
        values=prediction.surface_values,
    )
    if chosen == "Friction":
        size = (predicted[:, 1:] ** 2).sum(axis=1) ** 0.5
        return surface_plotter(shown, size, quantity=_SHEAR, **shared)
    if truth is None:
        return surface_plotter(shown, predicted[:, 0], quantity=_PRESSURE, **shared)
    true = _flows.pressure_on(shown, truth)
    if chosen == "Error":
        miss = predicted[:, 0] - true
        return surface_plotter(shown, miss, quantity=_PRESSURE, diverging=True, **shared)
    return surface_plotter(
        shown,
        true if chosen == "Truth" else predicted[:, 0],
        quantity=_PRESSURE,
        limits=shared_limits(predicted[:, 0], true),
        **shared,
    )
