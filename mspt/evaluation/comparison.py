"""A prediction beside its truth: field by field, point by point, patch by patch.

Letters: N points, M points where a field is defined, C output channels, K patches.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Float64, Int, Int64
from numpy import ndarray
from torch import Tensor

from mspt.checkpoint import Checkpoint
from mspt.data.export import point_table, write_points
from mspt.data.layout import FieldGroup, Layout, Part
from mspt.inference.frames import time_of
from mspt.inference.predict import encode_inputs
from mspt.inference.sample import Sample, features_for
from mspt.metrics.fields import relative_l2
from mspt.models.branched import SplitPartition

Component = Literal["size", "x", "y", "z"]
COMPONENTS: tuple[Component, ...] = ("size", "x", "y", "z")


@dataclass(frozen=True, kw_only=True)
class View:
    """A quantity of a sample at the points where it is defined.

    Attributes:
        name: The words for it on screen.
        symbol: Short form, for numbers beside it.
        unit: Unit of its values; "1" where there is none.
        quantity: Its name in the layout.
        is_vector: Whether it has a direction.
        where: The points where it is defined.
        description: What it is, in a sentence.
    """

    name: str
    symbol: str
    unit: str
    quantity: str
    is_vector: bool
    where: Part
    description: str = ""


def views_of(sample: Sample) -> dict[str, View]:
    """Return the fields of a sample by name; the primary score is about the first one.

    Fields on a body come before those of the flow, each in the order of the layout's fields. The
    position of the points comes last: it is what other fields are drawn at.
    """
    if sample.layout is None:
        return {}
    order = [field.name for field in sample.layout.fields]
    groups = [
        replace(group, quantity=name)
        for group in sample.layout.groups
        for name in (order if group.quantity is None else [group.quantity])
    ]
    time = time_of(sample)
    last = "" if time is None else time.positions
    groups.sort(
        key=lambda group: (
            group.quantity == last,
            group.part == "volume",
            order.index(group.quantity or ""),
        )
    )
    views = [_view(group, sample.layout) for group in groups]
    return {view.name: view for view in views}


def components_of(sample: Sample) -> tuple[Component, ...]:
    """Return what can be shown of a vector in the space of a sample: its size and components."""
    return COMPONENTS[: 1 + sample.points.shape[1]]


def _view(group: FieldGroup, layout: Layout) -> View:
    field = next(one for one in layout.fields if one.name == group.quantity)
    return View(
        name=group.title or field.name,
        symbol=field.symbol if group.title else field.name,
        unit=field.unit,
        quantity=field.name,
        is_vector=bool(field.components),
        where=group.part,
        description=field.description,
    )


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
    part: Component
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
    sample: Sample, predicted: Float[Tensor, "N C"], view: View, *, part: Component = "size"
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
    columns = slice(None) if sample.layout is None else sample.layout.columns(view.quantity)
    truth, found = (
        values[rows][:, columns].double().numpy() for values in (sample.truth, predicted)
    )
    miss = found - truth
    error = relative_l2(torch.from_numpy(found)[None], torch.from_numpy(truth)[None])
    squared = (miss**2).sum(axis=1)
    if view.is_vector and part == "size":
        numbers = [np.linalg.norm(values, axis=1) for values in (truth, found, miss)]
    else:
        axis = COMPONENTS.index(part) - 1 if view.is_vector else 0
        numbers = [values[:, axis] for values in (truth, found, miss)]
    return Compared(
        view=view,
        part=part,
        rows=rows,
        truth=numbers[0],
        prediction=numbers[1],
        error=numbers[2],
        squared=squared,
        relative_l2=error.item(),
    )


def field_errors(sample: Sample, predicted: Float[Tensor, "N C"]) -> dict[str, float]:
    """Return the relative L2 error of each field of a sample, by the field's name on screen.

    Raises:
        ValueError: If the truth of the sample is not known.
    """
    return {
        name: compare(sample, predicted, view).relative_l2
        for name, view in views_of(sample).items()
    }


def rows_of(sample: Sample, view: View) -> Int64[ndarray, " M"]:
    """Return the points where a field is defined."""
    if view.where == "all":
        return np.arange(len(sample.points))
    if view.where == "surface":
        return np.arange(sample.num_surface)
    return np.arange(sample.num_surface, len(sample.points))


def primary_error(sample: Sample, predicted: Float[Tensor, "N C"]) -> float:
    """Return the relative L2 error of the primary group of fields of the data set.

    Raises:
        ValueError: If the truth of the sample is not known.
    """
    if sample.truth is None or sample.layout is None:
        raise ValueError(f"sample must have a truth to compare with, got none for {sample.key}")
    values = (predicted[None].double(), sample.truth[None].double())
    return sample.layout.errors(*values, num_surface=sample.num_surface)[0].item()


def patches_of(checkpoint: Checkpoint, sample: Sample) -> Int64[ndarray, " N"] | None:
    """Return the patch of each point of a sample; None for a model without patches.

    In a branched model the patches of the flow are counted on from those of the surface.

    Raises:
        ValueError: If no model predicts the sample.
    """
    given = features_for(sample, checkpoint.config)
    found = encode_inputs(
        checkpoint, sample.points, given, num_surface=sample.num_surface
    ).partition
    if found is None:
        return None
    if isinstance(found, SplitPartition):
        surface, volume = (part.patch_of_point for part in (found.surface, found.volume))
        return np.concatenate([surface.numpy(), volume.numpy() + int(surface.max()) + 1])
    return found.patch_of_point.numpy()


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
    """Return one row a point: coordinates, truth, and each prediction with its error.

    The columns are those of :func:`~mspt.data.export.point_table`.

    Raises:
        ValueError: If the truth of the sample is not known.
    """
    if sample.truth is None or sample.layout is None:
        raise ValueError(f"sample must have a truth to compare with, got none for {sample.key}")
    return point_table(
        sample.points,
        sample.layout,
        truth=sample.truth,
        predictions=predictions,
        num_surface=sample.num_surface,
        time=time_of(sample),
    )


def write_compared(path: Path, sample: Sample, table: pd.DataFrame) -> None:
    """Write a table of a sample's points as a file for other programs.

    Raises:
        DataError: If the suffix of the path is not one of those that can be written.
    """
    write_points(path, table, sample.points.numpy(), sample.triangles)
