"""Rates of this machine from a few short passes, for forecasts of longer ones.

All passes of one architecture take about two seconds on two cores; those of the four architectures
and the ball tree together stay below 20 seconds.

Letters: N points, K patches, Q supernodes per patch, D width, G slices.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from mspt.benchmarks._timing import prepare_pass, time_call
from mspt.benchmarks.rows import COMPARED
from mspt.benchmarks.sweep import machine_name
from mspt.checkpoint import build_model
from mspt.config import Architecture, ModelConfig
from mspt.cost.forecast import AMOUNTS, Keys, Rates, fit_rates, keys_of, partition_levels
from mspt.cost.formulas import Work
from mspt.errors import MSPTError
from mspt.inference.predict import pick_device
from mspt.partition.ball_tree import build_partition
from mspt.reading import read_text
from mspt.seeding import generator
from mspt.threads import usable_cpus, with_threads
from mspt.writing import write_text

REPEATS = 3
TREE_POINTS = 100_000

SIZES: dict[Architecture, tuple[tuple[int, int, int], ...]] = {
    "mspt": (
        (4096, 64, 1),
        (8192, 64, 64),
        (8192, 64, 1024),
        (8192, 32, 128),
        (4096, 256, 64),
        (8192, 128, 16),
        (16_384, 128, 1024),
    ),
    "published": ((1024, 64, 4), (2048, 64, 32), (2048, 32, 8), (2048, 128, 16), (1024, 256, 8)),
    "transolver": (
        (2048, 64, 32),
        (8192, 64, 128),
        (8192, 32, 64),
        (4096, 256, 64),
        (8192, 128, 32),
    ),
    "full_attention": ((512, 64, 1), (3072, 64, 1), (2048, 32, 1), (1024, 256, 1), (3072, 128, 1)),
}
"""Points N, width D, and patches K or slices G, of each pass: wide and narrow, of few and many
patches, so that linear layers, attention, point-wise work and launches all dominate somewhere."""

NODE_SIZES: tuple[tuple[int, int, int], ...] = (
    (8192, 64, 64),
    (16_384, 64, 128),
    (16_384, 32, 512),
    (8192, 128, 128),
    (4096, 256, 64),
)
"""The same of an MSPT whose patches attend to nodes of the tree."""
NODES_PER_LEVEL = 3


@dataclass(frozen=True, kw_only=True)
class PassTimed:
    """Progress of a calibration.

    Attributes:
        done: Passes measured.
        total: Passes in all.
    """

    done: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Rates of one machine.

    Attributes:
        rates: Of each architecture and kind of work.
        partition_rate: Seconds of the ball tree for each point and level.
        threads: CPU threads.
        device: Device.
        machine: Name of the processor or the GPU.
    """

    rates: tuple[Rates, ...]
    partition_rate: float
    threads: int
    device: str
    machine: str

    def has(self, architecture: Architecture, work: Work, *, keys: Keys = "all") -> bool:
        """Return whether the rates of an architecture were measured, with such keys."""
        wanted = (architecture, work, keys)
        return any((one.architecture, one.work, one.keys) == wanted for one in self.rates)

    def joined(self, other: "Calibration") -> "Calibration":
        """Return these rates and others of the same machine, which replace equal ones.

        Raises:
            MSPTError: If the others are of another machine or number of threads.
        """
        for name in ("machine", "device", "threads"):
            if (own := getattr(self, name)) != (theirs := getattr(other, name)):
                raise MSPTError(
                    f"rates must be of one machine, got {name} {own} and {theirs}; "
                    "name another file, or remove that one"
                )
        kept = [
            one for one in self.rates if not other.has(one.architecture, one.work, keys=one.keys)
        ]
        return replace(other, rates=(*kept, *other.rates))

    def of(self, architecture: Architecture, work: Work, *, keys: Keys = "all") -> Rates:
        """Return the rates of one architecture, with such keys.

        Raises:
            MSPTError: If they were not measured.
        """
        for one in self.rates:
            if (one.architecture, one.work, one.keys) == (architecture, work, keys):
                return one
        nodes = " with nodes as keys" if keys == "nodes" else ""
        raise MSPTError(
            f"rates must include {architecture}, {work}{nodes}; got none, calibrate again"
        )

    def of_pass(self, config: ModelConfig, num_points: int, work: Work) -> Rates:
        """Return the rates for one pass of a model over so many points.

        Raises:
            MSPTError: If they were not measured.
        """
        return self.of(config.architecture, work, keys=keys_of(config, num_points))


