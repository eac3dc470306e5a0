"""What the page on scaling reads, plans and measures."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import streamlit as st

from mspt.benchmarks.rows import (
    AXIS_MODELS,
    AXIS_VALUES,
    MeasuredQuantity,
    ScalingRow,
    Sweep,
    SweepAxis,
    read_rows,
)
from mspt.benchmarks.sweep import (
    MeasurementProgress,
    SweepLimits,
    available_bytes,
    estimate,
    refusal,
    run_sweep,
)
from mspt.figures.charts.scaling import MODEL_NAMES
from pages import _jobs
from pages._growth_shown import LETTERS

STORED_FILE = Path("assets/benchmarks/scaling.csv")
AXES: dict[str, SweepAxis] = {
    "Points N": "points",
    "Patches K": "patches",
    "Supernodes Q": "supernodes",
}
QUANTITIES: dict[str, MeasuredQuantity] = {"Time": "seconds", "Peak memory": "peak_bytes"}
JOB, HERE = "scaling_job", "scaling_rows"
LONGEST_PASS = 20.0
"""Seconds of the longest pass that is begun while somebody watches."""

_MODELS = {name: model for model, name in MODEL_NAMES.items()}


def stored_rows() -> list[ScalingRow]:
    """Return the curves that ship."""
    return read_rows(STORED_FILE)


def rows_here() -> list[ScalingRow]:
    """Return what this visitor has measured, the running job's rows included."""
    rows = st.session_state.setdefault(HERE, {})
    job = _jobs.job(JOB)
    for row in job.results if job else []:
        rows[row.key()] = row
    return list(rows.values())


def sweep_for(axis: SweepAxis, names: Sequence[str], stored: Sequence[ScalingRow]) -> Sweep:
    """Return the sweep of the chosen models, of the same sizes as the stored one."""
    models = tuple(_MODELS[name] for name in names if _MODELS[name] in AXIS_MODELS[axis])
    of_axis = [row for row in stored if row.axis == axis]
    if not of_axis or axis == "points":
        return Sweep(axis=axis, values=AXIS_VALUES[axis], models=models)
    return Sweep(
        axis=axis, values=AXIS_VALUES[axis], models=models, num_points=of_axis[0].num_points
    )


def limits(device: str) -> SweepLimits:
    """Return what a measurement may take now."""
    return SweepLimits(memory_bytes=0.8 * available_bytes(device), seconds=LONGEST_PASS)


def up_to(sweep: Sweep, last: int) -> tuple[int, ...]:
    """Return the values of a sweep that are to be measured."""
    return tuple(value for value in sweep.values if value <= last)


def plan(
    sweep: Sweep,
    values: Sequence[int],
    device: str,
    *,
    here: Sequence[ScalingRow],
    stored: Sequence[ScalingRow],
) -> str:
    """Say what would be measured, about how long it takes, and what is left out and why."""
    bounds, total, runs, left_out = limits(device), 0.0, 0, []
    for model in sweep.models:
        for value in values:
            seconds, memory = estimate(sweep, model, value, known=here, hints=stored)
            if reason := refusal(seconds, memory, bounds):
                letter = LETTERS[sweep.axis]
                left_out.append(f"{MODEL_NAMES[model]} from {letter} = {value:,}: {reason}")
                break
            runs, total = runs + 1, total + 5 + 4 * seconds
    words = f"{runs} sizes, each in a fresh process, about {total:.0f} s."
    memory = f"{bounds.memory_bytes / 1e9:.1f} GB may be taken."
    return "  \n".join([f"{words} {memory}", *(f"Left out: {line}." for line in left_out)])


def measure(
    sweep: Sweep,
    values: tuple[int, ...],
    device: str,
    *,
    here: Sequence[ScalingRow],
    stored: Sequence[ScalingRow],
) -> Generator[_jobs.Step, None, None]:
    """Measure, yielding words, share and rows; estimates start from stored rows."""
    letter = LETTERS[sweep.axis]
    narrowed = replace(sweep, values=values)
    total, done = len(values) * len(sweep.models), 0
    events = run_sweep(
        narrowed, limits=lambda: limits(device), known=here, hints=stored, device=device
    )
    with closing(events):
        for event in events:
            if isinstance(event, MeasurementProgress):
                row = event.row
                words = (
                    f"{MODEL_NAMES[row.architecture]}, {letter} = {row.value:,}: "
                    f"{event.seconds:.0f} s, about {event.expected_seconds:.2g} s a pass"
                )
                yield _jobs.Step(event.done / event.total, words)
            else:
                done += 1
                words = f"{MODEL_NAMES[event.architecture]}, {letter} = {event.value:,}: done"
                yield _jobs.Step(done / total, words, event)


def command(sweep: Sweep, values: Sequence[int]) -> list[str]:
    """Return the commands for the stored curves and for what would be measured here."""
    sizes = " ".join(str(value) for value in values)
    models = " ".join(sweep.models)
    return [
        f"python -m mspt benchmark scaling --axis {sweep.axis} --out {STORED_FILE.as_posix()}",
        f"python -m mspt benchmark scaling --axis {sweep.axis} --sizes {sizes} --models {models}",
    ]
