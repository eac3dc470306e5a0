"""Draw a domain: the model predicts it, and the real solver computes the truth."""

from functools import partial

import streamlit as st

from mspt.errors import MSPTError
from mspt.inference.drawings import drawing_file, drawing_of
from mspt.inference.sample import sample_of_case
from pages._draw import controls, data, panels
from pages._shared import frame

frame.require_frame()
st.header("What does the model predict for my domain?", anchor=False)
dataset, checkpoint, preset, seed = controls.pick()
dark = frame.is_dark()
numbers = st.container(key="numbers", gap="small")  # has a height while solving, by app.css
body = st.container(horizontal=True, gap="small")  # one row on a wide screen
left, right = body.container(width=1000).columns([5, 7], gap="medium")
with left:
    drawing = drawing_file(dataset, controls.draw(dataset, preset, seed, dark=dark))
    solve = controls.pick_when_to_solve()
    progress = st.container()
    st.caption(drawing_of(dataset).hint)
if solve:
    st.session_state["draw_solved"] = drawing
table = None
with right, frame.error_panel():
    if st.session_state.get("draw_solved") != drawing:
        st.caption("Press *Solve it now* to see truth, prediction and error of this drawing.")
    else:
        with progress, st.status("The solver computes the truth …") as status:
            try:
                solved = data.solve(drawing)
            except MSPTError:
                status.update(label="The solver cannot take this drawing", state="error")
                raise
            status.update(label="The model predicts …")
            prediction = data.predict(checkpoint, drawing, solved.case, frame.device())
            st.caption(dataset.solver)
            status.update(label="Solved and predicted on the same points", state="complete")
        sample = sample_of_case(solved.case)
        with numbers:
            panels.numbers(sample, prediction, solved.seconds)
        panels.pictures(sample, prediction, body, dark=dark)
        table = partial(data.table_file, solved.case, prediction)
with st.container(horizontal=True):
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
frame.command(
    f"python -m mspt solve drawn-{dataset.name}.json --checkpoint {checkpoint.path.as_posix()} "
    f"--out drawn-{dataset.name}.vtp"
)
