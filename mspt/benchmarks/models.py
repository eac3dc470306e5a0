"""Time and peak memory of whole models, each measured in a fresh process.

Every round runs every model once, so that other load on the machine affects all of them alike.
Only the pass itself is timed: partitions are built beforehand.
"""

import json
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

from mspt.benchmarks._peak import measure_peak_bytes, peak_resident_bytes
from mspt.benchmarks._timing import matrix_flops_per_second, prepare_pass, time_call
from mspt.checkpoint import build_model
from mspt.config import ModelConfig
from mspt.cost.formulas import Work, forward_flops, streaming_bytes
from mspt.errors import MSPTError
from mspt.inference.predict import pick_device
from mspt.threads import usable_cpus

PROJECT = Path(__file__).parents[2]
"""Working directory of a new process, in which ``python -m mspt...`` finds the library."""

WARM_UP_POINTS = 2048
"""Points of the warm-up pass: few, so that it leaves little memory behind."""

LONG_PASS_SECONDS = 4.0
"""A pass that takes longer is not repeated; it varies little, and a sweep should end."""

POLLS_PER_SECOND = 10
"""How often time and memory of a measurement process are read."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Time and memory of one model, measured in one process.

    Attributes:
        work: ``forward``, or ``train`` for a forward pass and its gradient.
        architecture: Architecture.
        num_points: Points N.
        num_patches: Patches K; slices for Transolver.
        width: Model width D.
        num_blocks: Blocks.
        threads: CPU threads.
        device: Device of the model.
        seconds: Median over the repeats.
        fastest: Seconds of the fastest repeat.
        slowest: Seconds of the slowest repeat.
        peak_bytes: Peak memory of the first pass, in addition to weights and inputs.
        activation_bytes: Size of one N x D activation, for comparison.
        matrix_share: Achieved share of the machine's matrix-product rate; 0 where not computed.
        partition_seconds: Time to make the cloud and its partition, which is not in ``seconds``.
        process_bytes: Peak memory of the whole process: code, inputs, partition, weights and pass.
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
    partition_seconds: float = 0.0
    process_bytes: int = 0

    def row(self) -> dict[str, Any]:
        """Return the measurement as one row of a table."""
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
    """Measure each config once in each round, each time in a new process.

    Args:
        configs: Models to measure.
        num_points: Points N.
        work: ``forward`` or ``train``.
        rounds: Number of rounds.
        threads: CPU threads; all of them if None.
        device: Device of the models.

    Raises:
        MSPTError: If a process fails; the message ends with its last line of output.
    """
    for _ in range(rounds):
        for config in configs:
            yield _measure_once(
                {
                    "config": config.to_dict(),
                    "num_points": num_points,
                    "work": work,
                    "threads": threads or usable_cpus(),
                    "device": device,
                }
            )


def combine(measurements: Sequence[Measurement]) -> list[Measurement]:
    """Return one measurement for each model and size, with medians over the rounds."""
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
            "process_bytes": max(one.process_bytes for one in group),
        }
    )


def _measure_once(task: dict[str, Any]) -> Measurement:
    *_, last = measure_in_process(task)
    if not isinstance(last, Measurement):
        raise MSPTError(
            f"a measurement process must report a measurement, got {last}; run it again"
        )
    return last


@dataclass(frozen=True)
class ProcessStatus:
    """State of a measurement process that is still running.

    Attributes:
        seconds: Time since its start.
        resident_bytes: Memory it holds.
    """

    seconds: float
    resident_bytes: int


def measure_in_process(task: dict[str, Any]) -> Generator[ProcessStatus | Measurement, None, None]:
    """Measure in a new process; yield its status while it runs and the measurement at the end.

    Closing the generator ends the process at once.

    Args:
        task: Keyword arguments of :func:`measure`, with the config as a dictionary.

    Raises:
        MSPTError: If the process fails; the message ends with its last line of output.
    """
    command = [sys.executable, "-m", "mspt.benchmarks.models", json.dumps(task)]
    started = perf_counter()
    with subprocess.Popen(
        command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while not _has_ended(process):
                yield ProcessStatus(perf_counter() - started, _resident_bytes(process.pid))
            output, stderr = process.communicate()
        finally:  # also when the caller closes the generator
            process.kill()
    if process.returncode:
        reason = (stderr.strip().splitlines() or [f"exit status {process.returncode}"])[-1]
        architecture = task["config"]["architecture"]
        raise MSPTError(f"measuring {architecture} at {task['num_points']} points failed: {reason}")
    yield Measurement(**json.loads(output))


def _has_ended(process: subprocess.Popen[str]) -> bool:
    """Wait for the process until the next poll; return whether it has ended."""
    try:
        process.wait(1 / POLLS_PER_SECOND)
    except subprocess.TimeoutExpired:
        return False
    return True


def _resident_bytes(pid: int) -> int:
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.NoSuchProcess:  # it ended between the poll and this call
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
    """Measure one model in this process.

    Peak memory is exact only in a new process, because memory that was released but not returned to
    the system hides part of it. A pass that takes longer than :data:`LONG_PASS_SECONDS` is run
    once.

    Args:
        config: Model to measure.
        num_points: Points N.
        work: ``forward`` or ``train``.
        threads: CPU threads.
        device: Device of the model.
        repeats: Number of timed passes.
        with_rate: Whether to measure the machine's matrix-product rate for ``matrix_share``.
    """
    torch.set_num_threads(threads)
    target = pick_device(device)
    model = build_model(config).to(target).train(work == "train")
    # The warm-up loads kernels; a partition needs at least one point for each patch.
    few = min(num_points, max(WARM_UP_POINTS, config.num_patches or 1))
    run = prepare_pass(model, config, few, work, target)
    run()
    start = perf_counter()
    run = prepare_pass(model, config, num_points, work, target)
    partition_seconds = perf_counter() - start
    # Memory before time: the first pass is the only one that starts without memory left over.
    first: list[float] = []
    peak = measure_peak_bytes(lambda: first.append(time_call(run)), target)
    process_bytes = peak_resident_bytes()
    times = first if first[0] > LONG_PASS_SECONDS else [time_call(run)]
    while len(times) < repeats and times[0] < LONG_PASS_SECONDS:
        times.append(time_call(run))
    times.sort()  # so that the first is the fastest and the last the slowest
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
        matrix_share=flops / seconds / matrix_flops_per_second(target) if flops else 0.0,
        partition_seconds=partition_seconds,
        process_bytes=process_bytes,
    )


def _num_groups(config: ModelConfig, num_points: int) -> int:
    """Return patches, slices of Transolver, or 1 for full attention."""
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
