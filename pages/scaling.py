"""How time and memory grow with points, patches and supernodes."""

import streamlit as st

from pages import _growth, _growth_shown, _jobs, _parts

_parts.require_frame()
st.header("What do more points cost?", anchor=False)
stored, here = _growth.stored_rows(), _growth.rows_here()
top = st.columns([2.9, 1.9, 4.6], vertical_alignment="bottom")
axis = _growth.AXES[
    top[0].segmented_control(
        "What grows",
        list(_growth.AXES),
        default="Points N",
        key="axis",
        required=True,
        bind="query-params",
    )
]
quantity = _growth.QUANTITIES[
    top[1].segmented_control(
        "What it costs",
        list(_growth.QUANTITIES),
        default="Time",
        key="quantity",
        required=True,
        bind="query-params",
    )
]
names = top[2].pills(
    "Models",
    list(_growth.MODEL_NAMES.values()),
    default=list(_growth.MODEL_NAMES.values()),
    selection_mode="multi",
    key="models",
    bind="query-params",
)
left, right = st.columns([3.2, 7], gap="medium")
with left:
    shown = st.pills(
        "Curves",
        list(_growth_shown.SHOWN),
        default=["Stored", "Here", "Formula"],
        selection_mode="multi",
        key="curves",
        bind="query-params",
    )
    sweep = _growth.sweep_for(axis, names, stored)
    running = _jobs.is_running(_growth.JOB)
    last = st.select_slider(
        "Measure on this machine, up to",
        sweep.values,
        value=sweep.values[2],
        key=f"up_to_{axis}",
        format_func="{:,}".format,
        disabled=running,
        bind="query-params",
    )
    values = _growth.up_to(sweep, last)
    if st.button(
        "Measure here",
        type="primary",
        key="scaling_measure",
        icon=":material/play_arrow:",
        disabled=running or not sweep.models,
    ):
        _jobs.start(
            _growth.JOB, _growth.measure(sweep, values, _parts.device(), here=here, stored=stored)
        )
        st.rerun()
    _jobs.follow(_growth.JOB)
    if not running:
        st.caption(_growth.plan(sweep, values, _parts.device(), here=here, stored=stored))
with right:
    drawn = _growth_shown.curves(sweep, quantity, shown, stored, here)
    only_here = bool(here) and "Stored" not in shown
    _growth_shown.numbers(sweep, quantity, here if only_here else stored, measured_here=only_here)
    _growth_shown.chart(sweep, quantity, drawn, dark=_parts.is_dark())
    st.caption(
        f"*{_growth_shown.STORED.capitalize()}*: {_growth_shown.machine(stored, axis)}."
        + (f"  \n*Measured here*: {_growth_shown.machine(here, axis)}." if here else "")
    )
    if "Paper" in shown:
        st.caption(_growth_shown.paper_caption())
full = _growth_shown.table(sweep, stored, here)
st.dataframe(_growth_shown.readable(full), hide_index=True, height=220, key="scaling_table")
st.download_button(
    "All rows (CSV)",
    full.to_csv(index=False),
    mime="text/csv",
    file_name=f"scaling-{axis}.csv",
    icon=":material/download:",
    on_click="ignore",
    key="scaling_csv",
)
_parts.command(*_growth.command(sweep, values))
