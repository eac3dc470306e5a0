"""Sweeps that measure time and memory over N, K or Q, within limits of memory and time.

A sweep is a generator: it yields the progress of each measurement, which runs in a process of its
own, and a row for each size. Leaving the loop ends the running process.

Letters: N points, K patches, L points per patch, Q supernodes per patch, D width, G slices.
"""

import platform
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from math import log
from pathlib import Path

import psutil
import torch

from mspt.benchmarks.models import Measurement, measure_in_process
from mspt.benchmarks.rows import ScalingRow, Sweep, is_measured
from mspt.config import Architecture
from mspt.cost.formulas import flops, peak_bytes
from mspt.errors import MSPTError
from mspt.inference.predict import pick_device
from mspt.threads import usable_cpus

ASSUMED_FLOPS_PER_SECOND = 2e10
"""Operations per second that are assumed for a model without any measurement."""

PROCESS_BYTES = 500 * 2**20
"""Memory of a measurement process before it builds a model: Python with torch loaded."""

MEMORY_MARGIN = 1.15
"""Factor on predicted peaks before they are compared with the available memory."""

MAX_MEMORY_SCALE = 4.0
"""Largest factor by which one measurement may raise the prediction for another size.

At small sizes the constant overhead of a process can exceed the memory of the model many times.
"""


@dataclass(frozen=True, kw_only=True)
class SweepLimits:
    """Limits of a sweep.

    Attributes:
        memory_bytes: Available memory.
        seconds: Longest time of one pass.
    """

    memory_bytes: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class MeasurementProgress:
    """Progress of the measurement that is running.

    Attributes:
        row: Size that is being measured, without results.
        done: Number of sizes completed before it.
        total: Number of sizes of the sweep.
        seconds: Seconds since the start of its process.
        expected_seconds: Estimated time of one pass.
        expected_bytes: Estimated peak memory.
    """

    row: ScalingRow
    done: int
    total: int
    seconds: float
    expected_seconds: float
    expected_bytes: float


def available_bytes(device: str = "cpu") -> int:
    """Return the memory that a new process could use, on the GPU or within the container."""
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
    """Estimate seconds and peak bytes of one pass by the cost model and earlier measurements.

    The cost model is scaled by the ratio of measurement and model at the nearest measured size of
    the same architecture. Memory is never scaled down, because an underestimate could exhaust it.

    Args:
        sweep: The sweep, which fixes all other sizes.
        model: Architecture.
        value: Value of the axis.
        known: Rows measured on this machine.
        hints: Rows of another machine, used for architectures without a row in ``known``.
    """
    config, size = sweep.config(model, value), sweep.size(value)
    work = flops(config, size, work=sweep.work)
    memory = peak_bytes(config, size, work=sweep.work)
    measured = [row for row in known if row.architecture == model and is_measured(row, sweep)]
    measured = measured or [r for r in hints if r.architecture == model and is_measured(r, sweep)]
    if not measured:
        return work / ASSUMED_FLOPS_PER_SECOND, memory
    near = min(measured, key=lambda row: abs(log(row.value / value)))  # nearest by ratio
    reference, at = sweep.config(model, near.value), sweep.size(near.value)
    seconds = near.seconds * work / flops(reference, at, work=sweep.work)
    scale = near.peak_bytes / peak_bytes(reference, at, work=sweep.work)
    return seconds, memory * min(max(1.0, scale), MAX_MEMORY_SCALE)


def refusal(expected_seconds: float, expected_bytes: float, limits: SweepLimits) -> str:
    """Return why a size exceeds the limits, or an empty text if it does not.

    Args:
        expected_seconds: Estimated time of one pass.
        expected_bytes: Estimated peak memory.
        limits: Limits of the sweep.

    Examples:
        >>> refusal(1.0, 6e9, SweepLimits(memory_bytes=4e9, seconds=10.0))
        'needs about 6.9 GB, 3.5 GB available'
        >>> refusal(100.0, 1e6, SweepLimits(memory_bytes=4e9, seconds=10.0))
        'takes about 100 s a pass, limit 10 s'
    """
    needed, available = MEMORY_MARGIN * expected_bytes, limits.memory_bytes - PROCESS_BYTES
    if needed > available:
        return f"needs about {needed / 1e9:.2g} GB, {max(available, 0) / 1e9:.2g} GB available"
    if expected_seconds > limits.seconds:
        return f"takes about {expected_seconds:.3g} s a pass, limit {limits.seconds:g} s"
    return ""


