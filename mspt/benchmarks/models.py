"""Time and peak memory of whole models, each measured in a fresh process.

Every round runs every model once, so that a slow moment of the machine hits all of them.
Nothing but the work is timed: partitions are built before, and given.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil
import torch

from mspt.benchmarks._peak import peak_bytes
from mspt.benchmarks._timing import matrix_rate, pass_over, timed
from mspt.benchmarks.cost import Work, forward_flops, streaming_bytes
from mspt.checkpoint import build_model
from mspt.config import ModelConfig
from mspt.errors import MSPTError
from mspt.inference.predict import pick_device

PROJECT = Path(__file__).parents[2]  # where a fresh process finds the library
WARM_UP_POINTS = 2048
LONG_PASS = 4.0
"""Seconds after which a pass is not repeated."""

LOOKS_PER_SECOND = 10
"""How often a measuring process is looked after."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One model in one process.

    Attributes:
        work: ``forward``, or ``train`` for a forward and its gradient.
        architecture: Which model.
        num_points: Points N.
        num_patches: Patches K; slices for Transolver.
        width: Model width D.
        num_blocks: Blocks.
        threads: Threads of the processor.
        device: Where it ran.
        seconds: Median over the repeats.
        fastest: Fastest repeat.
        slowest: Slowest repeat.
        peak_bytes: Peak memory of the first pass above what held weights and inputs.
        activation_bytes: One N x D activation, as a yardstick.
        matrix_share: Share of the machine's matrix-product rate; 0 where no cost is known.
    """

    work: str
    architecture: str
    num_points: int
    num_patches: int
    width: int
    num_blocks: int
    threads: int
    device: str
    seconds: float
    fastest: float
    slowest: float
    peak_bytes: int
    activation_bytes: int
    matrix_share: float

    def row(self) -> dict[str, Any]:
        """Return one row of a table."""
        return asdict(self)


def measure_models(
    configs: Sequence[ModelConfig],
    *,
    num_points: int,
    work: Work = "forward",
    rounds: int = 3,
    threads: int | None = None,
    device: str = "cpu",
) -> Iterator[Measurement]:
    """Measure each config in each round, in a process of its own.

    Raises:
        MSPTError: If a process fails; the message says how it ended.
    """
    for _ in range(rounds):
        for config in configs:
            yield _in_fresh_process(
                {
                    "config": config.to_dict(),
                    "num_points": num_points,
                    "work": work,
                    "threads": threads or os.cpu_count() or 1,
                    "device": device,
                }
            )


def combine(measurements: Sequence[Measurement]) -> list[Measurement]:
    """Return one measurement for each model and size: medians over the rounds."""
    groups: dict[tuple[Any, ...], list[Measurement]] = {}
    for one in measurements:
        key = (one.work, one.architecture, one.num_points, one.num_patches, one.width)
        groups.setdefault(key, []).append(one)
    return [_median(group) for group in groups.values()]


def _median(group: Sequence[Measurement]) -> Measurement:
    middle = {
        name: statistics.median(getattr(one, name) for one in group)
        for name in ("seconds", "matrix_share")
    }
    return Measurement(
        **{
            **group[0].row(),
            **middle,
            "fastest": min(one.fastest for one in group),
            "slowest": max(one.slowest for one in group),
            "peak_bytes": int(statistics.median(one.peak_bytes for one in group)),
        }
    )


def _in_fresh_process(task: dict[str, Any]) -> Measurement:
    *_, last = measuring(task)
    if not isinstance(last, Measurement):
        raise MSPTError(f"measuring must end with a measurement, got {last}")
    return last


@dataclass(frozen=True)
class ProcessStatus:
    """One look at a measuring process: how long it has run and the memory it holds."""

    seconds: float
    resident_bytes: int


def measuring(task: dict[str, Any]) -> Generator[ProcessStatus | Measurement, None, None]:
    """Measure in a fresh process, looking at it while it works; the measurement comes last.

    Closing the generator ends the process at once: stopping is the caller's.

    Args:
        task: Keywords of :func:`measure`, the config as plain values.

    Raises:
        MSPTError: If the process fails; the message says how it ended.
    """
    command = [sys.executable, "-m", "mspt.benchmarks.models", json.dumps(task)]
    started = perf_counter()
    with subprocess.Popen(
        command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while not _has_ended(process):
                yield ProcessStatus(perf_counter() - started, _resident_bytes(process.pid))
            output, complaint = process.communicate()
        finally:
            process.kill()
    if process.returncode:
        reason = (complaint.strip().splitlines() or [f"exit status {process.returncode}"])[-1]
        architecture = task["config"]["architecture"]
        raise MSPTError(f"measuring {architecture} at {task['num_points']} points failed: {reason}")
    yield Measurement(**json.loads(output))


def _has_ended(process: subprocess.Popen[str]) -> bool:
    try:
        process.wait(1 / LOOKS_PER_SECOND)
    except subprocess.TimeoutExpired:
        return False
    return True


def _resident_bytes(pid: int) -> int:
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def measure(
    config: ModelConfig,
    *,
    num_points: int,
    work: Work = "forward",
    threads: int = 1,
    device: str = "cpu",
    repeats: int = 3,
    with_rate: bool = True,
) -> Measurement:
    """Measure one model in this process; memory is exact only in a fresh one.

    A pass that takes longer than :data:`LONG_PASS` is timed once.

    Args:
        config: The model.
        num_points: Points N.
        work: What is done.
        threads: Threads of the processor.
        device: Where.
        repeats: Timed passes.
        with_rate: Whether to measure the machine's matrix-product rate for ``matrix_share``.
    """
    torch.set_num_threads(threads)
    target = pick_device(device)
    model = build_model(config).to(target).train(work == "train")
    few = min(num_points, max(WARM_UP_POINTS, config.num_patches or 1))
    run = pass_over(model, config, few, work, target)
    run()
    run = pass_over(model, config, num_points, work, target)
    peak = peak_bytes(run, target)
    times = [timed(run)]
    while len(times) < repeats and times[0] < LONG_PASS:
        times.append(timed(run))
    times.sort()
    seconds = statistics.median(times)
    is_costed = with_rate and config.architecture == "mspt" and work == "forward"
    flops = forward_flops(config, num_points) if is_costed else 0.0
    return Measurement(
        work=work,
        architecture=config.architecture,
        num_points=num_points,
        num_patches=_num_groups(config, num_points),
        width=config.width,
        num_blocks=config.num_blocks,
        threads=threads,
        device=str(target),
        seconds=seconds,
        fastest=times[0],
        slowest=times[-1],
        peak_bytes=peak,
        activation_bytes=streaming_bytes(config, num_points),
        matrix_share=flops / seconds / matrix_rate(target) if flops else 0.0,
    )


def _num_groups(config: ModelConfig, num_points: int) -> int:
    match config.architecture:
        case "transolver":
            return config.num_slices
        case "full_attention":
            return 1
        case _:
            return config.patches_for(num_points)


def _main() -> None:
    task = json.loads(sys.argv[1])
    task["config"] = ModelConfig.from_dict(task["config"])
    sys.stdout.write(json.dumps(measure(**task).row()))


if __name__ == "__main__":
    _main()
