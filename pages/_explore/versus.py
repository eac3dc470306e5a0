"""Two models over all test cases: their averages, and the error of each case."""

import streamlit as st

from mspt.evaluation.pairs import PairedErrors, pair_errors
from mspt.figures.charts.pairs import paired_figure
from pages._explore import scores
from pages._explore.cards import same_test_cases, stored_averages
from pages._explore.data import Chosen
from pages._shared import frame
from pages._shared.numbers import MEASURED, STORED, badge, minus
from pages._shared.samples import case_names

SHEET_ERRORS = {"relative_l2": "Average", "median": "Median case", "worst": "Worst case"}


def averages(chosen: Chosen, flow_errors: dict[str, str]) -> None:
    """Show the stored averages of both models."""
    first, second = chosen.checkpoints
    if not same_test_cases(first, second):
        st.caption("The stored averages of these two checkpoints are of different test cases.")
        return
    table = stored_averages(chosen, flow_errors if chosen.has_flow else SHEET_ERRORS)
    what = "bodies" if chosen.has_flow else "cases"
    st.markdown(f"**Averages over {first.metrics.get('cases', 0)} test {what}** {badge(STORED)}")
    st.table(table, border="horizontal", width="stretch")


@frame.fragment
def all_cases(chosen: Chosen) -> None:
    """Show the error of B against that of A on every case; a click opens a case."""
    first, second = chosen.checkpoints
    errors = [scores.errors_of(one, chosen.source, chosen.device) for one in chosen.checkpoints]
    found, names = pair_errors(*errors), case_names(chosen.source)
    if found.names:
        st.markdown(_sentence(chosen, found))
        st.plotly_chart(
            paired_figure(
                found, (first.name, second.name), selected=chosen.name, dark=frame.is_dark()
            ),
            # The key names the case: a point selected for one case is not selected for the next.
            key=(key := f"explore_pairs_{chosen.name}"),
            on_select=lambda: _open_case(key, case_key=f"{chosen.source}_case"),
            selection_mode="points",
        )
        if st.session_state[f"{chosen.source}_case"] in set(found.names) - {chosen.name}:
            st.rerun()  # a click reruns this fragment alone, but it has changed the page's case
    for one, known in zip(chosen.checkpoints, errors, strict=True):
        missing = len(names) - len(known)
        if missing and (
            scores.is_evaluating(one, chosen.device)
            or st.button(
                f"Evaluate {one.name} on the other {missing}",
                key=f"score_{one.name}",
                icon=":material/play_arrow:",
            )
        ):
            scores.evaluate(one, chosen.source, chosen.device)


def _sentence(chosen: Chosen, found: PairedErrors) -> str:
    """Return which model has the smaller error on how many cases."""
    stored = all(scores.is_stored(one, found.names) for one in chosen.checkpoints)
    field = "C_p" if chosen.has_flow else "each case"
    points = minus(f"{100 * found.mean_difference:+.2f}")
    return (
        f"Error of {field}: A is better on **{found.num_first_smaller}**, B on "
        f"**{found.num_second_smaller}** of {len(found.names)}; B − A is {points} percentage "
        f"points on average. {badge(STORED if stored else MEASURED)}"
    )


def _open_case(key: str, *, case_key: str) -> None:
    points = st.session_state[key]["selection"]["points"]
    if points and "customdata" in points[0]:
        row = points[0]["customdata"]
        st.session_state[case_key] = row[0] if isinstance(row, list) else row["0"]
