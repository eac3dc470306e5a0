"""Two small data sets, each in one value as a new data set would be: a steady one and one in time.

Their "solvers" are closed formulas, so that a case takes no time.
"""

import numpy as np
import torch
from numpy import ndarray

from mspt.config import ModelConfig, Preset, TrainConfig
from mspt.data.capabilities import Drawing, TimeFrames, frames_of
from mspt.data.case import Case, Quantity
from mspt.data.dataset import Dataset
from mspt.data.grids import grid_points, grid_triangles
from mspt.data.layout import FieldGroup, Layout
from mspt.data.stacked import STACKED
from mspt.errors import SolverError

NUM_POINTS = 80
SHAPE = 9, 10
TIMES_IN, TIMES_OUT = (0.0, 0.1), (0.2, 0.3, 0.4)
SPLITS = {"train": 6, "validation": 2, "test": 3}

_HEAT = Quantity(name="heat", symbol="T", unit="K", description="Temperature.")
_FLUX = Quantity(
    name="flux", symbol="q", unit="W/m^2", description="Flux.", components=("q_x", "q_y")
)
_SOURCE = Quantity(name="source", symbol="s", unit="W", description="Distance from the source.")


def tiny_model(**changes: object) -> ModelConfig:
    settings = {"space_dim": 2, "width": 16, "num_heads": 2, "num_blocks": 2, "num_patches": 4}
    return ModelConfig(**{**settings, **changes})


def warm_disc(middle: ndarray, points: torch.Tensor, name: str) -> Case:
    """Return temperature and flux around a source in the middle of a disc."""
    away = points - torch.from_numpy(middle).float()
    distance = away.norm(dim=1, keepdim=True)
    heat = 300 + 50 * torch.exp(-4 * distance**2)
    flux = 400 * away * (heat - 300) / 50
    return Case(
        dataset="toy",
        name=name,
        points=points,
        features=distance,
        fields=torch.cat([heat, flux], dim=1),
    )


def make_toy(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    points = torch.from_numpy(rng.random((NUM_POINTS, 2)).astype(np.float32))
    return warm_disc(rng.uniform(0.3, 0.7, 2), points, f"toy-seed-{seed}")


def solve_outline(polygon: ndarray) -> Case:
    if len(polygon) < 3:
        raise SolverError(f"polygon must have three corners, got {len(polygon)}")
    points = make_toy(0).points
    return warm_disc(polygon.mean(axis=0), points, "drawing")


def triangle(seed: int) -> ndarray:  # noqa: ARG001 - the same for every seed
    return np.array([[0.2, 0.2], [0.8, 0.3], [0.5, 0.8]])


TOY = Dataset(
    name="toy",
    title="Warm disc",
    equation=r"-\nabla^2 T = s",
    geometry="Eighty random points of the unit square around a source.",
    solver="A closed formula.",
    licence="MIT",
    space_dim=2,
    layout=Layout(
        features=(_SOURCE,),
        fields=(_HEAT, _FLUX),
        groups=(FieldGroup("heat", "all", "heat"), FieldGroup("flux", "all", "flux")),
    ),
    splits=SPLITS,
    source=STACKED,
    presets={
        "toy": Preset(
            dataset="toy",
            model=tiny_model(in_features=1, out_channels=3),
            train=TrainConfig(epochs=2),
        )
    },
    seconds_per_case=0.001,
    make_case=make_toy,
    drawing=Drawing(
        kind="outline",
        key="polygon",
        shape=(None, 2),
        hint="Draw around the source.",
        invitation=("Draw a source", "The formula follows."),
        first_example="Triangle",
        solve=solve_outline,
        examples={"Triangle": triangle},
    ),
)


def make_wave(seed: int) -> Case:
    """Return a wave that runs along x, two frames to read and three to predict."""
    rng = np.random.default_rng(seed)
    points = grid_points(SHAPE)
    phase, speed = rng.uniform(0, 6), rng.uniform(0.5, 1)
    frames = torch.stack(
        [
            torch.sin(6 * (points[:, 0] - speed * time) + phase) * (1 + points[:, 1])
            for time in (*TIMES_IN, *TIMES_OUT)
        ],
        dim=1,
    )
    return Case(
        dataset="toy_time",
        name=f"toy_time-seed-{seed}",
        points=points,
        features=frames[:, : len(TIMES_IN)],
        fields=frames[:, len(TIMES_IN) :],
        triangles=grid_triangles(SHAPE),
    )


def wave_points() -> torch.Tensor:
    return grid_points(SHAPE)


def wave_triangles() -> torch.Tensor:
    return grid_triangles(SHAPE)


_WAVE = Quantity(name="height", symbol="h", unit="m", description="Height of the wave.")
TOY_TIME = Dataset(
    name="toy_time",
    title="Running wave",
    equation=r"\partial_t h + c\, \partial_x h = 0",
    geometry="A 9 x 10 grid over the unit square.",
    solver="The exact solution.",
    licence="MIT",
    space_dim=2,
    layout=Layout(
        features=frames_of(_WAVE, TIMES_IN),
        fields=frames_of(_WAVE, TIMES_OUT, first=len(TIMES_IN)),
    ),
    splits=SPLITS,
    source=STACKED,
    presets={
        "toy_time": Preset(
            dataset="toy_time",
            model=tiny_model(in_features=2, out_channels=3),
            train=TrainConfig(epochs=2),
        )
    },
    seconds_per_case=0.001,
    make_case=make_wave,
    shared_points=wave_points,
    make_triangles=wave_triangles,
    grid_shape=SHAPE,
    time=TimeFrames(inputs=TIMES_IN, outputs=TIMES_OUT, unit="s"),
)
