"""Public data sets whose cases are the rows of a few large arrays, in files of NumPy or MATLAB.

Of an array of NumPy only the rows and values that are used are read. MATLAB's files are compressed
and cannot be read in parts: one of their arrays at a time is in memory, until these values are
taken from it. Like other public data, they are read in this process, not in the sandbox.

Letters: B cases, N points, R rows and S columns of a grid, X space axes, F features, C fields.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import scipy  # its parts are loaded when first used
import torch
from jaxtyping import Float32
from numpy import ndarray
from torch import Tensor

from mspt.config import TrainConfig
from mspt.data.case import Case, CaseStack
from mspt.data.dataset import Dataset, PointsStored
from mspt.data.grids import grid_points
from mspt.data.sets._downloaded import Downloaded
from mspt.errors import DataError

Assembled = tuple[Float32[Tensor, "B N X"], Float32[Tensor, "B N F"], Float32[Tensor, "B N C"]]
"""Points, features and fields of some cases."""
Found = TypeVar("Found")
UNREADABLE = (OSError, ValueError, TypeError, EOFError, KeyError, zlib.error)
"""What the readers of NumPy and SciPy raise on files that are damaged or of another kind."""


@dataclass(frozen=True, kw_only=True)
class PublicArray:
    """One array of a published file, with a row for each case.

    Attributes:
        file: Name of the file.
        test_file: The file of the test cases; empty where they are in the same one.
        key: Name of the array in a file of MATLAB; empty for a file of NumPy, which holds one.
        shape: Sizes of its other axes.
        last_axis: Whether the cases are along the last axis, else along the first one.
        pick: What is used of each case, as an index of the other axes.
    """

    file: str
    test_file: str = ""
    key: str = ""
    shape: tuple[int, ...]
    last_axis: bool = False
    pick: tuple[slice | int, ...] = ()

    def file_of(self, split: str) -> str:
        """Return the name of the file that holds the cases of a split."""
        return self.test_file if split == "test" and self.test_file else self.file

    def num_rows(self, shape: tuple[int, ...]) -> int:
        """Return how many cases an array of a shape has."""
        return shape[-1 if self.last_axis else 0]

    def has_shape(self, shape: tuple[int, ...], *, num_rows: int) -> bool:
        """Return whether a shape is that of this array, with so many cases at least."""
        others = shape[:-1] if self.last_axis else shape[1:]
        return bool(shape) and others == self.shape and self.num_rows(shape) >= num_rows

    def check(self, path: Path, num_rows: int) -> None:
        """Refuse a file without this array, or with one of another shape or of fewer rows.

        Raises:
            DataError: With what the file holds.
        """
        found = _stored_shape(path, self.key)
        if not self.has_shape(found, num_rows=num_rows):
            wanted = [str(size) for size in self.shape]
            wanted.insert(len(wanted) if self.last_axis else 0, f"at least {num_rows}")
            raise DataError(
                f"{path.name} must hold {self.key or 'an array'} of shape ({', '.join(wanted)}), "
                f"got {found}"
            )

    def used(self, stored: ndarray, rows: range) -> Float32[ndarray, "B ..."]:
        """Return what is used of some rows of the whole array, as a copy."""
        in_order = np.moveaxis(stored, -1 if self.last_axis else 0, 0)
        return np.array(
            in_order[(slice(rows.start, rows.stop), *self.pick)], dtype=np.float32, order="C"
        )

    def read(self, path: Path, rows: range) -> Float32[ndarray, "B ..."]:
        """Return what is used of some rows, as a copy.

        Raises:
            DataError: If the file is damaged, or a value is not finite.
        """
        values = self.used(_stored(path, self.key), rows)
        finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
        if not finite.all():
            raise DataError(
                f"{path.name} must hold finite values, got NaN or infinity in row "
                f"{rows[int(finite.argmin())]}{f' of {self.key}' if self.key else ''}"
            )
        return values


@dataclass(frozen=True, kw_only=True)
class PublicArrays(Downloaded):
    """A public data set in a few arrays.

    Training cases are the first rows, validation cases the rows after them.

    Attributes:
        arrays: The arrays.
        first_test: Row of the first test case.
        assemble: Return points, features and fields from what is used of the arrays.
    """

    arrays: tuple[PublicArray, ...]
    first_test: int
    assemble: Callable[..., Assembled]

    @property
    def file_names(self) -> str:
        """Names of all files, in words."""
        found = [name for one in self.arrays for name in (one.file, one.test_file) if name]
        return ", ".join(dict.fromkeys(found))

    def rows(self, dataset: Dataset, split: str, indices: range) -> range:
        """Return the rows of cases in the arrays of their split."""
        shift = self.first_test - dataset.indices(split).start if split == "test" else 0
        return range(indices.start + shift, indices.stop + shift)

    def names(self, dataset: Dataset, split: str, root: Path | None) -> tuple[str, ...]:
        """Return the names of a split's cases.

        Raises:
            DataError: If a file is absent, damaged or of another shape.
        """
        indices = dataset.indices(split)
        self._checked(dataset, split, indices, root)
        return tuple(dataset.case_name(index) for index in indices)

    def load(self, dataset: Dataset, name: str, root: Path | None) -> Case:
        """Return one case by its name, such as ``pipe_public-1107``.

        Raises:
            DataError: If there is no such case, or its files are absent or damaged.
        """
        index = dataset.case_index(name)
        split = next(split for split in dataset.splits if index in dataset.indices(split))
        return self._stack(dataset, split, range(index, index + 1), root).case(0)

    def cases(
        self,
        dataset: Dataset,
        split: str,
        root: Path | None,
        limit: int | None,
        train: TrainConfig,  # noqa: ARG002 - every case has one size
    ) -> CaseStack:
        """Return the cases of a split, or the first of them.

        Raises:
            DataError: If a file is absent, damaged or of another shape, or a value is not finite.
        """
        return self._stack(dataset, split, dataset.indices(split)[:limit], root)

    def prepare(
        self,
        dataset: Dataset,  # noqa: ARG002 - one signature for all sources
        split: str,  # noqa: ARG002
        root: Path | None,  # noqa: ARG002
        limit: int | None,  # noqa: ARG002
    ) -> Iterator[PointsStored]:
        """Do nothing: the files are read once for each split."""
        yield from ()

    def at_hand(self, dataset: Dataset, root: Path | None) -> Mapping[str, int]:
        """Return how many cases of each split are there; only the heads of files are read."""
        found = dict.fromkeys(dataset.splits, 0)
        for split in found:
            with suppress(DataError):
                found[split] = len(self.names(dataset, split, root))
        return found

    def _checked(
        self, dataset: Dataset, split: str, indices: range, root: Path | None
    ) -> list[Path]:
        """Return the file of each array, all of which hold the cases."""
        folder = self.find_folder(dataset, root)
        paths = [folder / array.file_of(split) for array in self.arrays]
        for path, array in zip(paths, self.arrays, strict=True):
            if not path.is_file():
                held = sorted(other.name for other in folder.glob(f"*{path.suffix}"))
                raise DataError(
                    f"{dataset.name} must have the file {path.name}, got {', '.join(held[:8])} in "
                    f"'{folder}'; get it: {dataset.publication}"
                )
            with _naming_origin(dataset):
                array.check(path, self.rows(dataset, split, indices).stop)
        return paths

    def _stack(self, dataset: Dataset, split: str, indices: range, root: Path | None) -> CaseStack:
        paths = self._checked(dataset, split, indices, root)
        rows = self.rows(dataset, split, indices)
        with _naming_origin(dataset):
            read = [array.read(path, rows) for path, array in zip(paths, self.arrays, strict=True)]
        points, features, fields = self.assemble(*read)
        return CaseStack(
            dataset=dataset.name,
            names=tuple(dataset.case_name(index) for index in indices),
            points=points,
            features=features,
            fields=fields,
            triangles=None if dataset.make_triangles is None else dataset.make_triangles(),
        )


@contextmanager
def _naming_origin(dataset: Dataset) -> Iterator[None]:
    """Add to an error where the whole file is found."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{error}; published with {dataset.publication}") from error


