"""The arrays of a file that a person brings, read in a process with bounded memory and time."""

import json
import math
import os
import struct
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy import ndarray

from mspt.data.brought._process import LENGTH, READERS
from mspt.errors import DataError
from mspt.writing import output_error

SUFFIXES = tuple(READERS)
MAX_BYTES = 100 * 1024**2
"""Largest file."""
SECONDS, MEMORY = 40.0, 3 * 1024**3
"""Of the process that reads it. It maps the libraries that it may need: 1 GB of addresses."""
PACKAGE = Path(__file__).resolve().parents[2]
# `import mspt` would load torch: an empty module with the path of the package takes its place.
PROGRAM = """
import sys, types
package = types.ModuleType("mspt")
package.__path__ = [sys.argv.pop(1)]
sys.modules["mspt"] = package
from mspt.data.brought._process import main
main()
"""
_PASSED = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "HOME",
           "TMPDIR", "TEMP", "TMP", "LANG", "SYSTEMROOT", "SYSTEMDRIVE", "PATHEXT")  # fmt: skip
"""Environment variables that the process gets; others may hold secrets."""
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "VTK_SMP_MAX_THREADS": "1"}


@dataclass(frozen=True, kw_only=True, eq=False)
class FileArrays:
    """What a file holds.

    Attributes:
        name: Of the file, for messages.
        arrays: Numbers by name; the one array of an ``.npy`` file is named ``""``.
        texts: Lists of texts by name.
    """

    name: str
    arrays: Mapping[str, ndarray]
    texts: Mapping[str, list[str]] = field(default_factory=dict)


def read_file(content: bytes, name: str) -> FileArrays:
    """Return the arrays of a file of numbers or points.

    Args:
        content: Of the file.
        name: Of the file; its ending says how it is read.

    Raises:
        DataError: If it is of another kind, too large or damaged.
        OutputError: If it cannot be stored for the process that reads it.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(
            f"file must be one of {', '.join(SUFFIXES)}, got {Path(name).name[:80]}; save it as one"
        )
    if len(content) > MAX_BYTES:
        raise _refused(name, f"which is larger than {MAX_BYTES // 1024**2} MB")
    if not content:
        raise _refused(name, "which is empty")
    try:
        with TemporaryDirectory(prefix="mspt-data-") as folder:
            path = Path(folder) / f"data{suffix}"
            path.write_bytes(content)
            answer = _run(path, suffix, name)
    except OSError as error:  # no space for temporary files, or no folder for them
        raise output_error(f"data{suffix}", error) from error
    return _parsed(answer, name)


def _refused(name: str, why: str) -> DataError:
    return DataError(
        f"file must be a whole file of numbers, got {Path(name).name[:80]}, {why}; save it again, "
        "or fewer cases of it"
    )


def _run(path: Path, suffix: str, name: str) -> bytes:
    """Return what the process writes that reads a file."""
    given = [str(PACKAGE), str(path), suffix, str(MEMORY), str(SECONDS)]
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-B", "-c", PROGRAM, *given],
            env={one: os.environ[one] for one in _PASSED if one in os.environ} | _ONE_THREAD,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except subprocess.TimeoutExpired as error:
        raise _refused(name, f"which takes longer than {SECONDS:g} s to read") from error
    return done.stdout


def _parsed(answer: bytes, name: str) -> FileArrays:
    """Return the arrays in the answer of the process, which a damaged file may have ended."""
    try:
        (size,) = LENGTH.unpack_from(answer)
        head, place = json.loads(answer[LENGTH.size : LENGTH.size + size]), LENGTH.size + size
        if "error" in head:
            raise _refused(name, head["error"])
        arrays = {}
        for one in head["arrays"]:
            kind, shape = np.dtype(one["type"]), tuple(one["shape"])
            count = math.prod(shape)
            arrays[one["name"]] = np.frombuffer(answer, kind, count, place).reshape(shape)
            place += count * kind.itemsize
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise _refused(name, "which cannot be read") from error
    return FileArrays(name=Path(name).name, arrays=arrays, texts=head["texts"])
