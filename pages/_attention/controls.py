"""The controls of the attention page: cloud, picture, block, head, points, mask."""

from dataclasses import dataclass
from functools import partial

import streamlit as st

from mspt.inference.frames import time_of
from mspt.inference.sample import Sample
from mspt.inspection.masking import Masked
from mspt.inspection.observation import parse_points, peak_point
from pages._attention.data import Chosen, Recorded
from pages._shared import notes, times
from pages._shared.cache import ListedCheckpoint
from pages._shared.datasets import model_sources, models_for
from pages._shared.pickers import pick_checkpoint, pick_name, pick_source
from pages._shared.viewer import Pick

MEAN = "mean"
WEIGHTS, SHARE, MASKING = "Weights", "Global share", "Masking"
ONE, SEVERAL = "one", "several"
EVERYWHERE, HERE = "all blocks", "this block"
REMOVED: Masked = "patch removed"
MASKED: tuple[Masked, ...] = ("supernodes", "points and supernodes", REMOVED)


def pick_case() -> tuple[str, str, ListedCheckpoint]:
    """Show a choice of source, case and checkpoint."""
    top = st.columns([3.1, 2.2, 2.2], vertical_alignment="top")
    with top[0]:
        source = pick_source(model_sources())
    with top[1]:
        name = pick_name(source)
    with top[2]:
        checkpoint = pick_checkpoint(source)
    return source, name, checkpoint


def has_attention(checkpoint: ListedCheckpoint, source: str) -> bool:
    """Return whether a checkpoint has attention to show; if not, say why and offer one that has."""
    if checkpoint.config.architecture == "mspt":
        return True
    why = {
        "branched": "Its points attend to the supernodes of two branches, each with its own "
        "patches",
        "published": "The authors' variant mixes its supernodes once more within each patch",
        "transolver": "Transolver has slices, not patches: no point attends to single points",
    }.get(checkpoint.config.architecture, "It has no patches")
    notes.info(
        "**{}** is not shown here. {}; this page shows the joint attention of MSPT over one patch "
        "and all supernodes.",
        checkpoint.name,
        why,
    )
    preset = models_for(source)
    st.button(
        f"Show {preset} instead",
        type="primary",
        key="attention_instead",
        on_click=partial(st.session_state.__setitem__, "checkpoint", preset),
    )
    return False


def pick_time(cloud: Sample) -> int | None:
    """Show a choice of the time of a case in time; return its index."""
    time = time_of(cloud)
    return None if time is None else times.pick(time, label="Attention behind the field at time")


