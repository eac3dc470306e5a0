"""One command over several processes, the ranks of a process group, started with torchrun.

    torchrun --nproc_per_node=2 -m mspt predict car.stl

Every rank runs the same command. A prediction divides the cloud by its patches
(:mod:`mspt.models.ranks`), a training each batch (:mod:`mspt.training.ranks`). The first rank alone
prints and writes.
"""

import argparse
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType

from mspt.errors import MSPTError

DIVIDED = ("predict", "train")
"""Commands that several ranks can share."""
TIMEOUT = timedelta(minutes=10)
"""How long a rank waits for the others. One that has died is noticed at once."""


def is_first_rank() -> bool:
    """Return whether this process prints and writes: the only one, or the first of several."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def joined_ranks(args: argparse.Namespace) -> Iterator[argparse.Namespace]:
    """Join the process group that torchrun describes; yield the settings of this rank.

    Without torchrun there is one process, and the settings are those given.

    Raises:
        MSPTError: If the command cannot be divided, or another rank has died.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield args
        return
    if args.command not in DIVIDED:
        raise MSPTError(
            f"command must be one of {', '.join(DIVIDED)} to run on several ranks, got "
            f"{args.command!r}; run it without torchrun"
        )
    import torch
    import torch.distributed as dist

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    signal.signal(signal.SIGTERM, _end)
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=TIMEOUT)
    try:
        yield args if is_first_rank() else _silent(args)
        if dist.is_initialized():  # a training leaves the group before its model is scored
            dist.barrier()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise MSPTError(
            f"ranks must all run to the end, got on rank {os.environ.get('RANK')}: {reason}"
        ) from error
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as handlers are called
    """Say why torchrun ends this rank, where that is not said by another one, and end."""
    if is_first_rank():
        os.write(2, b"error: ranks must all run to the end, got one that ended before the others\n")
    os._exit(1)


def _silent(args: argparse.Namespace) -> argparse.Namespace:
    """Return the settings without files to write and without progress."""
    files = {name: None for name in ("out", "passport") if hasattr(args, name)}
    kept = {} if args.command == "train" else files  # of a training all ranks read the saved run
    return argparse.Namespace(**{**vars(args), **kept, "progress": "off"})
