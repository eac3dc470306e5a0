"""The tour on the first page: one body as the model sees it, kept for all visitors."""

from contextlib import suppress
from pathlib import Path

import streamlit as st

from mspt.checkpoint import CheckpointInfo
from mspt.errors import MSPTError
from mspt.figures.charts.designs import family_group
from mspt.figures.scenes.tour import Tour, build_tour
from mspt.figures.scenes.tour_facts import equations
from mspt.inspection.observe import observe
from pages import _parts, _samples, _shared, _viewer

HEIGHT = 520


def show() -> None:
    """Show the tour, its equations, and where to go on."""
    tour, header, name = _of_first_page()
    left, right = st.columns([7, 4], gap="medium")
    with left:
        _viewer.show(
            tour.scene,
            key="home_tour",
            label=f"A tour in six stops of {name}, from its shape to the predicted pressure",
            height=HEIGHT,
        )
    with right:
        _equations(tour, header, name)
    _links(tour, header, name)


def prepare() -> None:
    """Build the tour before anyone asks; what is missing for it, the page says."""
    with suppress(MSPTError):
        _of_first_page()


def _of_first_page() -> tuple[Tour, CheckpointInfo, str]:
    """Return the tour, its checkpoint and its body."""
    header = next(iter(_shared.checkpoints(_samples.CAR_CASES).values()))
    name = next(
        name for name in _samples.flow_names() if family_group(_samples.flow_family(name)) == "cars"
    )
    return _tour(name, header.path, header.path.stat().st_mtime, _header=header), header, name


@st.cache_resource(max_entries=2, show_spinner="The model looks at a car …")
def _tour(name: str, path: Path, changed: float, *, _header: CheckpointInfo) -> Tour:  # noqa: ARG001
    sample = _samples.sample(_samples.CAR_CASES, name, _header)
    with _shared.one_at_a_time():
        return build_tour(observe(_shared.checkpoint(path), sample))


def _equations(tour: Tour, header: CheckpointInfo, name: str) -> None:
    """Show the equations with this cloud's numbers in them."""
    facts = tour.facts
    st.markdown(
        f"**This cloud in four equations** {_parts.badge(_parts.MEASURED)}  \n"
        f"{name}, seen by the checkpoint {header.path.stem}: N = {facts.num_points:,}, "
        f"K = {facts.num_patches}, L = {facts.size}, Q = {facts.per_patch}, "
        f"S = {facts.num_supernodes}, D = {facts.width}"
    )
    for words, equation in equations(facts):
        st.markdown(words)
        st.latex(equation)


def _links(tour: Tour, header: CheckpointInfo, name: str) -> None:
    """Lead to the pages in the state of the tour."""
    state = {"source": _samples.CAR_CASES, "car_case": name, "checkpoint": header.path.stem}
    row = st.container(horizontal=True, gap="medium", vertical_alignment="center")
    row.markdown("**Now you**", width="content")
    for label, page, icon, query in (
        ("Bring a shape", "upload", "directions_car", {"sample": "Estate on wheels"}),
        ("Cut it otherwise", "patches", "bubble_chart", state),
        (
            "PointAttention from any point",
            "attention",
            "center_focus_strong",
            {**state, "points": str(tour.facts.point)},
        ),
        ("See where it is wrong", "explore", "compare", {**state, "mark_worst": "true"}),
    ):
        row.page_link(
            f"pages/{page}.py", label=label, icon=f":material/{icon}:", query_params=query
        )
