"""Work in several processes that an interruption (Ctrl-C) ends at once and without a trace."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from typing import Any, TypeVar

from mspt.guard import PATIENCE, end_with_parent, parent_has_ended

Result = TypeVar("Result")

_SIGNAL_SECONDS = 0.2


def in_processes(
    task: Callable[..., Result], arguments: Iterable[tuple[Any, ...]], *, jobs: int
) -> Iterator[Result]:
    """Run a task with each tuple of arguments and yield the results as they come.

    When the iterator is closed or the process is interrupted, tasks that run are interrupted, and
    no other one starts. So it is when the process is killed.

    Args:
        task: A function of a module, which other processes can import.
        arguments: One tuple for each call.
        jobs: Processes that work at the same time.
    """
    # Spawned, not forked: a fork of a process with threads can hang.
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=end_with_parent)
    before = set(active_children())
    try:
        with _interruptions_ignored():  # the new processes ignore them, too, but within a task
            futures = [pool.submit(_interruptible, task, given) for given in arguments]
        for done in as_completed(futures):
            yield done.result()
    except (KeyboardInterrupt, GeneratorExit):
        pool.shutdown(wait=False, cancel_futures=True)
        _interrupt(before)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _interruptible(task: Callable[..., Result], given: tuple[Any, ...]) -> Result:
    """Run a task during which this process can be interrupted; the task then cleans up."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return task(*given)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if parent_has_ended():  # nobody waits for the result, nor for that of the next task
            os._exit(1)


@contextmanager
def _interruptions_ignored() -> Iterator[None]:
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # only the main thread may do this; others are not interrupted
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt(before: set[Any]) -> None:
    """Interrupt the processes that were started since, until all have ended."""
    end = time.monotonic() + PATIENCE
    while (left := set(active_children()) - before) and time.monotonic() < end:
        for child in left:
            if os.name == "posix" and child.pid is not None:
                os.kill(child.pid, signal.SIGINT)
            else:  # Windows knows no interruption of one process
                child.terminate()
        time.sleep(_SIGNAL_SECONDS)
    for child in left:
        child.terminate()
