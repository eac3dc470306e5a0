"""Cases as files that other programs read.

Letters: N points, C fields.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float32
from torch import Tensor

from mspt.data.case import Case
from mspt.data.registry import get_dataset
from mspt.errors import DataError

FORMATS = (".npz", ".csv", ".vtp")


def case_table(case: Case, prediction: Float32[Tensor, "N C"] | None = None) -> pd.DataFrame:
    """Return one row per point: coordinates, features, truth and, where given, the prediction.

    Columns of fields end in ``_truth``, ``_prediction`` and ``_error``; the error is prediction
    minus truth, all in the field's unit.
    """
    dataset = get_dataset(case.dataset)
    columns = dict(zip("xyz", case.points.numpy().T, strict=False))
    for index, feature in enumerate(dataset.features):
        columns[feature.name] = case.features[:, index].numpy()
    for index, field in enumerate(dataset.fields):
        truth = case.fields[:, index].numpy()
        columns[f"{field.name}_truth"] = truth
        if prediction is not None:
            columns[f"{field.name}_prediction"] = prediction[:, index].numpy()
            columns[f"{field.name}_error"] = prediction[:, index].numpy() - truth
    return pd.DataFrame(columns)


def write_case(path: Path, case: Case, prediction: Float32[Tensor, "N C"] | None = None) -> None:
    """Write a case with its truth and, where given, its prediction.

    Args:
        path: ``.npz`` for numpy, ``.csv`` for tables, ``.vtp`` for ParaView.
        case: The case.
        prediction: Predicted fields in physical units.

    Raises:
        DataError: If the suffix is none of these.
    """
    if path.suffix not in FORMATS:
        raise DataError(f"--out must end in one of {', '.join(FORMATS)}, got {path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    table = case_table(case, prediction)
    match path.suffix:
        case ".csv":
            table.to_csv(path, index=False, float_format="%.7g")
        case ".npz":
            arrays = {name: table[name].to_numpy() for name in table}
            np.savez_compressed(path, **arrays, **_triangles(case))  # pyright: ignore[reportArgumentType]
        case _:
            _write_vtp(path, case, table)


def _triangles(case: Case) -> dict[str, np.ndarray]:
    return {} if case.triangles is None else {"triangles": case.triangles.numpy()}


def _write_vtp(path: Path, case: Case, table: pd.DataFrame) -> None:
    import pyvista as pv

    flat = case.points.shape[1] == 2
    points = np.pad(case.points.numpy(), ((0, 0), (0, 1))) if flat else case.points.numpy()
    mesh = (
        pv.PolyData(points)
        if case.triangles is None
        else pv.PolyData.from_regular_faces(points, case.triangles.numpy())
    )
    for name in table.columns.difference(list("xyz")):
        mesh.point_data[name] = table[name].to_numpy()
    mesh.save(path)
