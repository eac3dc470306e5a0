"""Pictures of a drawn sample: at one time, where its points are then, in the window of interest."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from mspt.data.case import Quantity
from mspt.data.dataset import Dataset
from mspt.data.registry import get_dataset
from mspt.figures.charts.raster import Raster, triangle_raster, window_mesh
from mspt.inference.drawings import drawing_of
from mspt.inference.sample import Sample
from pages._shared.datasets import primary_quantity
from pages._shared.sheets import raster_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Sheet:
    """Where the points of a sample are drawn.

    Attributes:
        rows: The points that are drawn, by their index in the sample.
        points: Their places.
        raster: How values at them become an image.
    """

    rows: Int[ndarray, " M"]
    points: Float[ndarray, "M 2"]
    raster: Raster


def shown_quantity(dataset: Dataset, time: int) -> Quantity:
    """Return the field that a picture shows, at a time given by its index."""
    if dataset.time is None:
        return primary_quantity(dataset)
    of_frame = len(dataset.fields) // len(dataset.time.outputs)
    found = dataset.fields[time * of_frame : (time + 1) * of_frame]
    still = [one for one in found if one.name != _position(dataset, one)]
    return still[0]


def shown_name(dataset: Dataset, time: int) -> str:
    """Return the words for the field that a picture shows."""
    name = shown_quantity(dataset, time).name
    if dataset.time is None:
        return name
    unit = "" if dataset.time.unit == "1" else f" {dataset.time.unit}"
    return f"{name.rpartition('_')[0]} at time {dataset.time.outputs[time]:.3g}{unit}"


def _position(dataset: Dataset, of: Quantity) -> str:
    """Return the field with the places of the points in the frame of another field, if any."""
    name = drawing_of(dataset).position
    return f"{name}_{of.name.rpartition('_')[2]}" if name else ""


def sheet_of(sample: Sample, fields: Float[Tensor, "N C"], quantity: Quantity) -> Sheet:
    """Return where the points of a drawn sample are drawn.

    Args:
        sample: The sample.
        fields: Truth or prediction, which say where points are that move.
        quantity: The field of the picture.
    """
    dataset = get_dataset(sample.dataset)
    points, triangles = sample.points.numpy(), sample.triangles
    window, position = drawing_of(dataset).window, _position(dataset, quantity)
    if triangles is None or not (window or position):
        return Sheet(rows=np.arange(len(points)), points=points, raster=raster_of(sample))
    if position:
        points = dataset.layout.named(fields.numpy())[position]
    rows = np.arange(len(points))
    if window:
        rows, triangles = window_mesh(points, triangles, window)
    raster = triangle_raster(points[rows], triangles, window=window)
    return Sheet(rows=rows, points=points[rows], raster=raster)


def values_of(sample: Sample, fields: Float[Tensor, "N C"], quantity: Quantity) -> ndarray:
    """Return one number at each point: the value of a field, or the length of a vector."""
    values = get_dataset(sample.dataset).layout.named(fields.numpy())[quantity.name]
    return np.linalg.norm(values, axis=1) if quantity.components else values
