"""Clouds that are hard to partition, beside an even one: patches, and time of tree and pass.

Letters: N points, K patches.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import psutil
import torch

from mspt.benchmarks._tables import read_rows_of
from mspt.benchmarks.sweep import machine_name
from mspt.checkpoint import build_model
from mspt.config import ModelConfig
from mspt.data.stress_clouds import STRESS_CLOUDS, stress_cloud
from mspt.partition.ball_tree import Partition, build_partition
from mspt.partition.cuts import add_cuts
from mspt.partition.patches import compactness, measure_patches
from mspt.threads import usable_cpus, with_threads

EVEN = "uniform"
KEYS_PER_LEVEL = 3
REPEATS = 2


@dataclass(frozen=True, kw_only=True)
class StressRow:
    """One cloud, measured.

    Attributes:
        cloud: Its kind.
        num_points: Points N.
        num_patches: Patches K.
        smallest: Points of the smallest patch.
        largest: Points of the largest patch.
        share: Mean dispersion of a patch over that of the cloud; see
            :class:`mspt.partition.patches.Compactness`.
        tree_seconds: Time of the ball tree, the fastest of two.
        pass_seconds: Time of a forward pass, the fastest of two.
        threads: CPU threads.
        machine: Name of the processor.
        load: Load average of the machine before the first cloud.
    """

    cloud: str
    num_points: int
    num_patches: int
    smallest: int
    largest: int
    share: float
    tree_seconds: float
    pass_seconds: float
    threads: int
    machine: str
    load: float


def stress_config(num_patches: int) -> ModelConfig:
    """Return the model of the passes: D = 64, four blocks, three nodes as keys per level."""
    return ModelConfig(
        space_dim=3,
        in_features=0,
        out_channels=4,
        width=64,
        num_heads=4,
        num_blocks=4,
        mlp_ratio=2,
        num_patches=num_patches,
        keys_per_level=KEYS_PER_LEVEL,
    )


def measure_stress(
    *,
    num_points: int = 1_000_000,
    num_patches: int | None = None,
    kinds: Sequence[str] = tuple(STRESS_CLOUDS),
    threads: int | None = None,
) -> Iterator[StressRow]:
    """Measure each cloud, yielding a row for each.

    Args:
        num_points: Points N.
        num_patches: Patches K; one for 128 points if None.
        kinds: Kinds of clouds.
        threads: CPU threads; all of them if None.

    Raises:
        DataError: If there is no such kind, or the number of points is out of range.
    """
    used, load = threads or usable_cpus(), round(psutil.getloadavg()[0], 2)
    patches = num_patches or max(1, num_points // 128)
    model = build_model(stress_config(patches)).eval()
    for kind in kinds:
        cloud = stress_cloud(kind, num_points)
        shapes = measure_patches(cloud, build_partition(cloud, num_patches=patches))
        with with_threads(used):
            tree_seconds, partition = min(
                (_timed_tree(cloud, patches) for _ in range(REPEATS)), key=lambda found: found[0]
            )
            pass_seconds = min(_timed_pass(model, cloud, partition) for _ in range(REPEATS))
        yield StressRow(
            cloud=kind,
            num_points=num_points,
            num_patches=patches,
            smallest=int(shapes.size.min()),
            largest=int(shapes.size.max()),
            share=compactness(shapes).share,
            tree_seconds=tree_seconds,
            pass_seconds=pass_seconds,
            threads=used,
            machine=machine_name("cpu"),
            load=load,
        )


def _timed_tree(cloud: torch.Tensor, num_patches: int) -> tuple[float, Partition]:
    start = perf_counter()
    partition = build_partition(cloud, num_patches=num_patches)
    return perf_counter() - start, add_cuts(partition, KEYS_PER_LEVEL)


@torch.inference_mode()
def _timed_pass(model: torch.nn.Module, cloud: torch.Tensor, partition: Partition) -> float:
    start = perf_counter()
    model(cloud[None], partitions=[partition])
    return perf_counter() - start


def read_stress(path: Path) -> tuple[StressRow, ...]:
    """Read the rows of ``benchmark stress --out``.

    Raises:
        MSPTError: If the file is missing or is no such table.
    """
    command = "benchmark stress --out FILE"
    return read_rows_of(StressRow, path, what="stress clouds", command=command)
