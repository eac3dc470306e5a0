"""What this is: a guided tour, what to try first, and what ships."""

import streamlit as st

from pages._home import panels
from pages._shared import frame, viewer, words

frame.require_frame()
st.header("How does a neural PDE solver see a shape, and where is it wrong?", anchor=False)
words.answers()
with frame.error_panel():
    panels.tour()
viewer.wait_for_picture()
st.subheader("What this is", anchor=False)
st.markdown(
    "MSPT Explorer shows a trained model beside the solver that made its training data, on cases "
    "that training did not use. The model is the Multi-Scale Patch Transformer (MSPT): it "
    "partitions a cloud of points into patches, pools each patch into a few supernodes, and lets "
    "every point attend to its own patch and to all supernodes at once (Parallelized Multi-Scale "
    "Attention, PMSA). Everything runs on this machine, and every number shows its origin."
)
st.subheader("What to try first", anchor=False)
panels.first_steps()
st.subheader("What ships", anchor=False)
panels.shipped_checkpoints()
st.subheader("The data", anchor=False)
panels.data_sets()
frame.command("python -m mspt datasets")