def run_sweep(
    sweep: Sweep,
    *,
    limits: Callable[[], SweepLimits],
    known: Sequence[ScalingRow] = (),
    hints: Sequence[ScalingRow] = (),
    threads: int | None = None,
    device: str = "cpu",
) -> Iterator[MeasurementProgress | ScalingRow]:
    """Measure every size that is not in ``known``, each in a new process, in ascending order.

    A size whose estimate exceeds a limit is not started, and a process that uses more than the
    available memory is ended. Both yield a row with the reason in ``stopped``. Small sizes come
    first because their measurements improve the estimates for large ones.

    Args:
        sweep: Sizes and architectures to measure.
        limits: Called before each size, because the available memory changes.
        known: Rows that are not measured again; estimates are based on them.
        hints: Rows of another machine for estimates of architectures without a row in ``known``.
        threads: CPU threads; all of them if None.
        device: Device of the models.

    Yields:
        Progress of the running measurement, and a row for each size.

    Raises:
        MSPTError: If a measurement process fails.
    """
    threads = threads or usable_cpus()
    empty = _empty_row(sweep, threads, str(pick_device(device)))
    jobs: list[tuple[int, Architecture]] = [
        (value, model) for value in sorted(sweep.values) for model in sweep.models
    ]
    rows = list(known)
    done = {row.key() for row in known if not row.stopped}
    for index, (value, model) in enumerate(jobs):
        row = _row_for_size(empty, sweep, model, value)
        if row.key() in done:
            continue
        seconds, memory = estimate(sweep, model, value, known=rows, hints=hints)
        bounds = limits()
        reason = refusal(seconds, memory, bounds)
        if not reason:
            progress = MeasurementProgress(
                row=row,
                done=index,
                total=len(jobs),
                seconds=0.0,
                expected_seconds=seconds,
                expected_bytes=memory,
            )
            yield progress
            row = yield from _measure(sweep, model, value, progress, bounds)
            rows.append(row)
        yield replace(row, stopped=reason) if reason else row


def _measure(
    sweep: Sweep,
    model: Architecture,
    value: int,
    progress: MeasurementProgress,
    limits: SweepLimits,
) -> Generator[MeasurementProgress, None, ScalingRow]:
    """Measure one size, or end its process when it exceeds the memory limit."""
    row = replace(progress.row, load=round(psutil.getloadavg()[0], 2))
    task = {
        "config": sweep.config(model, value).to_dict(),
        "num_points": sweep.size(value),
        "work": sweep.work,
        "threads": row.threads,
        "device": row.device,
        "with_rate": False,
    }
    with closing(measure_in_process(task)) as events:
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
            yield replace(progress, seconds=event.seconds)
    raise MSPTError(f"measuring {model} must end with a measurement, got none; run it again")


def _empty_row(sweep: Sweep, threads: int, device: str) -> ScalingRow:
    """Return a row with all that is the same for every size of a sweep."""
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


def _row_for_size(empty: ScalingRow, sweep: Sweep, model: Architecture, value: int) -> ScalingRow:
    """Return a row with the sizes of one model at one value, without results."""
    config = sweep.config(model, value)
    patches = {"transolver": config.num_slices, "full_attention": 1}
    return replace(
        empty,
        architecture=model,
        num_points=sweep.size(value),
        num_patches=patches.get(model, config.patches_for(sweep.size(value))),
        num_supernodes=config.num_supernodes,
    )


def machine_name(device: str = "cpu") -> str:
    """Return the name of the processor or of the GPU, as far as the system reports one."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name()
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
