"""Draw a domain: the model predicts it, and the real solver computes the truth."""

from functools import partial

import streamlit as st

from mspt.inference.drawings import drawing_file, drawing_of
from pages._draw import controls, data, panels
from pages._shared import frame, times, words

frame.require_frame()
st.header("What does the model predict for my domain?", anchor=False)
words.answers()
dataset, checkpoint, preset, seed = controls.pick()
dark = frame.is_dark()
numbers = st.container(key="numbers", gap="small")  # has a height while solving, by app.css
body = st.container(horizontal=True, gap="small")  # one row on a wide screen
left, right = body.container(width=1000).columns([5, 7], gap="medium")
with left:
    drawn = controls.draw(dataset, preset, seed, dark=dark)
    drawing = drawing_file(dataset, drawn)
    controls.solve_buttons(dataset, drawing)
    progress = st.container()
    st.caption(drawing_of(dataset).hint)
table = None
with right, frame.error_panel():
    with progress:
        solved = controls.solved(dataset, drawing)
    sample = data.sample_of(dataset.name, drawing, solved)
    if solved is None:
        more = "" if checkpoint is None else ", and the error of the prediction"
        st.caption(f"Press *Solve it now* to see the truth{more}.")
    else:
        st.caption(dataset.solver)
    prediction = None
    if sample is not None and checkpoint is not None:
        prediction = data.predict(checkpoint, drawing, sample, frame.device())
    if sample is not None and (solved is not None or prediction is not None):
        time = times.pick(dataset.time) if dataset.time else 0
        with numbers:
            seconds = None if solved is None else solved.seconds
            panels.numbers(sample, prediction, seconds, time=time)
        panels.pictures(sample, prediction, body, time=time, dark=dark)
    if solved is not None:
        table = partial(data.table_file, solved.case, prediction)
with st.container(horizontal=True):
    controls.link(dataset, preset, drawn)
    st.download_button(
        "This drawing (JSON)",
        drawing,
        key="draw_file",
        file_name=f"drawn-{dataset.name}.json",
        mime="application/json",
        on_click="ignore",
        icon=":material/download:",
    )
    if table is not None:
        st.download_button(
            "Table of this case (CSV)",
            table,
            key="draw_csv",
            mime="text/csv",
            file_name=f"drawn-{dataset.name}.csv",
            on_click="ignore",
            icon=":material/download:",
        )
frame.command(controls.command(dataset, checkpoint))
