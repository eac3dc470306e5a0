"""Float32 numbers held at the peak of each architecture's passes, from its sizes.

The coefficients count the tensors that the code of each model and PyTorch's CPU kernels hold at the
same time; a ``max`` stands where the peak may be in one of several phases. They agree within 4 %
with a count of every live tensor (tests/cost/test_formulas.py). Whoever changes the order of
operations in a model must count again.

Letters as in :mod:`mspt.cost.formulas`; d, k, g and n in the code are D, K, G and N.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mspt.config import Architecture, ModelConfig
from mspt.cost.arithmetic import input_channels, is_dense, node_keys, published_rows
from mspt.models.arrangement import MOVED_CHANNELS
from mspt.models.embedding import STREAM_ROWS


def _mspt_forward(config: ModelConfig, n: int) -> float:
    """Count a forward pass of MSPT without gradients on a CPU, in pieces of the usual size."""
    return streamed_floats(config, n, rows=STREAM_ROWS).total


@dataclass(frozen=True, kw_only=True)
class StreamedFloats:
    """Numbers that a pass of MSPT without gradients holds at its peak, without weights and inputs.

    Attributes:
        total: All of them, where everything lies on one device.
        on_device: Those of the pieces and of the supernodes, where features lie on the host.
        on_host: Those on the host then.
    """

    total: float
    on_device: float
    on_host: float


def streamed_floats(config: ModelConfig, n: int, *, rows: int) -> StreamedFloats:
    """Count a forward pass of MSPT without gradients that takes ``rows`` rows at a time.

    Args:
        config: Of an MSPT.
        n: Points N.
        rows: Rows of a piece; it has at least one patch, and no more patches than fit.

    Examples:
        >>> config = ModelConfig(space_dim=3, width=64, num_blocks=2, num_patches=100)
        >>> few, many = (streamed_floats(config, 100_000, rows=one) for one in (1000, 4000))
        >>> few.total < many.total, few.on_device < few.total / 10, few.on_host == many.on_host
        (True, True, True)
    """
    d, k = float(config.width), config.patches_for(n)
    size = -(-n // k)
    piece = min(n, size * max(1, rows // size))
    given = config.space_dim + config.in_features
    read = input_channels(config) if config.inputs_at_head else 0
    alternates = config.partition == "alternating_trees"
    held, at_start = _mspt_supernodes(config, n)
    # Embedding, of some rows: the inputs in leaf order, and the hidden layer (2 D) around its GELU.
    embedding = min(n, rows) * (given + input_channels(config) + 4 * d)
    # Task head that reads the inputs again: normalized rows and inputs, both side by side, and the
    # hidden layer around its GELU.
    network = max(2 * (d + read), (1 + 2 * config.mlp_ratio) * d + read)
    head = min(n, rows) * (given + network) if read else 0.0
    block = max(at_start, held + piece * _mspt_block_row(config, n), _carrying(config, n, piece))
    # Throughout: the activations, which are updated in place. Then moving some channels from one
    # leaf order to another, or the result in leaf order and in the order of the input.
    ends = max(n * MOVED_CHANNELS * alternates, 2 * n * config.out_channels)
    own_head = min(n, rows) * (1 + 2 * config.mlp_ratio) * d
    return StreamedFloats(
        total=n * d + max(embedding, block, n * config.out_channels + head if read else 0, ends),
        # Copies of the features of a piece, beside all else that it needs.
        on_device=max(embedding, block + piece * d, max(head, own_head) + min(n, rows) * d),
        on_host=n * d + ends,
    )


def _carrying(config: ModelConfig, n: int, rows: int) -> float:
    """Count what computes the supernodes for the next block: theirs, and some rows."""
    if not config.carry:
        return 0.0
    d, supernodes = float(config.width), config.patches_for(n) * config.num_supernodes
    # Supernodes, their queries, keys and values, the updated ones; normalized rows, queries, keys
    # and values of the points.
    return 5 * supernodes * d + rows * 4 * d


def _mspt_block_row(config: ModelConfig, n: int) -> float:
    """Count what a block holds for each row that it works on."""
    d = float(config.width)
    # Normalized rows and the hidden layer around its GELU.
    network = (1 + 2 * config.mlp_ratio) * d
    if is_dense(config, n):
        # Normalized rows, queries, keys, values, both outputs and their log-sum-exps.
        return max(6 * d + 4 * config.num_heads, network)
    share = _copied_share(config, n)
    # Normalized rows, queries, keys and values (4 D); keys and values joined to those of nodes,
    # and the chosen ones before they are joined, or the output.
    joining, attending = (6 + 3 * share) * d, (7 + 2 * share) * d + config.num_heads
    return max(joining, attending, network)


def _copied_share(config: ModelConfig, n: int) -> float:
    """Return the supernodes that are copied for each point, as keys of its patch."""
    _, read = node_keys(config, n)
    return read * config.patches_for(n) / n


def _mspt_supernodes(config: ModelConfig, n: int) -> tuple[float, float]:
    """Count supernodes and their keys: while rows are worked on, and when keys are computed."""
    d, supernodes = float(config.width), config.patches_for(n) * config.num_supernodes
    pairs = config.rotary * config.space_dim
    dense = is_dense(config, n)
    keys = supernodes if dense else node_keys(config, n)[0]
    # Keys and values; with a rotary embedding turned keys, cosines and sines.
    held = supernodes * d + keys * (2 * d + (d + 2 * pairs if pairs else 0))
    held += supernodes * d * config.carry  # those for the next block
    # Supernodes of all nodes exist until their keys and values are there.
    return held, held + (0 if dense else keys * d)


def _mspt_train(config: ModelConfig, n: int) -> float:
    """Count a training step of MSPT: what the gradient needs, and temporaries at its start."""
    d, ratio, blocks = float(config.width), config.mlp_ratio, config.num_blocks
    supernodes = config.patches_for(n) * config.num_supernodes
    # Two residual sums, two normalized features, queries, keys, values and the attention output
    # (8 D); the hidden layer around its GELU; a log-sum-exp for each head; mean and deviation of
    # three LayerNorm calls (6), because pooling normalizes once more.
    block = n * ((8 + 2 * ratio) * d + config.num_heads + 6) + 3 * supernodes * d
    block += _pooling_train(config, n)
    if config.carry:
        # Of points: normalized features, queries, keys and values once more; of supernodes: their
        # queries, keys and values, and what they are changed to. Not in the last block.
        update = n * (4 * d + 2) + supernodes * (4 * d + config.num_heads)
        block += update * (blocks - 1) / blocks
    copied, keys = 0.0, supernodes
    if not is_dense(config, n):
        # Supernodes of all nodes with their keys and values; copies of them beside those of points.
        copied, keys = _copied_share(config, n), node_keys(config, n)[0]
        block += 3 * (keys - supernodes) * d + 2 * copied * n * d
    # Hidden layer of the embedding around its GELU, its inputs, the result in both orders.
    channels = input_channels(config) * (2 if config.inputs_at_head else 1)
    ends = n * (4 * d + channels + 2 * config.out_channels)
    # Cosines and sines of the rotary embedding, which all blocks of a leaf order share.
    orders = 2 if config.partition == "alternating_trees" else 1
    ends += orders * 2 * config.rotary * config.space_dim * (n + keys)
    # Temporaries of the backward pass, in the head or, for narrow networks or many copies, in the
    # last attention, when the head's hidden layer (2 ratio D) is already released.
    return blocks * block + ends + max(ratio, 4.5 + 1.5 * copied - 2 * ratio) * n * d


def _pooling_train(config: ModelConfig, n: int) -> float:
    """Count what the gradient of one block's pooling needs; that of the mean needs nothing."""
    d, q = float(config.width), config.num_supernodes
    if config.pooling == "mean":
        return 0.0
    kept = n * d  # the features that are pooled
    supernodes = config.patches_for(n) * q
    match config.pooling:
        case "max":
            return kept
        case "attention":  # the weight of each point for each query
            return kept + n * q
        case "attention_from_mean":
            return kept + n
        case "mean_std" | "mean_max":  # the other pooling, and the mean beside it
            return kept + 3 * supernodes * d
        case _:
            return kept


