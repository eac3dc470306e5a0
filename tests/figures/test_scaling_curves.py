"""The curves of a sweep as data."""

from dataclasses import replace
from pathlib import Path

import pytest

from mspt.benchmarks.fits import PAPER, fit_rows
from mspt.benchmarks.rows import AXIS_VALUES, ScalingRow, Sweep, read_rows
from mspt.figures.charts.scaling_curves import scaling_curves, sweep_rows

STORED = read_rows(Path(__file__).parents[2] / "assets" / "benchmarks" / "scaling.csv")
SWEEP = Sweep(axis="points", values=AXIS_VALUES["points"], models=("mspt", "transolver"))


def test_stored_curves_hold_the_measured_rows_in_order_with_their_exponent() -> None:
    curves = scaling_curves(SWEEP, "seconds", ["stored"], stored=STORED, here=[])
    assert [curve.architecture for curve in curves] == ["mspt", "transolver"]
    own = sweep_rows(STORED, SWEEP, "mspt")
    assert list(curves[0].values) == sorted(row.num_points for row in own)
    assert list(curves[0].results) == [row.seconds for row in own]
    slope = fit_rows(STORED, "mspt", quantity="seconds").slope
    assert curves[0].note == f"N^{slope:.2f}"


def test_rows_that_were_not_measured_are_left_out() -> None:
    stopped = [replace(row, stopped="needs more memory") for row in STORED]
    assert scaling_curves(SWEEP, "seconds", ["stored"], stored=stopped, here=[]) == []


def test_closed_form_takes_the_rate_of_the_curves_that_are_shown() -> None:
    here = [replace(row, seconds=10 * row.seconds) for row in STORED]

    def first(origins: list[str], measured: list[ScalingRow]) -> float:
        curves = scaling_curves(SWEEP, "seconds", origins, stored=STORED, here=measured)
        return next(one for one in curves if one.origin == "closed form").results[0]

    stored_rate = first(["stored", "closed form"], here)
    assert first(["closed form"], []) == stored_rate
    assert first(["here", "closed form"], here) == pytest.approx(10 * stored_rate)


def test_paper_s_numbers_are_shown_against_points_only() -> None:
    curves = scaling_curves(SWEEP, "peak_bytes", ["paper"], stored=[], here=[])
    expected = [1e9 * one.gigabytes for one in PAPER if one.architecture in SWEEP.models]
    assert [curve.results[0] for curve in curves] == expected
    patches = Sweep(axis="patches", values=AXIS_VALUES["patches"], models=("mspt",))
    assert scaling_curves(patches, "seconds", ["paper"], stored=[], here=[]) == []
