"""Float32 numbers alive at the worst moment of each architecture's passes, from its sizes.

Letters as in :mod:`mspt.benchmarks.cost`.
"""

from collections.abc import Callable, Mapping

from mspt.benchmarks._flops import input_channels, published_rows
from mspt.config import Architecture, ModelConfig
from mspt.models.embedding import STREAM_ROWS

INDEX_FLOATS = 2
"""Room of an index beside a float32."""


def _mspt_forward(config: ModelConfig, n: int) -> float:
    d, ratio, k = float(config.width), config.mlp_ratio, config.patches_for(n)
    size = -(-n // k)
    rows = min(n, size * max(1, STREAM_ROWS // size))
    supernodes = 3 * k * config.num_supernodes * d
    given = config.space_dim + config.in_features
    return n * (d + INDEX_FLOATS) + max(
        n * given + rows * (input_channels(config) + 4 * d),
        supernodes + rows * max(6 * d + 4 * config.num_heads, (1 + 2 * ratio) * d),
        2 * n * config.out_channels,
    )


def _mspt_train(config: ModelConfig, n: int) -> float:
    d, ratio, blocks = float(config.width), config.mlp_ratio, config.num_blocks
    supernodes = config.patches_for(n) * config.num_supernodes
    block = n * ((8 + 2 * ratio) * d + config.num_heads + 6) + 3 * supernodes * d
    ends = n * (4 * d + input_channels(config) + 2 * config.out_channels + INDEX_FLOATS)
    return blocks * block + ends + max(ratio, 4.5 - 2 * ratio) * n * d


def _published_forward(config: ModelConfig, n: int) -> float:
    d, (k, seen) = float(config.width), published_rows(config, n)
    rows = k * seen
    return 3 * n * d + rows * max(12 * d, 5 * d + config.num_heads * seen)


def _published_train(config: ModelConfig, n: int) -> float:
    d, (k, seen) = float(config.width), published_rows(config, n)
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
    return float(n * (6 * config.width + input_channels(config) + 2 + config.out_channels))


def matrix_entries(config: ModelConfig) -> float:
    """Return the entries of the layers' matrices: what their gradients take at the peak.

    The published variant's peak comes before there are any: in the last block, computed again.
    """
    if config.architecture == "published":
        return 0.0
    inner = 3 if config.architecture == "transolver" else 4
    blocks = config.num_blocks * (inner + 2 * config.mlp_ratio) * config.width**2
    return float(2 * config.width * (input_channels(config) + config.width) + blocks)


_Memory = Callable[[ModelConfig, int], float]
MEMORY: Mapping[Architecture, tuple[_Memory, _Memory]] = {
    "mspt": (_mspt_forward, _mspt_train),
    "published": (_published_forward, _published_train),
    "transolver": (_transolver_forward, _transolver_train),
    "full_attention": (_full_attention_forward, _full_attention_train),
}
"""Of a forward pass, and of a training step without the gradients of matrices."""
