"""The parts of the first page: the tour, what to try first, what ships."""

import streamlit as st

from mspt.figures.scenes.tour_facts import equations
from pages._home.data import HomeTour, home_tour
from pages._shared import viewer
from pages._shared.cache import checkpoint_table, checkpoints
from pages._shared.datasets import CAR_CASES, all_datasets
from pages._shared.numbers import MEASURED, STORED, badge, noise_words

HEIGHT = 520
SAMPLE = {"sample": "Estate on wheels"}
FIRST_STEPS = (
    (
        "upload",
        "Put a shape into the wind",
        "directions_car",
        SAMPLE,
        "Yours or a sample: pressure, drag, streamlines, and how far to trust them.",
    ),
    (
        "explore",
        "See where the model is wrong",
        "compare",
        {"source": "elasticity", "mark_worst": "true"},
        "Any checkpoint on any of the test cases; errors point by point and patch by patch.",
    ),
    (
        "draw",
        "Draw a hole in a plate",
        "draw",
        {"elasticity_start": "Star"},
        "The model predicts while the solver computes the truth beside it.",
    ),
    (
        "draw",
        "Paint a porous rock",
        "brush",
        {"dataset": "darcy", "darcy_start": "Channel"},
        "Two permeabilities on an 85 × 85 grid; the pressure follows.",
    ),
)
"""Page, label, icon, query of its address, description."""


def tour() -> None:
    """Show the tour, its equations, and links to continue."""
    found = home_tour()
    left, right = st.columns([7, 4], gap="medium")
    with left:
        viewer.show(
            found.tour.scene,
            key="home_tour",
            label=f"A tour in six stops of {found.name}, from its shape to the predicted pressure",
            height=HEIGHT,
        )
    with right:
        _equations(found)
    _links(found)


def _equations(found: HomeTour) -> None:
    """Show the equations with this cloud's numbers in them."""
    facts = found.tour.facts
    st.markdown(
        f"**This cloud in four equations** {badge(MEASURED)}  \n"
        f"{found.name}, predicted by the checkpoint {found.checkpoint.name}: "
        f"N = {facts.num_points:,}, K = {facts.num_patches}, L = {facts.size}, "
        f"Q = {facts.per_patch}, S = {facts.num_supernodes}, D = {facts.width}"
    )
    for words, equation in equations(facts):
        st.markdown(words)
        st.latex(equation)


def _links(found: HomeTour) -> None:
    """Show links to the pages in the state of the tour."""
    state = {
        "source": CAR_CASES,
        f"{CAR_CASES}_case": found.name,
        "checkpoint": found.checkpoint.name,
    }
    row = st.container(horizontal=True, gap="medium", vertical_alignment="center")
    row.markdown("**Continue**", width="content")
    for label, page, icon, query in (
        ("Bring a shape", "upload", "directions_car", SAMPLE),
        ("Partition it otherwise", "patches", "bubble_chart", state),
        (
            "Attention from any point",
            "attention",
            "center_focus_strong",
            {**state, "points": str(found.tour.facts.point)},
        ),
        ("See where it is wrong", "explore", "compare", {**state, "mark_worst": "true"}),
    ):
        row.page_link(
            f"pages/{page}.py", label=label, icon=f":material/{icon}:", query_params=query
        )


def first_steps() -> None:
    """Show cards with what to try first."""
    columns = st.columns(len(FIRST_STEPS))
    for column, (page, label, icon, query, words) in zip(columns, FIRST_STEPS, strict=True):
        with column.container(border=True, height="stretch"):
            st.page_link(
                f"pages/{page}.py", label=label, icon=f":material/{icon}:", query_params=query
            )
            st.caption(words)


def shipped_checkpoints() -> None:
    """Show all checkpoints with their stored errors."""
    st.dataframe(
        checkpoint_table(),
        hide_index=True,
        key="home_checkpoints",
        column_config={
            "Test error": st.column_config.NumberColumn(format="percent", help="Mean relative L2"),
            "Mean only": st.column_config.NumberColumn(
                format="percent", help="Error of predicting the training mean everywhere"
            ),
            "Parameters": st.column_config.NumberColumn(format="localized"),
        },
    )
    flows = next(iter(checkpoints(CAR_CASES).values()))
    words = noise_words(flows)
    noise = [f"Of `{CAR_CASES}`: {words}"] if words else []
    st.caption(" ".join([f"Relative L2 errors on the test split, {STORED}.", *noise]))


def data_sets() -> None:
    """Show the equation and the geometry of each data set, three in a row."""
    datasets = all_datasets()
    for start in range(0, len(datasets), 3):
        for column, item in zip(st.columns(3), datasets[start : start + 3], strict=False):
            with column:
                st.markdown(f"**{item.title}** (`{item.name}`)")
                st.markdown(f"${item.equation}$")
                st.caption(item.geometry)
