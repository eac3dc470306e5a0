"""Any checkpoint on any test case: truth, prediction and error, and where the error is."""

from functools import partial

import streamlit as st

from pages._explore import charts, controls, files, panels, views
from pages._shared import datasets, frame, pickers

frame.require_frame()
pickers.carry_choices(datasets.case_sources())
source, view = controls.pick_view("How close does the model come to the solver?")
chosen = controls.pick(source)
numbers = st.container()
if view == "Fields":
    panels.fields(chosen)
elif view == "VTK view":
    views.vtk_view(chosen)
else:
    views.flat(chosen)
with numbers:
    charts.numbers(chosen)
shown = controls.shown_resolution(chosen)
with st.container(horizontal=True):
    for label, suffix, kind, content in (
        ("Table of this case (CSV)", "csv", "text/csv", files.table_file),
        ("Points (VTP)", "vtp", "model/vtk", files.mesh_file),
    ):
        st.download_button(
            label,
            partial(content, shown),
            mime=kind,
            file_name=f"{chosen.name}-{chosen.checkpoint.name}.{suffix}",
            icon=":material/download:",
            on_click="ignore",
            key=f"explore_{suffix}",
        )
left, right = st.columns(2, gap="medium")
with left:
    st.subheader("All test cases", anchor=False)
    charts.all_cases(chosen)
    if chosen.has_flow:
        st.markdown("**How much of the error is the model's?**")
        charts.errors_and_noise(chosen)
with right:
    st.subheader("The same model on other numbers of points", anchor=False)
    resolutions = st.container()  # computed last, as it takes longest
    if chosen.has_flow:
        st.markdown("**Does it find the better of two bodies?**")
        charts.order_of_designs(chosen)
st.subheader("Where this comes from", anchor=False)
charts.facts(chosen)
frame.command(*files.commands(chosen))
with resolutions:
    charts.resolution(chosen)
