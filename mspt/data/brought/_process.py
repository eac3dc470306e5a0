"""The process that reads files of numbers, so that a damaged file cannot harm the app.

It reads one file, writes its arrays to standard output and ends. The output is a length in eight
bytes, as many bytes of JSON, and the bytes of the arrays one after the other. It imports neither
torch nor anything else of the project that takes long.
"""

import json
import math
import os
import struct
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy import ndarray

try:
    import resource
except ImportError:  # Windows
    resource = None

LENGTH = struct.Struct("<Q")
MOST_BYTES = 320 * 1024**2
"""Of all arrays of a file once they are unpacked."""
MOST_ARRAYS, MOST_TEXTS, LONGEST = 5_000, 5_000, 100
"""Arrays of a file, texts of an array, and characters of a name or a text."""
NUMBERS = "biuf"
"""Kinds of arrays that hold real numbers, as numpy calls them."""

Arrays = dict[str, ndarray]


class FileError(Exception):
    """A file is not as it must be; the message says how."""


def main() -> None:
    """Read the file that the arguments name, and write what it holds."""
    path, suffix, memory, seconds = sys.argv[1:5]
    _limit(memory=int(memory), seconds=float(seconds))
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)  # libraries may print
        try:
            arrays = read(Path(path), suffix)
        except FileError as error:
            _send(out, {"error": str(error)})
        except MemoryError:
            _send(out, {"error": "which needs too much memory to be read"})
        except Exception:  # noqa: BLE001 - a parser may fail in any way on a damaged file
            _send(out, {"error": f"which is no whole {suffix} file"})
        else:
            _send_arrays(out, arrays)


def read(path: Path, suffix: str) -> Arrays:
    """Return the arrays of a file by name; the one array of an ``.npy`` file is named ``""``.

    Raises:
        FileError: If it is too large, or holds nothing that can be used.
    """
    found = READERS[suffix](path)
    if not found:
        raise FileError("which holds no numbers")
    if sum(one.nbytes for one in found.values()) > MOST_BYTES:
        raise FileError(f"which holds more than {MOST_BYTES // 1024**2} MB of numbers")
    return found


def _limit(*, memory: int, seconds: float) -> None:
    """Limit memory and processor time of this process, and forbid it to write files."""
    if resource is None:
        return
    limits = {"AS": memory, "FSIZE": 0, "CORE": 0, "CPU": math.ceil(seconds)}
    for name, limit in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None:
            try:
                resource.setrlimit(kind, (limit, limit))
            except (ValueError, OSError):  # macOS knows some of them only
                continue


def _send(out: Any, head: Mapping[str, Any]) -> None:  # noqa: ANN401 - a file of bytes
    frame = json.dumps(head).encode()
    out.write(LENGTH.pack(len(frame)) + frame)


def _send_arrays(out: Any, arrays: Arrays) -> None:  # noqa: ANN401
    numbers = {name: one for name, one in arrays.items() if one.dtype.kind in NUMBERS}
    texts = {name: one.tolist() for name, one in arrays.items() if one.dtype.kind == "U"}
    plain = {
        name: np.ascontiguousarray(one, dtype=one.dtype.newbyteorder("<"))
        for name, one in numbers.items()
    }
    listed = [
        {"name": name, "shape": one.shape, "type": one.dtype.str} for name, one in plain.items()
    ]
    _send(out, {"arrays": listed, "texts": texts})
    for one in plain.values():
        out.write(one.tobytes())


# --- formats -------------------------------------------------------------------------------------


def _read_npz(path: Path) -> Arrays:
    try:
        with ZipFile(path) as archive:
            entries = archive.infolist()
    except (BadZipFile, zlib.error) as error:
        raise FileError("which is no whole .npz file") from error
    if len(entries) > MOST_ARRAYS:
        raise FileError(f"which holds more than {MOST_ARRAYS:,} arrays")
    if sum(entry.file_size for entry in entries) > MOST_BYTES:
        raise FileError(f"which holds more than {MOST_BYTES // 1024**2} MB of numbers")
    with np.load(path, allow_pickle=False) as file:
        return {name: found for name in file.files if _is_usable(name, found := file[name])}


