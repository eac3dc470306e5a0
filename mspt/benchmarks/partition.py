"""Time of the ball tree compared with scikit-learn's trees and, if installed, ``balltree-erwin``.

The methods take turns within each round, so that other load on the machine affects all of them, and
ratios are computed within a round.

The methods do not do equal work: ``balltree-erwin`` stops at the patches and computes no balls, the
trees of scikit-learn stop at the patches; ours continues to leaves of 16 points, computes every
ball and inverts the permutation.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from statistics import median, quantiles
from time import perf_counter

import torch
from sklearn.neighbors import BallTree, KDTree
from torch import Tensor

from mspt.config import require
from mspt.partition.ball_tree import build_partition
from mspt.seeding import generator

OURS = "ours"


@dataclass(frozen=True, kw_only=True)
class PartitionTiming:
    """Time that one method takes to partition one cloud.

    Attributes:
        method: Name of the method; ours is ``ours``.
        num_points: Points N of the cloud.
        num_patches: Requested patches K; other methods round it to a power of two.
        num_threads: Number of threads of torch.
        seconds: Median over the rounds.
        lower_quartile: Lower quartile of the seconds.
        upper_quartile: Upper quartile of the seconds.
        ratio: Median over the rounds of the method's time divided by ours.
    """

    method: str
    num_points: int
    num_patches: int
    num_threads: int
    seconds: float
    lower_quartile: float
    upper_quartile: float
    ratio: float


def benchmark_partition(
    *,
    num_points: int = 1_000_000,
    num_patches: int = 1024,
    space_dim: int = 3,
    repeats: int = 7,
    seed: int = 0,
) -> Iterator[PartitionTiming]:
    """Time every method on one cloud of uniformly random points; yield a row for each, ours first.

    Args:
        num_points: Points N.
        num_patches: Patches K.
        space_dim: Space axes X.
        repeats: Timed rounds after a warm-up round; at least 2, because quartiles need two values.
        seed: Seed of the cloud.

    Raises:
        ValueError: If ``repeats`` is below 2.

    Examples:
        >>> rows = list(benchmark_partition(num_points=500, num_patches=4, repeats=2))
        >>> rows[0].method, rows[0].ratio
        ('ours', 1.0)
    """
    require("repeats", repeats, minimum=2)
    points = torch.rand(num_points, space_dim, generator=generator(seed, "benchmark partition"))
    methods = _methods(points, num_patches)
    seconds: dict[str, list[float]] = {method: [] for method in methods}
    for step in range(repeats + 1):
        for method, build in methods.items():
            started = perf_counter()
            build()
            if step:  # the first round compiles and loads code
                seconds[method].append(perf_counter() - started)
    for method, own in seconds.items():
        lower, _, upper = quantiles(own, n=4, method="inclusive")
        yield PartitionTiming(
            method=method,
            num_points=num_points,
            num_patches=num_patches,
            num_threads=torch.get_num_threads(),
            seconds=median(own),
            lower_quartile=lower,
            upper_quartile=upper,
            ratio=median(other / ours for other, ours in zip(own, seconds[OURS], strict=True)),
        )


def _methods(points: Tensor, num_patches: int) -> dict[str, Callable[[], object]]:
    """Return each method as a call without arguments, on input in the method's native format."""
    as_float64 = points.double().numpy()  # scikit-learn's trees would convert it each time
    patch_size = -(-len(points) // num_patches)  # rounded up
    methods: dict[str, Callable[[], object]] = {
        OURS: lambda: build_partition(points, num_patches),
        "scikit-learn KDTree": lambda: KDTree(as_float64, leaf_size=patch_size),
        "scikit-learn BallTree": lambda: BallTree(as_float64, leaf_size=patch_size),
    }
    if find_spec("balltree"):
        partition_balltree = import_module("balltree").partition_balltree
        cloud_of_point = torch.zeros(len(points), dtype=torch.long)
        level = (num_patches - 1).bit_length()  # the smallest 2**level that is at least K
        methods["balltree-erwin"] = lambda: partition_balltree(points, cloud_of_point, level)
    return methods
