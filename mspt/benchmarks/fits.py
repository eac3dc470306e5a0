"""Growth of time and memory: fitted exponents, the cost model, and numbers from the paper.

Letters: N points, K patches, Q supernodes per patch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np

from mspt.benchmarks.rows import MeasuredQuantity, ScalingRow, Sweep, is_measured
from mspt.config import Architecture
from mspt.cost.formulas import flops, peak_bytes

FIT_FROM = 10_000.0
"""Smallest number of points used in fits: below it, fixed costs dominate."""

FEWEST_SIZES, LEAST_SPAN = 3, 4.0
"""A fitted exponent needs this many sizes, the largest of them this many times the smallest.

A line through two sizes fits exactly, whether or not the cost follows a power law.
"""

SLOPE_DIGITS = 12
"""Decimals of a slope: the digits after these are rounding errors of the fit."""


@dataclass(frozen=True, kw_only=True)
class Exponent:
    """Growth of a quantity as a power of the axis.

    Attributes:
        slope: The exponent: slope of a least-squares line through the logarithms.
        first: Smallest value of the axis in the fit.
        last: Largest value of the axis in the fit.
        points: Number of values in the fit.
    """

    slope: float
    first: float
    last: float
    points: int


def fit_exponent(
    values: Sequence[float | int], results: Sequence[float | int], *, start: float = 0.0
) -> Exponent | None:
    """Fit a power law to results at values from ``start`` on.

    Args:
        values: Values of the axis.
        results: Positive results at these values; others are left out.
        start: Smallest value in the fit.

    Returns:
        The exponent, or None for fewer than two different values.

    Examples:
        >>> fit_exponent([1, 10, 100], [2, 200, 20000]).slope
        2.0
    """
    x, y = np.asarray(values, dtype=float), np.asarray(results, dtype=float)
    used = (x >= start) & (x > 0) & (y > 0)
    if len(np.unique(x[used])) < 2:
        return None
    # Deviations from the mean: solving for slope and offset together loses digits of close values.
    across, up = (part - part.mean() for part in (np.log(x[used]), np.log(y[used])))
    slope = (across @ up) / (across @ across)
    first, last = x[used].min(), x[used].max()
    return Exponent(
        slope=round(float(slope), SLOPE_DIGITS),
        first=float(first),
        last=float(last),
        points=int(used.sum()),
    )


def fit_rows(
    rows: Sequence[ScalingRow], model: str, *, quantity: MeasuredQuantity
) -> Exponent | None:
    """Fit the growth with N of a quantity of one model, from :data:`FIT_FROM` points on.

    Args:
        rows: Rows of any sweep; only measurements along ``points`` are used.
        model: Architecture.
        quantity: ``seconds`` or ``peak_bytes``.

    Returns:
        The exponent; None for fewer than :data:`FEWEST_SIZES` sizes, or if they span less than a
        factor of :data:`LEAST_SPAN`.
    """
    own = [
        row
        for row in rows
        if row.axis == "points" and row.architecture == model and not row.stopped
    ]
    values = [float(row.num_points) for row in own]
    sizes = {value for value in values if value >= FIT_FROM}
    if len(sizes) < FEWEST_SIZES or max(sizes) < LEAST_SPAN * min(sizes):
        return None
    return fit_exponent(values, [float(getattr(row, quantity)) for row in own], start=FIT_FROM)


def closed_form(
    sweep: Sweep,
    model: Architecture,
    values: Sequence[int],
    *,
    quantity: MeasuredQuantity,
    measured: Sequence[ScalingRow],
) -> list[float]:
    """Return the prediction of the cost model at some values of the axis.

    Memory is predicted without any measurement. Operations become seconds by one factor for each
    model: the geometric mean of seconds per operation over its measured rows.

    Args:
        sweep: The sweep, which fixes all other sizes.
        model: Architecture.
        values: Values of the axis.
        quantity: ``seconds`` or ``peak_bytes``.
        measured: Measured rows, of any model.

    Returns:
        Seconds, NaN if no row of the model was measured; or bytes.
    """
    if quantity == "peak_bytes":
        return [
            peak_bytes(sweep.config(model, value), sweep.size(value), work=sweep.work)
            for value in values
        ]
    own = [row for row in measured if row.architecture == model and is_measured(row, sweep)]
    # Fixed costs dominate the time of small sizes, which are used only if there are no others.
    large = [row for row in own if row.num_points >= FIT_FROM] or own
    ratios = [
        log(row.seconds / flops(sweep.config(model, row.value), row.num_points, work=sweep.work))
        for row in large
    ]
    per_flop = exp(sum(ratios) / len(ratios)) if ratios else float("nan")
    return [
        per_flop * flops(sweep.config(model, value), sweep.size(value), work=sweep.work)
        for value in values
    ]


@dataclass(frozen=True, kw_only=True)
class PaperFigure:
    """Latency and memory that the paper reports; it does not state the GPU or the precision.

    Attributes:
        architecture: Architecture.
        num_points: Points N.
        groups: Patches of MSPT, slices of Transolver.
        seconds: Latency of a forward pass.
        gigabytes: Peak memory in GB.
        where: Place in the paper.
        is_bound: Whether ``gigabytes`` is only an upper bound.
    """

    architecture: Architecture
    num_points: int
    groups: int
    seconds: float
    gigabytes: float
    where: str
    is_bound: bool = False


PAPER = (
    PaperFigure(
        architecture="mspt",
        num_points=500_000,
        groups=256,
        seconds=0.028,
        gigabytes=26.0,
        where="figure 1",
    ),
    PaperFigure(
        architecture="transolver",
        num_points=500_000,
        groups=256,
        seconds=0.031,
        gigabytes=42.8,
        where="figure 1",
    ),
    PaperFigure(
        architecture="mspt",
        num_points=1_000_000,
        groups=128,
        seconds=0.084,
        gigabytes=50.0,
        where="section on efficiency",
        is_bound=True,
    ),
)
