"""Batches over the ranks of a process group: each rank has some of the cases of every batch.

The gradient of a step is that of the whole batch, so that a run takes the same steps as in one
process, up to rounding.
"""

from collections.abc import Callable, Sequence

import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from mspt.errors import MSPTError
from mspt.models.ranks import is_one_of_several


def on_all_ranks(model: nn.Module, *, batch_size: int) -> Callable[..., Tensor]:
    """Return the model, or one whose backward pass adds up the gradients of all ranks.

    Raises:
        MSPTError: If a batch has fewer cases than there are ranks.
    """
    if not is_one_of_several():
        return model
    if batch_size < dist.get_world_size():
        raise MSPTError(
            f"batch_size must be at least the number of ranks, got {batch_size} for "
            f"{dist.get_world_size()}; use fewer ranks, or --set train.batch_size=NUMBER"
        )
    return DistributedDataParallel(model)


def own_part(rows: Sequence[int]) -> tuple[list[int], float]:
    """Return the cases of a batch that this rank takes, and the weight of their mean loss.

    Gradients are averaged over ranks, so that the weight is the share of the cases times the number
    of ranks. A rank without a case, in the last batch of an epoch, takes one with no weight: all
    ranks have to take part.

    Examples:
        >>> own_part([5, 3, 8])  # in one process
        ([5, 3, 8], 1.0)
    """
    if not is_one_of_several():
        return list(rows), 1.0
    count = dist.get_world_size()
    mine = list(rows[dist.get_rank() :: count])
    return mine or list(rows[:1]), count * len(mine) / len(rows)


def mean_of_ranks(value: Tensor) -> float:
    """Return the mean of a number over all ranks."""
    if is_one_of_several():
        value = value.detach().clone()
        dist.all_reduce(value)
        value /= dist.get_world_size()
    return value.item()


def saves_run() -> bool:
    """Return whether this process writes the saved run: the only one, or the first rank."""
    return not is_one_of_several() or dist.get_rank() == 0


def leave_ranks() -> bool:
    """Leave the process group once all ranks are done; return whether to go on alone."""
    goes_on = saves_run()
    if is_one_of_several():
        dist.barrier()
        dist.destroy_process_group()
    return goes_on


def wait_for_all() -> None:
    """Wait until all ranks are here."""
    if is_one_of_several():
        dist.barrier()