def _read_npy(path: Path) -> Arrays:
    with path.open("rb") as file:
        found = np.lib.format.read_array(file, allow_pickle=False)
    return {"": found} if found.dtype.kind in NUMBERS else {}


def _is_usable(name: str, values: object) -> bool:
    """Return whether an array holds real numbers, or a few short texts."""
    if not isinstance(values, ndarray) or len(name) > LONGEST:
        return False
    is_text = values.dtype.kind == "U" and values.ndim == 1 and len(values) <= MOST_TEXTS
    return values.dtype.kind in NUMBERS or (is_text and values.dtype.itemsize <= 4 * LONGEST)


def _read_mat(path: Path) -> Arrays:
    import scipy.io

    try:
        known = scipy.io.whosmat(path)
        sizes = {name: 8 * math.prod(shape) for name, shape, kind in known if kind != "struct"}
        if sum(sizes.values()) > MOST_BYTES:
            raise FileError(f"which holds more than {MOST_BYTES // 1024**2} MB of numbers")
        read = scipy.io.loadmat(path, variable_names=list(sizes))
    except NotImplementedError as error:
        raise FileError("of MATLAB's version 7.3; save it with -v7") from error
    return {
        name: read[name]
        for name in sizes
        if isinstance(read.get(name), ndarray) and read[name].dtype.kind in NUMBERS
    }


def _read_csv(path: Path) -> Arrays:
    """Return the columns of a table; they are named in its first line."""
    import pandas as pd

    with path.open("rb") as file:
        first = file.readline(1 << 16).decode("utf-8-sig", errors="replace")
    separator = max(",;\t", key=first.count)
    if separator not in first:
        raise FileError("without columns that are separated by commas")
    table = pd.read_csv(path, sep=separator, skipinitialspace=True, encoding="utf-8-sig")
    if len(table.columns) > MOST_ARRAYS:
        raise FileError(f"with more than {MOST_ARRAYS:,} columns")
    words = [str(name) for name in table if table[name].dtype.kind not in NUMBERS]
    if words:
        raise FileError(
            f"whose column {words[0].strip()[:LONGEST]!r} holds other things than numbers"
        )
    return {str(name).strip()[:LONGEST]: table[name].to_numpy() for name in table}


def _read_vtp(path: Path) -> Arrays:
    """Return points as ``x``, ``y`` and ``z``, point data by name, and triangles."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkOutputWindow, vtkStringOutputWindow
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    messages = vtkStringOutputWindow()
    vtkOutputWindow.SetInstance(messages)
    reader = vtkXMLPolyDataReader()
    reader.SetFileName(str(path))
    reader.Update()
    data = reader.GetOutput()
    if "ERROR" in str(messages.GetOutput()) or data.GetNumberOfPoints() == 0:
        raise FileError("which is no whole .vtp file with points")
    found: Arrays = dict(zip("xyz", vtk_to_numpy(data.GetPoints().GetData()).T, strict=True))
    held = data.GetPointData()
    for index in range(min(held.GetNumberOfArrays(), MOST_ARRAYS)):
        array = held.GetArray(index)  # None for texts
        if array is not None and array.GetName():
            found |= _channels(array.GetName()[:LONGEST], vtk_to_numpy(array))
    cells = data.GetPolys()
    if (
        cells.GetNumberOfCells()
        and cells.GetNumberOfConnectivityIds() == 3 * cells.GetNumberOfCells()
    ):
        found["triangles"] = vtk_to_numpy(cells.GetConnectivityArray()).reshape(-1, 3)
    return found


def _channels(name: str, values: ndarray) -> Arrays:
    """Return the components of an array as columns: ``u_x``, ``u_y`` and so on of vectors."""
    if values.ndim == 1:
        return {name: values}
    letters = "xyz" if values.shape[1] <= 3 else [str(index) for index in range(values.shape[1])]
    return {f"{name}_{letters[index]}": column for index, column in enumerate(values.T)}


READERS: Mapping[str, Callable[[Path], Arrays]] = {
    ".npz": _read_npz,
    ".npy": _read_npy,
    ".mat": _read_mat,
    ".csv": _read_csv,
    ".vtp": _read_vtp,
}

if __name__ == "__main__":
    main()
