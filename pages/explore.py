"""Any checkpoint on any test case: truth, prediction and error, and where the error is."""

from functools import partial

import streamlit as st

from pages._explore import cards, charts, controls, files, panels, versus, views
from pages._shared import alone, datasets, frame, pickers, words

frame.require_frame()
pickers.carry_choices(datasets.case_sources())
source, view = controls.pick_view("How close does the model come to the solver?")
words.answers()
chosen = controls.pick(source, view)
if chosen.sample.truth is None:  # a cloud that the visitor has brought
    alone.prediction_alone(chosen.sample, chosen.prediction, chosen.checkpoint)
    st.stop()
numbers = st.container()
if view == controls.FIELDS:
    panels.fields(chosen)
elif view == controls.VTK_VIEW:
    views.vtk_view(chosen)
elif view == controls.INSIDE:
    views.inside(chosen)
else:
    views.flat(chosen)
with numbers:
    cards.numbers(chosen, view)
with st.container(horizontal=True):
    for label, ending, kind, content in files.downloads(chosen):
        st.download_button(
            label,
            partial(content, chosen),
            mime=kind,
            file_name=f"{chosen.file_name}{ending}",
            icon=":material/download:",
            on_click="ignore",
            key=f"explore{ending}",
        )
two = len(chosen.checkpoints) > 1
of_first = f", {chosen.checkpoint.name}" if two else ""
if two:
    st.subheader("Both models on all test cases", anchor=False)
    left, right = st.columns(2, gap="medium")
    with left:
        versus.all_cases(chosen)
    with right:
        versus.averages(chosen, charts.ERROR_WORDS)
left, right = st.columns(2, gap="medium")
with left:
    st.subheader(f"All test cases{of_first}", anchor=False)
    charts.all_cases(chosen)
    if chosen.has_flow:
        st.markdown(
            f"**How much of the error is the model's?**{of_first}", help=words.tip("label noise")
        )
        charts.errors_and_noise(chosen)
with right:
    st.subheader(f"The same model on other numbers of points{of_first}", anchor=False)
    resolutions = st.container()  # computed last, as it takes longest
    if chosen.has_flow:
        st.markdown(f"**Does it find the better of two bodies?**{of_first}")
        charts.order_of_designs(chosen)
    if len(chosen.symmetries) > 1:
        st.subheader(f"Does the prediction turn with the case?{of_first}", anchor=False)
        charts.symmetries(chosen)
st.subheader("Where this comes from", anchor=False)
charts.facts(chosen)
frame.command(*files.commands(chosen))
with resolutions:
    charts.resolution(chosen)
