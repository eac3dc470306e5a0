"""Compare designs: two to six shapes side by side, and what their drag differs by."""

import streamlit as st

from pages._compare import controls, data, panels
from pages._shared import frame
from pages._shared.progress import follow

frame.require_frame()
st.header("Which of these shapes has less drag, and where does it come from?", anchor=False)
with frame.error_panel():
    chosen = controls.pick()
    if chosen is None:
        st.stop()
    if not data.are_predicted(chosen.entries):
        steps = data.predict_all(chosen.entries)
        work = tuple(one.key for one in chosen.entries)
        if not follow("Predicting the shapes", steps, work=work):
            st.stop()
    panels.view(chosen)
    panels.table(chosen)
    frame.command(*controls.commands(chosen))
