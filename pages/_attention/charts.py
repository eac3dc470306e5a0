"""Charts below the cloud of the attention page: blocks, heads, the matrix, the equation."""

import numpy as np
import streamlit as st

from mspt.figures.charts.attention import blocks_figure, masking_figure, patch_matrix_figure
from mspt.figures.charts.equation import attention_equation
from mspt.figures.charts.heads import head_grid_figure
from mspt.inspection.masking import Comparison
from mspt.inspection.observation import patch_matrix, summaries_by_block
from pages._attention import data
from pages._attention.controls import Mask
from pages._attention.data import Chosen
from pages._shared.numbers import MEASURED, Card, badge, minus, number_row
from pages._shared.progress import follow


def blocks(chosen: Chosen, *, dark: bool) -> None:
    """Show the share of attention that goes to supernodes, block by block."""
    attention = chosen.attention
    found = summaries_by_block(chosen.recorded.observed, attention.points, head=attention.head)
    everywhere = data.global_shares(chosen.recorded, attention.head)
    st.markdown("**Attention to supernodes, block by block**")
    figure = blocks_figure(
        np.array([one.global_share for one in found]),
        everywhere.mean(axis=-1),
        np.array([one.effective_keys for one in found]),
        block=attention.block,
        dark=dark,
    )
    st.plotly_chart(figure, key="attention_blocks")
    st.caption(f"Bars: {chosen.words}. Lines: mean over all points. {badge(MEASURED)}")


def heads(chosen: Chosen, *, dark: bool) -> None:
    """Show what each head attends to."""
    attention = chosen.attention
    st.markdown(f"**What each head attends to, block {attention.block + 1}**")
    figure = head_grid_figure(
        chosen.stage.points,
        attention.spread.total.mean(1).numpy(),
        attention.trace.supernodes.sum(-1).mean(1).numpy(),
        chosen=attention.head,
        picked=np.array(attention.points),
        dark=dark,
    )
    st.plotly_chart(figure, key="attention_heads")


def matrix(chosen: Chosen, *, dark: bool) -> None:
    """Show the matrix of the first picked point's patch."""
    observed, attention = chosen.recorded.observed, chosen.attention
    patch = int(chosen.stage.patch_of_point[attention.points[0]])
    found = patch_matrix(observed, patch, block=attention.block, head=attention.head)
    count = observed.recording.num_supernodes
    figure = patch_matrix_figure(
        found.local.numpy(),
        found.supernodes.numpy(),
        found.points.numpy(),
        own=np.arange(patch * count, (patch + 1) * count),
        picked=attention.points,
        dark=dark,
    )
    st.plotly_chart(figure, key="attention_matrix")
    st.caption(
        f"Patch {patch}: each row is one of its points and sums to 100%. Marked: picked points, "
        "and the patch's own supernodes."
    )


def equation(chosen: Chosen) -> None:
    """Show equation 7 with the first picked point's own numbers."""
    attention = chosen.attention
    st.latex(attention_equation(chosen.recorded.observed, attention))
    words = (
        "means over the heads" if attention.head is None else f"those of head {attention.head + 1}"
    )
    st.caption(
        f"Equation 7 of the paper with the numbers of point {attention.points[0]} in block "
        f"{attention.block + 1}: v are values of points and supernodes; the weights are {words} "
        "and sum to one."
    )


def compare(chosen: Chosen, mask: Mask, *, dark: bool) -> None:
    """Show attention beside the effect of masking for all patches, on demand."""
    st.markdown("**Does attention predict what matters?**")
    observed = chosen.recorded.observed
    key = data.ComparisonKey(chosen.recorded.key, chosen.attention.points, mask.channel, mask.block)
    if missing := data.num_missing(key, observed):
        every = missing == observed.recording.num_patches
        if not st.button(
            f"Mask {'each of the' if every else 'the other'} {missing} patches in turn",
            key="attention_compare",
            icon=":material/play_arrow:",
            help=f"{missing} predictions, some seconds.",
        ):
            st.caption(
                f"Attention of {chosen.words} to each patch against the change when its "
                "supernodes are masked, computed on demand."
            )
            return
        if follow("Masking every patch in turn", data.mask_missing(key, observed)):
            st.rerun()  # without the button
    found = data.comparison(key, observed)
    if found is not None:
        _comparison(chosen, mask, found, dark=dark)


def _comparison(chosen: Chosen, mask: Mask, found: Comparison, *, dark: bool) -> None:
    channel = chosen.recorded.sample.channels[mask.channel]
    quantity = channel.name if channel.unit in ("1", "") else f"{channel.name}, {channel.unit}"
    figure = masking_figure(
        found.attention,
        found.effect,
        own=np.array(chosen.own_patches(mask.block)),
        chosen=mask.patch,
        quantity=quantity,
        dark=dark,
    )
    left, right = st.columns([3, 1], gap="medium")
    left.plotly_chart(figure, key="attention_comparison")
    with right:
        card = Card(
            label="Spearman's rank correlation",
            value=minus(f"{found.rank_correlation:+.2f}"),
            help_text="Over patches: 1 if the order by attention is the order by effect, 0 if the "
            "two are unrelated.",
        )
        blocks = "all blocks, mean weight" if mask.block is None else f"block {mask.block + 1}"
        state = (
            f"supernodes of each patch masked in {blocks}; heads are averaged; change at "
            f"{chosen.words}"
        )
        number_row([card], origin=MEASURED, state=state)
