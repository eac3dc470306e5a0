"""Draw a domain: the model predicts it, and the real solver tells the truth."""

from functools import partial

import streamlit as st

from mspt.data.registry import get_dataset
from mspt.figures.charts.fields import comparison_figure
from mspt.figures.charts.patches import patch_figure
from pages import _canvas, _parts, _shared

_parts.require_frame()
st.header("What if the domain is mine?", anchor=False)
top = st.columns([2, 2.6, 3.9, 1.5], vertical_alignment="bottom")
with top[0]:
    dataset = get_dataset(_parts.pick_dataset())
with top[1]:
    header = _parts.pick_checkpoint(dataset.name)
presets = _canvas.PRESETS[dataset.name]
preset = top[2].segmented_control(
    "Start from",
    presets,
    key=f"{dataset.name}_start",
    default=presets[-1],
    required=True,
    bind="query-params",
)
seed = top[3].number_input(
    "Seed",
    min_value=0,
    max_value=99999,
    value=7,
    key="seed",
    bind="query-params",
    disabled=preset != _canvas.RANDOM,
    help="The same seed draws the same random domain.",
)
dark, resets = _parts.is_dark(), st.session_state.setdefault("draw_resets", 0)
version = f"{dataset.name} {preset} {seed if preset == _canvas.RANDOM else ''} {resets}"
numbers = st.container(height=118, border=False, gap=None)  # keeps its place while solving
body = st.container(horizontal=True, gap="small")  # one row on a wide screen
left, right = body.container(width=1000).columns([5, 7], gap="medium")
with left:
    start = _canvas.start_of(dataset.name, preset, seed)
    drawn = _canvas.canvas(dataset.name, start, version=version, dark=dark)
    drawing = _canvas.drawing_file(dataset.name, drawn)
    with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
        pressed = st.button(
            "Solve it now", type="primary", key="draw_solve", icon=":material/play_arrow:"
        )
        st.button("Reset", key="draw_reset", icon=":material/restart_alt:", on_click=_canvas.reset)
        live = st.toggle(
            "Live",
            value=True,
            key="draw_live",
            persist_state="session",
            help="Solve and predict after each change.",
        )
    stage = st.container()
    st.caption(_canvas.HINTS[dataset.name])
if pressed or live:
    st.session_state["draw_solved"] = drawing
table = None
with right, _parts.error_panel():
    if st.session_state.get("draw_solved") != drawing:
        st.caption("Press *Solve it now* to see truth, prediction and error of this drawing.")
    else:
        with stage, st.status("The solver computes the truth …") as status:
            solved = _shared.solve_drawn(drawing)
            case = solved.case
            status.update(label="The model predicts …")
            prediction = _shared.run(header, case, _parts.device())
            st.caption(dataset.solver)
            status.update(label="Solved and predicted on the same points", state="complete")
        with numbers:
            _parts.drawing_numbers(case, prediction, solved.seconds)
        raster, points = _shared.case_raster(case), case.points.numpy()
        truth, predicted = _shared.primary(case, prediction)
        st.plotly_chart(
            comparison_figure(
                raster,
                points,
                truth,
                predicted,
                columns=2,
                dark=dark,
                quantity=_parts.field_of(dataset),
            ),
            key="draw_comparison",
        )
        if prediction.partition is not None:
            with body.container(width=400):
                st.markdown("**How the model cuts it into patches**")
                patch = prediction.partition.patch_of_point.numpy()
                st.plotly_chart(patch_figure(raster, points, patch, dark=dark), key="draw_patches")
        table = partial(_shared.case_csv, case, prediction)
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
_parts.command(
    f"python -m mspt solve drawn-{dataset.name}.json --checkpoint {header.path.as_posix()} "
    f"--out drawn-{dataset.name}.vtp"
)
