"""Small files in the layouts of the six standard sets as published, and their data sets.

File names, names of arrays, their order of axes and channels are the published ones; grids are
smaller, and there are few cases.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import scipy
from numpy import ndarray

from mspt.config import Preset
from mspt.data.dataset import Dataset
from mspt.data.grids import coarser_grid, grid_triangles
from mspt.data.registry import get_dataset

SPLITS = {"train": 4, "validation": 2, "test": 3}
SMALL = {  # first row of the test cases, shapes of a case's arrays, grid of its points
    "elasticity_public": (9, ((12, 2), (12,)), None),
    "plasticity_public": (9, ((7,), (7, 5, 20, 4)), (7, 5)),
    "airfoil_public": (6, ((9, 5), (9, 5), (5, 9, 5)), (9, 5)),
    "pipe_public": (6, ((6, 7), (6, 7), (3, 6, 7)), (6, 7)),
    "navier_stokes_public": (9, ((8, 8, 20),), (8, 8)),
    "darcy_public": (0, ((21, 21), (21, 21)), (5, 5)),
}
NUM_ROWS = 12


def small(name: str) -> Dataset:
    """Return a published data set with fewer cases, smaller grids and a tiny default run."""
    dataset = get_dataset(name)
    first_test, shapes, grid = SMALL[name]
    arrays = tuple(
        replace(array, shape=shape)
        for array, shape in zip(dataset.source.arrays, shapes, strict=True)
    )
    model = replace(dataset.presets[name].model, width=16, num_heads=2, num_blocks=1, num_patches=3)
    # The published sizes but for the schedule: one epoch, at once with the full rate.
    train = replace(dataset.presets[name].train, epochs=1, batch_size=2, warmup=0.0)
    return replace(
        dataset,
        splits=SPLITS,
        source=replace(dataset.source, arrays=arrays, first_test=first_test),
        presets={name: Preset(dataset=name, model=model, train=train)},
        grid_shape=None if dataset.grid_shape is None else grid,
        coarsen=None if grid is None else partial(coarser_grid, grid),
        make_triangles=None if grid is None else partial(grid_triangles, grid),
    )


def write_small(folder: Path, name: str, *, seed: int = 0) -> dict[str, dict[str, ndarray]]:
    """Write the files of a small data set; return what they hold by the names of file and array."""
    _, shapes, _ = SMALL[name]
    arrays, rng = get_dataset(name).source.arrays, np.random.default_rng(seed)
    files: dict[str, dict[str, ndarray]] = {}
    for array, shape in zip(arrays, shapes, strict=True):
        for file in filter(None, (array.file, array.test_file)):
            full = (*shape, NUM_ROWS) if array.last_axis else (NUM_ROWS, *shape)
            files.setdefault(file, {})[array.key] = rng.normal(size=full)
    folder.mkdir(parents=True, exist_ok=True)
    for file, held in files.items():
        if file.endswith(".mat"):
            scipy.io.savemat(folder / file, held, do_compression=True)
        else:
            np.save(folder / file, held[""])
    return files
