"""Balls as cars: files in the layouts of public data sets, and tiny models of them."""

from pathlib import Path

import numpy as np
import pyvista as pv
from numpy import ndarray

from mspt.checkpoint import Checkpoint
from mspt.config import ModelConfig
from mspt.data.clouds import Cloud
from mspt.data.dataset import Cases
from mspt.data.registry import get_dataset
from mspt.data.sets import shapenet_car
from mspt.data.sets._public import PublicCase
from mspt.training.loop import StepDone, prepare, train
from mspt.training.presets import Preset, TrainConfig

LAYERS = (1.0, 1.5, 2.25)
AWAY = (5, 11)
"""Vertices of the wall that the volume mesh has elsewhere."""


def cube_sphere(cells: int) -> tuple[ndarray, ndarray]:
    """Return vertices and outward quadrilaterals of a unit sphere, from the sides of a cube."""
    line = np.linspace(-1, 1, cells + 1)
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    node = np.arange((cells + 1) ** 2).reshape(cells + 1, cells + 1)
    square = [node[:-1, :-1], node[1:, :-1], node[1:, 1:], node[:-1, 1:]]
    quads = np.stack(square, axis=-1).reshape(-1, 4)
    corners, faces = [], []
    for axis in range(3):
        for side in (-1, 1):
            others = np.insert(grid, axis, side, axis=1)
            outward = quads if (side > 0) == (axis != 1) else quads[:, ::-1]
            faces.append(outward + len(grid) * len(corners))
            corners.append(others)
    points, inverse = np.unique(np.concatenate(corners).round(9), axis=0, return_inverse=True)
    return points / np.linalg.norm(points, axis=1, keepdims=True), inverse[np.concatenate(faces)]


def write_car(folder: Path, *, radius: float = 1.0, cells: int = 3, turned: bool = True) -> None:
    """Write a ball in a wind along +z in the published layout, hexahedra around it."""
    folder.mkdir(parents=True)
    directions, quads = cube_sphere(cells)
    wall = (radius * directions).astype(np.float32)
    if turned:
        quads = np.where((np.arange(len(quads)) % 3 == 0)[:, None], quads[:, ::-1], quads)
    surface = pv.UnstructuredGrid({pv.CellType.QUAD: quads}, wall)
    # As in potential flow, and a drag that grows with the radius.
    pressure = radius * (100 - 225 * (1 - directions[:, 2] ** 2) - 40 * directions[:, 2])
    surface.point_data["point_scalars"] = pressure.astype(np.float32)
    surface.save(folder / shapenet_car.SURFACE_FILE)
    layers = np.concatenate([wall * factor for factor in np.float32(LAYERS)])
    layers[list(AWAY)] *= 1.001
    count = len(wall)
    hexes = [
        np.concatenate([quads + level * count, quads + (level + 1) * count], axis=1)
        for level in range(len(LAYERS) - 1)
    ]
    volume = pv.UnstructuredGrid({pv.CellType.HEXAHEDRON: np.concatenate(hexes)}, layers)
    volume.point_data["point_vectors"] = wind(layers)
    volume.save(folder / shapenet_car.VOLUME_FILE)


def wind(points: ndarray) -> ndarray:
    return np.stack([points[:, 0], 2 * points[:, 1], 20 + points[:, 2]], axis=1).astype(np.float32)


def read_car(folder: Path) -> Cloud:
    return shapenet_car.read_car(folder.parent, folder.name).cloud


def tiny(dataset: str, **train_changes: object) -> Preset:
    model = ModelConfig(
        space_dim=3,
        in_features=7,
        out_channels=len(get_dataset(dataset).layout.field_channels),
        width=16,
        num_heads=2,
        num_blocks=2,
        num_patches=4,
    )
    schedule = {
        "epochs": 1,
        "batch_size": 1,
        "optimizer": "lion",
        "learning_rate": 1e-3,
        "surface_points": 60,
        "volume_points": 150,
        **train_changes,
    }
    return Preset(dataset=dataset, model=model, train=TrainConfig(**schedule))


def load_cases(
    preset: Preset, split: str, *, root: Path | None = None, limit: int | None = None
) -> Cases:
    dataset = get_dataset(preset.dataset)
    return dataset.cases(split, root=root, limit=limit, train=preset.train)


def read_cases(name: str, split: str, *, root: Path) -> list[PublicCase]:
    dataset = get_dataset(name)
    return [dataset.load(case, root=root) for case in dataset.names(split, root=root)]


def trained_checkpoint(dataset: str, root: Path) -> Checkpoint:
    preset = tiny(dataset)
    training = prepare(
        preset,
        cases=load_cases(preset, "train", root=root, limit=2),
        validation=load_cases(preset, "validation", root=root),
    )
    losses = [event.loss for event in train(training) if isinstance(event, StepDone)]
    assert len(losses) == 2
    assert np.isfinite(losses).all()
    info = {"dataset": dataset, "train": preset.train.to_dict()}
    return Checkpoint(training.average, preset.model, training.normalizer, info)
