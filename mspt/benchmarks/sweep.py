"""How time and memory grow with N, K and Q: sweeps, a guard before limits, fitted exponents.

A sweep is a generator: it yields what it is about to do, looks at the measuring process while it
works, and yields a row for each size. Whoever leaves the loop ends the process; rows stay.

Letters: N points, K patches, L points per patch, Q supernodes per patch, D width, G slices.
"""

import os
import platform
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from math import log
from pathlib import Path

import psutil
import torch

from mspt.benchmarks.cost import flops, peak_bytes
from mspt.benchmarks.models import Measurement, measuring
from mspt.benchmarks.rows import ScalingRow, Sweep, is_measured
from mspt.config import Architecture
from mspt.errors import MSPTError
from mspt.inference.predict import pick_device

ASSUMED_RATE = 2e10
"""Multiplications and additions a second of a model of which nothing has been measured yet."""

PROCESS_BYTES = 500 * 2**20
"""Memory of a measuring process before it holds a model."""

MARGIN = 1.15
"""Predicted peaks are multiplied by this before they are compared with the memory at hand."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a sweep may take.

    Attributes:
        memory_bytes: Memory at hand.
        seconds: Longest pass.
    """

    memory_bytes: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Working:
    """A size is being measured.

    Attributes:
        row: Which one; without numbers yet.
        done: Sizes done.
        total: Sizes in all.
        seconds: Seconds since its process began.
        expected_seconds: Seconds one pass is estimated to take.
        expected_bytes: Peak memory it is estimated to take.
    """

    row: ScalingRow
    done: int
    total: int
    seconds: float
    expected_seconds: float
    expected_bytes: float


def available_bytes(device: str = "cpu") -> int:
    """Return the memory a new process could take: of the machine, of its container, of the GPU."""
    if pick_device(device).type == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    free = psutil.virtual_memory().available
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text()
        used = Path("/sys/fs/cgroup/memory.current").read_text()
        return min(free, int(limit) - int(used))
    except (OSError, ValueError):  # no container, or one without a limit
        return free


def estimate(
    sweep: Sweep,
    model: Architecture,
    value: int,
    *,
    known: Sequence[ScalingRow] = (),
    hints: Sequence[ScalingRow] = (),
) -> tuple[float, float]:
    """Return seconds and peak bytes of one pass, from the closed form and what was measured.

    The closed form is scaled to the nearest measured size of the same model, memory never down.

    Args:
        sweep: Whose sizes.
        model: Which model.
        value: Value on the axis.
        known: Rows of this machine.
        hints: Rows of another machine, for a model that has none here.
    """
    config, size = sweep.config(model, value), sweep.size(value)
    work = flops(config, size, work=sweep.work)
    memory = peak_bytes(config, size, work=sweep.work)
    alike = [row for row in known if row.architecture == model and is_measured(row, sweep)]
    alike = alike or [r for r in hints if r.architecture == model and is_measured(r, sweep)]
    if not alike:
        return work / ASSUMED_RATE, memory
    near = min(alike, key=lambda row: abs(log(row.value / value)))
    reference, at = sweep.config(model, near.value), sweep.size(near.value)
    seconds = near.seconds * work / flops(reference, at, work=sweep.work)
    scale = near.peak_bytes / peak_bytes(reference, at, work=sweep.work)
    return seconds, memory * min(max(1.0, scale), 4.0)


def refusal(expected_seconds: float, expected_bytes: float, limits: Limits) -> str:
    """Return why a size is not measured, or nothing.

    Examples:
        >>> refusal(1.0, 6e9, Limits(memory_bytes=4e9, seconds=10.0))
        'needs about 6.9 GB, 3.5 GB at hand'
        >>> refusal(100.0, 1e6, Limits(memory_bytes=4e9, seconds=10.0))
        'takes about 100 s a pass, limit 10 s'
    """
    needed, at_hand = MARGIN * expected_bytes, limits.memory_bytes - PROCESS_BYTES
    if needed > at_hand:
        return f"needs about {needed / 1e9:.2g} GB, {max(at_hand, 0) / 1e9:.2g} GB at hand"
    if expected_seconds > limits.seconds:
        return f"takes about {expected_seconds:.3g} s a pass, limit {limits.seconds:g} s"
    return ""


