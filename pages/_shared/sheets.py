"""Samples in two dimensions as flat pictures."""

import math

import numpy as np
from scipy.spatial import Delaunay

from mspt.data.case import Quantity
from mspt.data.registry import get_dataset
from mspt.figures.charts.raster import Raster, grid_raster, triangle_raster
from mspt.inference.sample import Sample
from pages._shared.datasets import primary_quantity


def raster_of(sample: Sample) -> Raster:
    """Return how the fields of a sample become images."""
    dataset, points = get_dataset(sample.dataset), sample.points.numpy()
    shape = dataset.grid_shape
    # A grid that is not the same in all cases is bent.
    if shape and dataset.shared_points is not None and math.prod(shape) == len(points):
        return grid_raster(points, shape)
    # Points without triangles of their own are joined to neighbors, for display only.
    triangles = Delaunay(points).simplices if sample.triangles is None else sample.triangles
    return triangle_raster(points, np.asarray(triangles, dtype=np.int64))


def primary_fields(sample: Sample, fields) -> tuple[Quantity, np.ndarray, np.ndarray]:
    """Return the quantity that scores are about, its truth and its prediction."""
    quantity = primary_quantity(get_dataset(sample.dataset))
    truth, predicted = (
        sample.layout.named(values.numpy())[quantity.name] for values in (sample.truth, fields)
    )
    if quantity.components:  # a picture shows one number at a point: the length of a vector
        truth, predicted = (np.linalg.norm(values, axis=1) for values in (truth, predicted))
    return quantity, truth, predicted
