"""Where a case stands among all test cases, and drag and lift of all bodies."""

from typing import Literal

import numpy as np
import streamlit as st

from mspt.design_metrics import order_accuracy
from mspt.figures.curves import error_histogram
from mspt.figures.designs import drag_scatter, order_figure
from mspt.flow_evaluation import ORDER_GAPS
from pages import _explored, _parts, _shared, _subjects
from pages._explore_case import Chosen

MIN_DESIGNS = 3


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
    missing = len(_subjects.flow_names()) - len(table)
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
