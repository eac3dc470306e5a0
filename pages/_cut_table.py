"""The patches of a cut one by one: in words for a picked one, and as a table."""

import pandas as pd
import streamlit as st

from mspt.figures.theme import ROW_HIGHLIGHT
from pages._cuts import Cuts, View, error_of, table_of

_MOST_STYLED = 4096


def picked_patch(view: View, cuts: Cuts, point: int) -> str:
    """Return in words all that is known of the patch of a point."""
    patch = int(cuts.partition.patch_of_point[point])
    table, neighbors = table_of(view, cuts)
    row = table.iloc[patch]
    touching = ", ".join(map(str, neighbors[patch][:16])) or "none"
    more = ", …" if len(neighbors[patch]) > 16 else ""
    words = (
        f"**Patch {patch}** of {cuts.num_patches:,}, around point {point:,}: {row['size']:.0f} "
        f"points, radius {row['radius']:.3g} {view.unit}, aspect {row['aspect']:.3g}, "
        f"{row['overlap']:.0%} of its ball's points are others'. Touches {touching}{more}."
    )
    if "error_share" in table:
        even = row["size"] / len(view.points)
        words += (
            f" Holds **{row['error_share']:.2%}** of the squared error of {error_of(view)[0]}, "
            f"{row['error_share'] / even:.2g} × its share of the points."
        )
    return words


def show_table(view: View, cuts: Cuts, picked: int | None) -> None:
    """Show one row a patch; the picked patch comes first, then those that touch it."""
    table, neighbors = table_of(view, cuts)
    shown = table
    if picked is not None:
        patch = int(cuts.partition.patch_of_point[picked])
        first = [patch, *neighbors[patch]]
        shown = pd.concat([table.loc[first], table.drop(index=first)])
        if cuts.num_patches <= _MOST_STYLED:
            shown = shown.style.set_properties(
                subset=pd.IndexSlice[[patch], :],
                **{"font-weight": "bold", "background-color": ROW_HIGHLIGHT},
            )
    order = table["patch"].to_list() if picked is None else [*first, *table.drop(first)["patch"]]
    st.dataframe(
        shown,
        hide_index=True,
        height=320,
        key="patch_table",
        on_select=lambda: _pick_row(cuts, order),
        selection_mode="single-row",
        column_config=_columns(view, table),
    )
    st.download_button(
        "Table of the patches (CSV)",
        lambda: table.to_csv(index=False, float_format="%.7g").encode(),
        file_name=f"patches-{view.key}-{cuts.cut}-{cuts.num_patches}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="patches_csv",
    )


def _pick_row(cuts: Cuts, order: list[int]) -> None:
    rows = st.session_state["patch_table"]["selection"]["rows"]
    if rows:
        start = int(cuts.partition.offsets[order[rows[0]]])
        st.session_state["point"] = int(cuts.partition.order[start])


def _columns(view: View, table: pd.DataFrame) -> dict[str, object]:
    column = st.column_config
    return {
        "patch": column.NumberColumn("Patch", width="small"),
        "size": column.NumberColumn("Points L", width="small"),
        "radius": column.NumberColumn(f"Radius ({view.unit})", format="%.3g"),
        "dispersion": column.NumberColumn(
            "Dispersion", format="%.3g", help="Mean squared distance from the center."
        ),
        "aspect": column.NumberColumn(
            "Aspect", format="%.2f", help="Longest over second longest principal extent."
        ),
        "overlap": column.NumberColumn(
            "Overlap", format="percent", help="Share of the points in its ball that are others'."
        ),
        "neighbors": column.NumberColumn(
            "Neighbors", width="small", help="Patches among the six nearest places of its points."
        ),
        "error_share": column.ProgressColumn(
            "Share of the squared error",
            format="percent",
            max_value=float(table["error_share"].max()) if "error_share" in table else None,
        ),
    }
