"""How the page on scaling shows rows: curves, the numbers they come down to, tables."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from mspt.benchmarks.fits import PAPER, Exponent, PaperFigure, closed_form, fit_rows
from mspt.benchmarks.rows import (
    MeasuredQuantity,
    ScalingRow,
    Sweep,
    SweepAxis,
    best_patches,
    rows_table,
)
from mspt.figures.charts.scaling import MODEL_NAMES, Curve, scaling_figure
from pages import _parts

STORED = "stored curve"
BUSY = 1.5
"""Load, over that of the measuring itself, from which times are called rough."""
SHOWN = {"Stored": "stored", "Here": "here", "Formula": "closed form", "Paper": "paper"}
LETTERS = {"points": "N", "patches": "K", "supernodes": "Q"}


def curves(
    sweep: Sweep,
    quantity: MeasuredQuantity,
    shown: Sequence[str],
    stored: Sequence[ScalingRow],
    here: Sequence[ScalingRow],
) -> list[Curve]:
    """Return what to draw; exponents stand beside the names."""
    kinds, drawn = [SHOWN[name] for name in shown], []
    for origin, rows in (("stored", stored), ("here", here)):
        for model in sweep.models if origin in kinds else ():
            own = _of(rows, sweep, model)
            if own:
                note = _note(rows, sweep, model, quantity)
                drawn.append(_curve(model, origin, own, quantity, note))
    if "closed form" in kinds:
        base = stored if "stored" in kinds or not here else here
        for model in sweep.models:
            results = closed_form(sweep, model, sweep.values, quantity=quantity, measured=base)
            if results[0] == results[0]:  # not NaN: without a measured row there is no rate
                drawn.append(
                    Curve(
                        architecture=model,
                        origin="closed form",
                        values=sweep.values,
                        results=results,
                    )
                )
    if "paper" in kinds and sweep.axis == "points":
        drawn += [
            Curve(
                architecture=figure.architecture,
                origin="paper",
                values=[figure.num_points],
                results=[figure.seconds if quantity == "seconds" else 1e9 * figure.gigabytes],
                note=_paper_note(figure, quantity),
            )
            for figure in PAPER
            if figure.architecture in sweep.models
        ]
    return drawn


def _paper_note(figure: PaperFigure, quantity: MeasuredQuantity) -> str:
    groups = f"{figure.groups} {'slices' if figure.architecture == 'transolver' else 'K'}"
    return f"{groups}, at most" if figure.is_bound and quantity == "peak_bytes" else groups


def _curve(
    model: str, origin: str, rows: Sequence[ScalingRow], quantity: MeasuredQuantity, note: str
) -> Curve:
    return Curve(
        architecture=model,
        origin=origin,
        values=[row.value for row in rows],
        results=[getattr(row, quantity) for row in rows],
        note=note,
    )


def _of(rows: Sequence[ScalingRow], sweep: Sweep, model: str) -> list[ScalingRow]:
    own = [
        row
        for row in rows
        if row.axis == sweep.axis and row.architecture == model and not row.stopped
    ]
    return sorted(own, key=lambda row: row.value)


def _note(rows: Sequence[ScalingRow], sweep: Sweep, model: str, quantity: MeasuredQuantity) -> str:
    fitted = fit_rows(rows, model, quantity=quantity) if sweep.axis == "points" else None
    return "" if fitted is None else f"N^{fitted.slope:.2f}"


def chart(sweep: Sweep, quantity: MeasuredQuantity, drawn: Sequence[Curve], *, dark: bool) -> None:
    """Show the curves."""
    titles = {
        "points": f"points N (log scale), L = {sweep.patch_size:,} points a patch",
        "patches": f"patches K, slices of Transolver (log scale), N = {sweep.num_points:,}",
        "supernodes": f"supernodes Q per patch (log scale), N = {sweep.num_points:,}, "
        f"K = {sweep.num_patches}",
    }
    st.plotly_chart(
        scaling_figure(
            drawn,
            letter=LETTERS[sweep.axis],
            axis_title=titles[sweep.axis],
            result_title="one forward pass"
            if quantity == "seconds"
            else "peak above weights and inputs",
            unit="s" if quantity == "seconds" else "B",
            recommended=best_patches(sweep) if sweep.axis == "patches" else None,
            dark=dark,
        ),
        key="scaling_chart",
    )


def numbers(
    sweep: Sweep, quantity: MeasuredQuantity, rows: Sequence[ScalingRow], *, measured_here: bool
) -> None:
    """Show what the curves come down to, one number a model."""
    origin = _parts.MEASURED if measured_here else STORED
    for column, model in zip(st.columns(len(sweep.models) or 1), sweep.models, strict=False):
        own = _of(rows, sweep, model)
        with column:
            value, more = _summary(sweep, own, fit_rows(rows, model, quantity=quantity))
            number(MODEL_NAMES[model], value, origin=origin, help_text=more)


def _summary(sweep: Sweep, own: Sequence[ScalingRow], fitted: Exponent | None) -> tuple[str, str]:
    if sweep.axis == "points":
        if fitted is None:
            return "–", "Two sizes from 10,000 points on are needed."
        more = f"Fitted to {fitted.points} sizes from N = {fitted.first:,.0f} to {fitted.last:,.0f}"
        return f"∝ N^{fitted.slope:.2f}", f"{more}, by least squares of the logarithms."
    if not own:
        return "–", "Not measured yet."
    if sweep.axis == "patches":
        best = min(own, key=lambda row: row.seconds)
        more = f"The fastest of {len(own)} measured; √(N/Q) = {best_patches(sweep)}."
        return f"best K {best.value:,}", more
    growth = own[-1].seconds / own[0].seconds
    more = f"Time at Q = {own[-1].value} over time at Q = {own[0].value}."
    return f"{growth:.2f} × time", more


def number(label: str, value: str, *, origin: str, help_text: str) -> None:
    """Show one number and its origin; a stored benchmark belongs to no checkpoint."""
    if origin == _parts.MEASURED:
        _parts.number(label, value, origin=origin, help_text=help_text)
        return
    st.metric(
        label,
        value,
        delta=origin,
        delta_color="blue",
        delta_arrow="off",
        border=True,
        height="stretch",
        help=help_text,
    )


def machine(rows: Sequence[ScalingRow], axis: SweepAxis) -> str:
    """Say where rows were measured."""
    own = [row for row in rows if row.axis == axis and not row.stopped]
    if not own:
        return "nothing yet"
    first, load = own[0], max(row.load for row in own)
    return (
        f"{first.machine}, {first.threads} threads, {first.device}, PyTorch {first.torch_version}, "
        f"load up to {load:.1f}; D = {first.width}, {first.num_heads} heads, "
        f"{first.num_blocks} blocks"
        + (". The machine was busy: times are rough" if load > BUSY * first.threads else "")
    )


def table(sweep: Sweep, stored: Sequence[ScalingRow], here: Sequence[ScalingRow]) -> pd.DataFrame:
    """Return all rows of the axis with their origin, the paper's last."""
    frames = []
    for origin, rows in ((STORED, stored), (_parts.MEASURED, here)):
        frame = rows_table([row for row in rows if row.axis == sweep.axis])
        frame.insert(0, "origin", origin)
        frames.append(frame)
    merged = frames[0] if frames[1].empty else pd.concat(frames, ignore_index=True)
    return merged[merged["architecture"].isin(sweep.models)].reset_index(drop=True)


def readable(full: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of a table that fit the page, in readable units."""
    shown = full[["origin", "architecture", "num_points", "num_patches", "num_supernodes"]].copy()
    shown["architecture"] = shown["architecture"].map(MODEL_NAMES)
    shown["milliseconds"] = (1000 * full["seconds"]).round(1)
    shown["peak MB"] = (full["peak_bytes"] / 1e6).round(1)
    shown["not measured"] = full["stopped"]
    return shown.rename(
        columns={
            "architecture": "model",
            "num_points": "N",
            "num_patches": "K or slices",
            "num_supernodes": "Q",
        }
    )


def paper_caption() -> str:
    """Say what the paper's figures are."""
    parts = [
        f"{MODEL_NAMES[figure.architecture]} at {figure.num_points:,} points with {figure.groups} "
        f"{'slices' if figure.architecture == 'transolver' else 'patches'}: "
        f"{1000 * figure.seconds:.0f} ms, {'within ' * figure.is_bound}{figure.gigabytes:g} GB "
        f"({figure.where})"
        for figure in PAPER
    ]
    return (
        f"*{_parts.PAPER.capitalize()}*: {'; '.join(parts)}. GPU, precision and width are not "
        "on_progress, so only ratios compare."
    )
