"""What the page for patches shows: numbers, advice on K, one patch in words, all as a table."""

import numpy as np
import pandas as pd
import streamlit as st

from mspt.cost.formulas import flop_text, forward_flops, recommended_patches
from mspt.data.stress_clouds import describe_cloud
from mspt.figures.scenes.attention import attention_panel
from mspt.figures.scenes.patches import ShownPartition, compactness_figure, radius_histogram
from mspt.figures.theme import ACCENT
from mspt.figures.viewer.scene import Panel
from mspt.inference.partitioned import PartitionedCloud
from mspt.partition.patches import attention_flops
from pages._patches.cards import over_patches
from pages._patches.data import Chosen, drawn, partition_by_every_method, patch_table
from pages._patches.scores import SeenAttention
from pages._shared import frame, words
from pages._shared.datasets import STRESS, has_flow
from pages._shared.numbers import (
    COUNTED,
    MEASURED,
    PAPER,
    Card,
    badge,
    number_row,
    significant,
)

PAPER_TABLE_6 = {"ball tree": 0.0065, "random": 0.2035}
"""Median dispersion on Elasticity, in the paper."""
DETAILS = ("Error over K", "Radii", "Other partitions", "Every patch")
_MOST_STYLED = 4096  # patches; pandas writes a style for every cell
_MOST_NAMED = 16


def details(
    chosen: Chosen, cloud: PartitionedCloud, num_supernodes: int, *, point: int | None
) -> None:
    """Show the error over K, radii, other partitions, or the table of all patches."""
    shown = st.segmented_control(
        "Details",
        DETAILS,
        default=DETAILS[0],
        key="closer",
        required=True,
        bind="query-params",
        label_visibility="collapsed",
    )
    if shown == "Error over K":
        over_patches(chosen, cloud, num_supernodes)
    elif shown == "Radii":
        _radii(chosen, cloud, point)
    elif shown == "Other partitions":
        _other_partitions(chosen, cloud)
    else:
        _table(chosen, cloud, point)


def numbers(chosen: Chosen, cloud: PartitionedCloud, num_supernodes: int) -> None:
    """Show sizes, compactness and cost of the partition."""
    count, size, compact = len(chosen.points), cloud.shapes.size, cloud.compact
    config = chosen.config(cloud.num_patches, num_supernodes)
    model = f"all {config.num_blocks} blocks at width D = {config.width}"
    cards = (
        Card(
            label="Keys L + S",
            value=f"{size.max()} + {cloud.num_patches * num_supernodes:,}",
            help_text=words.tip(
                "L",
                "S",
                more=f"What a point attends to: its patch, here {size.min()} to {size.max()} "
                "points, and all supernodes.",
            ),
        ),
        Card(
            label=f"Radius, {chosen.unit}",
            value=significant(float(np.median(cloud.shapes.radius))),
            help_text="The median of all patches.",
        ),
        Card(
            label=f"Dispersion, {chosen.unit}²",
            value=significant(compact.median),
            help_text=words.tip(
                "dispersion",
                more="The paper's compactness; shown is the median of all patches. Over all "
                f"points {compact.share:.2%} of the cloud's own.",
            ),
        ),
        Card(
            label="Attention",
            value=flop_text(attention_flops(config, count)),
            origin=COUNTED,
            help_text=words.tip("N", "D", more=f"4 N D (L + S) in each block, {model}."),
        ),
        Card(
            label="Whole forward pass",
            value=flop_text(forward_flops(config, count)),
            origin=COUNTED,
            help_text=f"All matrix products, {model}, as in the checkpoint.",
        ),
    )
    state = f"{cloud.name}, K = {cloud.num_patches:,}, Q = {num_supernodes}, N = {count:,}"
    number_row(cards, origin=MEASURED, state=state)


def advice(chosen: Chosen, cloud: PartitionedCloud, num_supernodes: int) -> str:
    """Return which K is cheapest and why, and what the chosen one costs against it."""
    count, num_patches = len(chosen.points), cloud.num_patches
    best = recommended_patches(count, num_supernodes=num_supernodes)
    own, least = (
        attention_flops(chosen.config(k, num_supernodes), count) for k in (num_patches, best)
    )
    reason = (
        f"**K = {best:,} is cheapest**: at √(N/Q) = √({count:,}/{num_supernodes}) the L points of "
        "the patch and the S supernodes cost the same."
    )
    if num_patches == best:
        return f"{reason} It is the one above."
    return f"{reason} K = {num_patches:,} costs **{own / least:.2f} ×** as much attention."


def subtitle(chosen: Chosen, cloud: PartitionedCloud) -> str:
    """Return what is shown, and how long the partition took."""
    title = f"{chosen.sample.title}:"
    if chosen.source == STRESS:
        title = describe_cloud(chosen.name)
    return (
        f"{title} N = {len(chosen.points):,} points, partitioned in {1000 * cloud.seconds:.1f} ms "
        f"{badge(MEASURED)}. Click a point to see its patch."
    )


def picked_patch(chosen: Chosen, cloud: PartitionedCloud, point: int) -> str:
    """Return all that is known of the patch of a point, in words."""
    patch = int(cloud.partition.patch_of_point[point])
    table, neighbors = patch_table(chosen, cloud)
    row = table.iloc[patch]
    touching = ", ".join(map(str, neighbors[patch][:_MOST_NAMED])) or "none"
    more = ", …" if len(neighbors[patch]) > _MOST_NAMED else ""
    words = (
        f"**Patch {patch}** of {cloud.num_patches:,}, around point {point:,}: {row['size']:.0f} "
        f"points, radius {row['radius']:.3g} {chosen.unit}, aspect {row['aspect']:.3g}; "
        f"{row['overlap']:.0%} of the points in its ball belong to other patches. "
        f"Touches {touching}{more}."
    )
    if "error_share" in table:
        even = row["size"] / len(chosen.points)
        words += (
            f" Holds **{row['error_share']:.2%}** of the squared error of "
            f"{chosen.error_of}, {row['error_share'] / even:.2g} × its share of the "
            "points."
        )
    return words


