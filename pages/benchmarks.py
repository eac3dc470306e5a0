"""How accurate the models are, what decides it, and which mistakes others have made."""

import streamlit as st

from pages._benchmarks import controls, panels, views
from pages._shared import frame, words

frame.require_frame()
st.header("How good are the models, and what decides it?", anchor=False)
words.answers()
with frame.error_panel():
    view = controls.pick_view()
    if view == controls.MISTAKES:
        views.mistakes()
    else:
        dataset = controls.pick_dataset()
        if view == controls.ACCURACY:
            panels.accuracy(dataset)
        elif view == controls.ABLATIONS:
            views.ablations(dataset)
        else:
            views.maps(dataset)
