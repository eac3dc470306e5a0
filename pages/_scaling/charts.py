"""What the page on scaling shows: curves, one number for each model, the table, the sources."""

from collections.abc import Collection, Sequence

import pandas as pd
import streamlit as st

from mspt.benchmarks.fits import PAPER, Exponent, fit_rows
from mspt.benchmarks.rows import MeasuredQuantity, ScalingRow, Sweep, best_patches
from mspt.figures.charts.scaling import MODEL_NAMES, Origin, scaling_figure
from mspt.figures.charts.scaling_curves import LETTERS, scaling_curves, sweep_rows
from pages._shared import frame, numbers
from pages._shared.numbers import MEASURED, STORED_CURVE

BUSY = 1.5
"""Load, over that of the measurement itself, from which times are called rough."""


def chart(
    sweep: Sweep,
    quantity: MeasuredQuantity,
    origins: Collection[Origin],
    *,
    stored: Sequence[ScalingRow],
    here: Sequence[ScalingRow],
) -> None:
    """Show the curves."""
    titles = {
        "points": f"points N (log scale), L = {sweep.patch_size:,} points a patch",
        "patches": f"patches K, slices of Transolver (log scale), N = {sweep.num_points:,}",
        "supernodes": f"supernodes Q per patch (log scale), N = {sweep.num_points:,}, "
        f"K = {sweep.num_patches}",
    }
    is_time = quantity == "seconds"
    st.plotly_chart(
        scaling_figure(
            scaling_curves(sweep, quantity, origins, stored=stored, here=here),
            letter=LETTERS[sweep.axis],
            axis_title=titles[sweep.axis],
            result_title="time of a forward pass" if is_time else "peak above weights and inputs",
            unit="s" if is_time else "B",
            recommended=best_patches(sweep) if sweep.axis == "patches" else None,
            dark=frame.is_dark(),
        ),
        key="scaling_chart",
    )


def summary(
    sweep: Sweep, quantity: MeasuredQuantity, rows: Sequence[ScalingRow], *, measured_here: bool
) -> None:
    """Show one number for each model that sums up its curve."""
    origin = MEASURED if measured_here else STORED_CURVE
    for column, model in zip(st.columns(len(sweep.models) or 1), sweep.models, strict=False):
        fitted = fit_rows(rows, model, quantity=quantity)
        value, more = _summary(sweep, quantity, sweep_rows(rows, sweep, model), fitted)
        with column:
            numbers.number(MODEL_NAMES[model], value, origin=origin, help_text=more)


def _summary(
    sweep: Sweep, quantity: MeasuredQuantity, own: Sequence[ScalingRow], fitted: Exponent | None
) -> tuple[str, str]:
    def cost(row: ScalingRow) -> float:
        return getattr(row, quantity)

    words = "time" if quantity == "seconds" else "memory"
    if sweep.axis == "points":
        if fitted is None:
            return "–", "Two sizes from 10,000 points on are needed."
        more = f"Fitted to {fitted.points} sizes from N = {fitted.first:,.0f} to {fitted.last:,.0f}"
        return f"∝ N^{fitted.slope:.2f}", f"{more}, by least squares of the logarithms."
    if not own:
        return "–", "Not measured yet."
    if sweep.axis == "patches":
        best = min(own, key=cost)
        more = f"The least {words} of {len(own)} measured; √(N/Q) = {best_patches(sweep)}."
        return f"best K {best.value:,}", more
    growth = cost(own[-1]) / cost(own[0])
    more = f"At Q = {own[-1].value} over that at Q = {own[0].value}."
    return f"{growth:.2f} × {words}", more


def sources(
    sweep: Sweep,
    origins: Collection[Origin],
    *,
    stored: Sequence[ScalingRow],
    here: Sequence[ScalingRow],
) -> None:
    """Show where the curves were measured."""
    st.caption(
        f"*{STORED_CURVE.capitalize()}*: {_machine(stored, sweep)}."
        + (f"  \n*{MEASURED.capitalize()}*: {_machine(here, sweep)}." if here else "")
    )
    if "paper" in origins:
        st.caption(_paper_caption())


def _machine(rows: Sequence[ScalingRow], sweep: Sweep) -> str:
    own = [row for row in rows if row.axis == sweep.axis and not row.stopped]
    if not own:
        return "nothing yet"
    first, load = own[0], max(row.load for row in own)
    return (
        f"{first.machine}, {first.threads} threads, {first.device}, PyTorch {first.torch_version}, "
        f"load up to {load:.1f}; D = {first.width}, {first.num_heads} heads, "
        f"{first.num_blocks} blocks"
        + (". The machine was busy: times are rough" if load > BUSY * first.threads else "")
    )


def _paper_caption() -> str:
    parts = [
        f"{MODEL_NAMES[figure.architecture]} at {figure.num_points:,} points with {figure.groups} "
        f"{'slices' if figure.architecture == 'transolver' else 'patches'}: "
        f"{1000 * figure.seconds:.0f} ms, {'within ' * figure.is_bound}{figure.gigabytes:g} GB "
        f"({figure.where})"
        for figure in PAPER
    ]
    return (
        f"*{numbers.PAPER.capitalize()}*: {'; '.join(parts)}. GPU, precision and width are not "
        "reported, so only ratios compare."
    )


def table(full: pd.DataFrame) -> None:
    """Show the columns of a table that fit the page, in readable units."""
    shown = full[["origin", "architecture", "num_points", "num_patches", "num_supernodes"]].copy()
    shown["architecture"] = shown["architecture"].map(MODEL_NAMES)
    shown["milliseconds"] = (1000 * full["seconds"]).round(1)
    shown["peak MB"] = (full["peak_bytes"] / 1e6).round(1)
    shown["not measured"] = full["stopped"]
    shown = shown.rename(
        columns={
            "architecture": "model",
            "num_points": "N",
            "num_patches": "K or slices",
            "num_supernodes": "Q",
        }
    )
    st.dataframe(shown, hide_index=True, height=220, key="scaling_table")
