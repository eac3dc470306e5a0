"""The cost of a model in closed form, from its sizes alone: arithmetic and peak memory.

Arithmetic counts matrix products and attention. Point-wise operations are left out, because memory
bandwidth limits them, not arithmetic. Memory counts the float32 numbers held at the peak by this
library's code and PyTorch's CPU kernels, in addition to weights and inputs.

Letters: N points, K patches, L = N / K, Q supernodes per patch, S = K Q, D width, G slices,
H heads, X space axes, F input features, C output channels, I channels of the embedding's input.
"""

import math
from typing import Literal

from mspt.config import ModelConfig
from mspt.cost.arithmetic import FLOP_COUNTS, FlopCounts
from mspt.cost.memory import MEMORY, matrix_entries

Work = Literal["forward", "train"]
FLOAT_BYTES = 4

ATTENTION_BACKWARD = 2.5
"""Cost of the backward pass of fused attention over that of its forward pass.

The forward pass has two matrix products. The backward pass has five: it recomputes the scores and
computes the gradients of weights, queries, keys and values.
"""


def forward_flops(config: ModelConfig, num_points: int) -> float:
    """Return the multiplications and additions of a forward pass over one cloud.

    For each block, MSPT's attention costs ``4 N D (L + S)`` (the paper's O(N L + N^2 Q / L)), which
    is smallest at ``K = sqrt(N / Q)``. In the authors' published variant every copy of the
    supernodes attends too, ``4 K D (L + S)^2``. Transolver's slices cost ``6 N D G`` and full
    attention ``4 N^2 D``.

    Raises:
        ValueError: If the architecture has no cost model.

    Examples:
        >>> config = ModelConfig(space_dim=3, width=64, num_blocks=1, num_patches=10)
        >>> forward_flops(config, 1000) < forward_flops(config, 2000)
        True
    """
    counts = _flop_counts(config, num_points)
    return counts.linear + counts.first + counts.attention


def train_flops(config: ModelConfig, num_points: int) -> float:
    """Return the multiplications and additions of a forward pass and its gradient.

    The backward pass of a linear layer has two products, for its inputs and for its weights; the
    first layer needs only the latter. The published variant computes its blocks twice, because it
    uses gradient checkpointing.

    Raises:
        ValueError: If the architecture has no cost model.

    Examples:
        >>> config = ModelConfig(space_dim=3, width=64, num_blocks=1, num_patches=10)
        >>> 2.9 < train_flops(config, 10_000) / forward_flops(config, 10_000) < 3.5
        True
    """
    counts = _flop_counts(config, num_points)
    again = counts.repeated + counts.repeated_attention
    attention = (1 + ATTENTION_BACKWARD) * counts.attention
    return 3 * counts.linear + 2 * counts.first + attention + again


def flops(config: ModelConfig, num_points: int, *, work: Work) -> float:
    """Return :func:`forward_flops` or :func:`train_flops`, depending on ``work``.

    Args:
        config: Config of the model.
        num_points: Points N.
        work: ``forward`` or ``train``.
    """
    return {"forward": forward_flops, "train": train_flops}[work](config, num_points)


def peak_bytes(config: ModelConfig, num_points: int, *, work: Work) -> float:
    """Return the peak memory for one cloud in bytes, without weights, inputs and partition.

    A forward pass without gradients releases what it no longer needs: MSPT then holds one N x D
    activation and works on a few patches at a time. A training step keeps what the gradient needs.
    The published variant's attention stores its weights in a forward pass on a CPU.

    Args:
        config: Config of the model.
        num_points: Points N.
        work: ``forward`` or ``train``.

    Raises:
        ValueError: If the architecture has no cost model.

    Examples:
        >>> config = ModelConfig(space_dim=3, width=128, num_patches=1000)
        >>> 1 < peak_bytes(config, 10**6, work="forward") / streaming_bytes(config, 10**6) < 1.1
        True
    """
    _require_known(config)
    forward, train = MEMORY[config.architecture]
    if work == "forward":
        return FLOAT_BYTES * forward(config, num_points)
    return FLOAT_BYTES * (train(config, num_points) + matrix_entries(config))


def recommended_patches(num_points: int, *, num_supernodes: int = 1) -> int:
    """Return the K that minimizes the cost of attention: the integer nearest to sqrt(N / Q).

    ``N / K + K Q`` keys per point are fewest there; the paper chooses K Q close to sqrt(N).

    Examples:
        >>> recommended_patches(10_000)
        100
    """
    return max(1, round(math.sqrt(num_points / num_supernodes)))


def streaming_bytes(config: ModelConfig, num_points: int) -> int:
    """Return the bytes of one N x D activation, the unit in which streaming memory is reported.

    Examples:
        >>> streaming_bytes(ModelConfig(space_dim=3, width=128, num_patches=8), 1000)
        512000
    """
    return FLOAT_BYTES * num_points * config.width


def flop_text(flops: float) -> str:
    """Return an amount of arithmetic as text, with three significant digits.

    Examples:
        >>> flop_text(1.5e12), flop_text(2e7), flop_text(4.5e15)
        ('1.5 TFLOP', '20 MFLOP', '4,500 TFLOP')
    """
    step, unit = next(
        (step, unit)
        for step, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1, ""))
        if flops >= step
    )
    value = flops / step
    digits = f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return f"{digits} {unit}FLOP"


def _flop_counts(config: ModelConfig, num_points: int) -> FlopCounts:
    _require_known(config)
    return FLOP_COUNTS[config.architecture](config, num_points)


def _require_known(config: ModelConfig) -> None:
    if config.architecture not in FLOP_COUNTS:
        raise ValueError(
            f"architecture must be one of {', '.join(FLOP_COUNTS)}, got {config.architecture!r}; "
            "measure its cost instead"
        )