def _published_forward(config: ModelConfig, n: int) -> float:
    """Count a forward pass of the published variant, all rows of which are held at once."""
    d, (k, patch_rows) = float(config.width), published_rows(config, n)
    rows = k * patch_rows
    # The inner network, whose hidden layer of 4 D is held before and after its GELU, or attention,
    # whose weights torch's inference kernel stores.
    return 3 * n * d + rows * max(12 * d, 5 * d + config.num_heads * patch_rows)


def _published_train(config: ModelConfig, n: int) -> float:
    """Count a training step of the published variant, which recomputes each block's parts."""
    d, (k, patch_rows) = float(config.width), published_rows(config, n)
    # Only the inputs of the checkpointed parts are kept for each block, and two LayerNorms.
    block = n * (4 * d + 4) + k * config.num_supernodes * d
    # All that the gradient of one PMSA needs, which is recomputed for one block at a time.
    once = k * patch_rows * (21 * d + config.num_heads + 4)
    return config.num_blocks * block + _baseline_ends(config, n) - 2 * n * d + once


def _transolver_forward(config: ModelConfig, n: int) -> float:
    """Count a forward pass of Transolver; ``weights`` are the slice weights of one point."""
    d, weights = float(config.width), config.num_heads * config.num_slices
    # While slice weights are computed, while points read the slices back, or in the network.
    return n * max(5 * d + 2 * weights, 7 * d + weights, (4 + 2 * config.mlp_ratio) * d)


