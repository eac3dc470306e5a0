"""Run records: files from which a prediction of a shape is repeated and compared."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from mspt.errors import DataError
from mspt.inference.shapes import ShapeResult

RECORD_FORMAT = "mspt-run/2"
"""The format of run records. Version 1 held fields of the file's triangles, not of the body's."""

NUM_RECORDED = 2000
"""Values of a field in a run record: enough to notice any change, in a file of about 100 kB."""


def run_record(result: ShapeResult, *, checkpoint: Path, shape: Path) -> dict[str, Any]:
    """Return a record to repeat a prediction with, and to compare the repeated one against.

    Args:
        result: The prediction.
        checkpoint: File of the model.
        shape: File of the shape.

    Returns:
        Values that JSON can hold: paths and SHA-256 of both files, placement, seed, device,
        versions, C_D and C_L, and evenly chosen values of C_p and C_f of the triangles.
    """
    placement = asdict(result.placement) if result.placement else "as is"
    return {
        "format": RECORD_FORMAT,
        "checkpoint": {"path": str(checkpoint), "sha256": file_hash(checkpoint)},
        "shape": {"path": str(shape), "sha256": file_hash(shape)},
        "placement": placement,
        "reading": asdict(result.shape.reading),
        "seed": result.seed,
        "device": result.prediction.device,
        "versions": {name: version(name) for name in ("torch", "numpy", "libigl", "manifold3d")},
        "C_D": result.prediction.coefficients.C_D,
        "C_L": result.prediction.coefficients.C_L,
        "Cp": _thinned(result.prediction.cell_pressure),
        "Cf": _thinned(result.prediction.cell_shear.ravel()),
    }


def largest_difference(result: ShapeResult, recorded: Mapping[str, Any]) -> float:
    """Return the largest difference of C_p, C_f, C_D and C_L from those of a run record."""
    now = {
        "Cp": _thinned(result.prediction.cell_pressure),
        "Cf": _thinned(result.prediction.cell_shear.ravel()),
        "C_D": [result.prediction.coefficients.C_D],
        "C_L": [result.prediction.coefficients.C_L],
    }
    return max(
        float(np.abs(np.asarray(value) - np.atleast_1d(recorded[name])).max())
        for name, value in now.items()
    )


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_run_record(path: Path) -> dict[str, Any]:
    """Read the run record of a prediction.

    Raises:
        DataError: If the file is not a run record.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        known = found["format"] == RECORD_FORMAT
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"run record must be a JSON file written by predict, got {path.name}"
        ) from error
    if not known:
        raise DataError(
            f"run record must have the format {RECORD_FORMAT}, got {found['format']!r}; "
            "predict the shape again"
        )
    return found


def _thinned(values: ndarray) -> list[float]:
    """Return evenly chosen values, exact in float64."""
    count = min(NUM_RECORDED, len(values))
    rows = np.unique(np.linspace(0, len(values) - 1, count).round().astype(int))
    return [float(value) for value in values[rows]]
