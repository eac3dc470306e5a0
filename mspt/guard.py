"""Processes that end with the one that started them, also where that is killed.

A process that is killed cannot end its children, and a server that is killed would leave a solver
that computes for an hour.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import connection, parent_process
from typing import IO, Literal, cast

PATIENCE = 20.0
"""Seconds in which an interrupted process has to end by itself, with what it has started."""

_PROGRAM = """
import os, signal, sys, time
whole, patience = sys.argv[1] == "group", float(sys.argv[2])
line = sys.stdin.buffer.readline()
sys.stdin.buffer.read()  # ends with the process that has the other end of the pipe
try:
    if whole and line:
        os.killpg(int(line), signal.SIGKILL)
    elif line:
        os.kill(int(line), signal.SIGINT)
        for _ in range(int(10 * patience)):
            time.sleep(0.1)
            os.kill(int(line), 0)
        os.kill(int(line), signal.SIGKILL)
except ProcessLookupError:
    pass
"""


@contextmanager
def guard(*, end: Literal["group", "process"]) -> Iterator[Callable[[int], None]]:
    """Have a program that is started in the block end with this process.

    A small process waits for the end of this one. It is there before the program, so that hardly
    any time is left in which the program has no guard. On Windows there is none.

    Args:
        end: ``group`` kills all of the program's group at once; ``process`` interrupts it, as
            Ctrl-C does, and kills it when it has not ended after some time.

    Yields:
        A function to be called with the number of the program.
    """
    if os.name != "posix":
        yield lambda _: None
        return
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _PROGRAM, end, str(PATIENCE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C in a terminal is not for it
    ) as waiting:
        pipe = cast(IO[bytes], waiting.stdin)

        def watch(pid: int) -> None:
            pipe.write(f"{pid}\n".encode())
            pipe.flush()

        try:
            yield watch
        finally:
            waiting.kill()


def end_with_parent() -> None:
    """Have this process of a pool end soon after the one that started it.

    What it computes is interrupted, so that it cleans up.
    """
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def parent_has_ended() -> bool:
    """Return whether the process that started this process of a pool is gone."""
    parent = parent_process()
    return parent is not None and not parent.is_alive()


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is None:
        return
    connection.wait([parent.sentinel])
    # Between two tasks interruptions are ignored, and there is nothing to clean up.
    if os.name == "posix" and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(PATIENCE)
    os._exit(1)
