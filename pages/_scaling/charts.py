"""What the page on scaling shows: curves, one number for each model, the table, the sources."""

from collections.abc import Collection, Sequence

import pandas as pd
import streamlit as st

from mspt.benchmarks.fits import (
    FEWEST_SIZES,
    FIT_FROM,
    LEAST_SPAN,
    PAPER,
    Exponent,
    fit_rows,
)
from mspt.benchmarks.rows import (
    MeasuredQuantity,
    ScalingRow,
    Sweep,
    SweepAxis,
    best_patches,
)
from mspt.figures.charts.scaling import MODEL_NAMES, Origin, scaling_figure
from mspt.figures.charts.scaling_curves import LETTERS, scaling_curves, sweep_rows
from pages._shared import frame, notes, numbers
from pages._shared.numbers import MEASURED, STORED_CURVE, Card, device_name, number_row

_SUMMARIES: dict[SweepAxis, str] = {
    "points": "growth with the number of points N",
    "patches": "number of patches K with the least {quantity}",
    "supernodes": "{quantity} at the largest Q over that at the smallest",
}
"""What the number of each model is."""

_QUANTITIES: dict[MeasuredQuantity, str] = {"seconds": "time", "peak_bytes": "memory"}

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
        "points": f"number of points N, with L = {sweep.patch_size:,} points per patch",
        "patches": f"number of patches K, or slices of Transolver, at N = {sweep.num_points:,}",
        "supernodes": f"supernodes Q per patch, at N = {sweep.num_points:,} and "
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
    cards = []
    for model in sweep.models:
        fitted = fit_rows(rows, model, quantity=quantity)
        value, more = _summary(sweep, quantity, sweep_rows(rows, sweep, model), fitted)
        cards.append(Card(label=MODEL_NAMES[model], value=value, help_text=more))
    if cards:
        origin = MEASURED if measured_here else STORED_CURVE
        number_row(
            cards,
            origin=origin,
            state=_SUMMARIES[sweep.axis].format(quantity=_QUANTITIES[quantity]),
        )


def _summary(
    sweep: Sweep, quantity: MeasuredQuantity, own: Sequence[ScalingRow], fitted: Exponent | None
) -> tuple[str, str]:
    def cost(row: ScalingRow) -> float:
        return getattr(row, quantity)

    words = _QUANTITIES[quantity]
    if sweep.axis == "points":
        return _growth(own, fitted)
    if not own:
        return "–", "Not measured yet."
    if sweep.axis == "patches":
        best = min(own, key=cost)
        more = f"The least {words} of {len(own)} measured; √(N/Q) = {best_patches(sweep)}."
        return f"best K {best.value:,}", more
    growth = cost(own[-1]) / cost(own[0])
    more = f"At Q = {own[-1].value} over that at Q = {own[0].value}."
    return f"{growth:.2f} × {words}", more


def _growth(own: Sequence[ScalingRow], fitted: Exponent | None) -> tuple[str, str]:
    """Return the fitted exponent, or why there is none."""
    if fitted is not None:
        sizes = f"{fitted.points} sizes from N = {fitted.first:,.0f} to {fitted.last:,.0f}"
        words = f"Fitted to {sizes}, by least squares of the logarithms."
        return f"∝ N^{fitted.slope:.2f}", words
    large = [row for row in own if row.num_points >= FIT_FROM]
    needed = f"{FEWEST_SIZES} sizes from N = {FIT_FROM:,.0f} on, the largest {LEAST_SPAN:.0f} times"
    return "no exponent", f"An exponent needs {needed} the smallest; there are {len(large)}."


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
        f"{notes.plain(first.machine)}, {first.threads} threads, {device_name(first.device)}, "
        f"PyTorch {first.torch_version}, load up to {load:.1f}; D = {first.width}, "
        f"{first.num_heads} heads, {first.num_blocks} blocks"
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
