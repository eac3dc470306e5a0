"""Run records: files from which a prediction of a shape is repeated and compared."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from types import UnionType
from typing import Any, cast

import numpy as np
from numpy import ndarray

from mspt.errors import DataError
from mspt.inference.shapes import ShapeResult
from mspt.reading import read_object, shortened

RECORD_FORMAT = "mspt-run/2"
"""The format of run records. Version 1 held fields of the file's triangles, not of the body's."""

AGAIN = "predict the shape again"
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
    """Return the largest difference of C_p, C_f, C_D and C_L from those of a run record.

    Raises:
        DataError: If the record is of a shape with other triangles.
    """
    now = {
        "Cp": _thinned(result.prediction.cell_pressure),
        "Cf": _thinned(result.prediction.cell_shear.ravel()),
        "C_D": [result.prediction.coefficients.C_D],
        "C_L": [result.prediction.coefficients.C_L],
    }
    if any(len(value) != len(np.atleast_1d(recorded[name])) for name, value in now.items()):
        raise DataError(
            f"shape must have the triangles of the recorded one, got others; {AGAIN} for a new "
            "record"
        )
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
    found = read_object(
        path, rule="run record must be a JSON file written by predict", advice=AGAIN
    )
    if (written := found.get("format")) != RECORD_FORMAT:
        raise DataError(
            f"run record must have the format {RECORD_FORMAT}, got {shortened(written)}; {AGAIN}"
        )
    if wrong := [name for name, kind in RECORDED.items() if not kind(found.get(name))]:
        raise DataError(
            f"run record must hold {', '.join(RECORDED)}, got none or another kind of "
            f"{', '.join(wrong)}; {AGAIN}"
        )
    return found


def _has(value: object, names: tuple[str, ...], kind: type | UnionType) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), kind) for name in names)


def _is_placement(value: object) -> bool:
    return value == "as is" or (
        _has(value, ("unit", "forward", "up"), str)
        and _has(value, ("clearance", "length_m"), float | int)
        and len(cast(dict, value)) == 5
    )


def _are_numbers(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, float | int) for one in value)


RECORDED: Mapping[str, Callable[[object], bool]] = {
    "checkpoint": lambda value: _has(value, ("path", "sha256"), str),
    "shape": lambda value: _has(value, ("path", "sha256"), str),
    "placement": _is_placement,
    "reading": lambda value: _has(value, ("half", "domain"), str) and len(cast(dict, value)) == 2,
    "seed": lambda value: isinstance(value, int),
    "device": lambda value: isinstance(value, str),
    "versions": lambda value: isinstance(value, dict),
    "C_D": lambda value: isinstance(value, float),
    "C_L": lambda value: isinstance(value, float),
    "Cp": _are_numbers,
    "Cf": _are_numbers,
}
"""What a run record holds, and how each part is recognized."""


def _thinned(values: ndarray) -> list[float]:
    """Return evenly chosen values, exact in float64."""
    count = min(NUM_RECORDED, len(values))
    rows = np.unique(np.linspace(0, len(values) - 1, count).round().astype(int))
    return [float(value) for value in values[rows]]
