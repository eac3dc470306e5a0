"""Python as on Windows, as far as a test elsewhere can have it: without what only POSIX has."""

import os
import select
import signal
import sys

import psutil  # noqa: F401 - needs `resource` here, and SIGSTOP and SIGCONT; not on Windows

for module in ("resource", "fcntl", "grp", "pty", "termios", "tty"):
    sys.modules[module] = None  # importing it fails

POSIX_ONLY = {
    os: (
        "fork", "forkpty", "readv", "writev", "preadv", "sched_getaffinity", "sched_setaffinity",
        "killpg", "getpgid", "setsid", "getloadavg", "mkfifo", "nice", "chroot",
    ),
    select: ("poll", "epoll"),
    signal: ("SIGXCPU", "SIGHUP", "alarm", "setitimer"),
}  # fmt: skip
for module, names in POSIX_ONLY.items():
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
