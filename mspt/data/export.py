"""Points with their fields as tables and as files that other programs read.

Letters: N points, X space axes, F features, C output channels, T triangles.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from mspt.data.capabilities import TimeFrames
from mspt.data.case import Case
from mspt.data.files import write_arrays
from mspt.data.frames import timed_names
from mspt.data.layout import Layout
from mspt.data.registry import get_dataset
from mspt.errors import DataError
from mspt.geometry.files.writers import write_polydata
from mspt.writing import write_bytes

FORMATS = (".npz", ".csv", ".vtp")


def point_table(
    points: Float[Tensor, "N X"],
    layout: Layout,
    *,
    truth: Float[Tensor, "N C"] | None,
    predictions: Mapping[str, Float[Tensor, "N C"]],
    features: Float[Tensor, "N F"] | None = None,
    num_surface: int = 0,
    time: TimeFrames | None = None,
) -> pd.DataFrame:
    """Return one row a point: coordinates, features, truth, each prediction and its error.

    Columns of fields end in ``_truth``, ``_prediction`` and ``_error``; the error is prediction
    minus truth, in the field's unit. Where there are several predictions, their names stand before
    these. Channels are NaN at points where they are not defined. Those of frames in time are named
    after their time, such as ``vorticity_t11`` or ``u_x_t0.2667ms``, and not after their number.

    Args:
        points: Coordinates.
        layout: What the channels are.
        truth: Fields of the solver; None where they are not known, and no errors either.
        predictions: Predicted fields by the name of what predicted them.
        features: Features to list; None for none of them.
        num_surface: Points on a body, which come first; they get a column of their own.
        time: Frames in time; None for steady fields.
    """
    words = {} if time is None else timed_names(layout, time)
    columns = dict(zip("xyz", points.numpy().T, strict=False))
    if features is not None:
        read = [words.get(channel, channel) for channel in layout.feature_channels]
        columns |= dict(zip(read, features.numpy().T, strict=True))
    on_body = np.arange(len(points)) < num_surface
    if num_surface:
        columns["on_surface"] = on_body.astype(int)
    for index, channel in enumerate(layout.field_channels):
        part = layout.part_of(channel) if num_surface else "all"
        known = np.ones(len(points), bool) if part == "all" else on_body == (part == "surface")
        named = words.get(channel, channel)
        true = None if truth is None else np.where(known, truth[:, index].numpy(), np.nan)
        if true is not None:
            columns[f"{named}_truth"] = true
        for name, predicted in predictions.items():
            start = named if len(predictions) == 1 else f"{named}_{name}"
            found = np.where(known, predicted[:, index].numpy(), np.nan)
            columns[f"{start}_prediction"] = found
            if true is not None:
                columns[f"{start}_error"] = found - true
    return pd.DataFrame(columns)


def case_table(case: Case, prediction: Float[Tensor, "N C"] | None = None) -> pd.DataFrame:
    """Return the table of a case with its features and, where given, one prediction."""
    dataset = get_dataset(case.dataset)
    return point_table(
        case.points,
        dataset.layout,
        truth=case.fields,
        predictions={} if prediction is None else {"model": prediction},
        features=case.features,
        time=dataset.time,
    )


def csv_bytes(table: pd.DataFrame) -> bytes:
    """Return a table as a CSV file with seven significant digits, those of single precision."""
    return table.to_csv(index=False, float_format="%.7g").encode()


def write_case(path: Path, case: Case, prediction: Float[Tensor, "N C"] | None = None) -> None:
    """Write a case with its truth and, where given, its prediction.

    Args:
        path: ``.npz`` for numpy, ``.csv`` for tables, ``.vtp`` for ParaView.
        case: The case.
        prediction: Predicted fields in physical units.

    Raises:
        DataError: If the suffix is none of these.
    """
    triangles = None if case.triangles is None else case.triangles.numpy()
    write_points(path, case_table(case, prediction), case.points.numpy(), triangles)


def write_points(
    path: Path,
    table: pd.DataFrame,
    points: Float[ndarray, "N X"],
    triangles: Int[ndarray, "T 3"] | None,
) -> None:
    """Write a table of points as ``.csv``, ``.npz`` or ``.vtp``, with triangles where there are.

    Raises:
        DataError: If the suffix is none of these.
    """
    check_format(path)
    match path.suffix:
        case ".csv":
            write_bytes(path, csv_bytes(table))
        case ".npz":
            arrays = {name: table[name].to_numpy() for name in table}
            if triangles is not None:
                arrays["triangles"] = triangles
            write_arrays(path, arrays)
        case _:
            _write_vtp(path, table, points, triangles)


def check_format(path: Path) -> None:
    """Refuse a file of a format that points are not written in.

    Raises:
        DataError: With the suffixes that can be written.
    """
    if path.suffix not in FORMATS:
        raise DataError(f"--out must end in one of {', '.join(FORMATS)}, got {path.name}")


def _write_vtp(
    path: Path,
    table: pd.DataFrame,
    points: Float[ndarray, "N X"],
    triangles: Int[ndarray, "T 3"] | None,
) -> None:
    import pyvista as pv  # takes a second, which most programs need not spend

    in_space = np.pad(points, ((0, 0), (0, 3 - points.shape[1])))
    mesh = (
        pv.PolyData(in_space)
        if triangles is None
        else pv.PolyData.from_regular_faces(in_space, triangles)
    )
    for name in table.columns.difference(list("xyz")):
        mesh.point_data[name] = table[name].to_numpy()
    write_polydata(path, mesh)
