"""Any checkpoint on any test case: truth, prediction and error, and where the error is."""

import streamlit as st

from pages import _explore_case, _explore_designs, _explore_flat, _explore_views, _parts, _samples

_parts.require_frame()
_samples.keep_choices(_explore_case.SOURCES)
source, view = _explore_case.pick_view("How close does the model come to the solver?")
chosen = _explore_case.pick(source)
numbers = st.container()
if view == "Fields":
    _explore_views.fields(chosen)
elif view == "VTK view":
    _explore_flat.vtk(chosen)
else:
    _explore_flat.flat(chosen)
with numbers:
    _explore_case.numbers(chosen)
factor = _explore_views.FACTORS[st.session_state.get("resolution") or "N"]
with st.container(horizontal=True):
    for label, suffix, kind, content in (
        ("Table of this case (CSV)", "csv", "text/csv", _explore_case.table_file),
        ("Points (VTP)", "vtp", "model/vtk", _explore_case.mesh_file),
    ):
        st.download_button(
            label,
            lambda content=content: content(chosen, factor),
            mime=kind,
            file_name=f"{chosen.name}-{chosen.header.path.stem}.{suffix}",
            icon=":material/download:",
            on_click="ignore",
            key=f"explore_{suffix}",
        )
left, right = st.columns(2, gap="medium")
with left:
    st.subheader("All test cases", anchor=False)
    _explore_designs.all_cases(chosen)
    if chosen.is_flow:
        st.markdown("**How much of the error is the model's?**")
        _explore_designs.errors_and_noise(chosen)
with right:
    st.subheader("The same model on other numbers of points", anchor=False)
    slowest = st.container()
    if chosen.is_flow:
        st.markdown("**Does it find the better of two bodies?**")
        _explore_designs.order_of_designs(chosen)
st.subheader("Where this comes from", anchor=False)
_explore_case.facts(chosen)
_parts.command(*_explore_case.commands(chosen))
with slowest:
    _explore_views.resolution(chosen)
