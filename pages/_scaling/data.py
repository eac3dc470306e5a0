"""Stored and measured rows of the page on scaling, and its measurements."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas as pd
import streamlit as st

from mspt.benchmarks.rows import (
    AXIS_MODELS,
    AXIS_VALUES,
    ScalingRow,
    Sweep,
    SweepAxis,
    read_rows,
    rows_table,
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
from mspt.figures.charts.scaling_curves import LETTERS
from pages._shared import jobs
from pages._shared.numbers import MEASURED, STORED_CURVE

STORED_FILE = Path("assets/benchmarks/scaling.csv")
JOB, HERE = "scaling_job", "scaling_rows"
LONGEST_PASS = 20.0
"""Seconds of the longest pass that is started while somebody waits for it."""
_MEMORY_SHARE = 0.8  # of what is free: the app itself must go on
_START_SECONDS, _PASSES = 5, 4
"""To start a process with PyTorch, and passes of each size: one to warm up and three timed."""

_MODELS = {name: model for model, name in MODEL_NAMES.items()}


def stored_rows() -> list[ScalingRow]:
    """Return the rows that ship."""
    return read_rows(STORED_FILE)


def rows_here() -> list[ScalingRow]:
    """Return the rows that this visitor has measured, those of a running job included."""
    rows = st.session_state.setdefault(HERE, {})
    for row in jobs.fetch(JOB):
        rows[row.key()] = row
    return list(rows.values())


def sweep_for(axis: SweepAxis, names: Sequence[str], stored: Sequence[ScalingRow]) -> Sweep:
    """Return the sweep of the chosen models, at the sizes of the stored one."""
    models = tuple(_MODELS[name] for name in names if _MODELS[name] in AXIS_MODELS[axis])
    of_axis = [row for row in stored if row.axis == axis]
    if not of_axis or axis == "points":
        return Sweep(axis=axis, values=AXIS_VALUES[axis], models=models)
    return Sweep(
        axis=axis, values=AXIS_VALUES[axis], models=models, num_points=of_axis[0].num_points
    )


def limits(device: str) -> SweepLimits:
    """Return the memory and the time that a measurement may take now."""
    return SweepLimits(memory_bytes=_MEMORY_SHARE * available_bytes(device), seconds=LONGEST_PASS)


def up_to(sweep: Sweep, last: int) -> tuple[int, ...]:
    """Return the values of a sweep up to the last one to measure."""
    return tuple(value for value in sweep.values if value <= last)


def plan(
    sweep: Sweep,
    values: Sequence[int],
    device: str,
    *,
    here: Sequence[ScalingRow],
    stored: Sequence[ScalingRow],
) -> str:
    """Return what would be measured, about how long it takes, and what is left out and why."""
    bounds, total, runs, left_out = limits(device), 0.0, 0, []
    for model in sweep.models:
        for value in values:
            seconds, memory = estimate(sweep, model, value, known=here, hints=stored)
            if reason := refusal(seconds, memory, bounds):
                letter = LETTERS[sweep.axis]
                left_out.append(f"{MODEL_NAMES[model]} from {letter} = {value:,}: {reason}")
                break
            runs, total = runs + 1, total + _START_SECONDS + _PASSES * seconds
    words = f"{runs} sizes, each in a fresh process, about {total:.0f} s."
    memory = f"{bounds.memory_bytes / 1e9:.1f} GB of memory may be used."
    return "  \n".join([f"{words} {memory}", *(f"Left out: {line}." for line in left_out)])


def measure(
    sweep: Sweep,
    values: tuple[int, ...],
    device: str,
    *,
    here: Sequence[ScalingRow],
    stored: Sequence[ScalingRow],
) -> Generator[jobs.Step, None, None]:
    """Measure a sweep, yielding steps with rows; estimates start from stored rows."""
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
                yield jobs.Step(event.done / event.total, words)
            else:
                done += 1
                words = f"{MODEL_NAMES[event.architecture]}, {letter} = {event.value:,}: done"
                yield jobs.Step(done / total, words, event)


def table(sweep: Sweep, stored: Sequence[ScalingRow], here: Sequence[ScalingRow]) -> pd.DataFrame:
    """Return all rows of the axis with their origin."""
    frames = []
    for origin, rows in ((STORED_CURVE, stored), (MEASURED, here)):
        frame = rows_table([row for row in rows if row.axis == sweep.axis])
        frame.insert(0, "origin", origin)
        frames.append(frame)
    merged = frames[0] if frames[1].empty else pd.concat(frames, ignore_index=True)
    return merged[merged["architecture"].isin(sweep.models)].reset_index(drop=True)


def command(sweep: Sweep, values: Sequence[int]) -> list[str]:
    """Return the commands for the stored curves and for what would be measured here."""
    sizes = " ".join(str(value) for value in values)
    models = " ".join(sweep.models)
    return [
        f"python -m mspt benchmark scaling --axis {sweep.axis} --out {STORED_FILE.as_posix()}",
        f"python -m mspt benchmark scaling --axis {sweep.axis} --sizes {sizes} --models {models}",
    ]