def on_unit_grid(
    inputs: Float32[ndarray, "B R S *F"], outputs: Float32[ndarray, "B R S *C"]
) -> Assembled:
    """Return cases on a regular grid over the unit square.

    Examples:
        >>> values = np.arange(4, dtype=np.float32).reshape(1, 2, 2)
        >>> points, features, fields = on_unit_grid(values, np.stack([values, -values], axis=-1))
        >>> points[0, 1].tolist(), features[0, 1].tolist(), fields[0, 1].tolist()
        ([1.0, 0.0], [1.0], [1.0, -1.0])
    """
    points = grid_points((inputs.shape[1], inputs.shape[2])).expand(len(inputs), -1, -1)
    features, fields = (
        torch.from_numpy(values.reshape(*points.shape[:2], -1)) for values in (inputs, outputs)
    )
    return points, features, fields


def on_points(points: Float32[ndarray, "B N 2"], stress: Float32[ndarray, "B N"]) -> Assembled:
    """Return cases on scattered points, without features."""
    fields = torch.from_numpy(stress)[..., None]
    return torch.from_numpy(points), torch.empty(*stress.shape, 0), fields


def on_bent_grid(
    x: Float32[ndarray, "B R S"], y: Float32[ndarray, "B R S"], field: Float32[ndarray, "B R S"]
) -> Assembled:
    """Return cases on grids that are bent; coordinates are features too."""
    points = torch.from_numpy(np.stack([x, y], axis=-1)).flatten(1, 2)
    return points, points, torch.from_numpy(field).flatten(1)[..., None]


def _stored_shape(path: Path, key: str) -> tuple[int, ...]:
    """Return the shape of an array without reading it."""
    if not key:
        return _stored(path, key).shape
    shapes = _read(path, lambda: {name: shape for name, shape, _ in scipy.io.whosmat(path)})
    if key not in shapes:
        raise DataError(
            f"{path.name} must hold an array named {key}, got {', '.join(shapes) or 'none'}"
        )
    return shapes[key]


def _stored(path: Path, key: str) -> ndarray:
    """Return an array as it is stored; that of a file of NumPy is not read but mapped."""
    if key:
        values = _read(path, lambda: scipy.io.loadmat(path, variable_names=[key])[key])
    else:
        values = _read(path, lambda: np.lib.format.open_memmap(path, mode="r"))
    if values.dtype.kind not in "fiu":
        raise DataError(f"{path.name} must hold real numbers, got values of type {values.dtype}")
    return values


def _read(path: Path, read: Callable[[], Found]) -> Found:
    """Return what is read of a file, with one kind of error for all that can be wrong with it."""
    try:
        return read()
    except NotImplementedError as error:
        raise DataError(
            f"{path.name} must be a MATLAB file up to version 7, as published, got version 7.3; "
            "save it with MATLAB's option -v7"
        ) from error
    except (*UNREADABLE, scipy.io.matlab.MatReadError) as error:
        raise DataError(
            f"{path.name} must be a whole {path.suffix} file, got one that is cut off, damaged or "
            "of another kind; download it again"
        ) from error
