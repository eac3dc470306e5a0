"""AhmedML: 500 variants of the Ahmed body, hybrid RANS-LES, from Ashton et al. 2024.

A run has about 1.1 million faces and 20 million cells in 6 GB. It is read once: 65,536 faces and as
many cells, drawn at random, are stored beside it (9 MB; the run's files are not needed any more),
and training and scores use those. Each epoch draws again from them. MSPT's own protocol
for this data set is not known; split and numbers of points are those of AB-UPT, whose inputs are
coordinates alone: features are those of ShapeNet-Car here. The training runs take 3.6 GB of memory.

Units: m, m/s, and m^2/s^2 for pressure and wall shear, which are kinematic (over the density) as
OpenFOAM stores them; the shear has OpenFOAM's sign. The free stream flows along +x.

Letters: M rows of a file.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy import ndarray

from mspt.config import Preset
from mspt.data.case import Quantity
from mspt.data.clouds import Cloud, CloudStack
from mspt.data.dataset import Dataset
from mspt.data.files import read_arrays, write_arrays
from mspt.data.layout import FieldGroup, Layout
from mspt.data.sets._public import (
    FEATURES,
    PublicCase,
    PublicFiles,
    finite,
    public_features,
    read_mesh_file,
)
from mspt.data.sets.shapenet_car import PRESET as SHAPENET_CAR_PRESET
from mspt.errors import DataError
from mspt.seeding import derive_seed

if TYPE_CHECKING:
    import pyvista  # VTK takes a second to import: only readers of VTK files wait for it

NUM_RUNS, NUM_TRAIN, NUM_VALIDATION = 500, 400, 50
SPLIT_SEED = 42
NUM_KEPT = 65_536
POINTS_FORMAT = 1
PRESSURE, SHEAR, VELOCITY = (
    ("pMean", "p"),
    ("wallShearStressMean", "wallShearStress"),
    ("UMean", "U"),
)
LAYOUT = Layout(
    features=FEATURES,
    fields=(
        Quantity(
            name="pressure",
            symbol="p / \\rho",
            unit="m^2/s^2",
            description="Mean kinematic pressure, on the surface and in the flow.",
        ),
        Quantity(
            name="wall_shear",
            symbol="\\tau_w / \\rho",
            unit="m^2/s^2",
            description="Mean kinematic wall shear stress, with OpenFOAM's sign.",
            components=("shear_x", "shear_y", "shear_z"),
        ),
        Quantity(
            name="velocity",
            symbol="u",
            unit="m/s",
            description="Mean velocity.",
            components=("u_x", "u_y", "u_z"),
        ),
    ),
    groups=(
        FieldGroup("surface_pressure", "surface", "pressure", "Pressure on the surface"),
        FieldGroup("wall_shear", "surface", "wall_shear", "Wall shear stress"),
        FieldGroup("velocity", "volume", "velocity", "Velocity in the flow"),
        FieldGroup("volume_pressure", "volume", "pressure", "Pressure in the flow"),
    ),
)


def split_runs(split: str) -> list[int]:
    """Return the numbers of a split's runs: 400, 50 and 50 of a permutation, in its order.

    Examples:
        >>> sorted(split_runs("test"))[:5]
        [4, 11, 12, 19, 20]
    """
    shuffle = torch.Generator().manual_seed(SPLIT_SEED)
    runs = (torch.randperm(NUM_RUNS, generator=shuffle) + 1).tolist()
    return {
        "train": runs[:NUM_TRAIN],
        "validation": runs[NUM_TRAIN : NUM_TRAIN + NUM_VALIDATION],
        "test": runs[NUM_TRAIN + NUM_VALIDATION :],
    }[split]


def split_names(folder: Path, split: str) -> list[str]:
    """Return the names of a split's runs, such as ``run_7``."""
    del folder  # The split is the same wherever the runs are.
    return [f"run_{run}" for run in split_runs(split)]


