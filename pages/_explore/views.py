"""The case as a VTK scene, and as flat pictures where it has two dimensions."""

import streamlit as st

from mspt.data.registry import get_dataset
from mspt.figures.charts.fields import comparison_figure, field_figure, points_figure
from mspt.figures.charts.patches import patch_error_figure, patch_figure
from pages._explore.controls import bar
from pages._explore.data import Chosen, whole_flow
from pages._shared import frame, vtk
from pages._shared.sheets import primary_fields, raster_of

PICTURES = ("Input", "Patches", "Error by patch")
HEIGHT = 520


@st.fragment
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
            "Clip at, % of the length", 0, 95, 50, 5, key="cut", bind="query-params"
        )
    if chosen.has_flow:
        whole = whole_flow(chosen)
        sample, fields = whole.sample, whole.fields
    else:
        sample, fields = chosen.sample, chosen.prediction.fields
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


@st.fragment
def flat(chosen: Chosen) -> None:
    """Show a two-dimensional case as pictures whose panels zoom together."""
    dataset, dark, sample = get_dataset(chosen.source), frame.is_dark(), chosen.sample
    raster, points = raster_of(sample), sample.points.numpy()
    quantity, truth, predicted = primary_fields(sample, chosen.prediction.fields)
    st.plotly_chart(
        comparison_figure(raster, points, truth, predicted, quantity=quantity, dark=dark),
        key="explore_comparison",
    )
    shown = bar("Picture", PICTURES, "look", label_visibility="collapsed")
    patch = chosen.prediction.patch_of_point
    if shown == "Input" and dataset.features:
        values = sample.features[:, 0].numpy()
        figure = field_figure(raster, points, values, quantity=dataset.features[0], dark=dark)
    elif shown == "Input":
        figure = points_figure(raster, points, dark=dark)
    elif patch is None:
        st.caption("This model has no patches; choose an MSPT checkpoint to see some.")
        return
    elif shown == "Patches":
        figure = patch_figure(raster, points, patch, dark=dark)
    else:
        figure = patch_error_figure(raster, patch, truth, predicted, quantity=quantity, dark=dark)
    st.plotly_chart(figure, key="explore_input", width=460)