def run_sweep(
    sweep: Sweep,
    *,
    limits: Callable[[], Limits],
    known: Sequence[ScalingRow] = (),
    hints: Sequence[ScalingRow] = (),
    threads: int | None = None,
    device: str = "cpu",
) -> Iterator[Working | ScalingRow]:
    """Measure every size that is not known yet, each in a fresh process, small ones first.

    A size that would exceed a limit by the estimate is not begun; a process that grows beyond the
    memory at hand is ended. Both yield a row that says so.

    Args:
        sweep: What to measure.
        limits: Asked before each size.
        known: Rows that need no measuring; estimates start from them.
        hints: Rows of another machine to start estimates from where this one has none.
        threads: Threads of the processor; all of them if None.
        device: Where.
    """
    threads = threads or os.cpu_count() or 1
    blank = _blank(sweep, threads, str(pick_device(device)))
    jobs: list[tuple[int, Architecture]] = [
        (value, model) for value in sorted(sweep.values) for model in sweep.models
    ]
    rows = list(known)
    done = {row.key() for row in known if not row.stopped}
    for index, (value, model) in enumerate(jobs):
        row = _at(blank, sweep, model, value)
        if row.key() in done:
            continue
        seconds, memory = estimate(sweep, model, value, known=rows, hints=hints)
        bounds = limits()
        reason = refusal(seconds, memory, bounds)
        if not reason:
            working = Working(
                row=row,
                done=index,
                total=len(jobs),
                seconds=0.0,
                expected_seconds=seconds,
                expected_bytes=memory,
            )
            yield working
            row = yield from _measure(sweep, model, value, working, bounds)
            rows.append(row)
        yield replace(row, stopped=reason) if reason else row


def _measure(
    sweep: Sweep, model: Architecture, value: int, working: Working, limits: Limits
) -> Generator[Working, None, ScalingRow]:
    row = replace(working.row, load=round(psutil.getloadavg()[0], 2))
    task = {
        "config": sweep.config(model, value).to_dict(),
        "num_points": sweep.size(value),
        "work": sweep.work,
        "threads": row.threads,
        "device": row.device,
        "with_rate": False,
    }
    with closing(measuring(task)) as events:
        for event in events:
            if isinstance(event, Measurement):
                return replace(
                    row,
                    seconds=event.seconds,
                    fastest=event.fastest,
                    slowest=event.slowest,
                    peak_bytes=float(event.peak_bytes),
                )
            if event.resident_bytes > limits.memory_bytes:
                held = event.resident_bytes / 1e9
                return replace(row, stopped=f"ended at {held:.2g} GB, before memory ran out")
            yield replace(working, seconds=event.seconds)
    raise MSPTError(f"measuring {model} must end with a measurement, got none")


def _blank(sweep: Sweep, threads: int, device: str) -> ScalingRow:
    nothing = float("nan")
    return ScalingRow(
        axis=sweep.axis,
        architecture="",
        num_points=0,
        num_patches=0,
        num_supernodes=0,
        width=sweep.width,
        num_heads=sweep.num_heads,
        num_blocks=sweep.num_blocks,
        mlp_ratio=sweep.mlp_ratio,
        work=sweep.work,
        threads=threads,
        device=device,
        seconds=nothing,
        fastest=nothing,
        slowest=nothing,
        peak_bytes=nothing,
        machine=machine_name(device),
        load=nothing,
        torch_version=torch.__version__,
        stopped="",
    )


def _at(blank: ScalingRow, sweep: Sweep, model: Architecture, value: int) -> ScalingRow:
    config = sweep.config(model, value)
    patches = {"transolver": config.num_slices, "full_attention": 1}
    return replace(
        blank,
        architecture=model,
        num_points=sweep.size(value),
        num_patches=patches.get(model, config.patches_for(sweep.size(value))),
        num_supernodes=config.num_supernodes,
    )


def machine_name(device: str = "cpu") -> str:
    """Return the name of the processor or of the GPU, as far as the system tells it."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name()
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
