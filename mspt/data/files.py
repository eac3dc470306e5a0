"""Files of arrays and of JSON, each of them there whole or not at all; no pickle anywhere."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from mspt.reading import read_archive, read_object
from mspt.writing import write_bytes, write_text

Arrays = Mapping[str, ndarray]

DATA = Path("data")
"""Folder of generated data, below the current one."""
ANEW = "delete it and generate the data set again"
SHIPPED = Path(__file__).parents[2] / "assets" / "data"
"""Folder of the data that ship with the project."""


def read_arrays(path: Path) -> dict[str, ndarray]:
    """Read a file of arrays; none if there is no such file.

    Raises:
        DataError: If it cannot be read.
    """
    if not path.exists():
        return {}
    return read_archive(path, rule=f"{path.name} must be a file of arrays", advice=ANEW)


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write a file of arrays so that it is there whole or not at all.

    Raises:
        OutputError: If it cannot be written, as on a full disk.
    """
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    write_bytes(path, content.getvalue())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; empty if there is no such file.

    Raises:
        DataError: If it cannot be read.
    """
    if not path.exists():
        return {}
    return read_object(path, rule=f"{path.name} must be a JSON object", advice=ANEW)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object so that it is there whole or not at all.

    Raises:
        OutputError: If it cannot be written, as on a full disk.
    """
    write_text(path, json.dumps(content) + "\n")
