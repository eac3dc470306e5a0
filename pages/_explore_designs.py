"""Where a case stands among all test cases, and drag and lift of all bodies."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
import streamlit as st

from mspt.evaluation.flows import ORDER_GAPS, label_noise
from mspt.figures.charts.curves import error_histogram
from mspt.figures.charts.designs import drag_scatter, order_figure
from mspt.metrics.ranking import order_accuracy
from pages import _explored, _parts, _samples, _shared
from pages._explore_case import Chosen

MIN_DESIGNS = 3
ERROR_WORDS = {
    "surface_pressure": "C_p",
    "surface_pressure_by_area": "C_p by area",
    "body_pressure": "C_p on the body",
    "wheel_pressure": "C_p on wheels and arches",
    "wall_shear": "C_f",
    "volume_pressure": "C_p in the flow",
    "velocity": "Velocity",
    "velocity_change": "Change of velocity",
}
"""Names of the errors of a score."""


@st.fragment
def all_cases(chosen: Chosen) -> None:
    """Show where this case stands among all test cases."""
    if chosen.is_flow:
        _all_flows(chosen)
        return
    errors = _shared.known_errors(chosen.header, _parts.device())
    if len(errors) == len(_shared.test_cases(chosen.source).names):
        smaller = sum(error < errors[chosen.name] for error in errors.values())
        stored = _shared.stored_errors(chosen.header)
        origin = _parts.MEASURED if errors.keys() - stored.keys() else _parts.STORED
        st.markdown(
            f"**{smaller} of {len(errors)}** test cases have a smaller error than this one. "
            f"{_parts.badge(origin)}"
        )
        st.plotly_chart(
            error_histogram(
                np.array(list(errors.values())),
                selected=errors[chosen.name],
                dark=_parts.is_dark(),
            ),
            key="explore_histogram",
        )
    elif st.session_state.get("worst"):
        steps = _shared.rank_test_cases(chosen.header, _parts.device())
        what = chosen.header.path, _parts.device()
        if _parts.follow("Predicting all test cases", steps, what=what):
            st.rerun()
    else:
        st.caption(
            "Turn on *Worst first* to predict every test case once, sort the list by error and see "
            "where this case ranks."
        )


def errors_and_noise(chosen: Chosen) -> None:
    """Show all errors of a body, each beside the noise of its labels."""
    metrics = chosen.header.info.get("metrics", {})
    score = _explored.score_of(chosen.name, chosen.header, _parts.device())
    columns = {
        "Error": score,
        "Label noise": _explored.noise_of(chosen.name),
        f"Mean of {metrics.get('cases', 0)}": metrics,
        "Its label noise": label_noise(metrics),
    }
    rows = {name: words for name, words in ERROR_WORDS.items() if _is_number(score[name])}
    st.table(
        pd.DataFrame(
            {
                title: [_parts.percent(found.get(name)) for name in rows]
                for title, found in columns.items()
            },
            index=list(rows.values()),
        ),
        border="horizontal",
        width="stretch",
    )
    st.caption(
        "Label noise is by how much the solver's own answer changes on meshes whose cells are 1% "
        f"larger and smaller. This body's errors are {_origin(score)}, its label noise is "
        f"{_parts.MEASURED}, means of the test cases are {_parts.STORED}."
    )


def _is_number(value: float | None) -> bool:
    return value is not None and not np.isnan(value)


def _origin(score: Mapping[str, Any]) -> str:
    return _parts.STORED if score["stored"] else _parts.MEASURED


def _all_flows(chosen: Chosen) -> None:
    """Show drag or lift of the bodies scored so far; a click opens a body."""
    table = _explored.score_table(chosen.header, _parts.device())
    names = list(table["name"])
    coefficient: Literal["C_D", "C_L"] = st.segmented_control(
        "Coefficient",
        ("C_D", "C_L"),
        default="C_D",
        key="coefficient",
        required=True,
        bind="query-params",
        label_visibility="collapsed",
    )
    st.plotly_chart(
        drag_scatter(
            table[coefficient].to_numpy(),
            table[f"{coefficient}_true"].to_numpy(),
            names,
            list(table["family"]),
            highlighted=names.index(chosen.name),
            dark=_parts.is_dark(),
            quantity=coefficient,
        ),
        # Another case has another chart: what was clicked in the last one is not marked in it.
        key=(key := f"explore_designs_{chosen.name}"),
        on_select=lambda: _open_design(key, names),
        selection_mode="points",
    )
    if st.session_state["car_case"] in set(names) - {chosen.name}:
        st.rerun()  # a click runs this fragment alone
    computed = table["stored"].tolist().count(False)
    st.caption(
        f"{len(table)} bodies the model has not learned from; click one to open it. "
        f"{len(table) - computed} {_parts.STORED}, {computed} {_parts.MEASURED}."
    )
    missing = len(_samples.flow_names()) - len(table)
    if missing and st.button(
        f"Score the other {missing}", key="score_all", icon=":material/play_arrow:"
    ):
        _parts.follow("Scoring all bodies", _explored.rank_flows(chosen.header, _parts.device()))
        st.rerun()


def _open_design(key: str, names: list[str]) -> None:
    points = st.session_state[key]["selection"]["points"]
    if points and "customdata" in points[0]:
        row = points[0]["customdata"]
        st.session_state["car_case"] = names[int(row[2] if isinstance(row, list) else row["2"])]


def order_of_designs(chosen: Chosen) -> None:
    """Show how often the better of two bodies is found."""
    table = _explored.score_table(chosen.header, _parts.device())
    if len(table) < MIN_DESIGNS:
        st.caption("Score the other bodies to see how often the better of two is found.")
        return
    found = order_accuracy(
        table["C_D"].to_numpy(), table["C_D_true"].to_numpy(), gaps=np.array(ORDER_GAPS)
    )
    st.plotly_chart(
        order_figure(found.gap, found.share, found.num_pairs, dark=_parts.is_dark()),
        key="explore_order",
    )
