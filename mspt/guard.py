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
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import connection, parent_process
from typing import Literal

PATIENCE = 20.0
"""Seconds in which an interrupted process has to end by itself, with what it has started."""

_PROGRAM = """
import os, signal, sys, time
pid, whole, patience = int(sys.argv[1]), sys.argv[2] == "group", float(sys.argv[3])
sys.stdin.buffer.read()  # ends with the process that has the other end of the pipe
try:
    if whole:
        os.killpg(pid, signal.SIGKILL)
        sys.exit()
    os.kill(pid, signal.SIGINT)
    for _ in range(int(10 * patience)):
        time.sleep(0.1)
        os.kill(pid, 0)
    os.kill(pid, signal.SIGKILL)
except ProcessLookupError:
    pass
"""


@contextmanager
def guarded(pid: int, *, end: Literal["group", "process"]) -> Iterator[None]:
    """Have a program end with this process until the block ends.

    A small process waits for the end of this one. On Windows there is none.

    Args:
        pid: Number of the program.
        end: ``group`` kills all of its group at once; ``process`` interrupts it, as Ctrl-C does,
            and kills it when it has not ended after some time.
    """
    if os.name != "posix":
        yield
        return
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _PROGRAM, str(pid), end, str(PATIENCE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C in a terminal is not for it
    )
    try:
        yield
    finally:
        guard.kill()
        guard.wait()
        if guard.stdin is not None:
            guard.stdin.close()


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
