"""One cloud over the ranks of a process group: each rank has whole patches, and all supernodes.

Points exchange information with other patches through the supernodes alone. A rank therefore needs
the features of its own patches only, and the supernodes of all: K Q rows of width D for each block.
Where the blocks use two trees in turn, the patches of one are not those of the other, and features
go to the rank that has their patch next. Transport is torch.distributed alone: gloo between
processors, NCCL between GPUs.

Letters: B clouds, N points, K patches, Q supernodes per patch, n own rows, D channels, P ranks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from mspt.partition.runs import patch_offsets


@dataclass(frozen=True, kw_only=True)
class Share:
    """The patches of one rank, and with them its rows in leaf order.

    Attributes:
        rank: This rank.
        num_ranks: All ranks P of the process group.
        num_points: Points N of the cloud.
        num_patches: Patches K of the cloud.
    """

    rank: int
    num_ranks: int
    num_points: int
    num_patches: int

    @property
    def patches_of_ranks(self) -> tuple[int, ...]:
        """How many patches each rank has: numbers that differ by at most one.

        Examples:
            >>> Share(rank=0, num_ranks=3, num_points=100, num_patches=7).patches_of_ranks
            (3, 2, 2)
        """
        each, more = divmod(self.num_patches, self.num_ranks)
        return tuple(each + (rank < more) for rank in range(self.num_ranks))

    @property
    def borders(self) -> tuple[int, ...]:
        """First row in leaf order of each rank, and N at the end.

        Examples:
            >>> Share(rank=0, num_ranks=2, num_points=10, num_patches=3).borders  # 4, 3, 3 points
            (0, 7, 10)
        """
        offsets = patch_offsets(self.num_points, self.num_patches)
        return tuple(offsets[patch] for patch in self._first_patches)

    @property
    def rows(self) -> slice:
        """Own rows in leaf order."""
        return slice(*self.borders[self.rank : self.rank + 2])

    @property
    def patches(self) -> slice:
        """Own patches."""
        return slice(*self._first_patches[self.rank : self.rank + 2])

    @property
    def _first_patches(self) -> tuple[int, ...]:
        return tuple(accumulate(self.patches_of_ranks, initial=0))

    def gather_supernodes(self, own: Float[Tensor, "B _S D"]) -> Float[Tensor, "B S D"]:
        """Return the supernodes of all patches; with the gradient of what every rank makes of them.

        Args:
            own: Supernodes of the own patches, equally many for each.
        """
        per_patch = own.shape[1] // max(1, self.patches_of_ranks[self.rank])
        if self.num_patches < self.num_ranks:  # a rank without patches does not know how many
            largest = torch.tensor([per_patch], device=own.device)
            dist.all_reduce(largest, dist.ReduceOp.MAX)
            per_patch = int(largest)
        return _gather(own, [per_patch * count for count in self.patches_of_ranks])

    def gather_rows(self, own: Float[Tensor, "B n D"]) -> Float[Tensor, "B N D"]:
        """Return the rows of all ranks in leaf order, likewise."""
        return _gather(own, [after - before for before, after in pairwise(self.borders)])


def is_one_of_several() -> bool:
    """Return whether this process is one of several ranks of a process group."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def share_of_cloud(num_points: int, num_patches: int) -> Share:
    """Return the share of this process, one of several ranks."""
    return Share(
        rank=dist.get_rank(),
        num_ranks=dist.get_world_size(),
        num_points=num_points,
        num_patches=num_patches,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class RowExchange:
    """Where rows go between two blocks whose leaf orders differ.

    Attributes:
        sent: Own rows in the order in which they are sent: those for rank 0 first.
        num_sent: How many of them go to each rank.
        num_received: How many rows come from each rank.
        placed: Own row in the next leaf order of each row that comes.
    """

    sent: Int[Tensor, " n"]
    num_sent: tuple[int, ...]
    num_received: tuple[int, ...]
    placed: Int[Tensor, " n"]


def plan_exchange(rows_before: Int[Tensor, " N"], share: Share) -> RowExchange:
    """Return which rows go where; every rank knows the whole permutation.

    Args:
        rows_before: Row in the leaf order before of each row in the next one, of the whole cloud.
        share: This rank's.

    Examples:
        >>> share = Share(rank=0, num_ranks=2, num_points=4, num_patches=2)
        >>> plan = plan_exchange(torch.tensor([2, 0, 3, 1]), share)
        >>> plan.sent.tolist(), plan.num_sent, plan.num_received, plan.placed.tolist()
        ([0, 1], (1, 1), (1, 1), [1, 0])
    """
    borders = torch.tensor(share.borders, device=rows_before.device)
    first, end = borders[share.rank], borders[share.rank + 1]
    wanted = [rows_before[start:stop] for start, stop in pairwise(share.borders)]
    sent = [rows[(rows >= first) & (rows < end)] - first for rows in wanted]
    owner = torch.bucketize(wanted[share.rank], borders[1:-1], right=True)
    return RowExchange(
        sent=torch.cat(sent),
        num_sent=tuple(len(rows) for rows in sent),
        num_received=tuple(torch.bincount(owner, minlength=share.num_ranks).tolist()),
        placed=owner.argsort(stable=True),
    )


def exchange_rows(hidden: Float[Tensor, "1 n D"], plan: RowExchange) -> Float[Tensor, "1 _n D"]:
    """Send features to the ranks that have their patches in the next block, with their gradient."""
    given = hidden[0].index_select(0, plan.sent)
    received: Tensor = _Exchange.apply(given, plan.num_sent, plan.num_received)  # pyright: ignore[reportAssignmentType]
    return torch.empty_like(received).index_copy(0, plan.placed, received)[None]


def _gather(own: Float[Tensor, "B n D"], sizes: Sequence[int]) -> Float[Tensor, "B N D"]:
    # Collectives take equally many rows of each rank.
    padded = F.pad(own, (0, 0, 0, max(sizes) - own.shape[1]))
    found: tuple[Tensor, ...] = _Gather.apply(padded)  # pyright: ignore[reportAssignmentType]
    return torch.cat([one[:, :size] for one, size in zip(found, sizes, strict=True)], dim=1)


class _Gather(torch.autograd.Function):
    """What every rank has, on every rank; its gradient is the sum over what all make of it."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> tuple[Tensor, ...]:  # noqa: ANN401, ARG004 - torch's own
        found = [torch.empty_like(own) for _ in range(dist.get_world_size())]
        dist.all_gather(found, own.contiguous())
        return tuple(found)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ANN401, ARG004
        given = [one.contiguous() for one in gradients]
        found = torch.empty_like(given[0])
        dist.reduce_scatter(found, given)
        return found


class _Exchange(torch.autograd.Function):
    """Rows for each rank, and from each rank; its gradient goes the other way."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        given: Tensor,
        num_sent: tuple[int, ...],
        num_received: tuple[int, ...],
    ) -> Tensor:
        ctx.num_sent, ctx.num_received = num_sent, num_received
        return _exchanged(given, num_sent, num_received)

    @staticmethod
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,  # noqa: ANN401
        *gradients: Tensor,
    ) -> tuple[Tensor, None, None]:
        return _exchanged(gradients[0], ctx.num_received, ctx.num_sent), None, None


def _exchanged(rows: Tensor, num_sent: Sequence[int], num_received: Sequence[int]) -> Tensor:
    found = rows.new_empty(sum(num_received), rows.shape[1])
    dist.all_to_all_single(found, rows.contiguous(), list(num_received), list(num_sent))
    return found
