"""Train small models and watch them learn."""

import streamlit as st

from pages._shared import frame, words
from pages._train import controls, data, panels

frame.require_frame()
st.header("How does a model learn?", anchor=False)
words.answers()
with frame.error_panel():
    chosen = controls.pick()
    controls.start_buttons(chosen)
    panels.show(data.race_here(), dark=frame.is_dark())
    frame.command(*data.commands(chosen))
