"""Pull the roof: a car by a few sliders, its drag while they move, and the nearest solved cars."""

import streamlit as st

from pages._roof import controls, panels
from pages._shared import frame, words

frame.require_frame()
st.header("What does a change of its shape do to the drag of a car?", anchor=False)
words.answers()
with frame.error_panel():
    left, right = st.columns([3, 8], gap="medium")
    with left:
        chosen = controls.pick()
    with right:
        numbers = st.empty()
        quick = panels.live(chosen, numbers)
        panels.view(chosen, quick)
    panels.nearest(chosen)
    with left:
        controls.hand_over(chosen)
    panels.tried(chosen, quick)
    frame.command(*controls.commands(chosen))
    panels.at_rest(chosen, quick, numbers, place=right)