def stored_file(folder: Path, name: str) -> Path:
    """Return the file of a run's stored points; delete it to have the run read again."""
    return folder / name / f"mspt_points_{name.removeprefix('run_')}.npz"


def must_store(folder: Path, name: str) -> bool:
    """Return whether a run's points are not stored yet."""
    return not stored_file(folder, name).is_file()


def needed_files(folder: Path, name: str) -> list[Path]:
    """Return the files that a run is read from: its stored points, or else its own two files."""
    if must_store(folder, name):
        return run_files(folder, name)
    return [stored_file(folder, name)]


def run_files(folder: Path, name: str) -> list[Path]:
    """Return the published files of a run: its surface and its flow."""
    number = name.removeprefix("run_")
    return [folder / name / f"boundary_{number}.vtp", folder / name / f"volume_{number}.vtu"]


def read_run(folder: Path, name: str) -> PublicCase:
    """Return the stored points of a run; the first time they are drawn from its files.

    Raises:
        DataError: If a file is damaged, or lacks the arrays that are predicted.
    """
    path = stored_file(folder, name)
    held = read_arrays(path)
    if not held or int(held["format"]) != POINTS_FORMAT:
        cloud = _draw_run(folder, name)
        held = {
            "format": np.array(POINTS_FORMAT),
            "num_surface": np.array(cloud.num_surface),
            **{key: getattr(cloud, key).numpy() for key in ("points", "features", "fields")},
        }
        write_arrays(path, held)
    points, features, fields = (
        torch.from_numpy(held[key]) for key in ("points", "features", "fields")
    )
    cloud = Cloud(
        points=points,
        features=features,
        fields=fields,
        num_surface=int(held["num_surface"]),
        layout=LAYOUT,
    )
    return PublicCase(name=name, cloud=cloud)


def _draw_run(folder: Path, name: str) -> Cloud:
    boundary, volume = run_files(folder, name)
    rng = np.random.default_rng(derive_seed(0, "ahmedml", name))
    wall, normals, on_surface = _read_surface(boundary)
    faces = _some(len(wall), rng)
    places, in_flow = _read_volume(volume, rng)
    surface_fields = np.concatenate([on_surface[faces], np.zeros((len(faces), 3))], axis=1)
    zeros = np.zeros((len(places), 3))
    volume_fields = np.concatenate([in_flow[:, :1], zeros, in_flow[:, 1:]], axis=1)
    return Cloud(
        points=torch.from_numpy(np.concatenate([wall[faces], places])).float(),
        features=public_features(wall[faces], normals[faces], places, wall=wall),
        fields=torch.from_numpy(np.concatenate([surface_fields, volume_fields])).float(),
        num_surface=len(faces),
        layout=LAYOUT,
    )


def _read_surface(path: Path) -> tuple[ndarray, ndarray, ndarray]:
    """Return points, outward unit normals, and pressure and shear of the whole surface."""
    import pyvista as pv

    mesh = read_mesh_file(path)
    if not isinstance(mesh, pv.PolyData):
        raise DataError(f"{path.name} must be a surface, got {type(mesh).__name__}")
    place, keys = find_arrays(mesh, (PRESSURE, SHEAR), path.name)
    at_cells = place == "cell"
    oriented = mesh.compute_normals(
        cell_normals=at_cells,
        point_normals=not at_cells,
        consistent_normals=False,
        split_vertices=False,
    )
    points = oriented.cell_centers().points if at_cells else oriented.points
    data = oriented.cell_data if at_cells else oriented.point_data
    normals = finite(data["Normals"], f"normals of {path.name}")
    # All faces turn the same way, out of the flow, so that the sign of the whole volume decides.
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    if np.einsum("mi,mi->", points - middle, normals) < 0:
        normals = -normals
    return finite(points, f"points of {path.name}"), normals, _columns(data, keys, path.name)


