"""Samples in two dimensions as flat pictures."""

import numpy as np
from scipy.spatial import Delaunay

from mspt.data.registry import get_dataset
from mspt.figures.charts.raster import Raster, grid_raster, is_lattice, triangle_raster
from mspt.inference.sample import Sample


def raster_of(sample: Sample) -> Raster:
    """Return how the fields of a sample become images."""
    dataset, points = get_dataset(sample.dataset), sample.points.numpy()
    if dataset.grid_shape is not None and is_lattice(points, dataset.grid_shape):
        return grid_raster(points, dataset.grid_shape)
    # Points without triangles of their own are joined to neighbors, for display only.
    triangles = Delaunay(points).simplices if sample.triangles is None else sample.triangles
    return triangle_raster(points, np.asarray(triangles, dtype=np.int64), box=dataset.focus)