def _transolver_train(config: ModelConfig, n: int) -> float:
    """Count a training step of Transolver."""
    d, ratio, g = float(config.width), config.mlp_ratio, config.num_slices
    weights = config.num_heads * g
    block = n * ((7 + 2 * ratio) * d + weights + 4) + 7 * g * d
    # The first gradients: of the head, of the hidden layer, or of the slice weights, when the
    # feed-forward network of the last block is already released.
    backward = n * max(d, (ratio - 1) * d, 3 * weights - (2 * ratio + 3) * d)
    return config.num_blocks * block + _baseline_ends(config, n) + backward


def _full_attention_forward(config: ModelConfig, n: int) -> float:
    """Count a forward pass of full attention: the peak is in attention or in the network."""
    # Attention holds 8 D for each point; the network 4 D and its hidden layer around the GELU.
    return float(n * config.width * max(8, 4 + 2 * config.mlp_ratio))


def _full_attention_train(config: ModelConfig, n: int) -> float:
    """Count a training step of full attention; attention is fused and stores no weights."""
    d, ratio = float(config.width), config.mlp_ratio
    block = n * ((8 + 2 * ratio) * d + config.num_heads + 4)
    backward = n * d * max(1, ratio - 1)
    return config.num_blocks * block + _baseline_ends(config, n) + backward


def _baseline_ends(config: ModelConfig, n: int) -> float:
    """Return what embedding and task head of a baseline keep for the gradient."""
    return float(n * (6 * config.width + input_channels(config) + 2 + config.out_channels))


def matrix_entries(config: ModelConfig) -> float:
    """Return the number of weights in linear layers, whose gradients exist at the peak.

    The published variant reaches its peak while it recomputes the last block, before any gradient
    of a weight exists.
    """
    if config.architecture == "published":
        return 0.0
    inner = 3 if config.architecture == "transolver" else 4
    blocks = config.num_blocks * (inner + 2 * config.mlp_ratio) * config.width**2
    read = config.mlp_ratio * config.width * input_channels(config) * config.inputs_at_head
    return float(2 * config.width * (input_channels(config) + config.width) + read + blocks)


_Memory = Callable[[ModelConfig, int], float]
MEMORY: Mapping[Architecture, tuple[_Memory, _Memory]] = {
    "mspt": (_mspt_forward, _mspt_train),
    "published": (_published_forward, _published_train),
    "transolver": (_transolver_forward, _transolver_train),
    "full_attention": (_full_attention_forward, _full_attention_train),
}
"""Counts a forward pass, and a training step without the gradients of weights."""
