import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import monotonic

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mspt.benchmarks import models as benchmark
from mspt.benchmarks import sweep as scaling
from mspt.benchmarks.fits import closed_form, fit_exponent
from mspt.benchmarks.models import Measurement, ProcessStatus, measure_in_process
from mspt.benchmarks.rows import (
    AXIS_MODELS,
    AXIS_VALUES,
    COMPARED,
    ScalingRow,
    Sweep,
    read_rows,
    write_rows,
)
from mspt.benchmarks.sweep import MeasurementProgress, SweepLimits, estimate, run_sweep
from mspt.config import ModelConfig
from mspt.cost.formulas import flops, peak_bytes
from mspt.errors import MSPTError
from mspt.figures.charts.scaling import Curve, scaling_figure

STORED = Path(__file__).parents[2] / "assets" / "benchmarks" / "scaling.csv"
SWEEP = Sweep(axis="points", values=(1000, 10_000, 100_000), models=("mspt", "full_attention"))
ROOMY = SweepLimits(memory_bytes=64e9, seconds=1e9)
RATE = 1e9


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Measurements of a machine that follows the closed form exactly; sizes in their order."""
    sizes = []

    def measure_at_once(task: dict) -> Iterator[ProcessStatus | Measurement]:
        config = ModelConfig.from_dict(task["config"])
        size = task["num_points"]
        sizes.append(size)
        yield ProcessStatus(0.1, 400 * 2**20)
        seconds = flops(config, size, work="forward") / RATE
        peak = int(peak_bytes(config, size, work="forward"))
        yield Measurement(
            work="forward",
            architecture=config.architecture,
            num_points=size,
            num_patches=1,
            width=config.width,
            num_blocks=config.num_blocks,
            threads=1,
            device="cpu",
            seconds=seconds,
            fastest=seconds,
            slowest=seconds,
            peak_bytes=peak,
            activation_bytes=1,
            matrix_share=0.0,
        )

    monkeypatch.setattr(scaling, "measure_in_process", measure_at_once)
    return sizes


def rows_of(sweep: Sweep, limits: SweepLimits = ROOMY, **given: object) -> list[ScalingRow]:
    events = run_sweep(sweep, limits=lambda: limits, threads=1, **given)
    return [event for event in events if isinstance(event, ScalingRow)]


@given(
    slope=st.floats(-3, 3),
    scale=st.floats(1e-6, 1e6),
    values=st.lists(st.integers(1, 10**6), min_size=2, max_size=9, unique=True),
)
def test_exponent_of_a_power_law_is_found(slope: float, scale: float, values: list[int]) -> None:
    fitted = fit_exponent(values, [scale * float(value) ** slope for value in values])
    assert fitted is not None
    assert fitted.slope == pytest.approx(slope, abs=1e-5)
    assert (fitted.first, fitted.last, fitted.points) == (min(values), max(values), len(values))


def test_exponent_leaves_out_small_sizes_and_needs_two() -> None:
    values, seconds = [10, 100, 1000, 10_000], [5.0, 5.0, 7.0, 700.0]
    assert fit_exponent(values, seconds, start=1000.0).slope == pytest.approx(2)
    assert fit_exponent(values, seconds, start=10_000.0) is None
    assert fit_exponent([], []) is None


def test_sweep_measures_every_size_of_every_model_small_ones_first(made_up: list[int]) -> None:
    rows = rows_of(SWEEP)
    assert made_up == [1000, 1000, 10_000, 10_000, 100_000, 100_000]
    assert {(row.architecture, row.value) for row in rows} == {
        (model, value) for model in SWEEP.models for value in SWEEP.values
    }
    assert not any(row.stopped for row in rows)


def test_known_rows_are_not_measured_again(made_up: list[int]) -> None:
    rows = rows_of(SWEEP)
    made_up.clear()
    assert rows_of(SWEEP, known=rows) == []
    again = rows_of(SWEEP, known=[row for row in rows if row.value != 10_000])
    assert made_up == [10_000, 10_000]
    assert len(again) == 2
    refused = replace(rows[0], stopped="takes too long")
    assert len(rows_of(SWEEP, known=[refused, *rows[1:]])) == 1


@pytest.mark.parametrize("gigabytes", [0.7, 1.0, 2.0])
def test_guard_begins_nothing_that_would_not_fit(made_up: list[int], gigabytes: float) -> None:
    sweep = Sweep(axis="points", values=AXIS_VALUES["points"], models=("published",))
    rows = rows_of(sweep, SweepLimits(memory_bytes=gigabytes * 1e9, seconds=1e9))
    room = gigabytes * 1e9 - scaling.PROCESS_BYTES
    fits = [
        value
        for value in sweep.values
        if 1.15 * peak_bytes(sweep.config("published", value), value, work="forward") <= room
    ]
    assert made_up == fits
    assert 0 < len(fits) < len(sweep.values)
    for row in rows:
        assert bool(row.stopped) == (row.value not in fits)
        assert not row.stopped or "GB available" in row.stopped


def test_guard_stops_before_a_pass_that_takes_too_long(made_up: list[int]) -> None:
    config = SWEEP.config("full_attention", 100_000)
    seconds = flops(config, 100_000, work="forward") / RATE
    rows = rows_of(SWEEP, SweepLimits(memory_bytes=64e9, seconds=0.9 * seconds))
    assert made_up == [1000, 1000, 10_000, 10_000, 100_000]
    (stopped,) = [row for row in rows if row.stopped]
    assert (stopped.architecture, stopped.value) == ("full_attention", 100_000)
    assert stopped.stopped == f"takes about {seconds:.3g} s a pass, limit {0.9 * seconds:g} s"


def test_process_that_outgrows_the_memory_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    def grow(task: dict) -> Iterator[ProcessStatus]:  # noqa: ARG001
        try:
            for gigabytes in (1, 2, 9, 20):
                yield ProcessStatus(0.1, gigabytes * 10**9)
        finally:
            closed.append(gigabytes)

    monkeypatch.setattr(scaling, "measure_in_process", grow)
    (row,) = rows_of(
        replace(SWEEP, values=(1000,), models=("mspt",)), replace(ROOMY, memory_bytes=8e9)
    )
    assert row.stopped == "ended at 9 GB, before memory ran out"
    assert np.isnan(row.seconds)
    assert closed == [9]


def test_estimates_scale_what_was_measured_nearest() -> None:
    row = scaling._row_for_size(
        scaling._empty_row(SWEEP, 1, "cpu"), SWEEP, "full_attention", 10_000
    )
    slow = replace(row, seconds=8.0, peak_bytes=1e9)
    seconds, memory = estimate(SWEEP, "full_attention", 20_000, known=[slow])
    config = SWEEP.config("full_attention", 10_000)
    grown = flops(config, 20_000, work="forward") / flops(config, 10_000, work="forward")
    assert seconds == pytest.approx(8 * grown)
    assert 3 < grown < 4
    assert memory >= 2 * peak_bytes(config, 20_000, work="forward")
    from_hint = estimate(SWEEP, "full_attention", 20_000, hints=[slow])
    assert from_hint == (seconds, memory)
    fast = replace(slow, seconds=1.0)
    assert estimate(SWEEP, "full_attention", 20_000, known=[fast], hints=[slow])[
        0
    ] == pytest.approx(grown)


def test_closed_form_time_passes_through_measurements_that_follow_it(made_up: list[int]) -> None:
    rows = rows_of(SWEEP)
    assert made_up
    line = closed_form(SWEEP, "mspt", SWEEP.values, quantity="seconds", measured=rows)
    assert line == pytest.approx([row.seconds for row in rows if row.architecture == "mspt"])
    unknown = closed_form(SWEEP, "mspt", SWEEP.values, quantity="seconds", measured=[])
    assert np.isnan(unknown).all()


def test_rate_of_the_closed_form_is_the_geometric_mean_of_those_measured(
    made_up: list[int],
) -> None:
    first, second = (
        row for row in rows_of(SWEEP) if row.architecture == "mspt" and row.value > 1e3
    )
    assert len(made_up) == 6
    measured = [first, replace(second, seconds=16 * second.seconds)]
    line = closed_form(SWEEP, "mspt", SWEEP.values, quantity="seconds", measured=measured)
    assert line[1:] == pytest.approx([4 * first.seconds, 4 * second.seconds])


def test_leaving_a_measurement_ends_its_process() -> None:
    task = {
        "config": SWEEP.config("full_attention", 200_000).to_dict(),
        "num_points": 200_000,
        "work": "forward",
        "threads": 1,
        "device": "cpu",
    }
    before = set(psutil.Process().children())
    with closing(measure_in_process(task)) as events:
        next(events)
        (child,) = set(psutil.Process().children()) - before
        start = monotonic()
    assert monotonic() - start < 1
    assert not psutil.pid_exists(child.pid) or child.status() == psutil.STATUS_ZOMBIE


def test_status_reports_the_memory_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import time; held = bytearray(120_000_000); time.sleep(60)"
    start = subprocess.Popen

    def other(command: list[str], **options: object) -> subprocess.Popen:
        assert command[1:3] == ["-m", "mspt.benchmarks.models"]
        return start([sys.executable, "-c", program], **options)

    monkeypatch.setattr(benchmark.subprocess, "Popen", other)
    task = {"config": {"architecture": "mspt"}, "num_points": 1}
    with closing(measure_in_process(task)) as events:
        assert any(event.resident_bytes > 120_000_000 for event in events)


def test_rows_survive_a_file(tmp_path: Path, made_up: list[int]) -> None:
    rows = rows_of(SWEEP, SweepLimits(memory_bytes=64e9, seconds=10.0))
    assert made_up
    write_rows(tmp_path / "rows.csv", rows)
    back = read_rows(tmp_path / "rows.csv")
    assert [row.key() for row in back] == [row.key() for row in rows]
    assert [row.stopped for row in back] == [row.stopped for row in rows]
    np.testing.assert_allclose(
        [row.seconds for row in back], [row.seconds for row in rows], rtol=1e-5
    )


def test_file_of_other_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(MSPTError, match=r"other\.csv must have the columns axis, .*, got a, b"):
        read_rows(tmp_path / "other.csv")


def test_stored_curves_are_rows_of_known_models_with_their_machine() -> None:
    rows = read_rows(STORED)
    assert len({row.key() for row in rows}) == len(rows)
    for row in rows:
        assert row.architecture in AXIS_MODELS[row.axis]
        assert row.machine
        assert row.threads > 0
        assert row.torch_version
        if not row.stopped:
            assert 0 < row.fastest <= row.seconds <= row.slowest
            assert row.peak_bytes > 0
            assert row.load >= 0
    assert {row.architecture for row in rows if row.axis == "points"} == set(COMPARED)


def test_stored_memory_agrees_with_the_closed_form() -> None:
    """Where an activation is above 32 MiB: smaller ones the C library keeps for itself a while.

    MSPT works on small pieces: what the library keeps of these comes on top of one activation.
    """
    rows = read_rows(STORED)
    large = [row for row in rows if not row.stopped and 4 * row.num_points * row.width >= 2**25]
    assert {row.architecture for row in large} == set(COMPARED) - {"full_attention"}  # too slow
    for row in large:
        sweep = Sweep(axis=row.axis, values=(row.value,), num_points=row.num_points)
        config = sweep.config(row.architecture, row.value)
        expected = peak_bytes(config, row.num_points, work=row.work)
        kept = 2**25 if row.architecture == "mspt" else 0
        assert 0.9 * expected < row.peak_bytes < 1.1 * expected + kept, row


def test_unknown_names_in_a_sweep_are_refused() -> None:
    with pytest.raises(ValueError, match=r"models must be one of mspt, .*, got 'branched'"):
        Sweep(axis="points", values=(1,), models=("branched",))
    with pytest.raises(ValueError, match="points must be at least 1, got 0"):
        Sweep(axis="points", values=(0,))


def test_working_event_names_what_is_measured(made_up: list[int]) -> None:
    events = list(run_sweep(SWEEP, limits=lambda: ROOMY, threads=1))
    assert made_up
    first = next(event for event in events if isinstance(event, MeasurementProgress))
    assert (first.row.architecture, first.row.value, first.done, first.total) == (
        "mspt",
        1000,
        0,
        6,
    )


def test_figure_is_logarithmic_and_marks_the_recommended_value() -> None:
    curve = Curve(
        architecture="mspt", origin="stored", values=[8, 64], results=[0.1, 0.05], note="N^1.00"
    )
    model = replace(curve, origin="closed form", note="")
    figure = scaling_figure(
        [curve, model],
        letter="K",
        axis_title="K",
        result_title="time",
        unit="s",
        recommended=181,
    )
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    assert figure.data[0].name == "MSPT, N^1.00"
    assert list(figure.data[0].y) == [0.1, 0.05]
    assert figure.data[1].line.dash == "dash"
    assert figure.data[-1].text[-1].strip() == "√(N/Q) = 181"
    assert set(figure.data[-1].x) == {181}


def test_machine_has_a_name() -> None:
    assert scaling.machine_name()
    assert scaling.available_bytes() > 0
