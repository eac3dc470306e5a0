"""Pieces of the attention page: controls, the picture and numbers."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from mspt.checkpoint import CheckpointInfo
from mspt.figures.charts.designs import COUNT
from mspt.figures.scenes.attention import (
    AttentionCloud,
    masking_scene,
    plain_field,
    share_scene,
    signed_field,
    weights_scene,
)
from mspt.inspection.masking import Effect
from mspt.inspection.observe import Observed, PointAttention
from mspt.inspection.weights import most_read
from pages import _attended, _parts, _viewer

HEIGHT = 500
NOT_EXPLANATION = (
    "Attention shows where a model reads, not what its answer depends on. "
    "Masking shows what the answer depends on."
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """All that the pieces of one run of the page share."""

    key: _attended.Key
    header: CheckpointInfo
    seen: Observed
    stage: AttentionCloud
    now: PointAttention

    @property
    def own(self) -> list[int]:
        """Patches that the picked points lie in."""
        return sorted({int(self.stage.patch_of_point[point]) for point in self.now.points})

    @property
    def words(self) -> str:
        """The picked points in words."""
        points = self.now.points
        return f"point {points[0]}" if len(points) == 1 else f"{len(points)} points"

    def most_read(self, count: int) -> tuple:
        """Return the patches read most."""
        return most_read(
            self.now.trace,
            self.seen.partition,
            self.seen.sample.points,
            head=self.now.head,
            count=count,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """What shall be masked."""

    patch: int
    masked: str
    block: int | None
    channel: int


def has_patches(header: CheckpointInfo, source: str) -> bool:
    """Tell whether a checkpoint has attention to show; if not, say why and offer one that has."""
    if header.config.architecture == "mspt":
        return True
    why = {
        "branched": "Its points read the supernodes of two branches, each with its own patches",
        "published": "The authors' variant mixes its supernodes once more within each patch",
        "transolver": "Transolver has slices, not patches: no point reads single other points",
    }.get(header.config.architecture, "It cuts no patches")
    st.info(
        f"**{header.path.stem}** is not shown here. {why}; this page shows the joint attention "
        "of MSPT over one patch and all supernodes.",
        icon=":material/info:",
    )
    preset = "car" if source == "shape" else source
    st.button(
        f"Look at {preset} instead",
        type="primary",
        key="attention_instead",
        on_click=partial(st.session_state.__setitem__, "checkpoint", preset),
    )
    return False


def pick_block_and_head(header: CheckpointInfo) -> tuple[int, int | None]:
    """Let a person choose block and head; both are counted from 1 on screen, from 0 within."""
    blocks = [str(index + 1) for index in range(header.config.num_blocks)]
    heads = [_attended.MEAN, *(str(index + 1) for index in range(header.config.num_heads))]
    chosen = []
    for label, options, key in (("Block", blocks, "block"), ("Head", heads, "head")):
        if st.session_state.get(key) not in (None, *options):
            st.session_state[key] = options[0]
        chosen.append(
            st.segmented_control(
                label, options, default=options[0], key=key, required=True, bind="query-params"
            )
        )
    block, head = chosen
    return int(block) - 1, None if head == _attended.MEAN else int(head) - 1


def pick_mask(shown: Shown) -> Asked:
    """Let a person choose what to mask; the patch read most, own one aside, to begin with."""
    start = next((one.patch for one in shown.most_read(8) if not one.own), shown.own[0])
    patch = st.number_input(
        "Patch to mask",
        min_value=0,
        max_value=shown.seen.recording.num_patches - 1,
        value=None,
        key="patch",
        bind="query-params",
        placeholder=f"{start}, read most",
        help="Or click a point of it in the right picture.",
    )
    masked = st.selectbox(
        "What of it",
        _attended.MASKED,
        key="masked",
        bind="query-params",
        help="Supernodes: nobody reads them. Points and supernodes: besides, its points do not "
        "read each other. Patch removed: as if its points were not there.",
    )
    removed = masked == "patch removed"
    where = st.segmented_control(
        "Where",
        [_attended.EVERYWHERE, _attended.HERE],
        default=_attended.EVERYWHERE,
        key="where",
        required=True,
        bind="query-params",
        disabled=removed,
    )
    names = [channel.name for channel in shown.seen.sample.channels]
    field = st.selectbox("Field", names, key="field", bind="query-params")
    here = where == _attended.HERE and not removed
    return Asked(
        patch=start if patch is None else patch,
        masked=masked,
        block=shown.now.block if here else None,
        channel=names.index(field),
    )


# --- the picture ---------------------------------------------------------------------------------


def viewer(shown: Shown, picture: str, asked: Asked | None, done: Effect | None) -> None:
    """Show the cloud as chosen."""
    now, points = shown.now, shown.now.points
    on_pick = partial(_attended.picked, points)
    if done is not None and asked is not None:
        channel = shown.seen.sample.channels[asked.channel]
        change = _defined(shown, done.change[:, asked.channel].numpy(), asked.channel)
        scene = masking_scene(
            shown.stage,
            (now.local + now.through_supernodes).numpy(),
            signed_field(f"Δ {channel.name}", channel.unit, change),
            picked=points,
            patch=asked.patch,
        )
        on_pick = partial(_attended.masked_or_picked, points, shown.seen)
    elif picture == _attended.PICTURES[1]:
        channel = shown.seen.sample.channels[0]
        share = _attended.of_head(_attended.shares(shown.key, shown.seen), now.head)[now.block]
        field = plain_field(channel.name, channel.unit, shown.seen.fields[:, 0].numpy())
        scene = share_scene(shown.stage, share, field, picked=points)
    else:
        scene = weights_scene(
            shown.stage,
            now.local.numpy(),
            now.through_supernodes.numpy(),
            now.on_supernodes.numpy(),
            picked=points,
        )
    _viewer.show(
        scene,
        key="attention_view",
        label=f"{picture} of the attention of {shown.words}, block {now.block + 1}",
        height=HEIGHT,
        on_pick=on_pick,
    )
    _viewer.draw_first()


def _defined(shown: Shown, values: np.ndarray, channel: int) -> np.ndarray:
    return np.where(shown.seen.sample.where_defined(channel), values, np.nan)


# --- numbers -------------------------------------------------------------------------------------


def numbers(shown: Shown) -> None:
    """Show what the picked points read in the chosen block."""
    found, many = shown.now.summary, len(shown.now.points) > 1
    _parts.number(
        "To all supernodes",
        f"{found.global_share:.1%}",
        origin=_parts.MEASURED,
        help_text="Share of the attention that goes global"
        + (", mean over the points." if many else "."),
    )
    _parts.number("To the own patch", f"{found.local_share:.1%}", origin=_parts.MEASURED)
    _parts.number(
        "Effective number of keys",
        f"{found.effective_keys:.1f} of {found.num_keys}",
        origin=_parts.MEASURED,
        help_text=f"Two to the power of the entropy, {found.entropy:.2f} bits: so many keys read "
        "alike would have the same entropy.",
    )
    rows = [
        f"**{one.patch}**{' (own)' if one.own else ''}: {one.weight:.1%}, "
        f"{one.distance:.2f} {_unit(shown)} away"
        for one in shown.most_read(3)
    ]
    st.markdown("Patches read most, through their supernodes")
    st.markdown("\n".join(f"{index}. {row}" for index, row in enumerate(rows, start=1)))


def _unit(shown: Shown) -> str:
    return "body lengths" if shown.seen.sample.num_surface else "unit lengths"


def mask_numbers(shown: Shown, asked: Asked, done: Effect) -> None:
    """Show what the mask changes: most, at the picked points, and in the forces."""
    channel = shown.seen.sample.channels[asked.channel]
    unit = "" if channel.unit in ("1", "") else f" {channel.unit}"
    change = _defined(shown, done.change[:, asked.channel].numpy(), asked.channel)
    where = int(np.nanargmax(np.abs(change)))
    at_picks = change[list(shown.now.points)]
    places = iter(st.columns(4))
    with next(places):
        _parts.number(
            f"Largest change of {channel.name}",
            _parts.minus(f"{change[where]:+.3g}{unit}"),
            origin=_parts.MEASURED,
            help_text=f"At point {where}, in patch {shown.stage.patch_of_point[where]}.",
        )
    if np.isfinite(at_picks).any():
        with next(places):
            _parts.number(
                f"Change at {shown.words}",
                _parts.minus(f"{np.nanmean(at_picks):+.3g}{unit}"),
                origin=_parts.MEASURED,
            )
    if done.before is not None and done.after is not None:
        for name in ("C_D", "C_L"):
            before, after = getattr(done.before, name), getattr(done.after, name)
            with next(places):
                _parts.number(
                    f"Change of {name}",
                    _parts.minus(f"{(after - before) / COUNT:+.1f} counts"),
                    origin=_parts.MEASURED,
                    help_text=f"One count is 0.0001. Unmasked: {name} = {before:.4f}.",
                )


def command(shown: Shown, name: str, asked: Asked | None) -> tuple[str, ...]:
    """Return what to type for the same numbers."""
    now = shown.now
    head = "" if now.head is None else f" --head {now.head + 1}"
    points = " ".join(str(point) for point in now.points)
    line = (
        f"python -m mspt attention {name} --checkpoint {shown.header.path.as_posix()} "
        f"--points {points} --block {now.block + 1}{head}"
    )
    if asked is None:
        return (line,)
    flags = {
        "supernodes": f"--mask-supernodes {asked.patch}",
        "points and supernodes": f"--mask-patch {asked.patch}",
        "patch removed": f"--remove-patch {asked.patch}",
    }
    return (f"{line} {flags[asked.masked]}{'' if asked.block is None else ' --this-block'}",)
