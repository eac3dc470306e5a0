"""Files of arrays and of JSON, each of them there whole or not at all; no pickle anywhere."""

import io
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy import ndarray

from mspt.errors import DataError
from mspt.writing import write_bytes, write_text

Arrays = Mapping[str, ndarray]

DATA = Path("data")
"""Folder of generated data, below the current one."""
SHIPPED = Path(__file__).parents[2] / "assets" / "data"
"""Folder of the data that ship with the project."""


def read_arrays(path: Path) -> dict[str, ndarray]:
    """Read a file of arrays; none if there is no such file.

    Raises:
        DataError: If it cannot be read.
    """
    if not path.exists():
        return {}
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path.name} must be a file of arrays, got one that cannot be read; delete it and "
            "generate the data set again"
        ) from error


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write a file of arrays so that it is there whole or not at all.

    Raises:
        OutputError: If it cannot be written, as on a full disk.
    """
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    write_bytes(path, content.getvalue())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; empty if there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object so that it is there whole or not at all.

    Raises:
        OutputError: If it cannot be written, as on a full disk.
    """
    write_text(path, json.dumps(content) + "\n")
