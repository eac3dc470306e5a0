"""The controls of the page of predictions: data set, checkpoints, case, field, resolution."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from mspt.data.registry import get_dataset
from mspt.evaluation.comparison import View, components_of
from mspt.evaluation.over_time import views_in_time
from mspt.figures.scenes.comparison import ERROR_MODES
from pages._explore import data, scores
from pages._explore.data import Chosen, Trained
from pages._shared import frame
from pages._shared.cache import ListedCheckpoint, checkpoints
from pages._shared.datasets import case_sources
from pages._shared.pickers import pick_checkpoint
from pages._shared.samples import case_names, case_names_to_pick

NOTHING = "nothing"
FIELDS, VTK_VIEW, FLAT, INSIDE = "Fields", "VTK view", "Flat", "Inside the flow"
FLOW_VIEWS, SHEET_VIEWS = (FIELDS, INSIDE, VTK_VIEW), (FIELDS, VTK_VIEW, FLAT)
ALL_POINTS = (VTK_VIEW, INSIDE)
"""Views of all stored points of a flow."""
CLOUD_VIEWS = (FIELDS, FLAT)
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


def pick(source: str, view: str) -> Chosen:
    """Show a choice of checkpoints, case and number of points; return the predicted case."""
    top = st.columns([2, 1.9, 2.3, 1.1, 1.5, 1.7], vertical_alignment="bottom", gap="small")
    with top[0]:
        checkpoint = pick_checkpoint(source)
    found = checkpoints(source)
    others = [NOTHING, *(name for name in found if name != checkpoint.name)]
    versus = top[1].selectbox("Compare with", others, key="versus", bind="query-params")
    worst_first = top[4].toggle("Worst first", key="worst", bind="query-params")
    device = frame.device()
    key = f"{source}_case"
    ranked = _worst_first(source, checkpoint, device) if worst_first else []
    _go_to_the_worst(source, ranked, wanted=worst_first)
    names = ranked or case_names_to_pick(source)
    name = top[2].selectbox(f"Test case, one of {len(names)}", names, key=key, bind="query-params")
    with top[3].container(horizontal=True, wrap=False, gap="xxsmall"):
        _step_buttons(names, name, key=key)
    shown = (checkpoint,) if versus == NOTHING else (checkpoint, found[versus])
    trained = data.as_trained(source, name, checkpoint)
    with top[5]:
        size = _pick_size(trained, view)
    return data.resolve(source, name, shown, device, trained=trained, factor=FACTORS[size])


def _worst_first(source: str, checkpoint: ListedCheckpoint, device: str) -> list[str]:
    """Return the cases by descending error; none as long as not all errors are known."""
    names = case_names(source)
    scores.evaluate(checkpoint, source, device)
    errors = scores.errors_of(checkpoint, source, device)
    if len(errors) < len(names):
        return []
    return sorted(names, key=errors.__getitem__, reverse=True)


def _go_to_the_worst(source: str, ranked: Sequence[str], *, wanted: bool) -> None:
    """Choose the worst case once the cases are ranked, but not later again.

    A person goes on through the list afterwards. An address that names a case keeps it.

    Args:
        source: Data set.
        ranked: The cases, the worst first; none as long as not all errors are known.
        wanted: Whether the visitor wants the worst first.
    """
    state, key = st.session_state, f"{source}_case"
    if not wanted:
        state["explore_sorted"] = None
        return
    is_new = "explore_sorted" not in state
    if not ranked or state.get("explore_sorted") == source:
        return
    state["explore_sorted"] = source
    if not (is_new and key in st.query_params):
        state[key] = ranked[0]


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
        view: The field.
        part: Component of a vector.
        mode: How the error is shown.
    """

    view: View
    part: Any
    mode: Any


def pick_view_of(chosen: Chosen) -> View:
    """Show a choice of field; at which time is chosen elsewhere."""
    views = views_in_time(chosen.sample)
    return views[
        st.selectbox("Field", list(views), key=f"{chosen.source}_field", bind="query-params")
    ]


def pick_field(chosen: Chosen) -> FieldSettings:
    """Show a choice of field, component and kind of error."""
    place, *rest = st.columns([2.2, 2.3, 2.2, 2.3], vertical_alignment="top", gap="small")
    with place:
        view = pick_view_of(chosen)
    part = "size"
    if view.is_vector:
        with rest.pop(0):
            part = bar("Component", components_of(chosen.sample), "part")
    with rest[0]:
        mode = bar("Error as", ERROR_MODES, "error")
    return FieldSettings(view, part, mode)


def _pick_size(trained: Trained, view: str) -> str:
    """Show a choice of the number of points, where the truth is known at more than one.

    A VTK view needs the triangles between the points of training, or all stored points of a flow.
    """
    if len(trained.factors) == 1 or view in ALL_POINTS:
        return "N"
    return st.select_slider(
        "Number of points",
        [name for name, factor in FACTORS.items() if factor in trained.factors],
        value="N",
        key="resolution",
        bind="query-params",
        help=f"N = {len(trained.sample.points):,}, as in training; the same checkpoint on fewer or "
        "more points of this case, against their truth.",
    )
