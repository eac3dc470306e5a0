"""Controls that several pages share: data set, checkpoint, case."""

import streamlit as st

from mspt.data.stress_clouds import STRESS_CLOUDS
from pages._shared import frame, notes, own, shapes
from pages._shared.cache import (
    ListedCheckpoint,
    all_checkpoints,
    checkpoints,
    refused_checkpoints,
)
from pages._shared.datasets import (
    OWN,
    SHAPES,
    STRESS,
    case_sources,
    drawable_sources,
    flow_source,
    has_flow,
    models_for,
)
from pages._shared.samples import case_names_to_pick

_GONE = "gone_checkpoint"
"""Where the name of a model is kept that was chosen and is not there any longer."""
STRESS_SIZES = (1_000, 2_000, 5_000, 10_000, 20_000, 32_768, 50_000, 100_000)


def carry_choices(sources: tuple[str, ...]) -> None:
    """Carry the choice of another page to this one, unless the address names one itself.

    Streamlit does not do this: it drops what an address said when the page changes, and the choice
    of another page wins over a value in the address that is a default here.
    """
    state, address = st.session_state, st.query_params
    if not frame.is_new_page() or frame.is_history_step():
        return
    named = ("source", "checkpoint", *(f"{source}_case" for source in sources))
    chosen = {key: state.pop(key, None) for key in named}
    source = chosen["source"] or flow_source()
    if any(key in address for key in named):
        state.update({key: address[key] for key in named if key in address})
    elif source in sources:
        # A page without a source, such as Draw, may have left a checkpoint of another data set.
        if chosen["checkpoint"] and chosen["checkpoint"] not in checkpoints(models_for(source)):
            chosen["checkpoint"] = None
        for key in ("source", "checkpoint", f"{source}_case"):
            if chosen[key]:
                state[key] = address[key] = chosen[key]


def pick_source(options: tuple[str, ...]) -> str:
    """Show a choice of where the cloud comes from."""
    return st.segmented_control(
        "Cloud from",
        options,
        key="source",
        default=flow_source(),
        required=True,
        bind="query-params",
        help=f"{', '.join(case_sources())} are test cases; shape is one of yours or a sample"
        + ("; stress are clouds that are hard to partition." if STRESS in options else "."),
    )


def pick_dataset(*, with_cases: bool = True) -> str:
    """Show a choice of the data sets whose cases can be drawn.

    Args:
        with_cases: Offer those only whose test cases are at hand.
    """
    here = case_sources()
    names = [name for name in drawable_sources() if name in here or not with_cases]
    # No format_func here and below: an address holds the shown text, and addresses must last.
    return st.segmented_control(
        "Data set",
        names,
        key="dataset",
        default=names[0],
        required=True,
        bind="query-params",
    )


def pick_checkpoint(source: str) -> ListedCheckpoint:
    """Show a choice of the checkpoints that can predict clouds of a source."""
    found, state = checkpoints(models_for(source)), st.session_state
    if (wanted := state.get("checkpoint")) not in (None, *found):
        state["checkpoint"] = next(iter(found))  # it was one of another data set, or is gone
        if wanted not in {one.name for one in all_checkpoints()}:
            state[_GONE] = wanted
    name = st.selectbox("Checkpoint", list(found), key="checkpoint", bind="query-params")
    _say_what_is_missing(source, name)
    return found[name]


def _say_what_is_missing(source: str, shown: str) -> None:
    """Say that the model chosen before is gone, and which files cannot be used."""
    state, refused = st.session_state, refused_checkpoints()
    gone = state.get(_GONE)
    if gone in {one.name for one in all_checkpoints()}:
        gone = state[_GONE] = None  # it is back
    if gone and f"{gone}.safetensors" not in refused:
        notes.warning(
            "The checkpoint **{}** was there before and is not any longer. All numbers are of {}.",
            gone,
            shown,
        )
    for file, reason in refused.items():
        # Files are named after the data set of their model.
        if file.startswith(models_for(source)) or file == f"{gone}.safetensors":
            notes.warning(
                "The checkpoint **{}** cannot be used: {}. All numbers are of {}.",
                file.removesuffix(".safetensors"),
                reason.rstrip("."),
                shown,
            )


def pick_name(source: str) -> str:
    """Show a choice of the cases, shapes or clouds of a source."""
    key = f"{source}_case"
    if source == SHAPES:
        return st.selectbox("Shape", shapes.names(), key=key, bind="query-params")
    if source == STRESS:
        return st.selectbox("Cloud", list(STRESS_CLOUDS), key=key, bind="query-params")
    if source == OWN:
        return st.selectbox("Cloud", own.case_names(None), key=key, bind="query-params")
    names = case_names_to_pick(source)
    return st.selectbox(
        f"Test case, one of {len(names)}",
        names,
        key=key,
        bind="query-params",
        help="Names of cars and bodies say their family." if has_flow(source) else None,
    )


def pick_size() -> int:
    """Show a choice of how many points a stress cloud has."""
    return st.select_slider(
        "Points N", STRESS_SIZES, value=32_768, key="stress_points", bind="query-params"
    )
