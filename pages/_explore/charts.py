"""Numbers and charts of a case: its errors, its rank among all cases, drag and lift of bodies."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
import streamlit as st

from mspt.data.registry import get_dataset
from mspt.evaluation.flows import ORDER_GAPS, label_noise
from mspt.figures.charts.curves import error_histogram, learning_curve
from mspt.figures.charts.designs import drag_scatter, order_figure
from mspt.figures.charts.resolution import resolution_figure
from mspt.metrics.ranking import order_accuracy
from pages._explore import data, scores
from pages._explore.controls import FACTORS
from pages._explore.data import Chosen
from pages._shared import frame, worker
from pages._shared.numbers import MEASURED, STORED, badge, checkpoint_facts, percent
from pages._shared.samples import case_names

MIN_DESIGNS = 3
ERROR_WORDS = {
    "surface_pressure": "C_p",
    "surface_pressure_by_area": "C_p by area",
    "body_pressure": "C_p without wheels",
    "wheel_pressure": "C_p on wheels and arches",
    "wall_shear": "C_f",
    "volume_pressure": "C_p in the flow",
    "velocity": "Velocity",
    "velocity_change": "Change of velocity",
}
"""Names of the errors in a score."""


@frame.fragment
def all_cases(chosen: Chosen) -> None:
    """Show the error of this case among those of all test cases."""
    if chosen.has_flow:
        _all_flows(chosen)
        return
    at = (
        ""
        if chosen.as_trained
        else f", at the N = {len(chosen.trained.sample.points):,} of training,"
    )
    errors = scores.known_errors(chosen.checkpoint, chosen.device)
    if len(errors) == len(case_names(chosen.source)):
        smaller = sum(error < errors[chosen.name] for error in errors.values())
        stored = scores.stored_errors(chosen.checkpoint)
        origin = MEASURED if errors.keys() - stored.keys() else STORED
        st.markdown(
            f"**{smaller} of {len(errors)}** test cases have a smaller error{at} than this one. "
            f"{badge(origin)}"
        )
        figure = error_histogram(
            np.array(list(errors.values())), selected=errors[chosen.name], dark=frame.is_dark()
        )
        st.plotly_chart(figure, key="explore_histogram")
    elif st.session_state.get("worst"):
        scores.evaluate(chosen.checkpoint, chosen.source, chosen.device)
    else:
        st.caption(
            "Turn on *Worst first* to predict every test case once, sort the list by error and see "
            "where this case ranks."
        )


def errors_and_noise(chosen: Chosen) -> None:
    """Show all errors of a body, each beside the noise of its labels."""
    metrics, score = chosen.checkpoint.metrics, scores.score_of(chosen)
    noise = scores.noise_of(chosen.name)
    columns = {
        "This body": score,
        "Scatter of the solver": noise,
        f"Average over {metrics.get('cases', 0)}": metrics,
        "Scatter of the solver, average": label_noise(metrics),
    }
    rows = {name: words for name, words in ERROR_WORDS.items() if _is_number(score[name])}
    st.table(
        pd.DataFrame(
            {
                title: [percent(found.get(name)) for name in rows]
                for title, found in columns.items()
            },
            index=list(rows.values()),
        ),
        border="horizontal",
        width="stretch",
    )
    st.caption(
        f"Errors of {chosen.checkpoint.name} over all stored points; *by area* and the two rows "
        "below it weight each face by its area. Scatter of the solver is the change of its own "
        f"result on meshes whose cells are 1% larger and smaller. Errors of this body are "
        f"{_origin(score)}, its scatter is "
        f"{MEASURED if noise else 'unknown, as it was solved on one mesh only'}, averages over the "
        f"test bodies are {STORED}."
    )


def _is_number(value: float | None) -> bool:
    return value is not None and not np.isnan(value)


def _origin(score: Mapping[str, Any]) -> str:
    return STORED if score["stored"] else MEASURED


def _all_flows(chosen: Chosen) -> None:
    """Show drag or lift of the bodies evaluated so far; a click opens a body."""
    table = scores.score_table(chosen)
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
            dark=frame.is_dark(),
            quantity=coefficient,
        ),
        # The key names the case: a point selected for one case is not selected for the next.
        key=(key := f"explore_designs_{chosen.name}"),
        on_select=lambda: _open_design(key, names, case_key=f"{chosen.source}_case"),
        selection_mode="points",
    )
    if st.session_state[f"{chosen.source}_case"] in set(names) - {chosen.name}:
        st.rerun()  # a click reruns this fragment alone, but it has changed the case of the page
    computed = table["stored"].tolist().count(False)
    st.caption(
        f"{len(table)} bodies that training did not use; click one to open it. "
        f"{len(table) - computed} {STORED}{f', {computed} {MEASURED}' if computed else ''}."
    )
    missing = len(case_names(chosen.source)) - len(table)
    if not missing or st.session_state.get("worst"):
        return  # *Worst first* evaluates all, and shows it above
    begins = scores.is_evaluating(chosen.checkpoint, chosen.device) or st.button(
        f"Evaluate the other {missing}", key="score_all", icon=":material/play_arrow:"
    )
    if begins:
        scores.evaluate(chosen.checkpoint, chosen.source, chosen.device)


def _open_design(key: str, names: list[str], *, case_key: str) -> None:
    points = st.session_state[key]["selection"]["points"]
    if points and "customdata" in points[0]:
        row = points[0]["customdata"]
        st.session_state[case_key] = names[int(row[2] if isinstance(row, list) else row["2"])]


def order_of_designs(chosen: Chosen) -> None:
    """Show how often the better of two bodies is found."""
    table = scores.score_table(chosen)
    if len(table) < MIN_DESIGNS:
        st.caption("Evaluate the other bodies to see how often the better of two is found.")
        return
    found = order_accuracy(
        table["C_D"].to_numpy(), table["C_D_true"].to_numpy(), gaps=np.array(ORDER_GAPS)
    )
    st.plotly_chart(
        order_figure(found.gap, found.share, found.num_pairs, dark=frame.is_dark()),
        key="explore_order",
    )


@frame.fragment
def resolution(chosen: Chosen) -> None:
    """Show the error against the number of points, where the truth is known at more than one."""
    if len(chosen.trained.factors) == 1:
        st.caption("The truth of this case is stored at one number of points only.")
        return
    if (
        worker.is_busy()
        and not data.knows_resolutions(chosen)
        and not st.button("Predict at other numbers of points", key="resolutions")
    ):
        st.caption("Others wait for predictions just now, so these wait for you to ask for them.")
        return
    rows, place = [], st.empty()
    words = "Predicting at other resolutions …"
    place.caption(words)
    for row in data.errors_by_resolution(chosen):
        rows.append(row)
        # Streamlit ends this script here if the visitor has changed an input meanwhile.
        place.caption(f"{words} {row.num_points:,} points done")
    place.empty()
    st.plotly_chart(resolution_figure(rows, dark=frame.is_dark()), key="explore_resolution")
    missing = [name for name, factor in FACTORS.items() if factor not in {r.factor for r in rows}]
    gone = f" No truth is stored at {', '.join(missing)}; none is interpolated." * bool(missing)
    st.caption(
        "The model was trained on one N. A flat curve means that it also holds at other numbers of "
        f"points; a rise means that it depends on the resolution of its training.{gone}"
    )


@frame.fragment
def symmetries(chosen: Chosen) -> None:
    """Show how far predictions turn with the case, on demand, as each symmetry takes a pass."""
    others = len(chosen.symmetries) - 1
    passes = f"{others} more {'passes' if others > 1 else 'pass'}"
    if not st.toggle(
        f"Turn the case and predict again ({passes})", key="turn", bind="query-params"
    ):
        st.caption(
            "The solution turns with its case. Whether the prediction does too needs no truth to "
            "tell, so that it says how far to trust the model where no solver has run."
        )
        return
    with st.spinner(f"Predicting, {passes} …"):
        found = data.turned_predictions(
            chosen.source, chosen.name, chosen.checkpoint.key, chosen.device
        )
    turned = found[1:]
    rows = {
        "The case": [one.symmetry.name for one in turned],
        "Prediction changes by": [one.difference for one in turned],
        "Error": [one.relative_l2 for one in turned],
    }
    largest = max(one.difference for one in turned)
    st.markdown(
        f"Turned back, the predictions differ by **up to {percent(largest)}** {badge(MEASURED)} "
        f"from that of the case as it is, which has an error of {percent(found[0].relative_l2)}."
    )
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        key="explore_symmetries",
        column_config={
            column: st.column_config.NumberColumn(column, format="percent")
            for column in ("Prediction changes by", "Error")
        },
    )
    st.caption(
        "Of two predictions that differ, one is wrong by at least half of the difference. A model "
        "can also be symmetric and wrong."
    )


def facts(chosen: Chosen) -> None:
    """Show how the checkpoints were made, and what the data set is."""
    dataset = get_dataset(chosen.source)
    columns = st.columns(1 + len(chosen.checkpoints), gap="medium")
    for column, checkpoint in zip(columns, chosen.checkpoints, strict=False):
        with column:
            st.markdown(f"**The checkpoint {checkpoint.name}** {badge(STORED)}")
            checkpoint_facts(checkpoint)
            if curve := checkpoint.info.get("curve"):
                st.plotly_chart(
                    learning_curve(np.array(curve), dark=frame.is_dark()),
                    key=f"explore_curve_{checkpoint.name}",
                )
    with columns[-1]:
        st.markdown(f"**The data set {dataset.name}**: {dataset.title}")
        st.markdown(f"${dataset.equation}$")  # in the text and not as a block, so that it wraps
        st.caption(f"{dataset.geometry}\n\n{dataset.solver}")
