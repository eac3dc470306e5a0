"""What public data sets share: a case as it was published, where its files lie, and reading them.

Files are read in this process, not in the sandbox: they come from a published data set that the
person has chosen to trust.

Letters: S surface points, V points of the flow, N all points, W points of the wall.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import scipy  # its parts are loaded when first used
import torch
from jaxtyping import Float, Float32, Float64
from numpy import ndarray
from torch import Tensor

from mspt.config import TrainConfig
from mspt.data.case import Quantity
from mspt.data.clouds import Cloud, CloudStack
from mspt.data.dataset import Dataset, PointsStored
from mspt.data.sets._downloaded import Downloaded
from mspt.errors import DataError

if TYPE_CHECKING:
    import pyvista  # VTK takes a second to import: only readers of VTK files wait for it

PUBLIC_SPLITS = ("train", "validation", "test")
FEATURES = (
    *(
        Quantity(name=axis, symbol=axis, unit="as stored", description=f"Coordinate {axis}.")
        for axis in "xyz"
    ),
    Quantity(name="distance", symbol="d", unit="as stored", description="Distance from the wall."),
    Quantity(
        name="direction",
        symbol="n",
        unit="1",
        description="Unit vector away from the nearest point of the wall.",
        components=("direction_x", "direction_y", "direction_z"),
    ),
)
"""The inputs of the published preprocessing of ShapeNet-Car, in its order."""


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
class PublicCase:
    """One case of a public data set.

    Attributes:
        name: As the data set calls it.
        cloud: All points that are stored of it.
        surface: For its drag; None where the surface points have no areas.
    """

    name: str
    cloud: Cloud
    surface: DragSurface | None = None


@dataclass(frozen=True, kw_only=True)
class PublicFiles(Downloaded):
    """Files of a public data set, one or more for each case.

    Attributes:
        split_names: Return the names of the cases of a split in a folder.
        needs: Return the files that a case is read from.
        read: Return a case by its name.
        must_store: Whether a case is too large to be read in every epoch and not stored yet.
    """

    split_names: Callable[[Path, str], list[str]]
    needs: Callable[[Path, str], list[Path]]
    read: Callable[[Path, str], PublicCase]
    must_store: Callable[[Path, str], bool] | None = None

    def names(self, dataset: Dataset, split: str, root: Path | None) -> tuple[str, ...]:
        """Return the names of a split's cases.

        Raises:
            DataError: If their folder is absent or incomplete.
        """
        return tuple(self.complete(dataset, split, root, limit=None)[1])

    def complete(
        self, dataset: Dataset, split: str, root: Path | None, limit: int | None
    ) -> tuple[Path, list[str]]:
        """Return the folder and the names of a split's cases, all of whose files are there.

        Raises:
            DataError: If the folder is absent or incomplete.
        """
        folder = self.find_folder(dataset, root)
        names = self.split_names(folder, split)[:limit]
        if not names:
            raise DataError(
                f"{dataset.name} must have {split} cases, got none in '{folder}'; "
                f"expected are {dataset.files}"
            )
        missing = {
            name: absent
            for name in names
            if (absent := [path for path in self.needs(folder, name) if not path.is_file()])
        }
        if missing:
            name, absent = next(iter(missing.items()))
            raise DataError(
                f"{dataset.name} must be complete for this split, got {len(missing)} of "
                f"{len(names)} cases without a file, first "
                f"{' and '.join(path.name for path in absent)} of {name} in '{folder}'; "
                f"get them: {dataset.publication}, {dataset.licence}"
            )
        return folder, names

    def load(self, dataset: Dataset, name: str, root: Path | None) -> PublicCase:
        """Return one case by its name.

        Raises:
            DataError: If its files are absent or damaged.
        """
        return self.read(self.find_folder(dataset, root), name)

    def cases(
        self,
        dataset: Dataset,
        split: str,
        root: Path | None,
        limit: int | None,
        train: TrainConfig,
    ) -> CloudStack:
        """Return the cases of a split, of which clouds of the training's size are drawn.

        Raises:
            DataError: If they are absent, incomplete or damaged.
        """
        folder, names = self.complete(dataset, split, root, limit)
        found = [self.read(folder, name) for name in names]
        return CloudStack(
            dataset=dataset.name,
            names=tuple(case.name for case in found),
            halves=tuple(case.cloud for case in found),
            areas=(),
            drag=(),
            lift=(),
            num_surface=train.surface_points,
            num_volume=train.volume_points,
            layout=dataset.layout,
        )

    def prepare(
        self, dataset: Dataset, split: str, root: Path | None, limit: int | None
    ) -> Iterator[PointsStored]:
        """Read the cases that are too large to be read in every epoch, and store points of them.

        Raises:
            DataError: If they are absent, incomplete or damaged.
        """
        if self.must_store is None:
            return
        folder, names = self.complete(dataset, split, root, limit)
        todo = [name for name in names if self.must_store(folder, name)]
        for done, name in enumerate(todo, start=1):
            self.read(folder, name)
            yield PointsStored(name=name, done=done, total=len(todo))

    def at_hand(self, dataset: Dataset, root: Path | None) -> Mapping[str, int]:
        """Return how many cases of each split are there; none where the folder is absent."""
        try:
            folder = self.find_folder(dataset, root)
            return {split: len(self.split_names(folder, split)) for split in dataset.splits}
        except DataError:
            return dict.fromkeys(dataset.splits, 0)


def public_features(
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
        >>> public_features(wall, np.array([[1.0, 0, 0]]), point, wall=wall)[1].tolist()
        [0.0, 3.0, 4.0, 5.0, 0.0, 0.6000000238418579, 0.800000011920929]
    """
    distance, nearest = (np.asarray(found) for found in scipy.spatial.KDTree(wall).query(volume))
    away = (volume - wall[nearest]) / np.maximum(distance, 1e-12)[:, None]
    on_wall = np.concatenate([surface, np.zeros((len(surface), 1)), normals], axis=1)
    in_flow = np.concatenate([volume, distance[:, None], away], axis=1)
    return torch.from_numpy(np.concatenate([on_wall, in_flow])).float()


def read_mesh_file(path: Path) -> "pyvista.DataSet":
    """Read a surface or a mesh of cells with its arrays.

    Raises:
        DataError: If the file is damaged or holds something else.
    """
    import pyvista as pv

    damaged = f"{path.name} must be a whole VTK file, got one that is damaged; download it again"
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            found = pv.read(path)
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(damaged) from error
    if any("error while reading" in str(one.message) for one in said):
        raise DataError(damaged)
    if not isinstance(found, pv.PolyData | pv.UnstructuredGrid) or found.n_cells == 0:
        raise DataError(
            f"{path.name} must hold a mesh with cells, got {type(found).__name__} with "
            f"{getattr(found, 'n_cells', 0)} cells; it may be truncated, download it again"
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
