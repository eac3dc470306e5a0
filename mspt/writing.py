"""Files that are there whole or not at all, whatever happens while they are written."""

import errno
import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from mspt.errors import OutputError

PARTIAL = ".partial"
"""Ending of a file that is being written; a process that is killed may leave one behind."""
_AGAIN = "choose another folder and run this again"
_REASONS = {
    errno.ENOSPC: ("a full disk", f"free some space, or {_AGAIN}"),
    errno.EDQUOT: ("a full quota of the disk", f"free some space, or {_AGAIN}"),
    errno.EFBIG: ("a limit of the size of files", "raise it (ulimit -f) and run this again"),
    errno.EROFS: ("a folder that is read only", _AGAIN),
    errno.EACCES: ("a folder without the right to write", _AGAIN),
    errno.EPERM: ("a folder without the right to write", _AGAIN),
    errno.ENOTDIR: ("a file in the place of its folder", _AGAIN),
    errno.EEXIST: ("a file in the place of its folder", _AGAIN),
    errno.EISDIR: ("a folder of this name", "choose another name"),
    errno.ENAMETOOLONG: ("a name that is too long", "choose a shorter one"),
    errno.EIO: ("an error of the disk", f"check it, or {_AGAIN}"),
}


def write_bytes(path: Path | str, content: bytes) -> None:
    """Write a file; it appears, or replaces the one before, only when it is complete and stored.

    The content goes to a file beside it, which then takes its name. That is one step for the
    system: nobody sees half a file, and one that was there before stays until then, also where the
    disk is full, the process is killed or the power fails. Missing folders are made.

    Args:
        path: The file; a symbolic link stays, and what it points to is replaced.
        content: All of it. Libraries that write files themselves are not used for this: some leave
            half a file on a full disk without a word.

    Raises:
        OutputError: If it cannot be written; the message says why and what to do.
    """
    path = Path(path)
    try:
        # Renaming onto a device or a pipe would put a file in its place.
        if path.exists() and not path.is_file():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        _replace(Path(os.path.realpath(path)), content)
    except (OSError, ValueError) as error:  # a ValueError: no file can have this name
        raise output_error(path, error) from error


def write_text(path: Path | str, text: str) -> None:
    """Write a text in UTF-8 as :func:`write_bytes` does, with line ends as they are."""
    write_bytes(path, text.encode())


def output_error(path: Path | str, error: Exception) -> OutputError:
    """Return the error of a file that could not be written.

    Examples:
        >>> str(output_error("runs/car.vtp", OSError(errno.ENOSPC, "No space left on device")))
        'car.vtp must be written whole, got a full disk; free some space, or choose another folder \
and run this again'
    """
    code = getattr(error, "errno", None)
    words = str(getattr(error, "strerror", None) or error).lower()
    reason, advice = _REASONS.get(code or 0, (words, _AGAIN))
    return OutputError(f"{Path(path).name} must be written whole, got {reason}; {advice}")


def remove_partial(folder: Path) -> None:
    """Remove what processes that were killed have left of files they were writing.

    Only for a folder in which no other process writes.
    """
    for path in folder.glob(f".*{PARTIAL}"):
        with suppress(OSError):
            path.unlink()


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else None
    # A name of its own for each writer, and short whatever the length of the file's name.
    partial = path.with_name(f".{os.getpid()}-{token_hex(4)}{PARTIAL}")
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            partial.chmod(mode)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _store_names(path.parent)


def _store_names(folder: Path) -> None:
    """Have a new name in a folder survive a failure of power, where the system can do so."""
    with suppress(
        OSError
    ):  # Windows does not open folders, and some file systems do not store them
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
