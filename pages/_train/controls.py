"""The controls of the page on training: the data, the contestants, start, pause and stop."""

from typing import get_args

import streamlit as st

from mspt.config import Architecture, PartitionKind, Pooling
from mspt.errors import MSPTError
from mspt.figures.charts.scaling import MODEL_NAMES
from mspt.training.live import LiveModel
from pages._shared import frame, jobs, words
from pages._train import data

SETS = ("elasticity", "darcy")
"""Data sets with training cases at hand, and small enough for a step in a fraction of a second."""

POOLINGS = get_args(Pooling)
PARTITIONS: dict[str, PartitionKind] = {
    "Ball tree": "ball_tree",
    "Two trees in turn": "alternating_trees",
    "Sequence": "sequence",
    "Random": "random",
}
_ARCHITECTURES: dict[str, Architecture] = {
    name: architecture  # pyright: ignore[reportAssignmentType]
    for architecture, name in MODEL_NAMES.items()
}


def pick() -> data.Chosen:
    """Show all choices and return them."""
    bound = {"bind": "query-params"}
    top = st.columns([3, 7], vertical_alignment="bottom")
    dataset = top[0].segmented_control(
        "Data", SETS, default=SETS[0], key="train_set", required=True, **bound
    )
    names = top[1].pills(
        "Models",
        list(_ARCHITECTURES),
        default=["MSPT", "Transolver"],
        selection_mode="multi",
        key="train_models",
        **bound,
    )
    first, second = st.columns(4, gap="medium"), st.columns(5, gap="medium")
    width = first[0].select_slider(
        "Width D", (16, 32, 48, 64), value=32, key="train_d", help=words.tip("D"), **bound
    )
    blocks = first[1].select_slider("Blocks", (1, 2, 3, 4), value=3, key="train_blocks", **bound)
    patches = first[2].select_slider(
        "Patches K",
        (1, 2, 4, 8, 16, 32, 64),
        value=4,
        key="train_k",
        help=words.tip("K", "patch"),
        **bound,
    )
    supernodes = first[3].select_slider(
        "Supernodes Q",
        (1, 2, 4, 8, 16),
        value=8,
        key="train_q",
        help=words.tip("Q", "supernode"),
        **bound,
    )
    pooling = second[0].selectbox(
        "Pooling", POOLINGS, key="train_pooling", help=words.tip("pooling"), **bound
    )
    partition = second[1].selectbox(
        "Partition", list(PARTITIONS), key="train_partition", help=words.tip("partition"), **bound
    )
    at_hand = min(data.MOST_CASES, data.num_at_hand(dataset))
    cases = second[2].select_slider(
        "Training cases",
        [one for one in (25, 50, 100, 200) if one <= max(25, at_hand)],
        value=100,
        key="train_cases",
        **bound,
    )
    epochs = second[3].select_slider(
        "Passes over them", (5, 10, 20, 40, 80), value=20, key="train_epochs", **bound
    )
    seed = int(second[4].number_input("Seed", 0, 999, 0, key="train_seed", **bound))
    models = {
        name: LiveModel(
            architecture=_ARCHITECTURES[name],
            width=width,
            num_blocks=blocks,
            num_patches=patches,
            num_supernodes=supernodes,
            pooling=pooling,
            partition=PARTITIONS[partition],
        )
        for name in names
    }
    st.caption(
        "All models see the same cases in the same order, four a step. Pooling and partition are "
        "those of MSPT; Transolver gets K·Q slices, so that it has as many tokens."
    )
    return data.Chosen(dataset=dataset, models=models, epochs=epochs, num_cases=cases, seed=seed)


def start_buttons(chosen: data.Chosen) -> None:
    """Show the buttons that start and pause, and the progress with the one that stops."""
    running, race = jobs.is_running(data.JOB), data.race_here()
    with st.container(horizontal=True):
        if st.button(
            "Train",
            type="primary",
            key="train_start",
            icon=":material/play_arrow:",
            disabled=running or not chosen.models,
        ):
            try:
                data.start(chosen)
            except MSPTError as error:
                frame.show_error(str(error))
            else:
                st.rerun()
        if running and race is not None:
            resting = race.paused.is_set()
            st.button(
                "Go on" if resting else "Pause",
                key="train_pause",
                icon=":material/resume:" if resting else ":material/pause:",
                on_click=race.paused.clear if resting else race.paused.set,
            )
    jobs.follow(data.JOB)
