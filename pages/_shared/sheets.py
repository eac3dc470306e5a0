"""Samples in two dimensions as flat pictures."""

import numpy as np

from mspt.data.case import Quantity
from mspt.data.registry import get_dataset
from mspt.figures.charts.raster import Raster, grid_raster, triangle_raster
from mspt.inference.sample import Sample
from mspt.metrics.fields import relative_l2
from pages._shared.datasets import primary_quantity


def raster_of(sample: Sample) -> Raster:
    """Return how the fields of a sample become images."""
    shape, points = get_dataset(sample.dataset).grid_shape, sample.points.numpy()
    return (
        triangle_raster(points, sample.triangles) if shape is None else grid_raster(points, shape)
    )


def primary_fields(sample: Sample, fields) -> tuple[Quantity, np.ndarray, np.ndarray]:
    """Return the quantity that scores are about, its truth and its prediction."""
    quantity = primary_quantity(get_dataset(sample.dataset))
    channel = sample.channels.index(quantity)
    return quantity, sample.truth[:, channel].numpy(), fields[:, channel].numpy()


def case_error(sample: Sample, fields) -> float:
    """Return the relative L2 error over all channels."""
    return relative_l2(fields[None], sample.truth[None]).item()
