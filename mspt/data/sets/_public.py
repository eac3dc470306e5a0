"""What all adapters share: a case as it was published, where its files lie, and reading them.

Files are read in this process: they are a person's own, of a data set that she trusts.

Letters: S surface points, V points of the flow, N all points, W points of the wall.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvista as pv
import torch
from jaxtyping import Float, Float32, Float64
from numpy import ndarray
from scipy.spatial import KDTree
from torch import Tensor

from mspt.data.case import Quantity
from mspt.data.clouds import Cloud, CloudStack
from mspt.data.layout import Layout
from mspt.data.store import DATA
from mspt.errors import DataError

SPLITS = ("train", "validation", "test")
FEATURES = ("x", "y", "z", "distance", "direction_x", "direction_y", "direction_z")


@dataclass(frozen=True, kw_only=True)
class DragSurface:
    """What turns pressure at the surface points of a body into its drag; friction is left out.

    Attributes:
        vectors: Share of the body's outward area vectors that each surface point stands for.
        axis: Along which the free stream flows.
        scale: C_D over the force along that axis.
    """

    vectors: Float64[ndarray, "S 3"]
    axis: int
    scale: float

    def drag(self, pressure: Float[ndarray, " S"]) -> float:
        """Return C_D by pressure alone."""
        return -self.scale * float(pressure.astype(np.float64) @ self.vectors[:, self.axis])


@dataclass(frozen=True, kw_only=True)
class AdaptedCase:
    """One case of a public data set.

    Attributes:
        name: As the data set calls it.
        cloud: All points that are kept of it.
        surface: For its drag; None where the surface points have no areas.
    """

    name: str
    cloud: Cloud
    surface: DragSurface | None = None


@dataclass(frozen=True, kw_only=True)
class PointsKept:
    """A case too large to be read every time, of which points are now kept.

    Attributes:
        name: Of the case.
        done: Cases kept of those that were to be.
        total: Cases that were to be kept.
    """

    name: str
    done: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """A public data set that is read where a person keeps it.

    Attributes:
        name: The word for it on the command line.
        title: The words for it on screen.
        source: Who published it, and where.
        licence: Of the data.
        files: Folders and files that are expected.
        places: Folders below the given one where they are looked for.
        sign: Pattern of a folder that tells that they are there.
        fields: What is predicted, with units.
        layout: Channels of its clouds.
        names: Return the names of the cases of a split in a folder.
        needs: Return the files that a case is read from.
        read: Return a case by its name.
        must_keep: Tell whether a case is too large to be read every time and not kept yet.
        facts: What a checkpoint's header keeps of the data.
    """

    name: str
    title: str
    source: str
    licence: str
    files: str
    places: tuple[str, ...]
    sign: str
    fields: tuple[Quantity, ...]
    layout: Layout
    names: Callable[[Path, str], list[str]]
    needs: Callable[[Path, str], list[Path]]
    read: Callable[[Path, str], AdaptedCase]
    must_keep: Callable[[Path, str], bool]
    facts: dict[str, object]


def find_folder(adapter: Adapter, root: Path | None) -> Path:
    """Return the folder of a data set, at or below ``root``, which defaults to ``data``.

    Raises:
        DataError: If it is not there; the message says what is expected and where it comes from.
    """
    base = DATA if root is None else root
    for folder in (base, base / adapter.name):
        for place in adapter.places:
            if any((folder / place).glob(adapter.sign)):
                return folder / place
    raise DataError(
        f"--data must be a folder with {adapter.files}, got no {adapter.sign} in or below "
        f"'{base}'; {adapter.name} is not made here but downloaded: {adapter.source}, "
        f"{adapter.licence}"
    )


def case_names(
    adapter: Adapter, split: str, *, root: Path | None = None, limit: int | None = None
) -> tuple[Path, list[str]]:
    """Return the folder of a data set and the names of a split's cases, or of the first of them.

    All files of these cases are there.

    Raises:
        DataError: If there is no such split, or the folder is absent or incomplete.
    """
    if split not in SPLITS:
        raise DataError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    if limit is not None and limit < 1:
        raise DataError(f"limit must be at least 1, got {limit}")
    folder = find_folder(adapter, root)
    names = adapter.names(folder, split)[:limit]
    if not names:
        raise DataError(
            f"{adapter.name} must have {split} cases, got none in '{folder}'; "
            f"expected are {adapter.files}"
        )
    missing = {
        name: absent
        for name in names
        if (absent := [path for path in adapter.needs(folder, name) if not path.is_file()])
    }
    if missing:
        name, absent = next(iter(missing.items()))
        raise DataError(
            f"{adapter.name} must be complete for this split, got {len(missing)} of {len(names)} "
            f"cases without a file, first {' and '.join(path.name for path in absent)} of {name} "
            f"in '{folder}'; get them: {adapter.source}, {adapter.licence}"
        )
    return folder, names


def read_cases(
    adapter: Adapter, split: str, *, root: Path | None = None, limit: int | None = None
) -> Iterator[AdaptedCase]:
    """Read the cases of a split one by one.

    Raises:
        DataError: If they are absent, incomplete or damaged.
    """
    folder, names = case_names(adapter, split, root=root, limit=limit)
    return (adapter.read(folder, name) for name in names)


def keep_points(
    adapter: Adapter, split: str, *, root: Path | None = None, limit: int | None = None
) -> Iterator[PointsKept]:
    """Read the cases that are too large to be read every time, and keep points of them.

    Raises:
        DataError: If they are absent, incomplete or damaged.
    """
    folder, names = case_names(adapter, split, root=root, limit=limit)
    todo = [name for name in names if adapter.must_keep(folder, name)]
    for done, name in enumerate(todo, start=1):
        adapter.read(folder, name)
        yield PointsKept(name=name, done=done, total=len(todo))


def stack_cases(
    adapter: Adapter, cases: Iterator[AdaptedCase], *, num_surface: int, num_volume: int
) -> CloudStack:
    """Return cases to learn from, of which so many points are drawn."""
    found = list(cases)
    return CloudStack(
        dataset=adapter.name,
        names=tuple(case.name for case in found),
        halves=tuple(case.cloud for case in found),
        areas=(),
        drag=(),
        lift=(),
        num_surface=num_surface,
        num_volume=num_volume,
        layout=adapter.layout,
    )


def describe_points(
    surface: Float[ndarray, "S 3"],
    normals: Float[ndarray, "S 3"],
    volume: Float[ndarray, "V 3"],
    *,
    wall: Float[ndarray, "W 3"],
) -> Float32[Tensor, "N 7"]:
    """Return coordinates, distance from the wall and direction away from it; see ``FEATURES``.

    Args:
        surface: Points on the body.
        normals: Unit normals there.
        volume: Points in the flow.
        wall: Points of the body that distances are measured from.

    Examples:
        >>> wall, point = np.zeros((1, 3)), np.array([[0.0, 3.0, 4.0]])
        >>> describe_points(wall, np.array([[1.0, 0, 0]]), point, wall=wall)[1].tolist()
        [0.0, 3.0, 4.0, 5.0, 0.0, 0.6000000238418579, 0.800000011920929]
    """
    distance, nearest = (np.asarray(found) for found in KDTree(wall).query(volume))
    away = (volume - wall[nearest]) / np.maximum(distance, 1e-12)[:, None]
    on_wall = np.concatenate([surface, np.zeros((len(surface), 1)), normals], axis=1)
    in_flow = np.concatenate([volume, distance[:, None], away], axis=1)
    return torch.from_numpy(np.concatenate([on_wall, in_flow])).float()


def read_mesh_file(path: Path) -> pv.PolyData | pv.UnstructuredGrid:
    """Read a surface or a mesh of cells with its arrays.

    Raises:
        DataError: If the file is damaged or holds something else.
    """
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            found = pv.read(path)
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{path.name} must be a whole VTK file, got: {error}") from error
    if errors := [str(one.message) for one in said if "error while reading" in str(one.message)]:
        reason = " ".join(errors[0].split()).replace(str(path), path.name)
        raise DataError(f"{path.name} must be a whole VTK file, got: {reason}; download it again")
    if not isinstance(found, pv.PolyData | pv.UnstructuredGrid) or found.n_cells == 0:
        raise DataError(
            f"{path.name} must hold a mesh with cells, got {type(found).__name__} with "
            f"{getattr(found, 'n_cells', 0)} cells; it may be cut off, download it again"
        )
    return found


def finite(values: ndarray, what: str) -> ndarray:
    """Return values in double precision.

    Raises:
        DataError: If one of them is NaN or infinite.
    """
    wide = np.asarray(values, dtype=np.float64)
    if not np.isfinite(wide).all():
        raise DataError(f"{what} must be finite, got NaN or infinity; download the file again")
    return wide
