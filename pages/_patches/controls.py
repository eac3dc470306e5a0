"""The controls of the page for patches: cloud, sizes, method, point."""

import shlex

import streamlit as st

from mspt.cost.formulas import recommended_patches
from mspt.data.stress_clouds import MAX_POINTS
from mspt.evaluation.other_patches import runs_at_any_patches
from mspt.inference.frames import time_of
from mspt.inference.partitioned import PartitionedCloud
from mspt.partition.alternatives import PartitionMethod
from pages._patches.data import METHODS, PARTS, Chosen
from pages._patches.scores import has_attention
from pages._shared import own, times, words
from pages._shared.datasets import OWN, SHAPES, STRESS, model_sources
from pages._shared.pickers import pick_checkpoint, pick_name, pick_size, pick_source
from pages._shared.samples import sample, stress_sample

_LADDER = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048)
"""Steps of the slider for K: about a factor of the square root of two apart."""
ATTENTION, _ALONE = "attention of a point", "nothing"
"""What is shown beside a partition, unless it is another partition."""


def sources() -> tuple[str, ...]:
    """Return where clouds of this page come from."""
    return (*model_sources(), *([OWN] if own.case_names(None) else []), STRESS)


def pick_cloud() -> Chosen:
    """Show a choice of cloud, in one row."""
    columns = st.columns([4.3, 2, 2, 2.2], vertical_alignment="top")
    with columns[0]:
        source = pick_source(sources())
    with columns[1]:
        name = pick_name(source)
    with columns[2]:
        checkpoint = pick_checkpoint(source)
    with columns[3]:
        if source == STRESS:
            found = stress_sample(name, pick_size())
        else:
            found = sample(source, name, checkpoint, all_points=True)
        part = _pick_part() if found.num_surface else "both"
    time = time_of(found)
    return Chosen(
        source=source,
        name=name,
        part=part,
        sample=found,
        checkpoint=checkpoint,
        frame=None if time is None else times.pick(time, label="Errors at time"),
    )


def _pick_part() -> str:
    return st.segmented_control(
        "Points of the",
        PARTS,
        default="body",
        key="part",
        required=True,
        bind="query-params",
        help="Models partition all points together, unless they have separate branches for body "
        "and flow.",
    )


def pick_sizes(chosen: Chosen) -> tuple[int, int]:
    """Show a choice of K and Q: typed, by slider, or by one click."""
    count, default = len(chosen.points), chosen.default_patches
    first, second = st.columns(2)
    with first:
        typed = _typed(
            "Patches K",
            "K",
            default,
            help_text=words.tip("K", "patch", more="Any number from 1 to N; empty: the model's."),
        )
    num_patches = min(typed or default, count)
    with second:
        wanted = _typed(
            "Supernodes per patch Q",
            "Q",
            chosen.default_supernodes,
            help_text=words.tip("Q", "supernode", "pooling"),
        )
    num_supernodes = min(wanted or chosen.default_supernodes, count // num_patches)
    cheapest = recommended_patches(count, num_supernodes=num_supernodes)
    steps = (*_LADDER, default, cheapest, num_patches)
    ladder = sorted({step for step in steps if step <= count})
    # The slider follows the typed number, which is the one that is kept in the address.
    st.session_state["K_slider"] = num_patches
    st.select_slider(
        "K",
        ladder,
        key="K_slider",
        label_visibility="collapsed",
        on_change=lambda: _set_patches(st.session_state["K_slider"]),
    )
    with st.container(horizontal=True, gap="small"):
        if chosen.model_has_patches:
            own = f"As the model: K = {default}, Q = {chosen.default_supernodes}"
            st.button(own, on_click=_as_the_model, key="K_model")
        st.button(
            f"Cheapest: √(N/Q) = {cheapest}",
            on_click=_set_patches,
            args=(cheapest,),
            key="K_cheapest",
        )
    if (typed or 0) > count:
        st.caption(f"K = {typed:,} is more than the {count:,} points: each is a patch of its own.")
    if (wanted or 0) > num_supernodes:
        st.caption(f"A patch of {count // num_patches} points has no {wanted} supernodes.")
    return num_patches, num_supernodes


def _typed(label: str, key: str, default: int, *, help_text: str | None = None) -> int | None:
    """Return the typed number, or None for the default."""
    return st.number_input(
        label,
        min_value=1,
        max_value=MAX_POINTS,
        value=None,
        step=1,
        key=key,
        bind="query-params",
        placeholder=f"{default}",
        help=help_text,
    )


def _set_patches(num_patches: int | None) -> None:
    st.session_state["K"] = num_patches


def _as_the_model() -> None:
    st.session_state["K"] = st.session_state["Q"] = None


def pick_methods(chosen: Chosen) -> tuple[PartitionMethod, str, int | None]:
    """Show a choice of how to partition, of what to show beside it, and of a point.

    What is shown beside it is another method, or one of the words of :data:`ATTENTION`.
    """
    names = list(METHODS)
    shared = {"required": True, "bind": "query-params"}
    method = st.segmented_control(
        "Partition",
        names,
        default=names[0],
        key="cut",
        help=words.tip("partition", "ball tree", "leaf order"),
        **shared,
    )
    beside = [ATTENTION, _ALONE] if has_attention(chosen) else [_ALONE]
    if st.session_state.get("beside") not in (None, *beside, *names):
        st.session_state["beside"] = beside[0]  # it was the attention of another model
    left, right = st.columns([1.25, 1])
    shown = left.selectbox("Beside it", [*beside, *names], key="beside", bind="query-params")
    with right:
        point = _pick_point(chosen)
    return METHODS[method], shown, point


def pick_block(chosen: Chosen) -> int:
    """Show a choice of the block whose attention is shown; return it counted from 0."""
    blocks = [str(index + 1) for index in range(chosen.checkpoint.config.num_blocks)]
    if st.session_state.get("block") not in (None, *blocks):
        st.session_state["block"] = blocks[0]  # it was one of a larger model
    return (
        int(
            st.segmented_control(
                "Attention in block",
                blocks,
                default=blocks[0],
                key="block",
                required=True,
                bind="query-params",
                help=words.tip("block", "PMSA"),
            )
        )
        - 1
    )


def _pick_point(chosen: Chosen) -> int | None:
    """Return the point that was picked in the view, in the table or by its number."""
    before = st.session_state.get("patches_cloud")
    st.session_state["patches_cloud"] = chosen.key
    if before not in (None, chosen.key):
        st.session_state["point"] = None  # it was a point of another cloud
    point = st.number_input(
        "Point",
        min_value=0,
        max_value=MAX_POINTS,
        value=None,
        step=1,
        key="point",
        bind="query-params",
        placeholder="click one",
    )
    return point if point is not None and point < len(chosen.points) else None


def command(chosen: Chosen, cloud: PartitionedCloud, num_supernodes: int) -> str:
    """Return the command for the same numbers."""
    settings = [f"--patches {cloud.num_patches} --supernodes {num_supernodes}"]
    settings.append(f"--partition {cloud.method} --checkpoint {chosen.checkpoint.path.as_posix()}")
    if chosen.sample.truth is not None and runs_at_any_patches(chosen.checkpoint.config):
        settings.append("--error")
    if chosen.sample.num_surface:
        settings.append(f"--part {chosen.part}")
    if chosen.source == STRESS:
        settings.append(f"--points {len(chosen.points)}")
    name = "shape.stl" if chosen.source == SHAPES else chosen.name
    return f"python -m mspt patches {shlex.quote(name)} {' '.join(settings)} --out patches.csv"
