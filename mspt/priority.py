"""Processes and threads that let others go first."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from threading import get_native_id

import psutil

AWAITED, BACKGROUND = 5, 15
"""Nice values of threads that compute. Of a core that they share, a thread with the usual value, 0,
gets three times as much as one that somebody waits for, and thirty times as much as the other."""


def lower_priority(pid: int) -> None:
    """Give a process, and what it starts from now on, the lowest priority of the system.

    Linux weighs the processes of a session against each other only, and sessions as wholes. The
    session of the process gets the lowest priority, too, if it belongs to this process or to that
    one: the group of a terminal keeps its own.
    """
    with suppress(psutil.Error):  # it may have ended already
        psutil.Process(pid).nice(getattr(psutil, "IDLE_PRIORITY_CLASS", 19))
    group = Path(f"/proc/{pid}/autogroup")
    with suppress(OSError):  # another system, or a process that has ended
        if group.exists() and os.getsid(pid) in (pid, os.getpid()):
            group.write_text("19", encoding="utf-8")


def lower_thread_priority(nice: int) -> None:
    """Let the other threads of this process go before this one and those that it starts.

    Linux has a priority for each thread; elsewhere nothing changes. The thread keeps it, as only a
    privileged process may raise a priority again.

    Args:
        nice: The new value of the thread, unless it stands back further already.
    """
    if sys.platform == "linux":
        thread = get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(nice, os.getpriority(os.PRIO_PROCESS, thread)))
