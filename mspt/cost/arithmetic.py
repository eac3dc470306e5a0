"""Floating-point operations of each architecture's forward pass, from its sizes.

The product of an (a, b) and a (b, c) matrix counts ``2 a b c`` multiplications and additions.
PyTorch's own counter gives exactly the same numbers (tests/cost/test_formulas.py).

Letters as in :mod:`mspt.cost.formulas`; d, k, s, g and n in the code are D, K, S, G and N.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mspt.config import Architecture, ModelConfig
from mspt.partition.cuts import cut_size


@dataclass(frozen=True)
class FlopCounts:
    """Multiplications and additions of one forward pass.

    Attributes:
        linear: Of all linear layers but the first, whose backward pass has two products each.
        first: Of the first layer, whose inputs need no gradient.
        attention: Of attention, without its projections.
        repeated: Part of ``linear`` that a training step recomputes to save memory.
        repeated_attention: Part of ``attention`` that a training step recomputes.
    """

    linear: float
    first: float
    attention: float
    repeated: float = 0.0
    repeated_attention: float = 0.0


def input_channels(config: ModelConfig) -> int:
    """Return I, the number of input channels of the embedding for each point."""
    if config.architecture == "published":
        # The authors' code replaces the coordinates by distances to a grid that has two axes for
        # structured data and three otherwise; the other models append the distances.
        axes = 2 if config.structured_shape else 3
        return (config.unified_position**axes or config.space_dim) + config.in_features
    references = config.unified_position**config.space_dim if config.unified_position else 0
    waves = 2 * config.space_dim * config.fourier_features
    return config.space_dim + references + waves + config.in_features


def _embedding(config: ModelConfig, n: int) -> tuple[float, float]:
    """Return the operations of the embedding's two layers, whose hidden width is 2 D."""
    d = float(config.width)
    return 2 * n * input_channels(config) * 2 * d, 2 * n * 2 * d * d


def _mspt_flops(config: ModelConfig, n: int) -> FlopCounts:
    """Count the forward pass of MSPT."""
    d, blocks = float(config.width), config.num_blocks
    hidden = config.mlp_ratio * d
    k = config.patches_for(n)
    s = k * config.num_supernodes
    first, second = _embedding(config, n)
    # Points need queries, keys, values and an output; supernodes only keys and values.
    keys, read = (s, s) if is_dense(config, n) else node_keys(config, n)
    projections = 2 * n * 4 * d * d + 2 * keys * 2 * d * d
    projections += _pooling(config, n)
    carrying = (blocks - 1) * config.carry
    projections += carrying / blocks * (2 * (n + s) * 3 * d * d + 2 * s * d * d)
    # The task head replaces the feed-forward network of the last block.
    described = input_channels(config) if config.inputs_at_head else 0
    head = 2 * n * hidden * (d + described + config.out_channels)
    return FlopCounts(
        linear=second + blocks * projections + (blocks - 1) * 4 * n * d * hidden + head,
        first=first,
        attention=blocks * 4 * n * d * (n / k + read) + carrying * 4 * s * d * (n / k + s),
    )


def is_dense(config: ModelConfig, n: int) -> bool:
    """Return whether points attend to the supernodes of all patches."""
    k = config.patches_for(n)
    return not config.keys_per_level or cut_size(k, config.keys_per_level) == k


def node_keys(config: ModelConfig, n: int) -> tuple[int, int]:
    """Return the supernodes of all nodes of the tree, and those that one point attends to."""
    k, q = config.patches_for(n), config.num_supernodes
    return (2 * k - 1) * q, cut_size(k, config.keys_per_level) * q


def _pooling(config: ModelConfig, n: int) -> float:
    """Return the products of pooling one block's patches; means and maxima need none."""
    d, q = float(config.width), config.num_supernodes
    match config.pooling:
        case "linear" | "linear_from_mean":  # a sum over positions
            return 2 * n * d * q
        case "attention":  # products with all queries, and a sum for each
            return 4 * n * d * q
        case "attention_from_mean":  # the same, but each point is in one sum
            return 2 * n * d * q + 2 * n * d
        case "mean_std" | "mean_max":  # a map from 2 D to D
            return 4 * config.patches_for(n) * q * d * d
        case _:
            return 0.0


def _published_flops(config: ModelConfig, n: int) -> FlopCounts:
    """Count the forward pass of the authors' published variant."""
    d, blocks = float(config.width), config.num_blocks
    k, patch_rows = published_rows(config, n)
    rows = k * patch_rows
    first, second = _embedding(config, n)
    # Queries, keys, values and output (4 D^2), then the first layer (4 D^2) and the last layer
    # (4 D^2) of the inner network, for each row of each patch.
    projections, last_linear = rows * (4 + 4) * 2 * d * d, rows * 4 * 2 * d * d
    if config.pooling == "linear":
        projections += 2 * k * d * config.num_supernodes * d
    half_mlp = 2 * n * d * config.mlp_ratio * d
    attention = blocks * 4 * rows * d * patch_rows
    return FlopCounts(
        linear=second
        + blocks * (projections + last_linear + 2 * half_mlp)
        + 2 * n * d * config.out_channels,
        first=first,
        attention=attention,
        # Checkpointing recomputes each part but for its last layer, whose output is not needed.
        repeated=blocks * (projections + half_mlp),
        repeated_attention=attention,
    )


def published_rows(config: ModelConfig, n: int) -> tuple[int, int]:
    """Return K, and the rows of one padded patch with its copy of all supernodes (L + K Q)."""
    k = config.patches_for(n)
    return k, -(-n // k) + k * config.num_supernodes


def _transolver_flops(config: ModelConfig, n: int) -> FlopCounts:
    """Count the forward pass of Transolver."""
    d, g = float(config.width), config.num_slices
    head_width = d / config.num_heads
    first, second = _embedding(config, n)
    kernel = 9 if config.structured_shape else 1  # on grids, convolutions over 3 x 3 points
    # For each point two projections (4 D^2), the output (2 D^2) and the feed-forward network; for
    # each slice queries, keys and values within heads.
    layers = (kernel * 4 + 2 + 4 * config.mlp_ratio) * n * d * d + 6 * g * d * head_width
    # Slice weights, pooling into slices and reading them back cost 2 N D G each.
    return FlopCounts(
        linear=second
        + config.num_blocks * (layers + 6 * n * d * g)
        + 2 * n * d * config.out_channels,
        first=first,
        attention=config.num_blocks * 4 * g * g * d,
    )


def _full_attention_flops(config: ModelConfig, n: int) -> FlopCounts:
    """Count the forward pass of the transformer over all points."""
    d = float(config.width)
    first, second = _embedding(config, n)
    # Queries, keys, values and output (2 D^2 each), and the feed-forward network.
    layers = (8 + 4 * config.mlp_ratio) * n * d * d
    return FlopCounts(
        linear=second + config.num_blocks * layers + 2 * n * d * config.out_channels,
        first=first,
        attention=config.num_blocks * 4 * n * n * d,
    )


FLOP_COUNTS: Mapping[Architecture, Callable[[ModelConfig, int], FlopCounts]] = {
    "mspt": _mspt_flops,
    "published": _published_flops,
    "transolver": _transolver_flops,
    "full_attention": _full_attention_flops,
}
"""Counts the operations of a forward pass over one cloud of N points, for each architecture."""