def beside(
    chosen: Chosen, other: PartitionedCloud | None, seen: SeenAttention | None
) -> ShownPartition | Panel | None:
    """Return what the second panel shows: another partition, the attention of a point, nothing."""
    if seen is not None:
        weights = seen.attention.local + seen.attention.through_supernodes
        return attention_panel(seen.point, weights.numpy())
    return None if other is None else drawn(chosen, other)


def attention_words(chosen: Chosen, seen: SeenAttention) -> str:
    """Return what a point attends to at the K, Q and partition in view, in words."""
    found = seen.attention.summary
    return (
        f"**Point {seen.point:,}** attends {found.local_share:.0%} to its patch and "
        f"{found.global_share:.0%} to all supernodes, as to {found.effective_keys:,.0f} of "
        f"{found.num_keys:,} keys alike, in block {seen.attention.block + 1} of "
        f"{chosen.checkpoint.name} {badge(MEASURED)}"
    )


def _radii(chosen: Chosen, cloud: PartitionedCloud, point: int | None) -> None:
    radius = cloud.shapes.radius
    patch = None if point is None else int(cloud.partition.patch_of_point[point])
    picked = None if patch is None else float(radius[patch])
    st.plotly_chart(
        radius_histogram(radius, unit=chosen.unit, picked=picked, dark=frame.is_dark()),
        key="patches_radii",
    )


def _other_partitions(chosen: Chosen, cloud: PartitionedCloud) -> None:
    found = partition_by_every_method(chosen, cloud.num_patches)
    compact = {name: one.compact for name, one in found.items()}
    st.plotly_chart(
        compactness_figure(compact, unit=chosen.unit, chosen=cloud.name, dark=frame.is_dark()),
        key="patches_cuts",
    )
    own, chance = compact["ball tree"].median, compact["random"].median
    here = f"{chance / own:,.0f}" if own > 0 else "infinitely many"
    tree, random = PAPER_TABLE_6.values()
    st.markdown(
        f"The ball tree's patches are **{here} ×** more compact than random patches "
        f"{badge(MEASURED)}. On the paper's Elasticity, with K not reported: {tree} against "
        f"{random}, {random / tree:.0f} × {badge(PAPER, ', Table 6')}."
        + (
            " Stored flows are in the leaf order of a ball tree, so sequence does well on them."
            if has_flow(chosen.source)
            else ""
        )
    )


def _table(chosen: Chosen, cloud: PartitionedCloud, point: int | None) -> None:
    """Show one row for each patch; the picked patch comes first, then those that touch it."""
    table, neighbors = patch_table(chosen, cloud)
    shown = table
    order = table["patch"].to_list()
    if point is not None:
        patch = int(cloud.partition.patch_of_point[point])
        first = [patch, *neighbors[patch]]
        shown = pd.concat([table.loc[first], table.drop(index=first)])
        order = shown["patch"].to_list()
        if cloud.num_patches <= _MOST_STYLED:
            color = f"{ACCENT[frame.is_dark()]}55"  # a third opaque: the text stays readable
            style = {"font-weight": "bold", "background-color": color}
            shown = shown.style.set_properties(subset=pd.IndexSlice[[patch], :], **style)
    st.dataframe(
        shown,
        hide_index=True,
        height=320,
        key="patch_table",
        on_select=lambda: _pick_row(cloud, order),
        selection_mode="single-row",
        column_config=_columns(chosen, table),
    )
    st.download_button(
        "Table of the patches (CSV)",
        lambda: table.to_csv(index=False, float_format="%.7g").encode(),
        file_name=f"patches-{chosen.key}-{cloud.method}-{cloud.num_patches}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="patches_csv",
    )


def _pick_row(cloud: PartitionedCloud, order: list[int]) -> None:
    rows = st.session_state["patch_table"]["selection"]["rows"]
    if rows:
        start = int(cloud.partition.offsets[order[rows[0]]])
        st.session_state["point"] = int(cloud.partition.order[start])


def _columns(chosen: Chosen, table: pd.DataFrame) -> dict[str, object]:
    column = st.column_config
    return {
        "patch": column.NumberColumn("Patch", width="small"),
        "size": column.NumberColumn("Points L", width="small"),
        "radius": column.NumberColumn(f"Radius ({chosen.unit})", format="%.3g"),
        "dispersion": column.NumberColumn(
            "Dispersion", format="%.3g", help="Mean squared distance from the center."
        ),
        "aspect": column.NumberColumn(
            "Aspect", format="%.2f", help="Longest over second longest principal extent."
        ),
        "overlap": column.NumberColumn(
            "Overlap",
            format="percent",
            help="Share of the points in its ball that belong to other patches.",
        ),
        "neighbors": column.NumberColumn(
            "Neighbors",
            width="small",
            help="Other patches among the six nearest points of its points.",
        ),
        "error_share": column.ProgressColumn(
            "Share of the squared error",
            format="percent",
            max_value=float(table["error_share"].max()) if "error_share" in table else None,
        ),
    }
