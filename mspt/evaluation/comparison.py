"""A prediction beside its truth: field by field, point by point, patch by patch.

Letters: N points, M points that a field means something at, C output channels, K patches.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float, Float64, Int, Int64
from numpy import ndarray
from torch import Tensor

from mspt.checkpoint import Checkpoint
from mspt.inference.predict import partitions_for
from mspt.inference.sample import Sample
from mspt.models.branched import SplitPartition

Part = Literal["size", "x", "y", "z"]
PARTS: tuple[Part, ...] = ("size", "x", "y", "z")


@dataclass(frozen=True, kw_only=True)
class View:
    """A field of a sample at the points where it means something.

    Attributes:
        name: What a person calls it.
        symbol: Short, for numbers beside it.
        unit: Of its values; "1" where there is none.
        channels: Output channels: one, or three for a vector.
        where: Which points it is known at.
    """

    name: str
    symbol: str
    unit: str
    channels: tuple[int, ...]
    where: Literal["everywhere", "surface", "volume"]

    @property
    def is_vector(self) -> bool:
        """Whether it has a direction."""
        return len(self.channels) > 1


FLOW_VIEWS = (
    View(name="C_p on the body", symbol="C_p", unit="1", channels=(0,), where="surface"),
    View(name="C_f on the body", symbol="C_f", unit="1", channels=(1, 2, 3), where="surface"),
    View(name="C_p in the flow", symbol="C_p", unit="1", channels=(0,), where="volume"),
    View(
        name="Velocity change", symbol="u − U_inf", unit="U_inf", channels=(4, 5, 6), where="volume"
    ),
)
"""Fields of flows; scores are about the first one."""


def views_of(sample: Sample) -> dict[str, View]:
    """Return the fields of a sample by name; scores are about the first one."""
    if sample.num_surface:
        return {view.name: view for view in FLOW_VIEWS}
    return {
        channel.name: View(
            name=channel.name,
            symbol=channel.name,
            unit=channel.unit,
            channels=(index,),
            where="everywhere",
        )
        for index, channel in enumerate(sample.channels)
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """One number at each point of a field: truth, prediction and error.

    Attributes:
        view: The field.
        part: Which component of a vector; its size is that of the vector.
        rows: The points, by their index in the sample.
        truth: The solver's.
        prediction: The model's.
        error: Prediction minus truth; for sizes of vectors, the length of the difference.
        squared: Squared length of the difference, over all channels of the field.
        relative_l2: Of the whole field, over all its channels.
    """

    view: View
    part: Part
    rows: Int64[ndarray, " M"]
    truth: Float64[ndarray, " M"]
    prediction: Float64[ndarray, " M"]
    error: Float64[ndarray, " M"]
    squared: Float64[ndarray, " M"]
    relative_l2: float

    @property
    def signed(self) -> bool:
        """Whether the error has a sign."""
        return not (self.view.is_vector and self.part == "size")


def compare(
    sample: Sample, predicted: Float[Tensor, "N C"], view: View, *, part: Part = "size"
) -> Compared:
    """Compare one field of a prediction with the truth.

    Args:
        sample: The cloud.
        predicted: The model's fields at its points.
        view: Which field.
        part: Which component, if it is a vector.

    Raises:
        ValueError: If the truth of the sample is not known.
    """
    if sample.truth is None:
        raise ValueError(f"sample must have a truth to compare with, got none for {sample.key}")
    rows = rows_of(sample, view)
    channels = list(view.channels)
    truth, found = (
        values[rows][:, channels].double().numpy() for values in (sample.truth, predicted)
    )
    miss = found - truth
    squared = (miss**2).sum(axis=1)
    if view.is_vector and part == "size":
        numbers = [np.linalg.norm(values, axis=1) for values in (truth, found, miss)]
    else:
        axis = PARTS.index(part) - 1 if view.is_vector else 0
        numbers = [values[:, axis] for values in (truth, found, miss)]
    return Compared(
        view=view,
        part=part,
        rows=rows,
        truth=numbers[0],
        prediction=numbers[1],
        error=numbers[2],
        squared=squared,
        relative_l2=float(np.sqrt(squared.sum() / max(float((truth**2).sum()), 1e-300))),
    )


def rows_of(sample: Sample, view: View) -> Int64[ndarray, " M"]:
    """Return the points that a field means something at."""
    if view.where == "everywhere":
        return np.arange(len(sample.points))
    if view.where == "surface":
        return np.arange(sample.num_surface)
    return np.arange(sample.num_surface, len(sample.points))


def primary_error(sample: Sample, predicted: Float[Tensor, "N C"]) -> float:
    """Return the relative L2 of the field that scores are about."""
    return compare(sample, predicted, next(iter(views_of(sample).values()))).relative_l2


def patches_of(checkpoint: Checkpoint, sample: Sample) -> Int64[ndarray, " N"] | None:
    """Return the patch of each point, as a model cuts a sample; None if it cuts none.

    In a branched model the patches of the flow are counted on from those of the surface.

    Raises:
        ValueError: If no model can be asked about the sample.
    """
    if sample.features is None:
        raise ValueError(f"sample must have features, got none for {sample.key}")
    encoded = checkpoint.normalizer.encode(sample.points[None], sample.features[None])[0]
    if sample.num_surface:
        found = partitions_for(checkpoint.config, encoded, num_surface=sample.num_surface)
    else:
        found = partitions_for(checkpoint.config, encoded)
    if found is None:
        return None
    if isinstance(found[0], SplitPartition):
        surface, volume = (part.patch_of_point for part in (found[0].surface, found[0].volume))
        return np.concatenate([surface.numpy(), volume.numpy() + int(surface.max()) + 1])
    return found[0].patch_of_point.numpy()


def worst_patches(patch: Int[ndarray, " N"], compared: Compared) -> pd.DataFrame:
    """Return a row for each patch with points of a field, the largest share of the error first.

    Args:
        patch: Of each point of the sample.
        compared: The field.

    Returns:
        ``patch``; its ``points`` of the field; ``share`` of the field's squared error; ``rms``,
        the root mean square error of its points in the field's unit.
    """
    of_row = patch[compared.rows]
    count = np.bincount(of_row)
    total = np.bincount(of_row, weights=compared.squared)
    shown = np.flatnonzero(count)
    whole = max(float(compared.squared.sum()), 1e-300)
    table = pd.DataFrame(
        {
            "patch": shown,
            "points": count[shown],
            "share": total[shown] / whole,
            "rms": np.sqrt(total[shown] / count[shown]),
        }
    )
    return table.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def error_rank(compared: Compared, index: int) -> int:
    """Return how many points of a field have an error as large as one of them, itself included."""
    return int((compared.squared >= compared.squared[index]).sum())


def compared_table(sample: Sample, predictions: Mapping[str, Float[Tensor, "N C"]]) -> pd.DataFrame:
    """Return one row per point: coordinates, truth, and each prediction with its error.

    Columns end in ``_truth``, ``_prediction`` and ``_error``; where there are several predictions,
    their names stand before them. Channels are NaN where they mean nothing.

    Raises:
        ValueError: If the truth of the sample is not known.
    """
    if sample.truth is None:
        raise ValueError(f"sample must have a truth to compare with, got none for {sample.key}")
    columns = dict(zip("xyz", sample.points.numpy().T, strict=False))
    if sample.num_surface:
        columns["on_surface"] = (np.arange(len(sample.points)) < sample.num_surface).astype(int)
    for index, channel in enumerate(sample.channels):
        known = sample.where_defined(index)
        truth = np.where(known, sample.truth[:, index].numpy(), np.nan)
        columns[f"{channel.name}_truth"] = truth
        for name, predicted in predictions.items():
            start = channel.name if len(predictions) == 1 else f"{channel.name}_{name}"
            found = np.where(known, predicted[:, index].numpy(), np.nan)
            columns[f"{start}_prediction"] = found
            columns[f"{start}_error"] = found - truth
    return pd.DataFrame(columns)


def write_compared(path: Path, sample: Sample, table: pd.DataFrame) -> None:
    """Write a table of points as a ``.vtp`` file: triangles where there are some, else points."""
    import pyvista as pv

    points = sample.points.numpy()
    if points.shape[1] == 2:
        points = np.pad(points, ((0, 0), (0, 1)))
    if sample.triangles is None:
        mesh = pv.PolyData(points)
    else:
        mesh = pv.PolyData.from_regular_faces(points, sample.triangles)
    for name in table.columns.difference(list("xyz")):
        mesh.point_data[name] = table[name].to_numpy()
    mesh.save(path)
