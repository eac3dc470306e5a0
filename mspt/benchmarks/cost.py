"""The cost of a model in closed form, from its sizes alone: arithmetic and peak memory.

Arithmetic counts matrix products and attention: what is point-wise costs memory traffic, not
arithmetic. Memory counts the float32 numbers alive at the worst moment, above weights and inputs,
as PyTorch's CPU kernels and this library's code hold them.

Letters: N points, K patches, L = N / K, Q supernodes per patch, S = K Q, D width, G slices,
H heads, X space axes, F input features, C output channels, I channels of the embedding's input.
"""

import math
from typing import Literal

from mspt.benchmarks._flops import PRODUCTS, Products
from mspt.benchmarks._memory_model import MEMORY, matrix_entries
from mspt.config import ModelConfig

Work = Literal["forward", "train"]
FLOAT_BYTES = 4
ATTENTION_BACKWARD = 2.5
"""Products in the backward of fused attention over those in its forward: five to two."""


def forward_flops(config: ModelConfig, num_points: int) -> float:
    """Return the multiplications and additions of a forward pass of one cloud.

    MSPT's attention costs ``4 N D (L + S)`` a block, smallest at ``K = sqrt(N / Q)``; the authors'
    published variant attends from every copy of the supernodes too, ``4 K D (L + S)^2``;
    Transolver's slices cost ``6 N D G`` and full attention ``4 N^2 D``.

    Raises:
        ValueError: If nothing is known of the architecture's cost.

    Examples:
        >>> config = ModelConfig(space_dim=3, width=64, num_blocks=1, num_patches=10)
        >>> forward_flops(config, 1000) < forward_flops(config, 2000)
        True
    """
    products = _products(config, num_points)
    return products.linear + products.first + products.attention


def train_flops(config: ModelConfig, num_points: int) -> float:
    """Return the multiplications and additions of a forward pass and its gradient.

    A layer's backward is two products, one for its inputs and one for its weights; the first layer
    needs the latter alone. The published variant computes its blocks twice.

    Raises:
        ValueError: If nothing is known of the architecture's cost.

    Examples:
        >>> config = ModelConfig(space_dim=3, width=64, num_blocks=1, num_patches=10)
        >>> 2.9 < train_flops(config, 10_000) / forward_flops(config, 10_000) < 3.5
        True
    """
    products = _products(config, num_points)
    again = products.repeated + products.repeated_attention
    attention = (1 + ATTENTION_BACKWARD) * products.attention
    return 3 * products.linear + 2 * products.first + attention + again


def flops(config: ModelConfig, num_points: int, *, work: Work) -> float:
    """Return :func:`forward_flops` or :func:`train_flops`."""
    return {"forward": forward_flops, "train": train_flops}[work](config, num_points)


def peak_bytes(config: ModelConfig, num_points: int, *, work: Work) -> float:
    """Return the peak memory of one cloud above weights, inputs and partition, in bytes.

    A forward pass without gradients lets go of what it no longer needs; MSPT then holds one N x D
    activation and works on a few patches at a time. A training step keeps what the gradient needs.
    The published variant's attention stores its weights in a forward pass on a CPU.

    Raises:
        ValueError: If nothing is known of the architecture's cost.

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
    """Return the K that makes attention cheapest: the integer nearest to sqrt(N / Q).

    Examples:
        >>> recommended_patches(10_000)
        100
    """
    return max(1, round(math.sqrt(num_points / num_supernodes)))


def streaming_bytes(config: ModelConfig, num_points: int) -> int:
    """Return the bytes of one N x D activation, the yardstick of streaming inference.

    Examples:
        >>> streaming_bytes(ModelConfig(space_dim=3, width=128, num_patches=8), 1000)
        512000
    """
    return FLOAT_BYTES * num_points * config.width


def _products(config: ModelConfig, num_points: int) -> Products:
    _require_known(config)
    return PRODUCTS[config.architecture](config, num_points)


def _require_known(config: ModelConfig) -> None:
    if config.architecture not in PRODUCTS:
        raise ValueError(
            f"architecture must be one of {', '.join(PRODUCTS)} to know its cost, "
            f"got {config.architecture!r}"
        )
