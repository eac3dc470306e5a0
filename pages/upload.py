"""Upload a shape: pressure, drag, the flow around it, and how far to trust them."""

from functools import partial

import streamlit as st

from pages._shared import frame, units, words
from pages._shared.progress import follow
from pages._upload import controls, data, panels, views

frame.require_frame()
st.header("What does the air do to my shape?", anchor=False)
words.answers()
with frame.error_panel():
    chosen = controls.pick()
    if chosen is None:
        st.stop()
    result = data.predictions().get(chosen.key)
    if result is None:
        steps = data.predict(chosen.shape, chosen.key)
        if not follow("Predicting the flow", steps, work=chosen.key):
            panels.preview(chosen.shape, chosen.placement)
            st.stop()
        result = data.finished(chosen.key)
    views.outside(chosen, result)
    panels.verdict(result)
    panels.warnings(result)
    conditions = units.pick(chosen.placement.length_m)
    panels.numbers(chosen, result, conditions)
    compared = st.container()
    left, right = st.columns([7, 4], gap="medium")
    with right:
        truth = controls.solver(chosen, result)
        panels.trust_strip(result)
        panels.findings(result, conditions)
    if truth is not None:
        with compared:
            panels.truth_numbers(chosen, result, truth, data.errors(chosen.key, truth), conditions)
    with left:
        panels.flow_view(chosen.key, result, truth, conditions)
    with st.container(horizontal=True):
        for label, name, kind, content in (
            ("Mesh (VTP)", "prediction.vtp", "model/vtk", data.vtp_file),
            ("Table (CSV)", "prediction.csv", "text/csv", data.table_file),
            (
                "Run record (JSON)",
                "run-record.json",
                "application/json",
                partial(data.run_record_file, shape=chosen.shape, checkpoint=chosen.checkpoint),
            ),
        ):
            st.download_button(
                label,
                partial(content, result, conditions=conditions),
                key=f"download_{name}",
                file_name=f"{chosen.shape.stem}-{name}",
                mime=kind,
                on_click="ignore",
                icon=":material/download:",
            )
        panels.report_files(chosen, result, truth, conditions)
        if truth is not None:
            panels.solver_files(chosen, result, truth)
        if not chosen.is_own:
            panels.sample_file(chosen.shape)
    frame.command(*controls.commands(chosen, conditions))
