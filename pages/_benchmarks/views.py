"""What the page on benchmarks shows of ablations, and of slips in published evaluations."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from mspt.benchmarks.ablation_curves import (
    AblationCurve,
    Quantity,
    ablation_table,
    row_names,
    words_of,
)
from mspt.benchmarks.ablation_maps import AblationMap, MapCell, map_table, maps_over_patches
from mspt.benchmarks.ablations import AblationRow, ablate_command
from mspt.cost.formulas import flop_text, recommended_patches
from mspt.evaluation.mistakes import command_of_tests
from mspt.figures.charts.ablations import ablation_figure, cost_map, error_map, number_text
from mspt.figures.charts.series import learning_curves
from pages._benchmarks import controls, data
from pages._shared import frame, runs
from pages._shared.charts import PERCENT, chart, csv_button, formatted
from pages._shared.numbers import COUNTED, STORED_RUNS, Card, badge, number_row

MOST_CURVES = 8
"""Learning curves that are drawn while no row is picked."""
FORMATS = {"parameters": "{:,.0f}", "minutes": "{:.1f}", "core minutes": "{:.1f}"}
"""Columns of the table of runs beside the errors."""


def ablations(name: str) -> None:
    """Show a quantity of the runs along one setting, their learning curves, and all rows."""
    rows = runs.rows_of(name)
    if not rows:
        _nothing_yet(name)
        return
    top = st.columns([2, 2, 5])
    with top[0]:
        quantity = controls.pick_quantity(name, rows)
    with top[1]:
        axis = controls.pick_axis(name, rows, quantity)
    if axis is None:
        st.markdown("No two runs of this data set differ in one setting alone yet.")
        _rows_table(name, rows)
        return
    with top[2]:
        curves = controls.pick_curves(name, rows, axis, quantity)
    key = _table_key(name)
    shown = _sorted(rows)
    picked = [shown[row] for row in controls.picked_rows(key) if row < len(shown)]
    left, right = st.columns(2, gap="medium")
    with left:
        _along(curves, quantity, axis)
    with right:
        _learning(rows, picked, curves)
    _rows_table(name, rows)
    commands = [ablate_command(row) for curve in curves.values() for row in curve.rows]
    frame.command(*dict.fromkeys(commands))


def _nothing_yet(name: str) -> None:
    st.markdown(
        f"There are no runs with varied settings on `{name}` yet. Each of these commands adds one "
        "row to the table, and with it a point here."
    )
    st.code(f"python -m mspt ablate {name} --epochs 8 --set num_patches=32", language="bash")


def _along(curves: Mapping[int, AblationCurve], quantity: Quantity, axis: str) -> None:
    if not curves:
        st.markdown("Choose at least one curve.")
        return
    figure = ablation_figure(
        curves, quantity=quantity, axis_title=words_of(axis), dark=frame.is_dark()
    )
    chart(figure, key="benchmarks_along")
    seeds = max(len(point.rows) for curve in curves.values() for point in curve.points)
    words = (
        "Bars reach from the least to the largest over seeds."
        if seeds > 1
        else "One seed each: differences of a few percent may be chance."
    )
    st.caption(f"{badge(STORED_RUNS)} {_budget(curves)}. {words}")


def _budget(curves: Mapping[int, AblationCurve]) -> str:
    rows = [row for curve in curves.values() for row in curve.rows]
    epochs = ", ".join(map(str, sorted({row.epochs for row in rows})))
    counts = sorted({row.train_cases for row in rows if row.train_cases})
    cases = ", ".join(f"{count:,}" for count in counts)
    return f"{epochs} epochs over {cases} training cases"


def _learning(
    rows: Sequence[AblationRow],
    picked: Sequence[AblationRow],
    curves: Mapping[int, AblationCurve],
) -> None:
    every = picked or [row for curve in curves.values() for row in curve.rows]
    known = _sorted([row for row in every if row.curve])[:MOST_CURVES]
    names = dict(zip(map(id, rows), row_names(rows), strict=True))
    if not known:
        st.markdown("The picked runs have no learning curve.")
        return
    errors = {names[id(row)]: row.curve for row in known}
    chart(learning_curves(errors, dark=frame.is_dark()), key="benchmarks_learning")
    left_out = len({id(row) for row in every}) > len(known)
    st.caption(
        "Learning curves of the rows that are picked in the table."
        if picked
        else "Learning curves of the runs in the chart"
        + (f", the {len(known)} with the least error" if left_out else "")
        + "; pick rows in the table for others."
    )


def _sorted(rows: Sequence[AblationRow]) -> list[AblationRow]:
    """Return rows with the least validation error first, failed ones last."""
    worst = math.inf
    return sorted(rows, key=lambda row: worst if row.has_failed else row.validation_error)


def _table_key(name: str) -> str:
    return f"benchmarks_runs_{name}"


def _rows_table(name: str, rows: Sequence[AblationRow]) -> None:
    shown, key = _sorted(rows), _table_key(name)
    table = ablation_table(shown)
    errors = [title for title in table.columns if "error" in title]
    column = st.column_config
    visible = table.drop(columns="command")
    if not visible["failed"].any():
        visible = visible.drop(columns="failed")
    st.dataframe(
        formatted(visible, dict.fromkeys(errors, PERCENT) | FORMATS),
        hide_index=True,
        height=320,
        key=key,
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "minutes": column.NumberColumn(
                help="Wall time on shared cores: rows cannot be compared."
            ),
            "core minutes": column.NumberColumn(help="Processor time."),
        },
    )
    picked = [shown[row] for row in controls.picked_rows(key) if row < len(shown)]
    with st.container(horizontal=True, vertical_alignment="center"):
        csv_button("All runs (CSV)", table, name=f"ablations-{name}", key="benchmarks_runs_csv")
        failed = sum(row.has_failed for row in rows)
        words = f"{len(rows)} runs" + (f", {failed} of them failed" if failed else "")
        st.caption(f"{words}. Select rows for their commands and their learning curves.")
    if picked:
        st.code("\n".join(map(ablate_command, picked)), language="bash")


# --- K and Q -------------------------------------------------------------------------------------


def maps(name: str) -> None:
    """Show error and cost over K and Q side by side."""
    rows = runs.rows_of(name)
    if not rows:
        _nothing_yet(name)
        return
    top = st.columns([2, 2, 5])
    with top[0]:
        quantity = controls.pick_quantity(name, rows)
    found = maps_over_patches(rows, quantity)
    if not found:
        st.markdown(f"The runs on `{name}` have no two numbers of patches or supernodes yet.")
        return
    with top[1]:
        chosen = controls.pick_map(name, found)
    _best(chosen, quantity)
    left, right = st.columns(2, gap="medium")
    dark = frame.is_dark()
    with left:
        st.markdown(f"**{quantity.name.capitalize()}** {badge(STORED_RUNS)}")
        chart(error_map(chosen, quantity=quantity, dark=dark), key="benchmarks_error_map")
    with right:
        st.markdown(f"**Arithmetic of a forward pass** {badge(COUNTED)}")
        chart(cost_map(chosen, dark=dark), key="benchmarks_cost_map")
        st.caption("Circles are the runs; on the dashed line, K = √(N/Q), attention is cheapest.")
    own = [row for cell in chosen.cells for row in cell.error.rows]
    csv_button("Map (CSV)", map_table(chosen), name=f"map-{name}", key="benchmarks_map_csv")
    frame.command(*dict.fromkeys(map(ablate_command, own)))


def _best(chosen: AblationMap, quantity: Quantity) -> None:
    known = [cell for cell in chosen.cells if not math.isnan(cell.error.mean)]
    if not known:
        return
    best = min(known, key=lambda cell: cell.error.mean)
    cards = [
        Card(
            label=f"Least {quantity.name}",
            value=number_text(best.error.mean, quantity),
            note=_place(best),
        )
    ]
    costed = [cell for cell in known if cell.flops]
    if costed and best.flops and chosen.num_points:
        least = min(costed, key=lambda cell: cell.flops or 0)
        cards += [
            Card(
                label="Its cost",
                value=flop_text(best.flops),
                note=f"{best.flops / (least.flops or 1):.2f} × the cheapest run",
                origin=COUNTED,
            ),
            Card(
                label=f"{quantity.name.capitalize()} of the cheapest run",
                value=number_text(least.error.mean, quantity),
                note=_place(least),
            ),
            Card(
                label="Cheapest K at Q = 1, √N",
                value=f"{recommended_patches(chosen.num_points):,}",
                note=f"N = {chosen.num_points:,}",
                origin=COUNTED,
            ),
        ]
    number_row(cards, origin=STORED_RUNS, state=f"{len(known)} runs, {chosen.label}")


def _place(cell: MapCell) -> str:
    return f"K = {cell.num_patches:,}, Q = {cell.num_supernodes}"


# --- known mistakes ------------------------------------------------------------------------------


def mistakes() -> None:
    """Show slips in published evaluations, with the test that would catch each of them here."""
    table = data.mistakes_table()
    st.markdown(
        "Each of these has happened in published work, or is easily misread there. The test beside "
        "it fails if it happens here."
    )
    for _, row in table.iterrows():
        _mistake(row)
    csv_button("Table (CSV)", table, name="known-mistakes", key="benchmarks_mistakes_csv")
    frame.command(command_of_tests())


def _mistake(row: pd.Series) -> None:
    with st.container(border=True):
        left, right = st.columns([3, 2], gap="medium", vertical_alignment="center")
        left.markdown(f"**{row['Mistake']}**. {row['Effect']}")
        left.caption(row["Reported"])
        right.code(row["Test"], language=None, wrap_lines=True)
