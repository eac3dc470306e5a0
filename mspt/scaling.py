"""How time and memory grow with N, K and Q: sweeps, a guard before limits, fitted exponents.

A sweep is a generator: it yields what it is about to do, looks at the measuring process while it
works, and yields a row for each size. Whoever leaves the loop ends the process; rows stay.

Letters: N points, K patches, L points per patch, Q supernodes per patch, D width, G slices.
"""

import os
import platform
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from math import exp, log
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import psutil
import torch

from mspt.benchmark import Measurement, measuring
from mspt.config import Architecture, ModelConfig, require, require_choice
from mspt.cost import Work, flops, peak_bytes, recommended_patches
from mspt.errors import MSPTError
from mspt.inference import pick_device

Axis = Literal["points", "patches", "supernodes"]
Quantity = Literal["seconds", "peak_bytes"]
COMPARED: tuple[Architecture, ...] = ("mspt", "published", "transolver", "full_attention")
AXIS_MODELS: dict[str, tuple[Architecture, ...]] = {
    "points": COMPARED,
    "patches": ("mspt", "published", "transolver"),
    "supernodes": ("mspt", "published"),
}
AXIS_VALUES: dict[str, tuple[int, ...]] = {
    "points": (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000),
    "patches": (8, 16, 32, 64, 128, 181, 256, 512, 1024),
    "supernodes": (1, 2, 4, 8, 16, 32),
}
ASSUMED_RATE = 2e10
"""Multiplications and additions a second of a model of which nothing has been measured yet."""

PROCESS_BYTES = 500 * 2**20
"""Memory of a measuring process before it holds a model."""

MARGIN = 1.15
"""Predicted peaks are multiplied by this before they are compared with the memory at hand."""

FIT_FROM = 10_000.0
"""Points from which exponents are fitted: below, fixed costs hide the growth."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What is measured along one axis; every other size stays.

    Attributes:
        axis: What grows.
        values: Its values, rising.
        models: Architectures; on the axis of patches, Transolver has as many slices.
        num_points: Points N, unless they grow.
        patch_size: Points per patch L while N grows: K = N / L.
        num_patches: Patches K while Q grows.
        num_supernodes: Supernodes Q per patch, unless they grow.
        num_slices: Slices G of Transolver, unless K grows.
        width: Model width D.
        num_heads: Heads H.
        num_blocks: Blocks.
        mlp_ratio: Hidden width of the feed-forward network over D.
        work: ``forward``, or ``train`` for a forward and its gradient.
    """

    axis: Axis
    values: tuple[int, ...]
    models: tuple[Architecture, ...] = COMPARED
    num_points: int = 32_768
    patch_size: int = 1024
    num_patches: int = 64
    num_supernodes: int = 1
    num_slices: int = 128
    width: int = 128
    num_heads: int = 8
    num_blocks: int = 2
    mlp_ratio: int = 2
    work: Work = "forward"

    def __post_init__(self) -> None:
        """Reject sweeps that nothing can be measured on."""
        for model in self.models:
            require_choice("models", model, COMPARED)
        for value in self.values:
            require(self.axis, value, minimum=1)

    def size(self, value: int) -> int:
        """Return N at a value of the axis."""
        return value if self.axis == "points" else self.num_points

    def config(self, model: Architecture, value: int) -> ModelConfig:
        """Return the model at a value of the axis.

        Examples:
            >>> Sweep(axis="points", values=(4096,)).config("mspt", 4096).num_patches
            4
        """
        patches = {
            "points": max(1, round(self.size(value) / self.patch_size)),
            "patches": value,
            "supernodes": self.num_patches,
        }[self.axis]
        return ModelConfig(
            space_dim=3,
            in_features=4,
            out_channels=4,
            architecture=model,
            width=self.width,
            num_heads=self.num_heads,
            num_blocks=self.num_blocks,
            mlp_ratio=self.mlp_ratio,
            num_patches=patches,
            num_supernodes=value if self.axis == "supernodes" else self.num_supernodes,
            num_slices=value if self.axis == "patches" else self.num_slices,
            # The authors' scripts run on the points in file order.
            partition="sequence" if model == "published" else "ball_tree",
        )


@dataclass(frozen=True, kw_only=True)
class ScalingRow:
    """One size of one model: measured, or why not.

    Attributes:
        axis: What grew.
        architecture: Which model.
        num_points: Points N.
        num_patches: Patches K; slices of Transolver; 1 for full attention.
        num_supernodes: Supernodes Q per patch.
        width: Model width D.
        num_heads: Heads H.
        num_blocks: Blocks.
        mlp_ratio: Hidden width of the feed-forward network over D.
        work: ``forward`` or ``train``.
        threads: Threads of the processor.
        device: Where it ran.
        seconds: Median of one pass; NaN where it was not measured.
        fastest: Fastest pass.
        slowest: Slowest pass.
        peak_bytes: Peak memory above weights and inputs; NaN where it was not measured.
        machine: Name of the processor or of the GPU.
        load: Load average of the machine just before.
        torch_version: Version of PyTorch.
        stopped: Why it was not measured; empty otherwise.
    """

    axis: str
    architecture: str
    num_points: int
    num_patches: int
    num_supernodes: int
    width: int
    num_heads: int
    num_blocks: int
    mlp_ratio: int
    work: str
    threads: int
    device: str
    seconds: float
    fastest: float
    slowest: float
    peak_bytes: float
    machine: str
    load: float
    torch_version: str
    stopped: str

    @property
    def value(self) -> int:
        """Value on the axis."""
        return int(getattr(self, f"num_{self.axis}"))

    def key(self) -> tuple[Any, ...]:
        """Return what makes two rows the same measurement."""
        measured = ("seconds", "fastest", "slowest", "peak_bytes", "load", "stopped")
        return tuple(value for name, value in asdict(self).items() if name not in measured)


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


