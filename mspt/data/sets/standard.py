"""The six standard sets as published: files of FNO (Li et al. 2021) and Geo-FNO (Li et al. 2023).

Rows, strides, the order of points and channels are those of the published loaders, and so is the
error: relative L2 of each case over all its points and channels, in physical units, mean over the
test cases. What differs, and why:

- Choices are made on validation cases of their own, the last 100 of the published training cases,
  so that 900 remain for training (800 for plasticity). The published code trains on all of them,
  has no validation, and uses the test cases in its place.
- Coordinates are scaled to a box; features and fields have mean 0 and deviation 1 over the training
  cases. There coordinates are raw (those of the pipe have mean 0 and deviation 1), and only the
  coefficient of Darcy flow, the die, and the fields of Darcy flow, elasticity and the pipe are
  scaled.
- Plasticity: all 20 times are predicted at once; there one by one, each from its time.
- Navier-Stokes: an epoch has one run of frames of each case; there all ten.

Points of unit grids are numbered row by row, x along a row, from 0 to 1 with both ends: x belongs
to the last axis of the grid. In plasticity that is the one through the block, as published.

Letters: B cases, R rows and S columns of a grid, T times.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from mspt.config import Preset
from mspt.data.case import Quantity
from mspt.data.dataset import Dataset
from mspt.data.grids import grid_triangles
from mspt.data.layout import Layout
from mspt.data.sets._public_arrays import (
    Assembled,
    PublicArray,
    PublicArrays,
    on_bent_grid,
    on_points,
    on_unit_grid,
)
from mspt.data.sets._standard_presets import ADAMW, CLIPPED, LION, MSPT, standard_presets
from mspt.data.sets.airfoil import AIRFOIL
from mspt.data.sets.darcy import DARCY
from mspt.data.sets.elasticity import ELASTICITY
from mspt.data.sets.navier_stokes import NAVIER_STOKES, NUM_INPUTS
from mspt.data.sets.pipe import PIPE
from mspt.data.sets.plasticity import PLASTICITY

FNO = "FNO of Li et al. 2021, arXiv 2010.08895; links in the repository thuml/Transolver"
GEO_FNO = "Geo-FNO of Li et al. 2023, arXiv 2207.05209; links in the repository thuml/Transolver"
NUM_VALIDATION = 100
COORDINATES = Quantity(
    name="coordinates",
    symbol="x",
    unit="as stored",
    description="Coordinates of the point once more, as in the published settings.",
    components=("x", "y"),
)


def under_die(die: Float32[ndarray, "B R"], frames: Float32[ndarray, "B R S T 4"]) -> Assembled:
    """Return pressed blocks: the height of the die over each point, all frames side by side."""
    return on_unit_grid(np.broadcast_to(die[:, :, None], frames.shape[:3]), frames)


def in_time(vorticity: Float32[ndarray, "B R S T"]) -> Assembled:
    """Return flows: the first frames are features, the other ones fields."""
    return on_unit_grid(vorticity[..., :NUM_INPUTS], vorticity[..., NUM_INPUTS:])


def _public(
    of: Dataset,
    *,
    geometry: str,
    publication: str,
    cases: tuple[int, int],
    source: PublicArrays,
    presets: dict[str, Preset],
    layout: Layout | None = None,
) -> Dataset:
    """Return the published counterpart of a data set that is generated here.

    Args:
        of: That data set: of the same equation, the same fields and the same grid.
        geometry: Domain and points.
        publication: Who published the files, and where.
        cases: Published training cases, the last of which validate here, and test cases.
        source: The files.
        presets: Training runs.
        layout: The channels, where they are others than those of ``of``.
    """
    num_train, num_test = cases
    return Dataset(
        name=f"{of.name}_public",
        title=f"{of.title} as published",
        equation=of.equation,
        geometry=geometry,
        solver="By the authors of the data.",
        licence="no licence is stated with the files",
        space_dim=2,
        layout=layout or of.layout,
        publication=publication,
        files=source.file_names,
        splits={
            "train": num_train - NUM_VALIDATION,
            "validation": NUM_VALIDATION,
            "test": num_test,
        },
        source=source,
        presets=presets,
        make_triangles=of.make_triangles,
        grid_shape=of.grid_shape,
        coarsen=of.coarsen,
        time=of.time,
    )


_DIE = replace(MSPT, in_features=1, out_channels=80)
_ON_BENT_GRID = replace(MSPT, in_features=2)
_COEFFICIENT = replace(MSPT, in_features=1, width=256, num_patches=600, unified_position=8)
_FRAMES = replace(MSPT, in_features=10, input_frames=10, rollout=10, width=256, unified_position=8)

DARCY_PUBLIC = _public(
    DARCY,
    geometry=(
        "Unit square, every fifth of 421 x 421 nodes along both axes: 85 x 85. The permeability is "
        "12 or 3."
    ),
    publication=FNO,
    cases=(1000, 200),
    source=PublicArrays(
        places=(".", "darcy", "Darcy_421"),
        sign="piececonst_r421_N1024_smooth[12].mat",
        arrays=tuple(
            PublicArray(
                file="piececonst_r421_N1024_smooth1.mat",
                test_file="piececonst_r421_N1024_smooth2.mat",
                key=key,
                shape=(421, 421),
                pick=(slice(None, None, 5), slice(None, None, 5)),
            )
            for key in ("coeff", "sol")
        ),
        first_test=0,
        assemble=on_unit_grid,
    ),
    presets=standard_presets(
        "darcy_public",
        _COEFFICIENT,
        replace(LION, warmup=0.05, derivative_weight=0.1),
        transolver=replace(_COEFFICIENT, width=128, mlp_ratio=1, structured_shape=(85, 85)),
        transolver_train=replace(CLIPPED, batch_size=4, derivative_weight=0.1),
    ),
)

_UNIT_CELL = "Random_UnitCell_{}_10.npy"
ELASTICITY_PUBLIC = replace(
    _public(
        ELASTICITY,
        geometry="Unit cell with a hole about its center, 972 scattered points.",
        publication=GEO_FNO,
        cases=(1000, 200),
        source=PublicArrays(
            places=(".", "Meshes", "elasticity/Meshes", "elasticity"),
            sign="Random_UnitCell_*_10.npy",
            arrays=(
                PublicArray(file=_UNIT_CELL.format("XY"), shape=(972, 2), last_axis=True),
                PublicArray(file=_UNIT_CELL.format("sigma"), shape=(972,), last_axis=True),
            ),
            first_test=1800,
            assemble=on_points,
        ),
        presets=standard_presets(
            "elasticity_public",
            MSPT,
            LION,
            transolver=replace(MSPT, mlp_ratio=1),
            transolver_train=replace(CLIPPED, batch_size=1),
        ),
    ),
    make_triangles=None,  # the points are not the rings of those generated here
    coarsen=None,
)

PLASTICITY_PUBLIC = replace(
    _public(
        PLASTICITY,
        geometry="Block under a die; unit square in place of the block, 101 x 31 points, 20 times.",
        publication=GEO_FNO,
        cases=(900, 80),
        source=PublicArrays(
            places=(".", "plasticity"),
            sign="plas_N987_T20.mat",
            arrays=(
                PublicArray(file="plas_N987_T20.mat", key="input", shape=(101,)),
                PublicArray(file="plas_N987_T20.mat", key="output", shape=(101, 31, 20, 4)),
            ),
            first_test=907,
            assemble=under_die,
        ),
        presets=standard_presets(
            "plasticity_public",
            _DIE,
            ADAMW,
            transolver=replace(_DIE, mlp_ratio=1, structured_shape=(101, 31)),
            transolver_train=CLIPPED,
        ),
    ),
    make_triangles=partial(grid_triangles, (101, 31)),
)


def _bent_files(
    stem: str, shape: tuple[int, int], *, num_fields: int, field: int, places: tuple[str, ...]
) -> PublicArrays:
    """Return files of coordinates X and Y and of several fields Q, of which one is predicted."""
    return PublicArrays(
        places=(".", *places),
        sign=f"{stem}_[XYQ].npy",
        arrays=(
            PublicArray(file=f"{stem}_X.npy", shape=shape),
            PublicArray(file=f"{stem}_Y.npy", shape=shape),
            PublicArray(file=f"{stem}_Q.npy", shape=(num_fields, *shape), pick=(field,)),
        ),
        first_test=1000,
        assemble=on_bent_grid,
    )


AIRFOIL_PUBLIC = _public(
    AIRFOIL,
    geometry="C-grid of 221 x 51 points around deformed airfoils of the NACA 0012 kind.",
    publication=GEO_FNO,
    cases=(1000, 200),
    source=_bent_files(
        "NACA_Cylinder", (221, 51), num_fields=5, field=4, places=("naca", "airfoil/naca")
    ),
    presets=standard_presets(
        "airfoil_public",
        replace(_ON_BENT_GRID, num_patches=106),
        replace(CLIPPED, weight_decay=1e-4),
        transolver=replace(_ON_BENT_GRID, mlp_ratio=1, structured_shape=(221, 51)),
        transolver_train=replace(CLIPPED, batch_size=4),
    ),
    layout=replace(AIRFOIL.layout, features=(COORDINATES,)),
)

PIPE_PUBLIC = _public(
    PIPE,
    geometry="Curved pipes, grid of 129 x 129 points.",
    publication=GEO_FNO,
    cases=(1000, 200),
    source=_bent_files("Pipe", (129, 129), num_fields=3, field=0, places=("pipe",)),
    presets=standard_presets(
        "pipe_public",
        replace(_ON_BENT_GRID, num_patches=64),
        replace(ADAMW, batch_size=4),
        transolver=replace(_ON_BENT_GRID, structured_shape=(129, 129)),
        transolver_train=CLIPPED,
    ),
    layout=replace(PIPE.layout, features=(COORDINATES,)),
)

NAVIER_STOKES_PUBLIC = _public(
    NAVIER_STOKES,
    geometry="Unit square with periodic edges, 64 x 64 grid, viscosity 1e-5; times 1 to 20.",
    publication=FNO,
    cases=(1000, 200),
    source=PublicArrays(
        places=(".", "NavierStokes_V1e-5_N1200_T20"),
        sign="NavierStokes_V1e-5_N1200_T20.mat",
        arrays=(PublicArray(file="NavierStokes_V1e-5_N1200_T20.mat", key="u", shape=(64, 64, 20)),),
        first_test=1000,
        assemble=in_time,
    ),
    presets=standard_presets(
        "navier_stokes_public",
        _FRAMES,
        replace(ADAMW, batch_size=2),
        transolver=replace(_FRAMES, mlp_ratio=1, num_slices=32, structured_shape=(64, 64)),
        transolver_train=replace(ADAMW, batch_size=2),
    ),
)

STANDARD = (
    ELASTICITY_PUBLIC,
    PLASTICITY_PUBLIC,
    AIRFOIL_PUBLIC,
    PIPE_PUBLIC,
    NAVIER_STOKES_PUBLIC,
    DARCY_PUBLIC,
)
"""In the order of the paper's table."""

SCALED_BY_AUTHORS: Mapping[str, tuple[str, ...]] = {
    ELASTICITY_PUBLIC.name: ("fields",),
    PLASTICITY_PUBLIC.name: ("features",),
    AIRFOIL_PUBLIC.name: (),
    PIPE_PUBLIC.name: ("points", "features", "fields"),
    NAVIER_STOKES_PUBLIC.name: (),
    DARCY_PUBLIC.name: ("features", "fields"),
}
"""What the authors' scripts normalize in training; all else is fed as it is in the files."""
