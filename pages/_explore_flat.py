"""The case as a VTK scene, and as flat pictures where it has two axes."""

import streamlit as st

from mspt.data.registry import get_dataset
from mspt.figures.charts.fields import comparison_figure, field_figure, points_figure
from mspt.figures.charts.patches import patch_error_figure, patch_figure
from pages import _explore_case, _explored, _parts, _shared, _vtk
from pages._explore_case import bar

LOOKS = ("Input", "Patches", "Error by patch")
HEIGHT = 520


@st.fragment
def vtk(chosen: _explore_case.Chosen) -> None:
    """Show the case as a VTK scene: edges, clip, slice, streamlines."""
    # Two seconds of importing that the other views need not wait for.
    from mspt.figures.vtk.case import FLOW_LAYERS, SHEET_LAYERS, WHAT, case_plotter

    left, right, rest = st.columns([3, 3, 2], vertical_alignment="bottom")
    layers = FLOW_LAYERS if chosen.is_flow else SHEET_LAYERS
    with left:
        layer = bar("Layer", layers, f"{chosen.source}_layer")
    with right:
        what = bar("Of", WHAT, "of")
    cut = 50
    if layer == "Clip":
        cut = rest.slider("Cut at, % of the length", 0, 95, 50, 5, key="cut", bind="query-params")
    if chosen.is_flow:
        whole = _explored.whole_flow(chosen.name, chosen.header, _parts.device())
        seen, fields = whole.sample, whole.fields
    else:
        seen = _explore_case.sample_at(chosen, 1.0)
        fields = _explored.answer(chosen.header, seen, _parts.device()).fields
    dark = _parts.is_dark()
    path = chosen.header.path
    _vtk.show(
        lambda: case_plotter(
            seen, fields, layer=layer, what=what, cut=cut / 100, dark=dark, height=HEIGHT
        ),
        scene=("explore", seen.key, path.as_posix(), path.stat().st_mtime, layer, what, cut),
        key="explore_vtk",
        height=HEIGHT,
        camera=f"explore-{chosen.source}-{layer == 'Relief'}",
        label=f"{layer} of the {what.lower()} of {chosen.name}, in 3-D",
    )
    if layer == "Streamlines" and what == "Error":
        st.caption("Streamlines of an error mean nothing: the truth's are shown.")
    st.caption(
        "All stored points, carried to the triangles of the body and to a grid around it for the "
        "eye; exact values are under *Fields*."
        if chosen.is_flow
        else "Exact values at the points; colors between them by triangles."
    )


@st.fragment
def flat(chosen: _explore_case.Chosen) -> None:
    """Show a two-dimensional case as pictures whose panels zoom together."""
    dataset, dark = get_dataset(chosen.source), _parts.is_dark()
    case, field = _shared.find_case(chosen.source, chosen.name), _parts.field_of(dataset)
    prediction = _shared.predict_test_case(chosen.header, case, _parts.device())
    raster, points = _shared.case_raster(case), case.points.numpy()
    truth, predicted = _shared.primary(case, prediction)
    st.plotly_chart(
        comparison_figure(raster, points, truth, predicted, quantity=field, dark=dark),
        key="explore_comparison",
    )
    look = bar("Look at", LOOKS, "look", label_visibility="collapsed")
    cuts = prediction.partition
    if look == LOOKS[0] and dataset.features:
        values = case.features[:, 0].numpy()
        figure = field_figure(raster, points, values, quantity=dataset.features[0], dark=dark)
    elif look == LOOKS[0]:
        figure = points_figure(raster, points, dark=dark)
    elif cuts is None:
        st.caption("This model cuts no patches; choose an MSPT checkpoint to see some.")
        return
    elif look == LOOKS[1]:
        figure = patch_figure(raster, points, cuts.patch_of_point.numpy(), dark=dark)
    else:
        patch = cuts.patch_of_point.numpy()
        figure = patch_error_figure(raster, patch, truth, predicted, quantity=field, dark=dark)
    st.plotly_chart(figure, key="explore_input", width=460)
