"""The curves of a sweep: stored and measured rows, the closed form, and the paper's numbers."""

from collections.abc import Collection, Sequence
from math import isnan

from mspt.benchmarks.fits import PAPER, PaperFigure, closed_form, fit_rows
from mspt.benchmarks.rows import MeasuredQuantity, ScalingRow, Sweep
from mspt.config import Architecture
from mspt.figures.charts.scaling import Curve, Origin

LETTERS = {"points": "N", "patches": "K", "supernodes": "Q"}


def scaling_curves(
    sweep: Sweep,
    quantity: MeasuredQuantity,
    origins: Collection[Origin],
    *,
    stored: Sequence[ScalingRow],
    here: Sequence[ScalingRow],
) -> list[Curve]:
    """Return the curves to draw; fitted exponents stand in their notes.

    Args:
        sweep: Which models, along which axis.
        quantity: Time or memory.
        origins: Which curves are wanted.
        stored: Rows that ship.
        here: Rows measured on this machine.
    """
    curves: list[Curve] = []
    measured: dict[Origin, Sequence[ScalingRow]] = {"stored": stored, "here": here}
    for origin, rows in measured.items():
        models = sweep.models if origin in origins else ()
        curves += [
            _measured(own, sweep, model, origin, quantity)
            for model in models
            if (own := sweep_rows(rows, sweep, model))
        ]
    if "closed form" in origins:
        # The rate that turns arithmetic into time is that of the measured curves in the chart.
        base = stored if "stored" in origins or not here else here
        curves += _closed_forms(sweep, quantity, base)
    if "paper" in origins and sweep.axis == "points":
        curves += _paper(sweep, quantity)
    return curves


def sweep_rows(rows: Sequence[ScalingRow], sweep: Sweep, model: str) -> list[ScalingRow]:
    """Return the measured rows of one model along the axis of a sweep, in order."""
    own = [
        row
        for row in rows
        if row.axis == sweep.axis and row.architecture == model and not row.stopped
    ]
    return sorted(own, key=lambda row: row.value)


def _measured(
    rows: Sequence[ScalingRow],
    sweep: Sweep,
    model: Architecture,
    origin: Origin,
    quantity: MeasuredQuantity,
) -> Curve:
    fitted = fit_rows(rows, model, quantity=quantity) if sweep.axis == "points" else None
    return Curve(
        architecture=model,
        origin=origin,
        values=[row.value for row in rows],
        results=[getattr(row, quantity) for row in rows],
        note="" if fitted is None else f"N^{fitted.slope:.2f}",
    )


def _closed_forms(
    sweep: Sweep, quantity: MeasuredQuantity, base: Sequence[ScalingRow]
) -> list[Curve]:
    curves = []
    for model in sweep.models:
        results = closed_form(sweep, model, sweep.values, quantity=quantity, measured=base)
        if not isnan(results[0]):  # without a measured row of the model there is no rate
            curves.append(
                Curve(
                    architecture=model, origin="closed form", values=sweep.values, results=results
                )
            )
    return curves


def _paper(sweep: Sweep, quantity: MeasuredQuantity) -> list[Curve]:
    return [
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


def _paper_note(figure: PaperFigure, quantity: MeasuredQuantity) -> str:
    groups = f"{figure.groups} {'slices' if figure.architecture == 'transolver' else 'K'}"
    return f"{groups}, at most" if figure.is_bound and quantity == "peak_bytes" else groups
