"""Pieces of the attention page: controls, numbers, the equation and the pictures."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from mspt.attention_views import most_read, over_heads
from mspt.checkpoint import CheckpointInfo
from mspt.figures.attention import (
    blocks_figure,
    comparison_figure,
    head_grid_figure,
    patch_matrix_figure,
)
from mspt.figures.attention_scene import (
    Stage,
    masking_scene,
    plain_field,
    share_scene,
    signed_field,
    weights_scene,
)
from mspt.figures.designs import COUNT
from mspt.masking import Effect
from mspt.observation import Look, Observed, patch_matrix, summaries_by_block
from pages import _attended, _parts, _shapes, _viewer

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
    stage: Stage
    now: Look

    @property
    def own(self) -> list[int]:
        """Patches that the picked points lie in."""
        return sorted({int(self.stage.patch_of_point[point]) for point in self.now.points})

    def most_read(self, count: int) -> tuple:
        """Return the patches read most."""
        return most_read(
            self.now.trace,
            self.seen.partition,
            self.seen.subject.points,
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
    names = [channel.name for channel in shown.seen.subject.channels]
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
        channel = shown.seen.subject.channels[asked.channel]
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
        channel = shown.seen.subject.channels[0]
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
        label=f"{picture} of the attention of {_from(points)}, block {now.block + 1}",
        height=HEIGHT,
        on_pick=on_pick,
    )


def _defined(shown: Shown, values: np.ndarray, channel: int) -> np.ndarray:
    return np.where(shown.seen.subject.where_defined(channel), values, np.nan)


def _from(points: tuple[int, ...]) -> str:
    return f"point {points[0]}" if len(points) == 1 else f"{len(points)} points"


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
    return "body lengths" if shown.seen.subject.num_surface else "unit lengths"


def mask_numbers(shown: Shown, asked: Asked, done: Effect) -> None:
    """Show what the mask changes: most, at the picked points, and in the forces."""
    channel = shown.seen.subject.channels[asked.channel]
    unit = "" if channel.unit in ("1", "") else f" {channel.unit}"
    change = _defined(shown, done.change[:, asked.channel].numpy(), asked.channel)
    where = int(np.nanargmax(np.abs(change)))
    at_picks = change[list(shown.now.points)]
    places = iter(st.columns(4))
    with next(places):
        _parts.number(
            f"Largest change of {channel.name}",
            f"{change[where]:+.3g}{unit}",
            origin=_parts.MEASURED,
            help_text=f"At point {where}, in patch {shown.stage.patch_of_point[where]}.",
        )
    if np.isfinite(at_picks).any():
        with next(places):
            _parts.number(
                f"Change at {_from(shown.now.points)}",
                f"{np.nanmean(at_picks):+.3g}{unit}",
                origin=_parts.MEASURED,
            )
    if done.before is not None and done.after is not None:
        for name in ("C_D", "C_L"):
            before, after = getattr(done.before, name), getattr(done.after, name)
            with next(places):
                _parts.number(
                    f"Change of {name}",
                    f"{(after - before) / COUNT:+.1f} counts",
                    origin=_parts.MEASURED,
                    help_text=f"One count is 0.0001. Unmasked: {name} = {before:.4f}.",
                )


# --- below the picture ---------------------------------------------------------------------------


def blocks(shown: Shown, *, dark: bool) -> None:
    """Show how much goes global, block by block."""
    now = shown.now
    found = summaries_by_block(shown.seen, now.points, head=now.head)
    everywhere = _attended.of_head(_attended.shares(shown.key, shown.seen), now.head)
    st.markdown("**How much goes global, block by block**")
    figure = blocks_figure(
        np.array([one.global_share for one in found]),
        everywhere.mean(axis=-1),
        np.array([one.effective_keys for one in found]),
        block=now.block,
        dark=dark,
    )
    st.plotly_chart(figure, key="attention_blocks")
    st.caption(
        f"Bars: {_from(now.points)}. Strokes: mean over all points. :green-badge[measured here]"
    )


def heads(shown: Shown, *, dark: bool) -> None:
    """Show where each head reads."""
    now = shown.now
    st.markdown(f"**Where each head reads, block {now.block + 1}**")
    figure = head_grid_figure(
        shown.stage.points,
        now.spread.total.mean(1).numpy(),
        now.trace.supernodes.sum(-1).mean(1).numpy(),
        chosen=now.head,
        picked=np.array(now.points),
        dark=dark,
    )
    st.plotly_chart(figure, key="attention_heads")


def matrix(shown: Shown, *, dark: bool) -> None:
    """Show the matrix of the first picked point's patch."""
    now, patch = shown.now, int(shown.stage.patch_of_point[shown.now.points[0]])
    found = patch_matrix(shown.seen, patch, block=now.block, head=now.head)
    count = shown.seen.recording.num_supernodes
    figure = patch_matrix_figure(
        found.local.numpy(),
        found.supernodes.numpy(),
        found.points.numpy(),
        own=np.arange(patch * count, (patch + 1) * count),
        picked=now.points,
        dark=dark,
    )
    st.plotly_chart(figure, key="attention_matrix")
    st.caption(
        f"Patch {patch}: each row is one of its points and sums to 100 %. Marked: picked points, "
        "and the patch's own supernodes."
    )


