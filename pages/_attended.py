"""What the attention page keeps: recorded passes, picked points, masked and compared patches."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st

from mspt.checkpoint import CheckpointInfo
from mspt.figures.scenes.attention import AttentionCloud
from mspt.inference.sample import Sample
from mspt.inspection.masking import (
    Comparison,
    Effect,
    Masked,
    PatchMasked,
    compare_with_attention,
    mask_each_patch,
    mask_patch,
)
from mspt.inspection.observe import Observed, observe, parse_points, peak_point, share_of_all
from mspt.partition.patches import supernode_centers
from pages import _parts, _shared
from pages._viewer import Pick

MEAN = "mean"
PICTURES = ("Weights", "Global share", "Masking")
ONE, SEVERAL = "one", "several"
EVERYWHERE, HERE = "all blocks", "this block"
MASKED: tuple[Masked, ...] = ("supernodes", "points and supernodes", "patch removed")
_MOST_COMPARED = 32
Key = tuple[object, ...]


# --- recorded passes -----------------------------------------------------------------------------


def key_of(header: CheckpointInfo, looked_at: Sample) -> Key:
    """Return what a recorded pass depends on, to keep things by."""
    return (header.path, header.path.stat().st_mtime, looked_at.key, _parts.device())


@st.cache_resource(max_entries=4, show_spinner="The model predicts, and what it read is kept …")
def observed(key: Key, path: Path, _sample: Sample) -> Observed:
    """Return a sample as a model saw it, kept so that any point can be looked from at once."""
    with _shared.one_at_a_time():
        return observe(_shared.checkpoint(path), _sample, device=str(key[-1]))


@st.cache_resource(max_entries=4, show_spinner=False)
def stage(key: Key, _seen: Observed) -> AttentionCloud:  # noqa: ARG001
    """Return what stays the same on one cloud."""
    looked_at, count = _seen.sample, _seen.recording.num_supernodes
    return AttentionCloud(
        points=looked_at.points.numpy(),
        triangles=looked_at.triangles,
        body=looked_at.body,
        patch_of_point=_seen.partition.patch_of_point.numpy(),
        nodes=supernode_centers(looked_at.points, _seen.partition, count),
    )


@st.cache_resource(max_entries=4, show_spinner=False)
def shares(key: Key, _seen: Observed) -> np.ndarray:  # noqa: ARG001
    """Return the share of every point's attention that goes global: blocks, heads, points."""
    return share_of_all(_seen).numpy()


def of_head(found: np.ndarray, head: int | None) -> np.ndarray:
    """Return the shares of one head, or their means over heads."""
    return found.mean(axis=-2) if head is None else found[..., head, :]


@st.cache_resource(max_entries=16, show_spinner="The model predicts with the mask …")
def effect(key: Key, patch: int, masked: Masked, block: int | None, _seen: Observed) -> Effect:  # noqa: ARG001
    """Return what masking a patch does."""
    with _shared.one_at_a_time():
        return mask_patch(_seen, patch, masked=masked, block=block)


@st.cache_resource(max_entries=1)
def _compared() -> dict[Key, list[PatchMasked]]:
    """Return the one store of patches masked so far, by all they depend on."""
    return {}


def comparison(
    key: Key, seen: Observed, points: tuple[int, ...], *, channel: int, block: int | None
) -> Comparison | None:
    """Return attention beside effect if every patch has been masked."""
    found = _compared().get((key, points, channel, block), [])
    if num_missing(key, seen, points, channel=channel, block=block):
        return None
    return compare_with_attention(seen, points, found, block=block)


def num_missing(
    key: Key, seen: Observed, points: tuple[int, ...], *, channel: int, block: int | None
) -> int:
    """Return how many patches have not been masked yet."""
    return seen.recording.num_patches - len(_compared().get((key, points, channel, block), []))


def compare(
    key: Key, seen: Observed, points: tuple[int, ...], *, channel: int, block: int | None
) -> Iterator[tuple[float, str]]:
    """Mask every patch that has not been yet, yielding share and words; stopping loses nothing."""
    store = _compared()
    found = store.setdefault((key, points, channel, block), [])
    while len(store) > _MOST_COMPARED:
        store.pop(next(iter(store)))
    with _shared.one_at_a_time():
        settings = {"channel": channel, "block": block, "first": len(found)}
        for event in mask_each_patch(seen, points, **settings):
            found.append(event)
            yield (
                len(found) / event.total,
                f"Masked the supernodes of {len(found)} of {event.total} patches",
            )


# --- picked points, kept in the address ----------------------------------------------------------


def pick_points(seen: Observed) -> tuple[int, ...]:
    """Let a person list points; clicks change the list, and a new cloud starts it anew."""
    before = st.session_state.get("attention_cloud")
    if before not in (None, seen.sample.key):
        st.session_state["points"] = ""
        st.session_state["patch"] = None
    st.session_state["attention_cloud"] = seen.sample.key
    start = peak_point(seen)
    text = st.text_input(
        "Points looked from",
        key="points",
        bind="query-params",
        placeholder=f"{start}, where {seen.sample.channels[0].name} is largest",
        help="Click the cloud, or type numbers with commas between.",
    )
    return parse_points(text, len(seen.fields)) or (start,)


def picked(points: tuple[int, ...], pick: Pick) -> None:
    """Pick a clicked point, alone or besides the others; a click on a picked one drops it."""
    if st.session_state.get("picks") != SEVERAL:
        _write((pick.point,))
    elif pick.point in points:
        drop(points, pick.point)
    else:
        _write((*points, pick.point))


def masked_or_picked(points: tuple[int, ...], seen: Observed, pick: Pick) -> None:
    """Mask the patch that was clicked in the right panel; the left one picks points."""
    if pick.panel == 0:
        picked(points, pick)
    else:
        st.session_state["patch"] = int(seen.partition.patch_of_point[pick.point])


def drop(points: tuple[int, ...], point: int) -> None:
    """PointAttention no longer from a point."""
    _write(tuple(other for other in points if other != point))


def _write(points: tuple[int, ...]) -> None:
    st.session_state["points"] = ",".join(str(point) for point in points)


def chips(points: tuple[int, ...]) -> None:
    """Show picked points, each with a way to drop it."""
    if len(points) < 2:
        return
    with st.container(horizontal=True, gap="xxsmall"):
        for point in points:
            st.button(
                str(point),
                key=f"drop_{point}",
                icon=":material/close:",
                help=f"PointAttention no longer from point {point}",
                on_click=partial(drop, points, point),
            )
        st.button("Clear", key="attention_clear", type="tertiary", on_click=partial(_write, ()))
