"""Stored and measured rows of the page on scaling, and its measurements."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import streamlit as st

from mspt.benchmarks.calibration import Calibration, calibrate, read_rates
from mspt.benchmarks.rows import (
    AXIS_MODELS,
    AXIS_VALUES,
    COMPARED,
    ScalingRow,
    Sweep,
    SweepAxis,
    read_rows,
    rows_table,
)
from mspt.benchmarks.stress import EVEN, StressRow, read_stress
from mspt.benchmarks.sweep import (
    MeasurementProgress,
    SweepLimits,
    available_bytes,
    estimate,
    refusal,
    run_sweep,
)
from mspt.config import Architecture, ModelConfig
from mspt.cost.formulas import Work
from mspt.data.stress_clouds import describe_cloud
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


# --- forecasts -----------------------------------------------------------------------------------

RATES_FILE = Path("assets/benchmarks/rates.csv")
RATES_JOB, _RATES_HERE = "rates_job", "rates_here"
CHEAPEST = "√(N/Q)"
POINTS = (*(step * 10**power for power in range(3, 9) for step in (1, 3)), 10**9)
PATCHES = (CHEAPEST, *(str(2**power) for power in range(21)))
DEVICES = tuple(2**power for power in range(11))
WORKS: dict[str, Work] = {"Forward pass": "forward", "Training step": "train"}


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What the visitor has chosen.

    Attributes:
        num_points: Points N.
        num_patches: Patches K, which are at most N.
        num_supernodes: Supernodes Q per patch.
        width: Width D.
        num_blocks: Blocks.
        devices: Devices that one cloud is divided over.
        bandwidth: Bytes that each device receives in a second.
        work: Forward pass or training step.
    """

    num_points: int
    num_patches: int
    num_supernodes: int
    width: int
    num_blocks: int
    devices: int
    bandwidth: float
    work: Work

    def config(self, architecture: Architecture) -> ModelConfig:
        """Return the model of these sizes; Transolver has 128 slices."""
        return ModelConfig(
            space_dim=3,
            in_features=4,
            out_channels=4,
            architecture=architecture,
            width=self.width,
            num_heads=8,
            num_blocks=self.num_blocks,
            mlp_ratio=2,
            num_patches=self.num_patches,
            num_supernodes=self.num_supernodes,
            num_slices=128,
            partition="sequence" if architecture == "published" else "ball_tree",
        )


def calibration(work: Work, device: str) -> Generator[jobs.Step, None, None]:
    """Measure the rates of this machine, yielding steps, and the rates with the last."""
    with closing(calibrate(work=work, device=device)) as events:
        for event in events:
            if isinstance(event, Calibration):
                yield jobs.Step(1.0, "Done", event)
            else:
                words = f"Pass {event.done} of {event.total}"
                yield jobs.Step(event.done / event.total, words)


def rates_for(work: Work) -> tuple[Calibration, bool]:
    """Return the rates measured here, or else those that ship, and whether they are from here."""
    own: dict[Work, Calibration] = st.session_state.setdefault(_RATES_HERE, {})
    for found in jobs.fetch(RATES_JOB):
        own[found.rates[0].work] = found
    return (own[work], True) if work in own else (read_rates(RATES_FILE), False)


def forecast_commands(sizes: Sizes) -> list[str]:
    """Return the commands that print the forecasts of these sizes."""
    base = (
        f"python -m mspt benchmark forecast --points {sizes.num_points} "
        f"--patches {sizes.num_patches} --supernodes {sizes.num_supernodes} "
        f"--width {sizes.width} --blocks {sizes.num_blocks} --work {sizes.work} "
        f"--rates {RATES_FILE.as_posix()}"
    )
    if sizes.devices == 1:
        return [f"{base} --models {' '.join(COMPARED)}"]
    more = f"--devices 1 {sizes.devices} --bandwidth {sizes.bandwidth / 1e9:g}"
    return [f"{base} --models {' '.join(COMPARED)}", f"{base} --models mspt {more}"]


# --- hard clouds ----------------------------------------------------------------------------------

STRESS_FILE = Path("assets/benchmarks/stress.csv")


def stress_table() -> tuple[tuple[StressRow, ...], pd.DataFrame]:
    """Return the rows on hard clouds that ship, and a table of them with ratios to the even one."""
    rows = read_stress(STRESS_FILE)
    even = next(row for row in rows if row.cloud == EVEN)
    shown = {
        "cloud": [row.cloud for row in rows],
        "what is hard": [describe_cloud(row.cloud) for row in rows],
        "points of a patch": [f"{row.smallest:,} to {row.largest:,}" for row in rows],
        "dispersion within": [f"{row.share:.2%}" for row in rows],
        "tree, s": [round(row.tree_seconds, 2) for row in rows],
        "over even": [round(row.tree_seconds / even.tree_seconds, 2) for row in rows],
        "pass, s": [round(row.pass_seconds, 2) for row in rows],
        "over even ": [round(row.pass_seconds / even.pass_seconds, 2) for row in rows],
    }
    return rows, pd.DataFrame(shown)
