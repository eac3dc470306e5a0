"""Train small models and watch them learn."""

import streamlit as st

from pages._shared import frame
from pages._train import controls, data, panels

frame.require_frame()
st.header("How does a model learn?", anchor=False)
left, right = st.columns([3.4, 7], gap="medium")
with left, frame.error_panel():
    chosen = controls.pick()
    controls.start_buttons(chosen)
with right, frame.error_panel():
    panels.show(data.race_here(), dark=frame.is_dark())
frame.command(*data.commands(chosen))
