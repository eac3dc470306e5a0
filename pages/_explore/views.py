"""The case as a VTK scene, and as flat pictures where it has two dimensions."""

from dataclasses import replace
from typing import Any

import streamlit as st

from mspt.data.registry import get_dataset
from mspt.evaluation.comparison import compare
from mspt.figures.charts.fields import comparison_figure, field_figure, points_figure
from mspt.figures.charts.patches import patch_error_figure, patch_figure
from mspt.figures.scenes.comparison import quantity_of
from mspt.inference.frames import points_at
from pages._explore.controls import bar, pick_view_of
from pages._explore.data import Chosen, whole_flow
from pages._shared import frame, times, vtk
from pages._shared.datasets import input_channels
from pages._shared.sheets import raster_of

PICTURES = ("Input", "Patches", "Error by patch")
HEIGHT = 520


@frame.fragment
def vtk_view(chosen: Chosen) -> None:
    """Show the case as a VTK scene: edges, clip, slice, streamlines."""
    # Importing VTK takes two seconds; the other views start without it.
    from mspt.figures.vtk.case import FLOW_LAYERS, SHEET_LAYERS, WHAT, case_plotter

    left, middle, right = st.columns([3, 3, 2], vertical_alignment="bottom")
    layers = FLOW_LAYERS if chosen.has_flow else SHEET_LAYERS
    with left:
        layer = bar("Layer", layers, f"{chosen.source}_layer")
    with middle:
        what = bar("Of", WHAT, "of")
    clip = 50
    if layer == "Clip":
        clip = right.slider(
            "Clip at, % of the length", 0, 95, 50, 5, key="clip", bind="query-params"
        )
    if chosen.has_flow:
        whole = whole_flow(chosen)
        sample, fields = whole.sample, whole.fields
    else:
        sample, predicted = chosen.at(_time(chosen))
        fields = predicted[chosen.checkpoint.name]
    dark = frame.is_dark()
    vtk.show(
        lambda: case_plotter(
            sample, fields, layer=layer, what=what, cut=clip / 100, dark=dark, height=HEIGHT
        ),
        scene=("explore", sample.key, chosen.checkpoint.key, layer, what, clip),
        key="explore_vtk",
        height=HEIGHT,
        camera=f"explore-{chosen.source}-{layer == 'Relief'}",
        label=f"{layer} of the {what.lower()} of {chosen.name}, in 3-D",
    )
    if layer == "Streamlines" and what == "Error":
        st.caption("An error has no streamlines; those of the truth are shown.")
    st.caption(
        "All stored points, interpolated to the triangles of the body and to a grid around it for "
        "display; exact values are under *Fields*."
        if chosen.has_flow
        else "Exact values at the points; colors between them are interpolated in triangles."
    )


@frame.fragment
def inside(chosen: Chosen) -> None:
    """Show slices, iso-surfaces and streamlines of the solver beside those of the model."""
    # Importing VTK takes two seconds; the other views start without it.
    from pages._shared.inside import flows_of_sample, show

    whole = whole_flow(chosen)
    show(
        flows_of_sample(whole.sample, whole.fields),
        mesh=whole.sample.body,
        scene=(whole.sample.key, chosen.checkpoint.key, chosen.device),
        key="explore_inside",
        name=chosen.file_name,
    )


@frame.fragment
def flat(chosen: Chosen) -> None:
    """Show a two-dimensional case as pictures whose panels zoom together."""
    dark, row = frame.is_dark(), st.columns([2, 3, 2], vertical_alignment="bottom")
    with row[0]:
        view = pick_view_of(chosen)
    with row[1]:
        when = _time(chosen)
    sample, fields = chosen.at(when)
    raster, points = raster_of(sample), sample.points.numpy()
    predicted = fields[chosen.checkpoint.name]
    shown = compare(sample, predicted, view)
    quantity = quantity_of(shown)
    st.plotly_chart(
        comparison_figure(
            raster,
            points,
            shown.truth,
            shown.prediction,
            quantity=quantity,
            moved=_moved(chosen, when),
            dark=dark,
        ),
        key="explore_comparison",
    )
    look = bar("Picture", PICTURES, "look", label_visibility="collapsed")
    patch = chosen.prediction.patch_of_point
    if look == "Input":
        figure = _input(chosen, dark=dark)
    elif patch is None:
        st.caption("This model has no patches; choose an MSPT checkpoint to see some.")
        return
    elif look == "Patches":
        figure = patch_figure(raster, points, patch, dark=dark)
    else:
        figure = patch_error_figure(
            raster, patch, shown.truth, shown.prediction, quantity=quantity, dark=dark
        )
    st.plotly_chart(figure, key="explore_input", width=460)


def _time(chosen: Chosen) -> int:
    """Show a choice of the time, where there are several."""
    return 0 if chosen.time is None else times.pick(chosen.time)


def _moved(chosen: Chosen, when: int) -> Any:
    """Return where the model predicts the points to be; None where points stay."""
    if chosen.time is None or not chosen.time.positions:
        return None
    places = points_at(chosen.sample, chosen.prediction.fields, when)
    return raster_of(replace(chosen.sample, points=places)), places.numpy()


def _input(chosen: Chosen, *, dark: bool) -> Any:
    """Return a picture of what the model reads: one of its inputs, or the points."""
    sample = chosen.sample
    raster, points = raster_of(sample), sample.points.numpy()
    inputs = input_channels(get_dataset(chosen.source))
    if not inputs:
        return points_figure(raster, points, dark=dark)
    name = next(iter(inputs))
    if len(inputs) > 1:
        name = st.selectbox("Input", list(inputs), key=f"{chosen.source}_input", width=460)
    column, quantity = inputs[name]
    st.caption(f"{quantity.description}")
    values = sample.features[:, column].numpy()
    return field_figure(raster, points, values, quantity=quantity, dark=dark)