def pick_picture(checkpoint: ListedCheckpoint) -> tuple[str, int, int | None]:
    """Show a choice of picture, block, head, and what a click does."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picture = _choice("Picture", [WEIGHTS, SHARE, MASKING], "picture")
        block, head = _pick_block_and_head(checkpoint)
        _choice("A click picks", [ONE, SEVERAL], "picks")
    return picture, block, head


def _choice(label: str, options: list[str], key: str, *, disabled: bool = False) -> str:
    return st.segmented_control(
        label,
        options,
        default=options[0],
        key=key,
        required=True,
        bind="query-params",
        disabled=disabled,
    )


def _pick_block_and_head(checkpoint: ListedCheckpoint) -> tuple[int, int | None]:
    """Show a choice of block and head; shown counted from 1, returned counted from 0."""
    config = checkpoint.config
    blocks = [str(index + 1) for index in range(config.num_blocks)]
    heads = [MEAN, *(str(index + 1) for index in range(config.num_heads))]
    for options, key in ((blocks, "block"), (heads, "head")):
        if st.session_state.get(key) not in (None, *options):
            st.session_state[key] = options[0]  # it was one of a larger model
    block, head = _choice("Block", blocks, "block"), _choice("Head", heads, "head")
    return int(block) - 1, None if head == MEAN else int(head) - 1


# --- picked points, kept in the address ----------------------------------------------------------


def pick_points(recorded: Recorded) -> tuple[int, ...]:
    """Show the picked points as a list that can be typed, too; another cloud clears it."""
    observed = recorded.observed
    before, cloud = st.session_state.get("attention_cloud"), recorded.key.sample
    if before not in (None, cloud):
        st.session_state["points"] = ""
        st.session_state["patch"] = None
    st.session_state["attention_cloud"] = cloud
    start = peak_point(observed)
    text = st.text_input(
        "Attention from points",
        key="points",
        bind="query-params",
        placeholder=f"{start}, where {observed.sample.channels[observed.main_channel].name} is "
        "largest",
        help="Click the cloud, or type numbers with commas between.",
    )
    points = parse_points(text, len(observed.fields)) or (start,)
    _chips(points)
    return points


def pick_clicked(points: tuple[int, ...], pick: Pick) -> None:
    """Pick a clicked point, alone or with the others; a click on a picked point removes it."""
    if st.session_state.get("picks") != SEVERAL:
        _write((pick.point,))
    elif pick.point in points:
        _remove(points, pick.point)
    else:
        _write((*points, pick.point))


def _remove(points: tuple[int, ...], point: int) -> None:
    _write(tuple(other for other in points if other != point))


def _write(points: tuple[int, ...]) -> None:
    st.session_state["points"] = ",".join(str(point) for point in points)


def _chips(points: tuple[int, ...]) -> None:
    """Show several picked points, each with a button to remove it."""
    if len(points) < 2:
        return
    with st.container(horizontal=True, gap="xxsmall"):
        for point in points:
            st.button(
                str(point),
                key=f"drop_{point}",
                icon=":material/close:",
                help=f"Remove point {point}",
                on_click=partial(_remove, points, point),
            )
        st.button("Clear", key="attention_clear", type="tertiary", on_click=partial(_write, ()))


# --- masking -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Mask:
    """What to mask.

    Attributes:
        patch: Number of the patch.
        masked: What of it.
        block: In which block, counted from 0; None for all blocks.
        channel: Output channel whose change is shown.
    """

    patch: int
    masked: Masked
    block: int | None
    channel: int


def mask_or_pick_clicked(points: tuple[int, ...], chosen: Chosen, mask: Mask, pick: Pick) -> None:
    """Mask the patch that was clicked in the right panel; the left panel picks points."""
    if pick.panel == 0:
        pick_clicked(points, pick)
    else:
        patch = chosen.recorded.stage(mask.block).patch_of_point
        st.session_state["patch"] = int(patch[pick.point])


def pick_mask(chosen: Chosen) -> Mask:
    """Show a choice of what to mask; at first another one with the most attention."""
    observed = chosen.recorded.observed
    first, two_trees = st.container(), observed.partition.turned is not None
    masked = st.selectbox(
        "What of it",
        # A patch of one tree is none of the other, and could be removed from half the blocks only.
        [one for one in MASKED if not (two_trees and one == REMOVED)],
        key="masked",
        bind="query-params",
        help="Supernodes: no point attends to them. Points and supernodes: besides, its points do "
        "not attend to each other. Patch removed: as if its points did not exist.",
    )
    where = _choice("Where", [EVERYWHERE, HERE], "where", disabled=masked == REMOVED)
    if two_trees and where == EVERYWHERE:
        st.caption("Of the first tree, in all blocks that use it.")
    block = chosen.attention.block if where == HERE and masked != REMOVED else None
    start, why = _start(chosen, block)
    patch = first.number_input(
        "Patch to mask",
        min_value=0,
        max_value=observed.recording.num_patches - 1,
        value=None,
        key="patch",
        bind="query-params",
        placeholder=f"{start}, {why}",
        help="Or click a point of it in the right picture.",
    )
    names = [channel.name for channel in chosen.recorded.sample.channels]
    main = observed.main_channel
    field = st.selectbox("Field", names, index=main, key="field", bind="query-params")
    return Mask(
        patch=start if patch is None else patch,
        masked=masked,
        block=block,
        channel=names.index(field),
    )


def _start(chosen: Chosen, block: int | None) -> tuple[int, str]:
    """Return the patch to mask at first, and why: the most attention, if that is of its tree."""
    if chosen.recorded.stage(block) is chosen.stage:
        for one in chosen.most_read(8):
            if not one.own:
                return one.patch, f"most attention in block {chosen.attention.block + 1}"
    return chosen.own_patches(block)[0], "own patch"


def command(chosen: Chosen, name: str, mask: Mask | None) -> tuple[str, ...]:
    """Return the command for the same numbers."""
    attention = chosen.attention
    head = "" if attention.head is None else f" --head {attention.head + 1}"
    points = " ".join(str(point) for point in attention.points)
    frame = chosen.recorded.observed.frame
    when = "" if frame is None else f" --frame {frame + 1}"
    line = (
        f"python -m mspt attention {name} "
        f"--checkpoint {chosen.recorded.checkpoint.path.as_posix()} "
        f"--points {points} --block {attention.block + 1}{head}{when}"
    )
    if mask is None:
        return (line,)
    flags = {
        "supernodes": f"--mask-supernodes {mask.patch}",
        "points and supernodes": f"--mask-patch {mask.patch}",
        "patch removed": f"--remove-patch {mask.patch}",
    }
    return (f"{line} {flags[mask.masked]}{'' if mask.block is None else ' --this-block'}",)
