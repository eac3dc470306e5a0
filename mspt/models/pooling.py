"""Pooling: from a patch to its supernodes (equations 1, 10, 11).

Inside a patch the ball tree goes on splitting, so that each of the Q contiguous sub-blocks of a
patch is compact too and pooling depends on where points are, not on the order in which they were
given.

Letters: M patches of one size, L points per patch, Q supernodes per patch, D model width.
"""

from collections.abc import Callable

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from mspt.config import Pooling
from mspt.partition.runs import patch_runs

NUM_POOL_KNOTS = 32
"""Knots of the learned pooling weights over the relative position in a patch; with more knots than
points per patch some would have no gradient."""


def _reduce_sub_blocks(
    x: Float[Tensor, "M L D"], num_supernodes: int, reduce: Callable[[Tensor], Tensor]
) -> Float[Tensor, "M Q D"]:
    blocks = (
        reduce(rearrange(x[:, run.rows], "m (q l) d -> m q l d", q=run.count))
        for run in patch_runs(x.shape[1], num_supernodes)
    )
    return torch.cat(list(blocks), dim=1)


def pool_mean(x: Float[Tensor, "M L D"], num_supernodes: int) -> Float[Tensor, "M Q D"]:
    """Average each of Q contiguous sub-blocks (equation 10).

    Examples:
        >>> pool_mean(torch.tensor([[[1.0], [3.0], [10.0]]]), 2).flatten().tolist()
        [2.0, 10.0]
    """
    return _reduce_sub_blocks(x, num_supernodes, lambda block: block.mean(2))


def pool_max(x: Float[Tensor, "M L D"], num_supernodes: int) -> Float[Tensor, "M Q D"]:
    """Take the largest entry of each of Q contiguous sub-blocks, per channel (equation 10).

    Examples:
        >>> pool_max(torch.tensor([[[1.0], [3.0], [10.0]]]), 2).flatten().tolist()
        [3.0, 10.0]
    """
    return _reduce_sub_blocks(x, num_supernodes, lambda block: block.amax(2))


class PatchPooling(nn.Module):
    """Pool each patch into Q supernodes: ``mean``, ``max``, ``linear`` or ``attention``.

    ``mean`` and ``max`` are equation 10. ``linear`` is equation 11 with weights that are a
    piecewise linear function of the relative position in the patch: a matrix of L rows would fix
    the size of a patch. It starts as the mean. ``attention`` weighs the points of a patch by a
    softmax of their products with Q learned queries; it is not in the paper.
    """

    def __init__(self, width: int, *, num_supernodes: int, pooling: Pooling) -> None:
        super().__init__()
        self.num_supernodes = num_supernodes
        self.pooling = pooling
        if pooling == "linear":
            self.knots = nn.Parameter(_sub_block_indicator(NUM_POOL_KNOTS, num_supernodes))
        if pooling == "attention":
            self.queries = nn.Parameter(torch.randn(num_supernodes, width) * width**-0.5)

    def forward(self, x: Float[Tensor, "M L D"]) -> Float[Tensor, "M Q D"]:
        """Pool patches of one size.

        Raises:
            ValueError: If a patch has fewer points than supernodes.
        """
        if self.num_supernodes > x.shape[1]:
            raise ValueError(
                "num_supernodes must be at most the points of the smallest patch, "
                f"got {self.num_supernodes} for a patch of {x.shape[1]}; use fewer patches"
            )
        if self.pooling == "mean":
            return pool_mean(x, self.num_supernodes)
        if self.pooling == "max":
            return pool_max(x, self.num_supernodes)
        if self.pooling == "linear":
            return self._position_weights(x.shape[1]) @ x / x.shape[1]
        scores_MQL = self.queries @ x.mT * x.shape[-1] ** -0.5
        return scores_MQL.softmax(-1) @ x

    def _position_weights(self, size: int) -> Float[Tensor, "Q L"]:
        """Return W_pool of equation 11, transposed, times L."""
        # Points and knots lie in the middle of equal cells of 0 to 1; outside the first and the
        # last knot the weight is constant.
        row = torch.arange(size, device=self.knots.device, dtype=self.knots.dtype)
        position = (row + 0.5) / size
        place = (position * NUM_POOL_KNOTS - 0.5).clamp(0, NUM_POOL_KNOTS - 1)
        below = place.floor().long().clamp(max=NUM_POOL_KNOTS - 2)
        return torch.lerp(self.knots[:, below], self.knots[:, below + 1], place - below)


def _sub_block_indicator(size: int, num_blocks: int) -> Float[Tensor, "Q L"]:
    """Return Q on the own sub-block and 0 elsewhere, so that the mean over positions is 1."""
    owner = torch.arange(size) * num_blocks // size
    return num_blocks * (owner == torch.arange(num_blocks)[:, None]).float()
