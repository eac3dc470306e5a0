"""Processes that let others on the machine go first."""

import os
from contextlib import suppress
from pathlib import Path

import psutil


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
