"""What the attention page shows below the picture: blocks, heads, the matrix, the equation."""

import numpy as np
import streamlit as st

from mspt.figures.charts.attention import blocks_figure, masking_figure, patch_matrix_figure
from mspt.figures.charts.heads import head_grid_figure
from mspt.inspection.observe import patch_matrix, summaries_by_block
from mspt.inspection.weights import over_heads
from pages import _attended, _parts
from pages._attention_parts import Asked, Shown


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
        f"Bars: {shown.words}. Strokes: mean over all points. {_parts.badge(_parts.MEASURED)}"
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
        f"Patch {patch}: each row is one of its points and sums to 100%. Marked: picked points, "
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
        rf"_{{{size}\ \text{{points of the own patch: }} {100 * share.local_share:.1f}\%}}"
        rf" + \underbrace{{{' + '.join(far)} + \dots}}"
        rf"_{{{len(nodes)}\ \text{{supernodes: }} {100 * share.global_share:.1f}\%}}"
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
                f"Attention of {shown.words} to each patch against the change when its "
                "supernodes are masked: an honest test, computed on demand."
            )
            return
        steps = _attended.compare(shown.key, shown.seen, shown.now.points, **settings)
        _parts.follow("Masking every patch in turn", steps)
        found = _attended.comparison(shown.key, shown.seen, shown.now.points, **settings)
    if found is None:
        return
    channel = shown.seen.sample.channels[asked.channel]
    quantity = channel.name if channel.unit in ("1", "") else f"{channel.name}, {channel.unit}"
    figure = masking_figure(
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
            _parts.minus(f"{found.rank_correlation:+.2f}"),
            origin=_parts.MEASURED,
            help_text="Over patches: 1 if the patches read most are those that matter most, 0 if "
            "attention tells nothing.",
        )
        blocks = "all blocks, mean weight" if asked.block is None else f"block {asked.block + 1}"
        st.caption(
            f"Supernodes of each patch masked in {blocks}; heads are averaged. "
            f"Change at {shown.words}."
        )
