"""How time and memory grow with points, patches and supernodes."""

import streamlit as st

from pages._scaling import charts, controls, data, panels
from pages._shared import frame, words

frame.require_frame()
st.header("What do more points cost?", anchor=False)
words.answers()
view = controls.pick_view()
if view != "Curves":
    panels.show_forecasts() if view == "Forecast" else panels.show_hard_clouds()
    st.stop()
stored, here = data.stored_rows(), data.rows_here()
axis, quantity, names = controls.pick()
sweep = data.sweep_for(axis, names, stored)
numbers = st.container()
left, right = st.columns([3.2, 7], gap="medium")
with left:
    origins = controls.pick_origins()
    values = controls.measure_here(sweep, stored, here)
only_here = bool(here) and "stored" not in origins
if only_here or "stored" in origins:  # numbers of curves that are drawn
    with numbers:
        charts.summary(sweep, quantity, here if only_here else stored, measured_here=only_here)
with right:
    charts.chart(sweep, quantity, origins, stored=stored, here=here)
    charts.sources(sweep, origins, stored=stored, here=here)
full = data.table(sweep, stored, here)
charts.table(full)
st.download_button(
    "All rows (CSV)",
    full.to_csv(index=False),
    mime="text/csv",
    file_name=f"scaling-{axis}.csv",
    icon=":material/download:",
    on_click="ignore",
    key="scaling_csv",
)
frame.command(*data.command(sweep, values))
