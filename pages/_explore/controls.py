"""The controls of the page of predictions: data set, checkpoints, case, field, resolution."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from mspt.data.registry import get_dataset
from mspt.evaluation.comparison import COMPONENTS, View, views_of
from mspt.figures.scenes.comparison import ERROR_MODES
from pages._explore import data, scores
from pages._explore.data import Chosen
from pages._shared import frame
from pages._shared.cache import ListedCheckpoint, checkpoints
from pages._shared.datasets import case_sources, has_flow
from pages._shared.pickers import pick_checkpoint
from pages._shared.samples import case_names, case_names_to_pick

NOTHING = "nothing"
FLOW_VIEWS, SHEET_VIEWS = ("Fields", "VTK view"), ("Fields", "VTK view", "Flat")
CLOUD_VIEWS = ("Fields", "Flat")
FACTORS = {"N/4": 0.25, "N/2": 0.5, "N": 1.0, "2N": 2.0}


def bar(label: str, options: Sequence[str], key: str, **settings: Any) -> Any:
    """Show a choice of one of some words; it is kept in the address."""
    return st.segmented_control(
        label,
        options,
        default=options[0],
        key=key,
        required=True,
        bind="query-params",
        **settings,
    )


def pick_view(title: str) -> tuple[str, str]:
    """Show the title of the page beside a choice of data set and kind of view."""
    top = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    top.header(title, anchor=False, width="stretch")
    settings = {"label_visibility": "collapsed", "width": "content"}
    with top:
        source = bar("Data set", case_sources(), "source", **settings)
        views = _views(source)
        view = bar("View", views, "view", **settings)
    return source, view


def _views(source: str) -> tuple[str, ...]:
    """Return the kinds of view that a data set's cases have: VTK needs a body or triangles."""
    dataset = get_dataset(source)
    if dataset.body is not None:
        return FLOW_VIEWS
    return CLOUD_VIEWS if dataset.make_triangles is None else SHEET_VIEWS


def pick(source: str) -> Chosen:
    """Show a choice of checkpoints and case, and return the case with its predictions."""
    top = st.columns([2.1, 2.1, 2.4, 1.1, 1.5], vertical_alignment="bottom", gap="small")
    with top[0]:
        checkpoint = pick_checkpoint(source)
    found = checkpoints(source)
    others = [NOTHING, *(name for name in found if name != checkpoint.name)]
    versus = top[1].selectbox("Compare with", others, key="versus", bind="query-params")
    worst_first = top[4].toggle("Worst first", key="worst", bind="query-params")
    device = frame.device()
    names = case_names_to_pick(source)
    if worst_first:
        names = _worst_first(source, checkpoint, device) or names
    key = f"{source}_case"
    name = top[2].selectbox(f"Test case, one of {len(names)}", names, key=key, bind="query-params")
    with top[3].container(horizontal=True, wrap=False, gap="xxsmall"):
        _step_buttons(names, name, key=key)
    shown = (checkpoint,) if versus == NOTHING else (checkpoint, found[versus])
    return data.resolve(source, name, shown, device)


def _worst_first(source: str, checkpoint: ListedCheckpoint, device: str) -> list[str]:
    """Return the cases by descending error; none as long as not all errors are known."""
    names = case_names(source)
    if has_flow(source):
        scores.evaluate(checkpoint, source, device)
        found = scores.known_scores(checkpoint, source, device)
        errors = {name: score["surface_pressure"] for name, score in found.items()}
    else:
        errors = scores.known_errors(checkpoint, device)
    if len(errors) < len(names):
        return []
    return sorted(names, key=errors.__getitem__, reverse=True)


def _step_buttons(names: Sequence[str], name: str, *, key: str) -> None:
    """Show buttons that move to the neighbors in the list of cases."""
    for icon, distance, text in (("chevron_left", -1, "Previous"), ("chevron_right", 1, "Next")):
        st.button(
            "",
            icon=f":material/{icon}:",
            key=f"case_{text.lower()}",
            help=f"{text} case",
            on_click=st.session_state.__setitem__,
            args=(key, names[(names.index(name) + distance) % len(names)]),
        )


@dataclass(frozen=True)
class FieldSettings:
    """What the linked panels show.

    Attributes:
        factor: Number of points, as a multiple of N in training.
        view: The field.
        part: Component of a vector.
        mode: How the error is shown.
    """

    factor: float
    view: View
    part: Any
    mode: Any


def pick_field(chosen: Chosen) -> FieldSettings:
    """Show a choice of field, component, kind of error and number of points."""
    columns = st.columns([2.2, 2.3, 2.2, 2.3], vertical_alignment="bottom", gap="small")
    views = views_of(chosen.sample)
    key = f"{chosen.source}_field"
    view = views[columns[0].selectbox("Field", list(views), key=key, bind="query-params")]
    with columns[1]:
        part = bar("Component", COMPONENTS, "part") if view.is_vector else "size"
    with columns[2]:
        mode = bar("Error as", ERROR_MODES, "error")
    with columns[3]:
        size = _pick_size(chosen)
    return FieldSettings(FACTORS[size], view, part, mode)


def _pick_size(chosen: Chosen) -> str:
    """Show a choice of the number of points, where the truth is known at more than one."""
    if len(chosen.factors) == 1:
        return "N"
    return st.select_slider(
        "Points, N as in training",
        [name for name, factor in FACTORS.items() if factor in chosen.factors],
        value="N",
        key="resolution",
        bind="query-params",
        help="The same checkpoint on fewer or more points of this case, against their truth.",
    )


def shown_resolution(chosen: Chosen) -> Chosen:
    """Return the case at the number of points that its panels show."""
    return data.at_resolution(chosen, FACTORS[st.session_state.get("resolution") or "N"])