@dataclass(frozen=True, kw_only=True)
class Exponent:
    """Growth of a quantity as a power of the axis.

    Attributes:
        slope: Of the straight line through the logarithms, by least squares.
        first: Smallest value of the axis that was used.
        last: Largest.
        points: How many values.
    """

    slope: float
    first: float
    last: float
    points: int


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
    alike = [row for row in known if row.architecture == model and _measured(row, sweep)]
    alike = alike or [r for r in hints if r.architecture == model and _measured(r, sweep)]
    if not alike:
        return work / ASSUMED_RATE, memory
    near = min(alike, key=lambda row: abs(log(row.value / value)))
    reference, at = sweep.config(model, near.value), sweep.size(near.value)
    seconds = near.seconds * work / flops(reference, at, work=sweep.work)
    scale = near.peak_bytes / peak_bytes(reference, at, work=sweep.work)
    return seconds, memory * min(max(1.0, scale), 4.0)


def _measured(row: ScalingRow, sweep: Sweep) -> bool:
    return not row.stopped and row.axis == sweep.axis and row.work == sweep.work


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
    jobs = [(value, model) for value in sorted(sweep.values) for model in sweep.models]
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


def fit_exponent(
    values: Sequence[float | int], results: Sequence[float | int], *, start: float = 0.0
) -> Exponent | None:
    """Fit a power law to results from ``start`` on; None for fewer than two values.

    Examples:
        >>> fit_exponent([1, 10, 100], [2, 200, 20000]).slope
        2.0
    """
    x, y = np.asarray(values, dtype=float), np.asarray(results, dtype=float)
    used = (x >= start) & (x > 0) & (y > 0)
    if len(np.unique(x[used])) < 2:
        return None
    # From deviations: fitting slope and offset together loses the digits of close values.
    across, up = (part - part.mean() for part in (np.log(x[used]), np.log(y[used])))
    slope = (across @ up) / (across @ across)
    first, last = x[used].min(), x[used].max()
    return Exponent(
        slope=round(float(slope), 12), first=float(first), last=float(last), points=int(used.sum())
    )


def fit_rows(rows: Sequence[ScalingRow], model: str, *, quantity: Quantity) -> Exponent | None:
    """Fit how a quantity of one model grows with N, from :data:`FIT_FROM` points on."""
    own = [
        row
        for row in rows
        if row.axis == "points" and row.architecture == model and not row.stopped
    ]
    values = [float(row.num_points) for row in own]
    return fit_exponent(values, [float(getattr(row, quantity)) for row in own], start=FIT_FROM)


def closed_form(
    sweep: Sweep,
    model: Architecture,
    values: Sequence[int],
    *,
    quantity: Quantity,
    measured: Sequence[ScalingRow],
) -> list[float]:
    """Return the closed form at some values of the axis.

    Memory is as it is. Arithmetic becomes time by the one rate, in the geometric mean, of the
    measured rows of that model; NaN if there are none.
    """
    if quantity == "peak_bytes":
        return [
            peak_bytes(sweep.config(model, value), sweep.size(value), work=sweep.work)
            for value in values
        ]
    own = [row for row in measured if row.architecture == model and _measured(row, sweep)]
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


def best_patches(sweep: Sweep) -> int:
    """Return the K that makes MSPT's attention cheapest in a sweep: the root of N / Q."""
    return recommended_patches(sweep.num_points, num_supernodes=sweep.num_supernodes)


# --- files ---------------------------------------------------------------------------------------


def read_rows(path: Path) -> list[ScalingRow]:
    """Read stored rows.

    Raises:
        MSPTError: If the file is no table of such rows.
    """
    table = pd.read_csv(path, keep_default_na=False, na_values=["nan"])
    expected = list(ScalingRow.__dataclass_fields__)
    if list(table.columns) != expected:
        raise MSPTError(
            f"{path.name} must have the columns {', '.join(expected)}, "
            f"got {', '.join(table.columns)}; measure anew into another file"
        )
    return [_typed(row) for row in table.to_dict("records")]


def _typed(row: dict[str, Any]) -> ScalingRow:
    kinds = {name: field.type for name, field in ScalingRow.__dataclass_fields__.items()}
    return ScalingRow(**{name: kinds[name](value) for name, value in row.items()})


def rows_table(rows: Sequence[ScalingRow]) -> pd.DataFrame:
    """Return rows as a table, in the columns of :class:`ScalingRow`."""
    return pd.DataFrame(
        [asdict(row) for row in rows], columns=list(ScalingRow.__dataclass_fields__)
    )


def write_rows(path: Path, rows: Sequence[ScalingRow]) -> None:
    """Write rows; what was there is replaced in one step, so that nothing is half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    rows_table(rows).to_csv(unfinished, index=False, float_format="%.6g", na_rep="nan")
    unfinished.replace(path)


# --- the paper's own figures ---------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class PaperFigure:
    """A number that the paper reports; GPU and precision are not told.

    Attributes:
        architecture: Which model.
        num_points: Points N.
        groups: Patches of MSPT, slices of Transolver.
        seconds: Latency of a forward pass.
        gigabytes: Peak memory in GB.
        where: Where in the paper.
    """

    architecture: Architecture
    num_points: int
    groups: int
    seconds: float
    gigabytes: float
    where: str


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
    ),
)
