"""The parts of the first page: the tour, what to try first, what ships."""

from dataclasses import dataclass

import streamlit as st

from mspt.data.dataset import Dataset
from mspt.data.registry import get_dataset
from mspt.figures.scenes.tour_facts import equations
from mspt.inference.drawings import drawing_of
from pages._home.data import HomeTour, home_tour
from pages._shared import notes, viewer
from pages._shared.cache import (
    all_checkpoints,
    checkpoint_table,
    checkpoints,
    num_checkpoints,
    refused_checkpoints,
)
from pages._shared.datasets import (
    case_sources,
    drawable_sources,
    flow_source,
    generated_datasets,
    has_flow,
    num_test_cases,
    public_datasets,
)
from pages._shared.numbers import MEASURED, STORED, badge, noise_words

SAMPLE = {"sample": "Estate on wheels"}

IN_A_ROW = 4
"""Cards side by side."""

ICONS = {"outline": "draw", "map": "brush", "points": "polyline", "field": "cyclone"}
"""By the kind of drawing that a card leads to."""


@dataclass(frozen=True)
class FirstStep:
    """A card with what to try first.

    Attributes:
        page: The page it leads to.
        label: What to do.
        icon: Name of a Material symbol.
        query: Query of the page's address.
        words: One sentence about it.
    """

    page: str
    label: str
    icon: str
    query: dict[str, str]
    words: str


def steps_to_try() -> list[FirstStep]:
    """Return the cards: a shape, the errors, and each data set that can be drawn."""
    sheets = [name for name in case_sources() if not has_flow(name)]
    steps = [
        FirstStep(
            "upload",
            "Put a shape into the wind",
            "directions_car",
            SAMPLE,
            "Yours or a sample: pressure, drag, streamlines, and how far to trust them.",
        ),
        FirstStep(
            "compare",
            "Compare designs",
            "difference",
            {},
            "Two to six shapes side by side: differences of their drag, and where they come from.",
        ),
        FirstStep(
            "explore",
            "See where the model is wrong",
            "compare",
            {"source": (sheets or [flow_source()])[0], "mark_worst": "true"},
            "Any checkpoint on any of the test cases; errors point by point and patch by patch.",
        ),
    ]
    for name in drawable_sources():
        drawing = drawing_of(get_dataset(name))
        label, words = drawing.invitation
        query = {"dataset": name, f"{name}_start": drawing.first_example}
        steps.append(FirstStep("draw", label, ICONS[drawing.kind], query, words))
    return steps


def tour() -> None:
    """Show the tour, its equations, and links to continue."""
    found = home_tour()
    left, right = st.columns([7, 4], gap="medium")
    with left:
        viewer.show(
            found.tour.scene,
            key="home_tour",
            label=f"A tour in six stops of {found.name}, from its shape to the predicted pressure",
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
    source = flow_source()
    state = {
        "source": source,
        f"{source}_case": found.name,
        "checkpoint": found.checkpoint.name,
    }
    row = st.container(horizontal=True, gap="medium", vertical_alignment="center")
    row.markdown("**Continue**", width="content")
    for label, page, icon, query in (
        ("Upload a shape", "upload", "directions_car", SAMPLE),
        ("Change the partition", "patches", "bubble_chart", state),
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


def _at_hand(item: Dataset) -> None:
    """Say how many cases and models of a data set there are, or how to get them."""
    cases, models = num_test_cases(item.name), num_checkpoints(item.name)
    if not cases:
        st.caption(f"No cases here yet: `python -m mspt generate {item.name} --out data`")
    elif not models:
        st.caption(f"{cases} test cases, no model yet: `python -m mspt train {item.name}`")
    else:
        st.page_link(
            "pages/explore.py",
            label=f"{_counted(cases, 'test case')}, {_counted(models, 'model')}",
            icon=":material/compare:",
            query_params={"source": item.name},
        )


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def first_steps() -> None:
    """Show cards with what to try first."""
    steps = steps_to_try()
    for start in range(0, len(steps), IN_A_ROW):
        row = steps[start : start + IN_A_ROW]
        for column, step in zip(st.columns(IN_A_ROW), row, strict=False):
            with column.container(border=True, height="stretch"):
                st.page_link(
                    f"pages/{step.page}.py",
                    label=step.label,
                    icon=f":material/{step.icon}:",
                    query_params=step.query,
                )
                st.caption(step.words)


def shipped_checkpoints() -> None:
    """Show all checkpoints with their stored errors, and the files that cannot be used."""
    for file, reason in refused_checkpoints().items():
        notes.warning("The checkpoint {} cannot be used: {}.", file, reason.rstrip("."))
    if not all_checkpoints():
        st.caption("No checkpoint is here yet.")
        return
    st.dataframe(
        checkpoint_table().style.format(dict.fromkeys(("Test error", "Mean only"), "{:.2%}")),
        hide_index=True,
        key="home_checkpoints",
        column_config={
            "Test error": st.column_config.NumberColumn(help="Mean relative L2"),
            "Mean only": st.column_config.NumberColumn(
                help="Error of predicting the training mean everywhere"
            ),
            "Parameters": st.column_config.NumberColumn(format="localized"),
        },
    )
    source = flow_source()
    words = ""
    if num_checkpoints(source):
        words = noise_words(next(iter(checkpoints(source).values())))
    noise = [f"Of `{source}`: {words}"] if words else []
    st.caption(" ".join([f"Relative L2 errors on the test split, {STORED}.", *noise]))


def data_sets() -> None:
    """Show each data set with its cases and models at hand, three in a row."""
    shown = generated_datasets()
    for start in range(0, len(shown), 3):
        for column, item in zip(st.columns(3), shown[start : start + 3], strict=False):
            with column:
                st.markdown(f"**{item.title}** (`{item.name}`)")
                st.markdown(f"${item.equation}$")
                st.caption(item.geometry)
                _at_hand(item)
    if others := public_datasets():
        names = ", ".join(f"{item.title} (`{item.name}`)" for item in others)
        st.caption(
            f"Also read from files that others publish: {names}; `python -m mspt datasets` says "
            "which files."
        )
