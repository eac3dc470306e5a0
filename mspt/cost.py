"""The cost of a model in closed form, from its sizes alone: arithmetic and peak memory.

Arithmetic counts matrix products and attention: what is point-wise costs memory traffic, not
arithmetic. Memory counts the float32 numbers alive at the worst moment, above weights and inputs,
as PyTorch's CPU kernels and this library's code hold them.

Letters: N points, K patches, L = N / K, Q supernodes per patch, S = K Q, D width, G slices,
H heads, X space axes, F input features, C output channels, I channels of the embedding's input.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mspt.config import Architecture, ModelConfig
from mspt.embedding import STREAM_ROWS

Work = Literal["forward", "train"]
FLOAT_BYTES = 4
INDEX_FLOATS = 2
"""Room of an index beside a float32."""

ATTENTION_BACKWARD = 2.5
"""Products in the backward of fused attention over those in its forward: five to two."""


@dataclass(frozen=True)
class _Products:
    """Arithmetic of one forward pass.

    Attributes:
        linear: In layers whose inputs need a gradient.
        first: In the first layer, whose inputs need none.
        attention: In fused attention.
        repeated: Of ``linear``, what a training step computes twice to save memory.
        repeated_attention: The same of ``attention``.
    """

    linear: float
    first: float
    attention: float
    repeated: float = 0.0
    repeated_attention: float = 0.0


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
    _, forward, train = _known(config)
    if work == "forward":
        return FLOAT_BYTES * forward(config, num_points)
    return FLOAT_BYTES * (train(config, num_points) + _matrix_entries(config))


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


# --- arithmetic ----------------------------------------------------------------------------------


def _products(config: ModelConfig, num_points: int) -> _Products:
    return _known(config)[0](config, num_points)


def _input_channels(config: ModelConfig) -> int:
    if config.architecture == "published":
        axes = 2 if config.structured_shape else 3
        return (config.unified_position**axes or config.space_dim) + config.in_features
    references = config.unified_position**config.space_dim if config.unified_position else 0
    return config.space_dim + references + config.in_features


def _embedding(config: ModelConfig, n: int) -> tuple[float, float]:
    """Return the products of the embedding's two layers."""
    d = float(config.width)
    return 2 * n * _input_channels(config) * 2 * d, 2 * n * 2 * d * d


def _mspt_products(config: ModelConfig, n: int) -> _Products:
    d, blocks = float(config.width), config.num_blocks
    hidden = config.mlp_ratio * d
    k = config.patches_for(n)
    s = k * config.num_supernodes
    first, second = _embedding(config, n)
    projections = 2 * n * 4 * d * d + 2 * s * 2 * d * d
    head = 2 * n * hidden * (d + config.out_channels)
    return _Products(
        linear=second + blocks * projections + (blocks - 1) * 4 * n * d * hidden + head,
        first=first,
        attention=blocks * 4 * n * d * (n / k + s),
    )


def _published_products(config: ModelConfig, n: int) -> _Products:
    d, blocks = float(config.width), config.num_blocks
    k, seen = _published_rows(config, n)
    rows = k * seen
    first, second = _embedding(config, n)
    projections, last_linear = rows * (4 + 4) * 2 * d * d, rows * 4 * 2 * d * d
    if config.pooling == "linear":
        projections += 2 * k * d * config.num_supernodes * d
    half_mlp = 2 * n * d * config.mlp_ratio * d
    attention = blocks * 4 * rows * d * seen
    return _Products(
        linear=second
        + blocks * (projections + last_linear + 2 * half_mlp)
        + 2 * n * d * config.out_channels,
        first=first,
        attention=attention,
        # The last layer of each part is spared: nobody needs its result again.
        repeated=blocks * (projections + half_mlp),
        repeated_attention=attention,
    )