def _read_volume(path: Path, rng: np.random.Generator) -> tuple[ndarray, ndarray]:
    """Return some places of the flow, with pressure and velocity there."""
    mesh = read_mesh_file(path)
    place, keys = find_arrays(mesh, (PRESSURE, VELOCITY), path.name)
    if place == "cell":
        # Centers of all cells would double the memory: take those of the chosen ones.
        some = mesh.extract_cells(_some(mesh.n_cells, rng))
        points, values = some.cell_centers().points, _columns(some.cell_data, keys, path.name)
    else:
        rows = _some(mesh.n_points, rng)
        points, values = mesh.points[rows], _columns(mesh.point_data, keys, path.name)[rows]
    return finite(points, f"points of {path.name}"), values


def _some(count: int, rng: np.random.Generator) -> ndarray:
    """Return sorted rows drawn from so many, at most as many as are stored."""
    return np.sort(rng.choice(count, min(count, NUM_KEPT), replace=False))


def find_arrays(
    mesh: "pyvista.DataSet", wanted: tuple[tuple[str, ...], ...], what: str
) -> tuple[str, list[str]]:
    """Return where all wanted arrays are, and the name that each has there.

    Args:
        mesh: A file's content. Arrays on its cells come before those on its vertices.
        wanted: Names that each array may have, the best one first.
        what: Name of the file.

    Raises:
        DataError: If neither cells nor vertices have all of them; the message lists what there is.
    """
    present = {"cell": list(mesh.cell_data.keys()), "point": list(mesh.point_data.keys())}
    for place, there in present.items():
        found = [next((name for name in names if name in there), None) for names in wanted]
        chosen = [name for name in found if name is not None]
        if len(chosen) == len(wanted):
            return place, chosen
    names = " and ".join(" or ".join(one) for one in wanted)
    raise DataError(
        f"{what} must have the arrays {names} on its cells or on its vertices, got {present}"
    )


def _columns(data: "pyvista.DataSetAttributes", keys: list[str], what: str) -> ndarray:
    """Return arrays beside each other, scalars as one column."""
    columns = [np.asarray(data[key]).reshape(len(data[key]), -1) for key in keys]
    return finite(np.concatenate(columns, axis=1), f"{', '.join(keys)} of {what}")


def training_facts(cases: CloudStack) -> dict[str, Any]:  # noqa: ARG001 - one signature
    """Return what a header stores of the training cases: the stored points of each run."""
    return {"points_kept": NUM_KEPT}


# Of the paper's settings only the errors are known. Sizes and schedule are those of ShapeNet-Car,
# the numbers of points those of AB-UPT; K = 128 is this project's choice.
PRESET = Preset(
    dataset="ahmedml",
    model=replace(SHAPENET_CAR_PRESET.model, out_channels=7, num_patches=128),
    train=replace(SHAPENET_CAR_PRESET.train, surface_points=16384, volume_points=16384),
)

AHMEDML = Dataset(
    name="ahmedml",
    title="AhmedML",
    equation=(
        r"\nabla \cdot u = 0, \quad D u / D t = -\nabla p / \rho + \nabla \cdot"
        r" \left[(\nu + \nu_t)(\nabla u + \nabla u^T)\right]"
    ),
    geometry=(
        "500 variants of the Ahmed body in a uniform stream along +x; 65,536 faces and as many "
        "points of the flow are stored of each."
    ),
    solver="By the authors of the data: OpenFOAM, hybrid RANS-LES, means over time.",
    licence="CC BY-SA 4.0",
    space_dim=3,
    layout=LAYOUT,
    publication="AhmedML of Ashton et al. 2024, arXiv 2407.20801",
    files="run_1 to run_500, each with boundary_NUMBER.vtp and volume_NUMBER.vtu",
    splits={"train": 400, "validation": 50, "test": 50},
    source=PublicFiles(
        places=(".",),
        sign="run_[1-9]*",
        split_names=split_names,
        needs=needed_files,
        read=read_run,
        must_store=must_store,
    ),
    presets={"ahmedml": PRESET},
    training_facts=training_facts,
)
