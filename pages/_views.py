"""The 3-D views of a flow."""

import streamlit as st

from mspt.data.car import CAR
from mspt.figures.flow import flow_plotter, surface_plotter
from mspt.figures.scene import shared_limits
from mspt.predict import ShapeResult, in_tunnel
from pages import _flows, _parts, _vtk

VIEWS = ("Pressure", "Friction", "Slice", "Streamlines", "Shape")
TRUTH_VIEWS = ("Truth", "Error")
HEIGHT = 500
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


def _plotter(chosen: str, result: ShapeResult, truth: _flows.Truth | None, *, dark: bool):
    prediction = result.prediction
    mesh = in_tunnel(result.given, result.placed)
    if chosen in ("Slice", "Streamlines"):
        return flow_plotter(
            mesh,
            prediction.volume_points,
            prediction.velocity,
            prediction.volume_pressure,
            layer="slice" if chosen == "Slice" else "streamlines",
            dark=dark,
            height=HEIGHT,
        )
    values, quantity, diverging = None, None, False
    limits = None
    if chosen in ("Pressure", "Truth") and truth is not None:
        both = (prediction.cell_pressure, truth.cell_pressure)
        limits = shared_limits(*both)
    if chosen == "Pressure":
        values, quantity = prediction.cell_pressure, _PRESSURE
    elif chosen == "Truth" and truth is not None:
        values, quantity = truth.cell_pressure, _PRESSURE
    elif chosen == "Error" and truth is not None:
        values, quantity, diverging = (
            prediction.cell_pressure - truth.cell_pressure,
            _PRESSURE,
            True,
        )
    elif chosen == "Friction":
        values, quantity = (prediction.cell_shear**2).sum(axis=1) ** 0.5, _SHEAR
    return surface_plotter(
        mesh,
        values,
        quantity=quantity,
        limits=limits,
        diverging=diverging,
        edges=chosen == "Shape",
        ground=0.0,
        dark=dark,
        height=HEIGHT,
    )
