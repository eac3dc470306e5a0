"""The server that a crowd visits: started on some processors, its memory watched."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import psutil

ROOT = Path(__file__).parents[2]
MEGABYTE = 10**6
_EVERY = 1.0


@contextmanager
def served(
    *, cpus: tuple[int, ...], folder: Path = ROOT, log: Path | None = None
) -> Iterator[tuple[str, psutil.Process]]:
    """Run the app on a free port of this machine; yield its address and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "serve.py")]
    options = [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true"]
    with open(log or os.devnull, "wb") as output:  # noqa: PTH123 - a device has no path to write to
        server = subprocess.Popen([*command, *options], cwd=folder, stdout=output, stderr=output)
        try:
            with suppress(AttributeError):  # Linux alone
                os.sched_setaffinity(server.pid, cpus)
            address = f"http://127.0.0.1:{port}"
            _wait_until_up(f"{address}/_stcore/health")
            yield address, psutil.Process(server.pid)
        finally:
            server.terminate()
            try:
                server.wait(timeout=30)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait_until_up(address: str, *, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def tree_megabytes(process: psutil.Process) -> float:
    """Return the resident memory of a process and all that it has started, in MB.

    Memory that several of them share is counted for each.
    """
    total = 0
    for one in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total += one.memory_info().rss
    return total / MEGABYTE


@contextmanager
def watched(process: psutil.Process) -> Iterator[list[float]]:
    """Note the memory of a process and all that it has started, once a second."""
    seen: list[float] = [tree_megabytes(process)]
    over = Event()

    def watch() -> None:
        while not over.wait(_EVERY):
            with suppress(psutil.NoSuchProcess):
                seen.append(tree_megabytes(process))

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
