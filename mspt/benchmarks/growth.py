"""How time and memory of a pass grow from ten thousand to millions of points, and how surely.

Two ways to choose the patches: equally large ones, whose points attend to nodes of the tree, so
that the keys of a point grow with log N; and K = sqrt(N / Q) patches whose points attend to all
supernodes, the fewest keys that way.

Letters: N points, K patches, L points per patch, Q supernodes per patch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.stats import linregress, t

from mspt.benchmarks._tables import read_rows_of
from mspt.benchmarks.models import measure_models
from mspt.config import ModelConfig
from mspt.cost.formulas import recommended_patches

Way = Literal["fixed L", "K = sqrt(N/Q)"]
WAYS: tuple[Way, ...] = ("fixed L", "K = sqrt(N/Q)")
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
PATCH_SIZE, NODES_PER_LEVEL = 128, 3
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class GrowthRow:
    """One pass.

    Attributes:
        way: How the patches were chosen.
        num_points: Points N.
        num_patches: Patches K.
        seconds: Time of a forward pass; the fastest.
        partition_seconds: Time to make the cloud and its ball tree.
        peak_bytes: Peak memory above weights and inputs.
        threads: CPU threads.
        device: Where it ran.
    """

    way: str
    num_points: int
    num_patches: int
    seconds: float
    partition_seconds: float
    peak_bytes: int
    threads: int
    device: str


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Growth as a power of N.

    Attributes:
        slope: The exponent.
        low: Lower end of its interval, in which the exponent lies with :data:`CONFIDENCE` if
            logarithms scatter about a line.
        high: Upper end.
    """

    slope: float
    low: float
    high: float


def growth_config(way: Way, num_points: int) -> ModelConfig:
    """Return the small model of the ten-million-point pass: D = 64, four blocks, four heads.

    Examples:
        >>> growth_config("fixed L", 10_000_000).num_patches
        78125
        >>> growth_config("K = sqrt(N/Q)", 1_000_000).num_patches
        1000
    """
    is_fixed = way == "fixed L"
    patches = round(num_points / PATCH_SIZE) if is_fixed else recommended_patches(num_points)
    return ModelConfig(
        space_dim=3,
        in_features=4,
        out_channels=4,
        width=64,
        num_heads=4,
        num_blocks=4,
        num_patches=patches,
        keys_per_level=NODES_PER_LEVEL if is_fixed else 0,
    )


def measure_growth(
    *,
    ways: Sequence[Way] = WAYS,
    sizes: Sequence[int] = SIZES,
    rounds: int = 1,
    threads: int | None = None,
    device: str = "cpu",
) -> Iterator[GrowthRow]:
    """Measure each size in a process of its own, yielding a row for each.

    Args:
        ways: How patches are chosen.
        sizes: Points N.
        rounds: Processes for each size.
        threads: CPU threads; all of them if None.
        device: Device of the models.

    Raises:
        MSPTError: If a measurement process fails.
    """
    for way in ways:
        for size in sizes:
            config = growth_config(way, size)
            runs = list(
                measure_models(
                    [config], num_points=size, rounds=rounds, threads=threads, device=device
                )
            )
            best = min(runs, key=lambda run: run.fastest)
            yield GrowthRow(
                way=way,
                num_points=size,
                num_patches=best.num_patches,
                seconds=best.fastest,
                partition_seconds=best.partition_seconds,
                peak_bytes=max(run.peak_bytes for run in runs),
                threads=best.threads,
                device=best.device,
            )


def fit_growth(sizes: Sequence[float | int], results: Sequence[float | int]) -> Growth:
    """Return the exponent of a power law with its interval, of three sizes or more.

    Args:
        sizes: Points N.
        results: Seconds or bytes.

    Raises:
        ValueError: If there are fewer than three.

    Examples:
        >>> found = fit_growth([1, 10, 100], [2, 20, 200])
        >>> round(found.slope, 6), round(found.high - found.low, 6)
        (1.0, 0.0)
    """
    if len(sizes) < 3:
        raise ValueError(f"sizes must be three or more, got {len(sizes)}")
    fitted = linregress(np.log(sizes), np.log(results))
    slope, _, _, _, error = map(float, np.array(fitted))
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(sizes) - 2)) * error
    return Growth(slope=slope, low=slope - half, high=slope + half)


def read_growth(path: Path) -> tuple[GrowthRow, ...]:
    """Read the rows of ``benchmark growth --out``.

    Raises:
        MSPTError: If the file is missing or is no such table.
    """
    return read_rows_of(GrowthRow, path, what="growth", command="benchmark growth --out FILE")
