"""Locks: on a file that several processes write, and on a folder that one process has alone."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from mspt.errors import OutputError

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
def alone_in(folder: Path, *, what: str) -> Iterator[tuple[int, ...]]:
    """Have a folder for this process alone until the block ends; it is made where it is missing.

    Where it was made and nothing was put there, it is removed again.

    The system gives the lock back when the process ends, however it ends. Without such locks, as on
    Windows, nothing is checked.

    Args:
        folder: The folder.
        what: What goes on in it, such as ``generation``, for the message.

    Yields:
        The number of the lock. A process that is started with it keeps the folder taken as well.

    Raises:
        OutputError: If another process has the folder, or it cannot be made.
    """
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"folder must be one that can be written, got '{folder}' with "
            f"{(error.strerror or 'an error').lower()!r}; choose another folder"
        ) from error
    try:
        fcntl: Any = import_module("fcntl")
    except ImportError:
        yield ()
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(
                f"folder must be used by one {what} at a time, got '{folder}' with another one "
                "that runs; wait for it, or choose another folder"
            ) from error
        except OSError:  # a file system without locks
            pass
        yield (number,)
    finally:
        os.close(number)
        if is_new:
            with suppress(OSError):  # it holds something
                folder.rmdir()


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
