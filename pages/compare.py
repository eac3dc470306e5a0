"""Compare designs: two to six shapes side by side, and what their drag differs by."""

import streamlit as st

from pages._compare import controls, panels
from pages._shared import frame, words

frame.require_frame()
st.header("Which of these shapes has less drag, and where does it come from?", anchor=False)
words.answers()
with frame.error_panel():
    chosen = controls.pick()
    if chosen is not None and controls.predict(chosen):
        rows = panels.compared(chosen)
        panels.view(chosen)
        panels.table(chosen, rows)
        frame.command(*controls.commands(chosen))