def equation(shown: Shown) -> None:
    """Show equation 7 with the first picked point's own numbers."""
    now, point = shown.now, shown.now.points[0]
    local = over_heads(now.trace.local, now.head)[0]
    nodes, rows = now.on_supernodes[0], now.trace.local_rows[0]
    keys = shown.seen.partition.order[rows.clamp(min=0)]
    near = [
        rf"{local[place]:.3f}\,v_{{{int(keys[place])}}}"
        for place in local.topk(min(2, len(local))).indices.tolist()
    ]
    far = [
        rf"{nodes[node]:.3f}\,v^{{glob}}_{{{node}}}"
        for node in nodes.topk(min(3, len(nodes))).indices.tolist()
    ]
    size, share = int((rows >= 0).sum()), now.summaries[0]
    st.latex(
        rf"H'_{{{point}}} = \underbrace{{{' + '.join(near)} + \dots}}"
        rf"_{{{size}\ \text{{points of the own patch: }} {100 * share.local_share:.1f}\,\%}}"
        rf" + \underbrace{{{' + '.join(far)} + \dots}}"
        rf"_{{{len(nodes)}\ \text{{supernodes: }} {100 * share.global_share:.1f}\,\%}}"
    )
    words = "means over the heads" if now.head is None else f"those of head {now.head + 1}"
    st.caption(
        f"Equation 7 of the paper with the numbers of point {point} in block {now.block + 1}: v "
        f"are values of points and supernodes; the weights are {words} and sum to one."
    )


def compare(shown: Shown, asked: Asked, *, dark: bool) -> None:
    """Set attention beside effect for all patches, once a person asks for it."""
    st.markdown("**Does attention predict what matters?**")
    settings = {"channel": asked.channel, "block": asked.block}
    found = _attended.comparison(shown.key, shown.seen, shown.now.points, **settings)
    if found is None:
        count = _attended.num_missing(shown.key, shown.seen, shown.now.points, **settings)
        every = count == shown.seen.recording.num_patches
        if not st.button(
            f"Mask {'each of the' if every else 'the other'} {count} patches in turn",
            key="attention_compare",
            icon=":material/play_arrow:",
            help=f"{count} predictions, some seconds.",
        ):
            st.caption(
                f"Attention of {_from(shown.now.points)} to each patch against the change when its "
                "supernodes are masked: an honest test, computed on demand."
            )
            return
        steps = _attended.compare(shown.key, shown.seen, shown.now.points, **settings)
        _shapes.follow(steps, "Masking every patch in turn")
        found = _attended.comparison(shown.key, shown.seen, shown.now.points, **settings)
    if found is None:
        return
    channel = shown.seen.subject.channels[asked.channel]
    quantity = channel.name if channel.unit in ("1", "") else f"{channel.name}, {channel.unit}"
    figure = comparison_figure(
        found.attention,
        found.effect,
        own=np.array(shown.own),
        chosen=asked.patch,
        quantity=quantity,
        dark=dark,
    )
    left, right = st.columns([3, 1], gap="medium")
    left.plotly_chart(figure, key="attention_comparison")
    with right:
        _parts.number(
            "Spearman's rank correlation",
            f"{found.rank_correlation:+.2f}",
            origin=_parts.MEASURED,
            help_text="Over patches: 1 if the patches read most are those that matter most, 0 if "
            "attention tells nothing.",
        )
        blocks = "all blocks, mean weight" if asked.block is None else f"block {asked.block + 1}"
        st.caption(
            f"Supernodes of each patch masked in {blocks}; heads are averaged. "
            f"Change at {_from(shown.now.points)}."
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
