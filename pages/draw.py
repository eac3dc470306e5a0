"""Draw a domain: the model predicts it, and the real solver tells the truth."""

import json

import streamlit as st

from mspt.data.registry import get_dataset
from mspt.figures.fields import comparison_figure
from pages import _canvas, _parts, _shared

st.header("What if the domain is mine?", anchor=False)
top = st.columns([2.1, 3, 4, 1.6], vertical_alignment="bottom")
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
left, right = st.columns([5, 7], gap="medium")
with left:
    start = _canvas.start_of(dataset.name, preset, seed)
    drawing = _canvas.canvas(dataset.name, start, version=version, dark=dark)
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
    numbers = st.container()
if pressed or live:
    st.session_state["draw_solved"] = dataset.name, drawing
with right, _parts.error_panel():
    if st.session_state.get("draw_solved") != (dataset.name, drawing):
        st.caption("Press *Solve it now* to see prediction, truth and error of this drawing.")
    else:
        with st.status("The solver computes the truth …") as status:
            case, solver_seconds = _shared.solve_drawing(dataset.name, json.dumps(drawing))
            status.update(label="The model predicts …")
            prediction = _shared.run(header, case, _parts.device())
            status.update(label="Solved and predicted: same points, same field", state="complete")
        with numbers:
            _parts.drawing_numbers(case, prediction, solver_seconds)
        truth, predicted = _shared.primary(case, prediction)
        st.plotly_chart(
            comparison_figure(
                _shared.case_raster(case),
                case.points.numpy(),
                truth,
                predicted,
                quantity=_parts.field_of(dataset),
                columns=2,
                dark=dark,
            ),
            key="draw_comparison",
        )
        st.download_button(
            "Table of this case (CSV)",
            lambda: _shared.case_csv(case, prediction),
            file_name=f"drawn-{dataset.name}.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            key="draw_csv",
        )
st.download_button(
    "This drawing (JSON)",
    _canvas.drawing_file(dataset.name, drawing),
    mime="application/json",
    file_name=f"drawn-{dataset.name}.json",
    on_click="ignore",
    icon=":material/download:",
    key="draw_file",
)
_parts.command(f"python -m mspt solve {dataset.name} drawn-{dataset.name}.json")
