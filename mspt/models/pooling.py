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

LEAST_VARIANCE = 1e-6
"""Added to the variance of a sub-block: a thousandth of a normalized channel's deviation."""


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


def pool_std(x: Float[Tensor, "M L D"], num_supernodes: int) -> Float[Tensor, "M Q D"]:
    """Return the standard deviation of each of Q contiguous sub-blocks, per channel.

    Examples:
        >>> pool_std(torch.tensor([[[1.0], [3.0], [10.0]]]), 2).round(decimals=2).flatten().tolist()
        [1.0, 0.0]
    """

    def deviation(block: Tensor) -> Tensor:
        # The root has no derivative at 0, where a sub-block is one point.
        return (block.var(2, correction=0) + LEAST_VARIANCE).sqrt()

    return _reduce_sub_blocks(x, num_supernodes, deviation)


class PatchPooling(nn.Module):
    """Pool each patch into Q supernodes, in one of the ways that ``pooling`` names.

    ``mean`` and ``max`` are equation 10. ``linear`` is equation 11 with weights that are a
    piecewise linear function of the relative position in the patch: a matrix of L rows would fix
    the size of a patch. The others are not in the paper. ``attention`` weighs the points of a patch
    by a softmax of their products with Q learned queries.

    The rest start as ``mean`` exactly, so that training can only move away from it where that
    helps. ``linear_from_mean`` adds weights of ``linear`` that start at zero to the mean.
    ``attention_from_mean`` weighs the points of each sub-block by a softmax of their products with
    a query of its own that starts at zero. ``mean_std`` and ``mean_max`` add a linear map, zero at
    the start, of the mean together with the standard deviation or the largest entry.
    """

    def __init__(self, width: int, *, num_supernodes: int, pooling: Pooling) -> None:
        super().__init__()
        self.num_supernodes = num_supernodes
        self.pooling: Pooling = pooling
        if pooling == "linear":
            self.knots = nn.Parameter(_sub_block_indicator(NUM_POOL_KNOTS, num_supernodes))
        if pooling == "linear_from_mean":
            self.knots = nn.Parameter(torch.zeros(num_supernodes, NUM_POOL_KNOTS))
        if pooling == "attention":
            self.queries = nn.Parameter(torch.randn(num_supernodes, width) * width**-0.5)
        if pooling == "attention_from_mean":
            self.queries = nn.Parameter(torch.zeros(num_supernodes, width))
        if pooling in ("mean_std", "mean_max"):
            # A parameter, not a Linear: those are drawn at random when a model is built.
            self.mixing = nn.Parameter(torch.zeros(width, 2 * width))

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
        ways: dict[Pooling, Callable[[Tensor], Tensor]] = {
            "mean": lambda x: pool_mean(x, self.num_supernodes),
            "max": lambda x: pool_max(x, self.num_supernodes),
            "linear": self._weigh_positions,
            "attention": self._attend,
            "linear_from_mean": lambda x: (
                pool_mean(x, self.num_supernodes) + self._weigh_positions(x)
            ),
            "attention_from_mean": self._attend_in_sub_blocks,
            "mean_std": lambda x: self._mix(x, pool_std),
            "mean_max": lambda x: self._mix(x, pool_max),
        }
        return ways[self.pooling](x)

    def _attend(self, x: Float[Tensor, "M L D"]) -> Float[Tensor, "M Q D"]:
        scores_MQL = self.queries @ x.mT * x.shape[-1] ** -0.5
        return scores_MQL.softmax(-1) @ x

    def _attend_in_sub_blocks(self, x: Float[Tensor, "M L D"]) -> Float[Tensor, "M Q D"]:
        """Weigh the points of each sub-block by their products with the query of that sub-block."""
        scores_MLQ = x @ self.queries.mT * x.shape[-1] ** -0.5
        pooled, first = [], 0
        for run in patch_runs(x.shape[1], self.num_supernodes):
            own = rearrange(
                scores_MLQ[:, run.rows, first : first + run.count],
                "m (q l) p -> m q l p",
                q=run.count,
            )
            weights_MQL = own.diagonal(dim1=1, dim2=3).transpose(1, 2).softmax(-1)
            blocks_MQLD = rearrange(x[:, run.rows], "m (q l) d -> m q l d", q=run.count)
            pooled.append((weights_MQL[:, :, None] @ blocks_MQLD)[:, :, 0])
            first += run.count
        return torch.cat(pooled, dim=1)

    def _mix(
        self, x: Float[Tensor, "M L D"], other: Callable[[Tensor, int], Tensor]
    ) -> Float[Tensor, "M Q D"]:
        """Add a linear map of the mean and another pooling to the mean."""
        mean = pool_mean(x, self.num_supernodes)
        both = torch.cat([mean, other(x, self.num_supernodes)], dim=-1)
        return mean + both @ self.mixing.mT

    def _weigh_positions(self, x: Float[Tensor, "M L D"]) -> Float[Tensor, "M Q D"]:
        return self._position_weights(x.shape[1]) @ x / x.shape[1]

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