def calibration_config(
    architecture: Architecture, width: int, groups: int, *, keys: Keys = "all"
) -> ModelConfig:
    """Return the small model that a calibration runs.

    Args:
        architecture: Architecture.
        width: Width D.
        groups: Patches K, or slices G of Transolver.
        keys: What the points of an MSPT attend to.
    """
    return ModelConfig(
        space_dim=3,
        in_features=4,
        out_channels=4,
        architecture=architecture,
        width=width,
        num_heads=8,
        num_blocks=2,
        mlp_ratio=2,
        num_patches=groups,
        num_slices=groups,
        keys_per_level=NODES_PER_LEVEL if keys == "nodes" else 0,
        partition="sequence" if architecture == "published" else "ball_tree",
    )


def calibrate(
    architectures: Sequence[Architecture] = COMPARED,
    *,
    work: Work = "forward",
    threads: int | None = None,
    device: str = "cpu",
) -> Iterator[PassTimed | Calibration]:
    """Measure the rates of this machine, yielding after each pass and the rates at the end.

    Args:
        architectures: What to measure.
        work: ``forward`` or ``train``.
        threads: CPU threads; all of them if None.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.

    Raises:
        MSPTError: If the device does not exist here.
    """
    target, used = pick_device(device), threads or usable_cpus()
    kinds: list[tuple[Architecture, Keys]]
    kinds = [(one, keys) for one in architectures for keys in _kinds_of_keys(one)]
    total = sum(len(_sizes(*kind)) for kind in kinds) + 1
    done, found = 0, []
    for architecture, keys in kinds:
        passes = []
        for num_points, width, groups in _sizes(architecture, keys):
            config = calibration_config(architecture, width, groups, keys=keys)
            with with_threads(used):
                seconds = _pass_seconds(config, num_points, work, target)
            passes.append((config, num_points, seconds))
            done += 1
            yield PassTimed(done=done, total=total)
        found.append(fit_rates(passes, work=work))
    with with_threads(used):
        rate = _partition_rate()
    yield PassTimed(done=total, total=total)
    yield Calibration(
        rates=tuple(found),
        partition_rate=rate,
        threads=used,
        device=str(target),
        machine=machine_name(str(target)),
    )


def _kinds_of_keys(architecture: Architecture) -> tuple[Keys, ...]:
    return ("all", "nodes") if architecture == "mspt" else ("all",)


def _sizes(architecture: Architecture, keys: Keys) -> tuple[tuple[int, int, int], ...]:
    return SIZES[architecture] if keys == "all" else NODE_SIZES


def _pass_seconds(config: ModelConfig, num_points: int, work: Work, device: torch.device) -> float:
    model = build_model(config).to(device).train(work == "train")
    run = prepare_pass(model, config, num_points, work, device)
    run()  # loads kernels
    return min(time_call(run) for _ in range(REPEATS))  # other load only adds to it


def _partition_rate() -> float:
    points = torch.rand(TREE_POINTS, 3, generator=generator(0, "calibrate ball tree"))
    build_partition(points[:1000], num_patches=8)  # loads the compiled code

    def build() -> None:
        build_partition(points, num_patches=128)

    seconds = min(time_call(build) for _ in range(REPEATS))
    return seconds / TREE_POINTS / partition_levels(TREE_POINTS)


# --- files ----------------------------------------------------------------------------------------

ANEW = "write it anew with `python -m mspt benchmark forecast --rates FILE`"
_MACHINE = ("partition_rate", "threads", "device", "machine")


def write_rates(path: Path, calibration: Calibration) -> None:
    """Write rates as a CSV file, one row for each architecture."""
    machine = {name: getattr(calibration, name) for name in _MACHINE}
    rows = [asdict(one) | machine for one in calibration.rates]
    write_text(path, pd.DataFrame(rows).to_csv(index=False, float_format="%.6g"))


def read_rates(path: Path) -> Calibration:
    """Read what :func:`write_rates` wrote.

    Raises:
        MSPTError: If the file is missing or is no such table.
    """
    rule = f"{path.name} must be a table of rates"
    text = read_text(path, rule=rule, advice=ANEW)
    names = [one.name for one in fields(Rates)]
    try:
        table = pd.read_csv(StringIO(text)).astype(
            dict.fromkeys((*AMOUNTS, "partition_rate"), float)
        )
        if "keys" not in table:  # written before there were two kinds
            table["keys"] = "all"
        rows: list[dict[str, Any]] = table.to_dict("records")
        machine = {name: rows[0][name] for name in _MACHINE}
        rates = tuple(Rates(**{name: row[name] for name in names}) for row in rows)
    except (KeyError, IndexError, ValueError) as error:
        raise MSPTError(f"{rule}, got another table; {ANEW}") from error
    return Calibration(rates=rates, **machine)
