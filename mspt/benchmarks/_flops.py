"""Matrix products and attention of each architecture's forward pass, from its sizes.

Letters as in :mod:`mspt.benchmarks.cost`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mspt.config import Architecture, ModelConfig


@dataclass(frozen=True)
class Products:
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


def input_channels(config: ModelConfig) -> int:
    """Return the channels that the embedding reads of each point."""
    if config.architecture == "published":
        axes = 2 if config.structured_shape else 3
        return (config.unified_position**axes or config.space_dim) + config.in_features
    references = config.unified_position**config.space_dim if config.unified_position else 0
    return config.space_dim + references + config.in_features


def _embedding(config: ModelConfig, n: int) -> tuple[float, float]:
    """Return the products of the embedding's two layers."""
    d = float(config.width)
    return 2 * n * input_channels(config) * 2 * d, 2 * n * 2 * d * d


def _mspt_products(config: ModelConfig, n: int) -> Products:
    d, blocks = float(config.width), config.num_blocks
    hidden = config.mlp_ratio * d
    k = config.patches_for(n)
    s = k * config.num_supernodes
    first, second = _embedding(config, n)
    projections = 2 * n * 4 * d * d + 2 * s * 2 * d * d
    head = 2 * n * hidden * (d + config.out_channels)
    return Products(
        linear=second + blocks * projections + (blocks - 1) * 4 * n * d * hidden + head,
        first=first,
        attention=blocks * 4 * n * d * (n / k + s),
    )


def _published_products(config: ModelConfig, n: int) -> Products:
    d, blocks = float(config.width), config.num_blocks
    k, seen = published_rows(config, n)
    rows = k * seen
    first, second = _embedding(config, n)
    projections, last_linear = rows * (4 + 4) * 2 * d * d, rows * 4 * 2 * d * d
    if config.pooling == "linear":
        projections += 2 * k * d * config.num_supernodes * d
    half_mlp = 2 * n * d * config.mlp_ratio * d
    attention = blocks * 4 * rows * d * seen
    return Products(
        linear=second
        + blocks * (projections + last_linear + 2 * half_mlp)
        + 2 * n * d * config.out_channels,
        first=first,
        attention=attention,
        # The last layer of each part is spared: nobody needs its result again.
        repeated=blocks * (projections + half_mlp),
        repeated_attention=attention,
    )


def published_rows(config: ModelConfig, n: int) -> tuple[int, int]:
    """Return K and the rows of one patch with its copy of all supernodes."""
    k = config.patches_for(n)
    return k, -(-n // k) + k * config.num_supernodes


def _transolver_products(config: ModelConfig, n: int) -> Products:
    d, g = float(config.width), config.num_slices
    head_width = d / config.num_heads
    first, second = _embedding(config, n)
    kernel = 9 if config.structured_shape else 1
    layers = (kernel * 4 + 2 + 4 * config.mlp_ratio) * n * d * d + 6 * g * d * head_width
    return Products(
        linear=second
        + config.num_blocks * (layers + 6 * n * d * g)
        + 2 * n * d * config.out_channels,
        first=first,
        attention=config.num_blocks * 4 * g * g * d,
    )


def _full_attention_products(config: ModelConfig, n: int) -> Products:
    d = float(config.width)
    first, second = _embedding(config, n)
    layers = (8 + 4 * config.mlp_ratio) * n * d * d
    return Products(
        linear=second + config.num_blocks * layers + 2 * n * d * config.out_channels,
        first=first,
        attention=config.num_blocks * 4 * n * n * d,
    )


PRODUCTS: Mapping[Architecture, Callable[[ModelConfig, int], Products]] = {
    "mspt": _mspt_products,
    "published": _published_products,
    "transolver": _transolver_products,
    "full_attention": _full_attention_products,
}
"""Arithmetic of a forward pass of one cloud of so many points."""