def _published_rows(config: ModelConfig, n: int) -> tuple[int, int]:
    """Return K and the rows of one patch with its copy of all supernodes."""
    k = config.patches_for(n)
    return k, -(-n // k) + k * config.num_supernodes


def _transolver_products(config: ModelConfig, n: int) -> _Products:
    d, g = float(config.width), config.num_slices
    head_width = d / config.num_heads
    first, second = _embedding(config, n)
    kernel = 9 if config.structured_shape else 1
    layers = (kernel * 4 + 2 + 4 * config.mlp_ratio) * n * d * d + 6 * g * d * head_width
    return _Products(
        linear=second
        + config.num_blocks * (layers + 6 * n * d * g)
        + 2 * n * d * config.out_channels,
        first=first,
        attention=config.num_blocks * 4 * g * g * d,
    )


def _full_attention_products(config: ModelConfig, n: int) -> _Products:
    d = float(config.width)
    first, second = _embedding(config, n)
    layers = (8 + 4 * config.mlp_ratio) * n * d * d
    return _Products(
        linear=second + config.num_blocks * layers + 2 * n * d * config.out_channels,
        first=first,
        attention=config.num_blocks * 4 * n * n * d,
    )


# --- memory, in float32 numbers ------------------------------------------------------------------


def _mspt_forward(config: ModelConfig, n: int) -> float:
    d, ratio, k = float(config.width), config.mlp_ratio, config.patches_for(n)
    size = -(-n // k)
    rows = min(n, size * max(1, STREAM_ROWS // size))
    supernodes = 3 * k * config.num_supernodes * d
    given = config.space_dim + config.in_features
    return n * (d + INDEX_FLOATS) + max(
        n * given + rows * (_input_channels(config) + 4 * d),
        supernodes + rows * max(6 * d + 4 * config.num_heads, (1 + 2 * ratio) * d),
        2 * n * config.out_channels,
    )


def _mspt_train(config: ModelConfig, n: int) -> float:
    d, ratio, blocks = float(config.width), config.mlp_ratio, config.num_blocks
    supernodes = config.patches_for(n) * config.num_supernodes
    block = n * ((8 + 2 * ratio) * d + config.num_heads + 6) + 3 * supernodes * d
    ends = n * (4 * d + _input_channels(config) + 2 * config.out_channels + INDEX_FLOATS)
    return blocks * block + ends + max(ratio, 4.5 - 2 * ratio) * n * d


def _published_forward(config: ModelConfig, n: int) -> float:
    d, (k, seen) = float(config.width), _published_rows(config, n)
    rows = k * seen
    return 3 * n * d + rows * max(12 * d, 5 * d + config.num_heads * seen)


def _published_train(config: ModelConfig, n: int) -> float:
    d, (k, seen) = float(config.width), _published_rows(config, n)
    block = n * (4 * d + 4) + k * config.num_supernodes * d
    once = k * seen * (21 * d + config.num_heads + 4)
    return config.num_blocks * block + _baseline_ends(config, n) - 2 * n * d + once


def _transolver_forward(config: ModelConfig, n: int) -> float:
    d, weights = float(config.width), config.num_heads * config.num_slices
    return n * max(5 * d + 2 * weights, 7 * d + weights, (4 + 2 * config.mlp_ratio) * d)


def _transolver_train(config: ModelConfig, n: int) -> float:
    d, ratio, g = float(config.width), config.mlp_ratio, config.num_slices
    weights = config.num_heads * g
    block = n * ((7 + 2 * ratio) * d + weights + 4) + 7 * g * d
    backward = n * max(d, (ratio - 1) * d, 3 * weights - (2 * ratio + 3) * d)
    return config.num_blocks * block + _baseline_ends(config, n) + backward


def _full_attention_forward(config: ModelConfig, n: int) -> float:
    return float(n * config.width * max(8, 4 + 2 * config.mlp_ratio))


def _full_attention_train(config: ModelConfig, n: int) -> float:
    d, ratio = float(config.width), config.mlp_ratio
    block = n * ((8 + 2 * ratio) * d + config.num_heads + 4)
    backward = n * d * max(1, ratio - 1)
    return config.num_blocks * block + _baseline_ends(config, n) + backward


def _baseline_ends(config: ModelConfig, n: int) -> float:
    """Return what embedding and task head keep for the gradient."""
    return float(n * (6 * config.width + _input_channels(config) + 2 + config.out_channels))


def _matrix_entries(config: ModelConfig) -> float:
    """Return the entries of the layers' matrices: what their gradients take at the peak.

    The published variant's peak comes before there are any: in the last block, computed again.
    """
    if config.architecture == "published":
        return 0.0
    inner = 3 if config.architecture == "transolver" else 4
    blocks = config.num_blocks * (inner + 2 * config.mlp_ratio) * config.width**2
    return float(2 * config.width * (_input_channels(config) + config.width) + blocks)


_Memory = Callable[[ModelConfig, int], float]
_COSTS: dict[Architecture, tuple[Callable[[ModelConfig, int], _Products], _Memory, _Memory]] = {
    "mspt": (_mspt_products, _mspt_forward, _mspt_train),
    "published": (_published_products, _published_forward, _published_train),
    "transolver": (_transolver_products, _transolver_forward, _transolver_train),
    "full_attention": (
        _full_attention_products,
        _full_attention_forward,
        _full_attention_train,
    ),
}


def _known(
    config: ModelConfig,
) -> tuple[Callable[[ModelConfig, int], _Products], _Memory, _Memory]:
    if config.architecture not in _COSTS:
        raise ValueError(
            f"architecture must be one of {', '.join(_COSTS)} to know its cost, "
            f"got {config.architecture!r}"
        )
    return _COSTS[config.architecture]
