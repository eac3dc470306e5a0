"""Ctrl-C: one line and the status 130, whatever the command is doing."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STATUS = 130
"""Exit status of a command that was interrupted: 128 and the number of the signal."""
LINE = "interrupted"


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Within the block an interruption ends the process at once.

    It is for imports, which have nothing to clean up. Modules that are interrupted while they load
    report it in many ways, some of them by an error of their own.
    """
    before = signal.getsignal(signal.SIGINT)
    # A process that ignores interruptions, such as one in the background of a shell, goes on so.
    if before in (signal.SIG_IGN, None):
        yield
        return
    signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def end_on_interruption() -> None:
    """End at once at the next interruption, for good: nothing is left to do but to exit."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: os._exit(STATUS))


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
    os.write(2, f"{LINE}\n".encode())
    os._exit(STATUS)
