"""The controls of the page on benchmarks."""

from collections.abc import Sequence

import streamlit as st

from mspt.benchmarks.ablation_curves import (
    AblationCurve,
    Quantity,
    axes_of,
    curves_along,
    quantities,
    words_of,
)
from mspt.benchmarks.ablation_maps import AblationMap
from mspt.benchmarks.ablations import AblationRow
from pages._benchmarks import data

VIEWS = ("Accuracy", "Ablations", "K and Q", "Known mistakes")
ACCURACY, ABLATIONS, MAPS, MISTAKES = VIEWS
FIRST_CURVES = 4
"""Curves that are drawn before a visitor chooses."""


def pick_view() -> str:
    """Show a choice of what the page is about."""
    return st.segmented_control(
        "View",
        VIEWS,
        default=ACCURACY,
        key="view",
        required=True,
        bind="query-params",
        label_visibility="collapsed",
    )


def pick_dataset() -> str:
    """Show a choice of the data sets."""
    return st.segmented_control(
        "Data set",
        data.dataset_names(),
        default=data.first_dataset(),
        key="set",
        required=True,
        bind="query-params",
    )


def pick_cost() -> str:
    """Show a choice of what the error is drawn against."""
    return st.segmented_control(
        "Test error against",
        list(data.COSTS),
        default="Parameters",
        key="against",
        required=True,
        bind="query-params",
    )


def pick_quantity(dataset: str, rows: Sequence[AblationRow]) -> Quantity:
    """Show a choice of what is shown of each run."""
    every = {one.name: one for one in quantities(rows)}
    name = st.selectbox("What is shown", list(every), key=f"{dataset}_shown", bind="query-params")
    return every[name]


def pick_axis(dataset: str, rows: Sequence[AblationRow], quantity: Quantity) -> str | None:
    """Show a choice of the setting that varies; None where no setting does."""
    names = {words_of(name): name for name in axes_of(rows, quantity)}
    if not names:
        return None
    key = f"{dataset}_varies"
    return names[st.selectbox("What varies", list(names), key=key, bind="query-params")]


def pick_curves(
    dataset: str, rows: Sequence[AblationRow], axis: str, quantity: Quantity
) -> dict[int, AblationCurve]:
    """Show a choice of what is fixed, one curve each; curves keep the number of their color."""
    every = curves_along(rows, axis, quantity)
    labels = [one.label or "all rows" for one in every]
    wanted = st.multiselect(
        "What is fixed, one curve each",
        labels,
        default=labels[:FIRST_CURVES],
        key=f"{dataset}_{axis}_fixed",
        bind="query-params",
    )
    return {
        place: one
        for place, (one, label) in enumerate(zip(every, labels, strict=True))
        if label in wanted
    }


def pick_map(dataset: str, found: Sequence[AblationMap]) -> AblationMap:
    """Show a choice of what is fixed beside K and Q."""
    names = {one.label: one for one in found}
    key = f"{dataset}_map"
    return names[st.selectbox("What is fixed", list(names), key=key, bind="query-params")]


def picked_rows(key: str) -> list[int]:
    """Return the numbers of the rows that are selected in a table."""
    return list(st.session_state.get(key, {}).get("selection", {}).get("rows", []))
