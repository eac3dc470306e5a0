"""Functions compiled by numba, whose machine code is stored wherever the system lets it."""

import os
import pickle
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba

DAMAGED = (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, pickle.PickleError)
"""What numba raises where its files cannot be read or written."""


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:  # noqa: ANN401 - of numba
    """Return a decorator that compiles a function when it is first called.

    The machine code is stored beside the source or in the home folder. Where neither can be
    written, as in a container that is read only, it is stored in a private folder for temporary
    files, and where there is none, each process compiles anew, which takes about half a minute.
    numba itself refuses to store code then, and the function with it.

    Args:
        options: Settings of numba's ``njit`` other than ``cache``.

    Examples:
        >>> @compiled(nogil=True)
        ... def double(x):
        ...     return 2 * x
        >>> double(2.5)
        5.0
    """

    def decorate(function: Callable[..., Any]) -> Any:  # noqa: ANN401 - numba's dispatcher
        config: Any = numba.config  # pyright: ignore[reportPrivateImportUsage]
        given = config.CACHE_DIR
        try:
            return _forgiving(numba.njit(cache=True, **options)(function))
        except RuntimeError:  # "no locator available"
            folder = private_folder()
        if folder is None:
            return numba.njit(**options)(function)
        # numba reads this setting while it decorates; other code of this process may use numba.
        config.CACHE_DIR = str(folder)
        try:
            return _forgiving(numba.njit(cache=True, **options)(function))
        except RuntimeError:
            return numba.njit(**options)(function)
        finally:
            config.CACHE_DIR = given

    return decorate


def _forgiving(function: Any) -> Any:  # noqa: ANN401 - numba's dispatcher
    """Have a compiled function work where its machine code cannot be stored or is damaged.

    numba lets a full disk, or a file that was cut off, end the program.
    """
    cache = function._cache
    load, save = cache.load_overload, cache.save_overload

    def load_or_compile(*key: Any) -> Any:  # noqa: ANN401 - of numba
        try:
            return load(*key)
        except DAMAGED:
            with suppress(*DAMAGED):
                cache.flush()
            return None

    def save_or_not(*entry: Any) -> None:  # noqa: ANN401 - of numba
        with suppress(*DAMAGED):
            save(*entry)

    cache.load_overload, cache.save_overload = load_or_compile, save_or_not
    return function


def private_folder() -> Path | None:
    """Return a folder for temporary files that no other user can write; None if there is none.

    Machine code is run as it is found, so a folder that another user may have prepared is refused.
    """
    user = os.getuid() if hasattr(os, "getuid") else 0
    try:
        folder = Path(tempfile.gettempdir()) / f"mspt-compiled-{user}"
        folder.mkdir(mode=stat.S_IRWXU, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    # On Windows the folder lies in the user's own one, and modes say nothing.
    own = os.name == "nt" or (
        found.st_uid == user and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )
    return folder if own and stat.S_ISDIR(found.st_mode) else None
