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
from typing import NoReturn

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
        MSPTError: If the command cannot be divided.
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
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=TIMEOUT)
    # torchrun ends all ranks once one has died.
    signal.signal(signal.SIGTERM, lambda *_: _end())
    try:
        yield args if is_first_rank() else _silent(args)
        if dist.is_initialized():  # a training leaves the group before its model is scored
            dist.barrier()
            dist.destroy_process_group()
    except RuntimeError as error:
        if not dist.is_initialized():
            raise
        _end(str(error).strip().partition("\n")[0])


def _end(reason: str = "") -> NoReturn:
    """End this rank at once because another one has died, with one line for all ranks.

    The group cannot be left in order any more. Its store is that of torchrun, which lives on: the
    first rank that comes there has the word.
    """
    import torch.distributed as dist

    try:
        store = dist.TCPStore(  # pyright: ignore[reportPrivateImportUsage] - documented there
            os.environ["MASTER_ADDR"],
            int(os.environ["MASTER_PORT"]),
            timeout=timedelta(seconds=5),
        )
        is_first = store.add("mspt: ended", 1) == 1
    except RuntimeError:
        is_first = is_first_rank()
    if is_first:
        why = f" ({reason})" * bool(reason)
        line = f"error: ranks must all run to the end, got one that ended before the others{why}\n"
        os.write(2, line.encode())
    os._exit(1)


def _silent(args: argparse.Namespace) -> argparse.Namespace:
    """Return the settings without files to write and without progress."""
    files = {name: None for name in ("out", "passport") if hasattr(args, name)}
    kept = {} if args.command == "train" else files  # of a training all ranks read the saved run
    return argparse.Namespace(**{**vars(args), **kept, "progress": "off"})
