"""How long a pass will take and how much memory it needs, before it is run.

Memory follows from the sizes alone (:mod:`mspt.cost.memory`). Time also depends on the machine: it
is modelled as a sum of five amounts of work, each with a rate that a few short passes measure
(:mod:`mspt.benchmarks.calibration`):

    seconds = products of linear layers / rate + products of attention / rate
              + scores of attention / rate + point-wise numbers / rate + pieces / rate

The softmax takes one exponential for each score, whatever the width of a head. Point-wise work
(normalization, GELU, residual sums) is limited by memory bandwidth and not by arithmetic, and each
piece of a cloud costs the launch of its kernels. At narrow widths these three are most of the time,
so that a rate for arithmetic alone would be wrong by a factor.

Letters: N points, K patches, Q supernodes per patch, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.config import PATCHED, Architecture, ModelConfig
from mspt.cost.arithmetic import FLOP_COUNTS, is_dense, node_keys
from mspt.cost.formulas import FLOAT_BYTES, Work, peak_bytes, train_flops
from mspt.models.embedding import STREAM_ROWS
from mspt.partition.runs import patch_runs

INDEX_BYTES = 8
HEAP_SHARE, HEAP_BYTES = 1.2, 1.5e6
"""Memory that a process takes for each byte of its tensors, and in any case: blocks that the C
library has freed and not returned yet, and buffers of the kernels. Chosen on the rows of
``benchmark forecast --check``."""
AMOUNTS = ("linear", "attention", "scores", "pointwise", "pieces")
"""What the time of a pass is made of, in the order of :func:`amounts`."""


Keys = Literal["all", "nodes"]
"""What the points of an MSPT attend to besides their patch: the supernodes of all patches, which
are keys of all points at once, or those of some nodes of the tree, which are copied for each
patch."""


def keys_of(config: ModelConfig, num_points: int) -> Keys:
    """Return the kind of keys of a model; ``all`` for other architectures.

    Examples:
        >>> config = ModelConfig(space_dim=3, num_patches=64, keys_per_level=2)
        >>> keys_of(config, 10_000)
        'nodes'
    """
    is_all = config.architecture != "mspt" or is_dense(config, num_points)
    return "all" if is_all else "nodes"


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Seconds that one machine takes for each unit of work of one architecture.

    Attributes:
        architecture: Architecture.
        work: ``forward``, or ``train`` for a forward pass and its gradient.
        linear: Seconds for each multiplication or addition of linear layers.
        attention: The same of attention.
        scores: Seconds for each pair of a query and a key, or of a point and a slice, in each head.
        pointwise: Seconds for each of N x D numbers in each block.
        pieces: Seconds for each piece of a cloud in each block.
        keys: Kind of keys of the passes that were measured.
    """

    architecture: Architecture
    work: Work
    linear: float
    attention: float
    scores: float
    pointwise: float
    pieces: float
    keys: Keys = "all"

    def seconds(self, config: ModelConfig, num_points: int) -> float:
        """Return the time of one pass over one cloud, without its partition.

        Raises:
            ValueError: If the rates are those of another architecture.
        """
        if config.architecture != self.architecture:
            raise ValueError(
                f"config must be of the architecture {self.architecture}, whose rates these are, "
                f"got {config.architecture}"
            )
        rates = np.array([getattr(self, name) for name in AMOUNTS])
        return float(amounts(config, num_points, work=self.work) @ rates)


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a run will need.

    Attributes:
        seconds: Time of the pass.
        partition_seconds: Time to build the partition; 0 for a model without one.
        peak_bytes: Memory at the peak above weights, inputs and partition.
        held_bytes: Inputs, output and partition.
    """

    seconds: float
    partition_seconds: float
    peak_bytes: float
    held_bytes: float

    @property
    def total_bytes(self) -> float:
        """All memory at the peak."""
        return self.peak_bytes + self.held_bytes

    @property
    def total_seconds(self) -> float:
        """Time of partition and pass."""
        return self.seconds + self.partition_seconds


def amounts(config: ModelConfig, num_points: int, *, work: Work) -> Float64[ndarray, "5"]:
    """Return the work of one pass, in the order of :data:`AMOUNTS`.

    Examples:
        >>> config = ModelConfig(space_dim=3, width=64, num_blocks=2, num_patches=8)
        >>> amounts(config, 4096, work="forward")[3:].tolist()
        [524288.0, 4.0]
    """
    counts = FLOP_COUNTS[config.architecture](config, num_points)
    linear, attention = counts.linear + counts.first, counts.attention
    if work == "train":
        linear = 3 * counts.linear + 2 * counts.first + counts.repeated
        attention = train_flops(config, num_points) - linear
    pointwise = (num_points + _copies(config, num_points)) * config.width * config.num_blocks
    pieces = config.num_blocks * _pieces(config, num_points, work)
    scores = _scores(config, num_points) * attention / counts.attention
    return np.array([linear, attention, scores, pointwise, pieces], dtype=np.float64)


def _scores(config: ModelConfig, num_points: int) -> float:
    """Return the pairs of a query and a key, or of a point and a slice, in all heads and blocks."""
    if config.architecture == "transolver":
        return float(num_points * config.num_slices * config.num_heads * config.num_blocks)
    counts = FLOP_COUNTS[config.architecture](config, num_points)
    return counts.attention * config.num_heads / (4 * config.width)  # 4 D products for each pair


def _copies(config: ModelConfig, num_points: int) -> float:
    """Return the rows of keys that are copied in one block, twice: alone, and joined to others."""
    if keys_of(config, num_points) == "all":
        return 0.0
    return 2.0 * config.patches_for(num_points) * node_keys(config, num_points)[1]


def _pieces(config: ModelConfig, num_points: int, work: Work) -> int:
    """Return the calls of kernels that one block makes; see :meth:`PatchRun.pieces`."""
    if work == "train" or config.architecture != "mspt":
        return 1
    runs = patch_runs(num_points, config.patches_for(num_points))
    return sum(-(-run.count // max(1, STREAM_ROWS // run.size)) for run in runs)


def fit_rates(passes: Sequence[tuple[ModelConfig, int, float]], *, work: Work) -> Rates:
    """Return the rates that explain measured passes best, none of them negative.

    Least squares of *relative* errors, so that short and long passes count alike.

    Args:
        passes: Config, points N and seconds of each; all of one architecture and kind of keys.
        work: What was measured.

    Raises:
        ValueError: If there is no pass, or passes of several architectures or kinds of keys.

    Examples:
        >>> config = ModelConfig(space_dim=3, width=64, num_blocks=2, num_patches=8)
        >>> rates = fit_rates([(config, 4096, 0.5)], work="forward")
        >>> round(rates.seconds(config, 4096), 6)
        0.5
    """
    kinds = sorted({config.architecture for config, _, _ in passes})
    if len(kinds) != 1:
        raise ValueError(f"passes must be of one architecture, got {', '.join(kinds) or 'none'}")
    keys: set[Keys] = {keys_of(config, size) for config, size, _ in passes}
    if len(keys) != 1:
        raise ValueError("passes must be of one kind of keys, got all and nodes")
    rows = np.stack([amounts(config, size, work=work) for config, size, _ in passes])
    seconds = np.array([one for _, _, one in passes])
    # Amounts differ by ten orders of magnitude; columns of mean 1 keep the fit well conditioned.
    scale = rows.mean(axis=0)
    from scipy.optimize import nnls  # only a calibration needs it, and it takes long to import

    found, _ = nnls(rows / scale / seconds[:, None], np.ones(len(rows)))
    values = dict(zip(AMOUNTS, (float(one) for one in found / scale), strict=True))
    return Rates(architecture=passes[0][0].architecture, work=work, keys=keys.pop(), **values)


def forecast(
    config: ModelConfig,
    num_points: int,
    rates: Rates,
    *,
    partition_rate: float,
) -> Forecast:
    """Return what one pass over one cloud will take.

    Args:
        config: Config of the model.
        num_points: Points N.
        rates: Of this machine and architecture.
        partition_rate: Seconds of the ball tree for each point and level; see
            :func:`partition_levels`.

    Examples:
        >>> config = ModelConfig(space_dim=3, width=64, num_blocks=2, num_patches=8)
        >>> rates = fit_rates([(config, 4096, 0.5)], work="forward")
        >>> found = forecast(config, 4096, rates, partition_rate=1e-8)
        >>> found.total_seconds > found.seconds, found.total_bytes > found.peak_bytes
        (True, True)
    """
    trees = _num_trees(config)
    levels = partition_levels(num_points)
    return Forecast(
        seconds=rates.seconds(config, num_points),
        partition_seconds=trees * partition_rate * num_points * levels,
        peak_bytes=HEAP_BYTES + HEAP_SHARE * peak_bytes(config, num_points, work=rates.work),
        held_bytes=held_bytes(config, num_points),
    )


def partition_levels(num_points: int) -> float:
    """Return the levels of a ball tree whose leaves have about 16 points; at least 1.

    Examples:
        >>> partition_levels(16 * 1024), partition_levels(3)
        (10.0, 1.0)
    """
    return max(1.0, float(np.log2(num_points / 16)))


def _num_trees(config: ModelConfig) -> int:
    if config.architecture not in PATCHED or config.partition in ("sequence", "random"):
        return 0
    return 2 if config.partition == "alternating_trees" else 1


def held_bytes(config: ModelConfig, num_points: int) -> float:
    """Return the bytes of inputs, output and partition; weights are few beside large clouds.

    Examples:
        >>> held_bytes(ModelConfig(space_dim=3, num_patches=8), 1000)  # 4 floats, 2 indices
        32000.0
    """
    floats = num_points * (config.space_dim + config.in_features + config.out_channels)
    # The order of each tree and its inverse; of two trees also the ways between them.
    indices = num_points * {0: 0, 1: 2, 2: 6}[_num_trees(config)]
    return float(FLOAT_BYTES * floats + INDEX_BYTES * indices)
