"""The cost of MSPT in closed form, from its sizes alone.

Letters: N points, K patches, L = N / K, Q supernodes per patch, S = K Q, D width.
"""

import math

from mspt.config import ModelConfig

FLOAT_BYTES = 4


def forward_flops(config: ModelConfig, num_points: int) -> float:
    """Return the multiplications and additions of a forward pass of one cloud.

    Only matrix products are counted: what is point-wise costs memory traffic, not arithmetic.
    Attention costs ``4 N D (L + S)`` a block, which is smallest at ``K = sqrt(N / Q)``.

    Examples:
        >>> config = ModelConfig(space_dim=3, width=64, num_blocks=1, num_patches=10)
        >>> forward_flops(config, 1000) < forward_flops(config, 2000)
        True
    """
    n, d, hidden = num_points, config.width, config.mlp_ratio * config.width
    k = config.patches_for(n)
    s = k * config.num_supernodes
    inputs = config.space_dim + config.unified_position**config.space_dim + config.in_features
    embedding = 2 * n * (inputs * 2 * d + 2 * d * d)
    projections = 2 * n * 4 * d * d + 2 * s * 3 * d * d
    attention = 4 * n * d * (n / k + s)
    mlp = 4 * n * d * hidden
    head = 2 * n * (d * hidden + hidden * config.out_channels)
    blocks = config.num_blocks
    return embedding + blocks * (projections + attention) + (blocks - 1) * mlp + head


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
