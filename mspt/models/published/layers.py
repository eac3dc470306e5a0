"""Layers of the authors' published variant.

:mod:`mspt.models.published.model` lists where they differ from the paper.

Letters: B batch, N points, K patches, L points per patch, Q supernodes per patch, S supernodes in
all, M rows a patch attends to (L + S), D model width, C output channels, I input channels.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mspt.config import ModelConfig


def nested_means(
    patches: Float[Tensor, "B K L D"], num_supernodes: int
) -> Float[Tensor, "B K Q D"]:
    """Return the authors' ``mean`` pooling: supernode q is the mean without the q longest rows.

    "Longest" is by the norm of a row. Where rows have equal norms, which of them is left out is up
    to ``topk``; see oddity 5 of :mod:`mspt.models.published.model`.

    Examples:
        >>> nested_means(torch.tensor([[[[0.0], [9.0], [3.0]]]]), num_supernodes=2).flatten()
        tensor([4.0000, 1.5000])
    """
    size = patches.shape[2]
    num_means = min(num_supernodes, size)
    norms = patches.detach().norm(dim=-1, keepdim=True)
    largest = norms.topk(num_means - 1, dim=2).indices.expand(-1, -1, -1, patches.shape[-1])
    left_out = F.pad(patches.gather(2, largest).cumsum(2), (0, 0, 1, 0))
    counts = size - torch.arange(num_means, device=patches.device)[:, None]
    return _append_zeros((patches.sum(2, keepdim=True) - left_out) / counts, num_supernodes)


def largest_values(
    patches: Float[Tensor, "B K L D"], num_supernodes: int
) -> Float[Tensor, "B K Q D"]:
    """Return the authors' ``max`` pooling: supernode q has the q-th largest value of each channel.

    Examples:
        >>> largest_values(torch.tensor([[[[0.0], [9.0], [3.0]]]]), num_supernodes=2).flatten()
        tensor([9., 3.])
    """
    largest = patches.topk(min(num_supernodes, patches.shape[2]), dim=2).values
    return _append_zeros(largest, num_supernodes)


def _append_zeros(x: Float[Tensor, "B K R D"], num_rows: int) -> Float[Tensor, "B K Q D"]:
    return F.pad(x, (0, 0, 0, num_rows - x.shape[2]))


class PointwiseMLP(nn.Module):
    """Linear, GELU, Linear on each point, under the authors' names."""

    def __init__(self, in_width: int, *, hidden: int, out_width: int) -> None:
        super().__init__()
        self.linear_pre = nn.Sequential(nn.Linear(in_width, hidden), nn.GELU())
        self.linear_post = nn.Linear(hidden, out_width)

    def forward(self, x: Float[Tensor, "B N I"]) -> Float[Tensor, "B N D"]:
        """Map the channels of each point."""
        return self.linear_post(self.linear_pre(x))


class PublishedPMSA(nn.Module):
    """Each patch, with its copy of all supernodes, through one transformer layer of its own."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.width
        self.num_supernodes = config.num_supernodes
        self.pooling = config.pooling
        if config.pooling == "linear":
            self.pool_proj = nn.Linear(width, config.num_supernodes * width)
        self.attn = nn.MultiheadAttention(width, config.num_heads, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.ff = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def pool(self, patches: Float[Tensor, "B K L D"]) -> Float[Tensor, "B K Q D"]:
        """Return each patch's own supernodes."""
        if self.pooling == "mean":
            return nested_means(patches, self.num_supernodes)
        if self.pooling == "max":
            return largest_values(patches, self.num_supernodes)
        pooled = self.pool_proj(patches.mean(2))
        return rearrange(pooled, "b k (q d) -> b k q d", q=self.num_supernodes)

    def forward(
        self, x: Float[Tensor, "B N D"], carried: Float[Tensor, "B S D"], num_patches: int
    ) -> tuple[Float[Tensor, "B N D"], Float[Tensor, "B S D"]]:
        """Return the update of each point, and the supernodes that the next block adds."""
        num_points = x.shape[1]
        size = -(-num_points // num_patches)
        padded = F.pad(x, (0, 0, 0, num_patches * size - num_points))
        patches_BKLD = rearrange(padded, "b (k l) d -> b k l d", k=num_patches)
        supernodes = rearrange(self.pool(patches_BKLD), "b k q d -> b (k q) d") + carried
        copies_BKSD = repeat(supernodes, "b s d -> b k s d", k=num_patches)
        rows = self._transform(torch.cat([patches_BKLD, copies_BKSD], dim=2).flatten(0, 1))
        rows_BKMD = rearrange(rows, "(b k) m d -> b k m d", k=num_patches)
        points = rearrange(rows_BKMD[:, :, :size], "b k l d -> b (k l) d")
        return points[:, :num_points], rows_BKMD[:, :, size:].mean(1)

    def _transform(self, rows: Float[Tensor, "BK M D"]) -> Float[Tensor, "BK M D"]:
        # torch takes its fused kernels only for the same tensor three times and no weights.
        normal = self.norm(rows)
        attended, _ = self.attn(normal, normal, normal, need_weights=False)
        rows = rows + attended
        return rows + self.ff(self.norm(rows))


class PublishedBlock(nn.Module):
    """PMSA and a feed-forward network, and the task head in the last block."""

    def __init__(self, config: ModelConfig, *, is_last: bool) -> None:
        super().__init__()
        width = config.width
        self.is_last = is_last
        self.ln_1 = nn.LayerNorm(width)
        self.Attn = PublishedPMSA(config)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = PointwiseMLP(width, hidden=config.mlp_ratio * width, out_width=width)
        if is_last:
            self.ln_3 = nn.LayerNorm(width)
            self.mlp2 = nn.Linear(width, config.out_channels)

    def forward(
        self, hidden: Float[Tensor, "B N D"], carried: Float[Tensor, "B S D"], num_patches: int
    ) -> tuple[Float[Tensor, "B N DC"], Float[Tensor, "B S D"]]:
        """Return features, or fields in the last block, and the supernodes to carry on."""
        update, carried = self._run(self.Attn, self.ln_1(hidden), carried, num_patches)
        hidden = hidden + update
        hidden = hidden + self._run(self.mlp, self.ln_2(hidden))
        return (self.mlp2(self.ln_3(hidden)) if self.is_last else hidden), carried

    def _run(self, part: Callable[..., Any], *inputs: Tensor | int) -> Any:  # noqa: ANN401
        # There is no dropout, hence no state of a random generator to restore.
        if self.training and torch.is_grad_enabled():
            return checkpoint(part, *inputs, use_reentrant=False, preserve_rng_state=False)
        return part(*inputs)
