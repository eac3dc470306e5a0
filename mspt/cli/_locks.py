"""A lock on a file that several processes write."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import IO, Any

LOCKED_BYTE = 1 << 30
"""Windows locks bytes, and other processes cannot read them: one that no table reaches."""


@contextmanager
def locked(file: IO[Any]) -> Iterator[None]:
    """Wait until no other process has this lock, and have it until the block ends.

    What is written to the file is to be flushed within the block.
    """
    try:
        fcntl: Any = import_module("fcntl")
    except ImportError:
        with _locked_byte(file):
            yield
        return
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


@contextmanager
def _locked_byte(file: IO[Any]) -> Iterator[None]:
    """Do the same on Windows, where waiting ends with an OSError after ten seconds.

    Without either kind of lock, rows are written as they come.
    """
    try:
        msvcrt: Any = import_module("msvcrt")
    except ImportError:
        yield
        return
    _at_byte(file, msvcrt.locking, msvcrt.LK_LOCK)
    try:
        yield
    finally:
        _at_byte(file, msvcrt.locking, msvcrt.LK_UNLCK)


def _at_byte(file: IO[Any], locking: Any, mode: int) -> None:  # noqa: ANN401 - Windows's own
    """Lock or unlock the byte, and leave the position in the file as it was."""
    number = file.fileno()
    before = os.lseek(number, 0, os.SEEK_CUR)
    os.lseek(number, LOCKED_BYTE, os.SEEK_SET)
    try:
        locking(number, mode, 1)
    finally:
        os.lseek(number, before, os.SEEK_SET)
