"""Files that a person names: what cannot be read is refused in one sentence.

Every function takes the rule that the file must meet, such as ``run record must be a JSON file``,
and what to do, and says what it has found instead in the words of neither Python nor a library.
"""

import json
import reprlib
import tokenize
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

from mspt.errors import DataError

if TYPE_CHECKING:  # commands that read texts alone start without numpy
    from numpy import ndarray

MAX_TEXT = 64 * 1024**2
"""Bytes of the largest text that is read."""
MAX_ARRAYS = 4 * 1024**3
"""Bytes of the arrays of one file once they are unpacked: a small file may claim to hold more."""
DAMAGED = (
    OSError, ValueError, TypeError, EOFError, KeyError, IndexError, AttributeError, RuntimeError,
    MemoryError, NotImplementedError, SyntaxError, tokenize.TokenError, zlib.error, BadZipFile,
)  # fmt: skip
"""What readers of NumPy's files raise on damaged ones."""


def read_text(path: Path, *, rule: str, advice: str, most: int = MAX_TEXT) -> str:
    """Return the text of a file in UTF-8.

    Args:
        path: The file.
        rule: What it must be.
        advice: What to do where it is not.
        most: Bytes of the largest file that is read: text of numbers takes many times its size.

    Raises:
        DataError: If there is none; it begins with the rule and ends with the advice.
    """
    try:
        if path.stat().st_size > most:
            raise refused(path, f"which is larger than {most // 1024**2} MB", rule, advice)
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise refused(path, _why(error), rule, advice) from error
    except ValueError as error:
        raise refused(path, "which is no text in UTF-8", rule, advice) from error


def read_object(path: Path, *, rule: str, advice: str, most: int = MAX_TEXT) -> dict[str, Any]:
    """Return the JSON object in a file; see :func:`read_text`.

    Raises:
        DataError: If there is none.
    """
    text = read_text(path, rule=rule, advice=advice, most=most)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        why = f"which is no JSON in line {line}" if line else "which holds what is no JSON"
        raise refused(path, why if text.strip() else "which is empty", rule, advice) from error
    if not isinstance(found, dict):
        raise refused(path, "which holds no object with names", rule, advice)
    return found


def read_array(path: Path, *, rule: str, advice: str) -> "ndarray":
    """Return the one array of numbers in an ``.npy`` file.

    Raises:
        DataError: If there is none.
    """
    import numpy as np

    try:
        with path.open("rb") as file:
            # Of an archive or a pickle, numpy would make something else than an array.
            np.lib.format.read_magic(file)
            file.seek(0)
            found = np.lib.format.read_array(file, allow_pickle=False)
    except DAMAGED as error:
        raise refused(path, _why(error, "which is empty or damaged"), rule, advice) from error
    if found.dtype.kind not in "biuf":
        raise refused(path, "which holds no real numbers", rule, advice)
    return found


def read_archive(path: Path, *, rule: str, advice: str) -> "dict[str, ndarray]":
    """Return the arrays in an ``.npz`` file.

    Raises:
        DataError: If there are none.
    """
    import numpy as np

    try:
        with path.open("rb") as stream:
            with ZipFile(stream) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
            if size > MAX_ARRAYS:
                why = f"which claims to hold {size / 1024**3:,.0f} GB"
                raise refused(path, why, rule, advice)
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as file:
                found = dict(file)
    except DAMAGED as error:
        raise refused(path, _why(error, "which is empty or damaged"), rule, advice) from error
    if not all(isinstance(one, np.ndarray) for one in found.values()):
        raise refused(path, "which holds other things than arrays", rule, advice)
    return found


def refused(path: Path, why: str, rule: str, advice: str) -> DataError:
    """Return the error of a file that is refused.

    Examples:
        >>> str(refused(Path("jobs.txt"), "which is empty", "list must be a text", "write one"))
        'list must be a text, got jobs.txt, which is empty; write one'
        >>> str(refused(Path("a.npz"), "which is empty", "a.npz must hold cases", "make them"))
        'a.npz must hold cases, got one that is empty; make them'
    """
    named = f"one that{why.removeprefix('which')}"
    found = named if rule.startswith(path.name) else f"{path.name}, {why}"
    return DataError(f"{rule}, got {found}; {advice}")


def shortened(value: object) -> str:
    """Return any value as a person can read it: long ones are cut.

    Examples:
        >>> shortened("a" * 100), shortened([[1, 2]] * 100), shortened(None)
        ("'aaaaaaaaaaaa...aaaaaaaaaaaaa'", '[[...], [...], [...], ...]', 'None')
    """
    short = reprlib.Repr()
    short.maxlevel, short.maxlist, short.maxdict = 1, 3, 3
    if isinstance(value, str):
        value = "".join(letter if letter.isprintable() else "?" for letter in value[:200])
    return short.repr(value)


def _why(error: BaseException, otherwise: str = "which cannot be read") -> str:
    kinds = {
        FileNotFoundError: "which does not exist",
        IsADirectoryError: "which is a folder",
        NotADirectoryError: "which does not exist",
        PermissionError: "which may not be read",
    }
    return next((why for kind, why in kinds.items() if isinstance(error, kind)), otherwise)
