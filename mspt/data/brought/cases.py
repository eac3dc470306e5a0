"""What a person's files hold as cases of a data set: in the forms of this project or as published.

Four forms are read:

- ``.npz`` with ``points``, and ``features`` and ``fields`` where there are any, of one case
  (N, X) or of several (B, N, X);
- columns named after coordinates and channels, as ``.csv``, ``.npz`` or ``.vtp``: what *Explore
  predictions* and ``python -m mspt solve`` write. The truth is a column such as ``stress`` or
  ``stress_truth``;
- a split of a data set of this project, such as ``assets/data/darcy/test.npz``;
- the published ``.mat`` and ``.npy`` files of the six standard sets, with any number of rows.

Letters: B cases, N points, X space axes, F features, C fields, T triangles.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int64
from numpy import ndarray
from torch import Tensor

from mspt.data.brought.arrays import FileArrays, read_file
from mspt.data.case import Case, CaseStack
from mspt.data.codec import decode
from mspt.data.dataset import Dataset
from mspt.data.frames import timed_names
from mspt.data.grids import grid_triangles
from mspt.data.registry import datasets
from mspt.data.sets._public_arrays import PublicArray, PublicArrays
from mspt.errors import DataError
from mspt.geometry.files.names import stem_of
from mspt.reading import DAMAGED

MOST_CASES = 20
"""Cases that are taken of a file, the first ones."""
FEWEST_POINTS, MOST_POINTS = 8, 100_000
LONGEST_EDGE = 4.0
"""Longest edge of a drawn triangle, in medians of the longest edges of all triangles."""
ADVICE = "see docs/use-your-checkpoint.md for the forms that are read"


@dataclass(frozen=True, kw_only=True, eq=False)
class BroughtCase:
    """A case that a person has brought.

    Attributes:
        name: Unique: it holds digits of the content, which no other file has.
        title: For people.
        dataset: Data set whose models can predict it; None for points alone.
        points: Coordinates.
        features: What models read besides; None for points alone.
        truth: The fields of a solver; None where they are not known.
        triangles: For drawing; None for a cloud.
    """

    name: str
    title: str
    dataset: str | None
    points: Float32[Tensor, "N X"]
    features: Float32[Tensor, "N F"] | None = None
    truth: Float32[Tensor, "N C"] | None = None
    triangles: Int64[Tensor, "T 3"] | None = None

    def case(self) -> Case:
        """Return it as a case of its data set.

        Raises:
            ValueError: If its truth is not known.
        """
        if self.dataset is None or self.features is None or self.truth is None:
            raise ValueError(f"case must have a truth, got none for {self.name}")
        return Case(
            dataset=self.dataset,
            name=self.name,
            points=self.points,
            features=self.features,
            fields=self.truth,
            triangles=self.triangles,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Stack:
    """Cases of a file, or one of them, before they are checked: numbers of any type.

    Points are (B, N, X) or (N, X); features and fields, which may be absent, likewise.
    """

    points: ndarray
    features: ndarray | None = None
    fields: ndarray | None = None
    triangles: ndarray | None = None


def read_cases(files: Mapping[str, bytes], dataset: Dataset | None) -> tuple[BroughtCase, ...]:
    """Return the cases in a person's files.

    Args:
        files: Contents by name: one file, or those of a published set.
        dataset: Data set whose models are to predict them; None to read points alone.

    Raises:
        DataError: If they cannot be read, or are no cases of the data set; one line says why.
    """
    if dataset is not None and dataset.layout.has_surface:
        raise DataError(
            f"data set must be one of clouds without a body, got {dataset.name}; bring the shape "
            "itself on the page Upload a shape"
        )
    read = [read_file(content, name) for name, content in files.items()]
    if not read:
        raise DataError("file must be given, got none; choose one")
    stacks = list(_stacks(read, dataset))
    digest = hashlib.sha256(b"".join(files.values()) + repr(dataset and dataset.name).encode())
    stem = re.sub(r"[^\w.-]+", "-", stem_of(next(iter(files))))[:40].strip("-.") or "data"
    found = [_checked(one, dataset) for one in stacks]
    several = len(found) > 1
    return tuple(
        BroughtCase(
            name=f"my-{stem}-{digest.hexdigest()[:8]}{f'-{row}' * several}",
            title=f"{stem}{f', row {row}' * several}",
            dataset=None if dataset is None else dataset.name,
            points=points,
            features=features,
            truth=truth,
            triangles=triangles,
        )
        for row, (points, features, truth, triangles) in enumerate(found)
    )


def _stacks(read: Sequence[FileArrays], dataset: Dataset | None) -> Iterator[_Stack]:
    """Yield stacks of one case each, whatever form the files have."""
    first = read[0]
    if any(Path(one.name).suffix.lower() in (".npy", ".mat") for one in read):
        stack = _published(read, dataset)
    elif len(read) > 1:
        raise DataError(
            f"file must be one, or those of a published set, got {len(read)}; bring one at a time"
        )
    elif "case" in first.arrays and any(name.endswith("_codes") for name in first.arrays):
        stack = _own_split(first, dataset)
    elif "points" in first.arrays or ("fields" in first.arrays and dataset is not None):
        stack = _plain(first, dataset)
    else:
        stack = _columns(first, dataset)
    for row in range(min(len(stack.points), MOST_CASES)):
        yield _Stack(
            points=stack.points[row],
            features=None if stack.features is None else stack.features[row],
            fields=None if stack.fields is None else stack.fields[row],
            triangles=stack.triangles,
        )


def _refused(file: FileArrays, rule: str, found: str) -> DataError:
    return DataError(f"{file.name[:80]} must {rule}, got {found}; {ADVICE}")


# --- forms ---------------------------------------------------------------------------------------


def _own_split(file: FileArrays, dataset: Dataset | None) -> _Stack:
    """Return the first cases of a split of this project."""
    if dataset is None:
        raise _refused(file, "go with a data set", "a split of one; choose the data set")
    try:
        indices = file.arrays["case"].astype(int).ravel()[:MOST_CASES].tolist()
        stack = decode(dataset, file.arrays, indices)
    except (*DAMAGED, DataError) as error:
        raise _refused(file, f"hold the arrays of cases of {dataset.name}", "others") from error
    return _of_stack(stack)


def _of_stack(stack: CaseStack) -> _Stack:
    return _Stack(
        points=stack.points.numpy(),
        features=stack.features.numpy(),
        fields=stack.fields.numpy(),
        triangles=None if stack.triangles is None else stack.triangles.numpy(),
    )


def _plain(file: FileArrays, dataset: Dataset | None) -> _Stack:
    """Return cases from arrays named points, features and fields."""
    held = file.arrays
    fields = held.get("fields", held.get("truth"))
    if "points" in held:
        points = held["points"]
    elif dataset is not None and dataset.shared_points is not None:
        points = dataset.shared_points().numpy()
    else:
        raise _refused(file, "hold an array named points", ", ".join(held)[:80])
    if points.ndim not in (2, 3):
        raise _refused(file, "hold points of shape (N, X) or (B, N, X)", f"{points.shape}")
    num_cases = next((len(one) for one in (points, fields) if one is not None and one.ndim == 3), 1)
    count = points.shape[-2]

    def stacked(name: str, values: ndarray | None) -> ndarray | None:
        if values is None:
            return None
        if values.shape[: values.ndim - 1] != (num_cases, count) and values.shape in (
            (count,),
            (num_cases, count),
        ):
            values = values[..., None]  # one channel
        full = values if values.ndim == 3 else values[None]
        if full.ndim != 3 or full.shape[1] != count or len(full) not in (1, num_cases):
            raise _refused(
                file, f"hold {name} for {num_cases} x {count} points", f"the shape {values.shape}"
            )
        return np.broadcast_to(full, (num_cases, *full.shape[1:]))

    placed = stacked("points", points)
    if placed is None:  # pragma: no cover - points are there
        raise AssertionError
    return _Stack(
        points=placed,
        features=stacked("features", held.get("features")),
        fields=stacked("fields", fields),
        triangles=held.get("triangles"),
    )


def _columns(file: FileArrays, dataset: Dataset | None) -> _Stack:
    """Return one case from columns named after coordinates and channels."""
    held = {
        name: values for name, values in file.arrays.items() if values.ndim == 1 or name[:1] == "t"
    }
    axes = [letter for letter in "xyz" if letter in held]
    if len(axes) < 2:
        raise _refused(
            file, "have columns x and y, or arrays named points and fields",
            ", ".join(file.arrays)[:80] or "an array without a name",
        )  # fmt: skip
    wanted = 2 if dataset is None and "z" in held and not held["z"].any() else len(axes)
    axes = axes[: wanted if dataset is None else dataset.space_dim]
    points = np.stack([held[letter] for letter in axes], axis=-1)
    features = fields = None
    if dataset is not None:
        names = {} if dataset.time is None else timed_names(dataset.layout, dataset.time)
        features = _channels(file, dataset.layout.feature_channels, names, required=True)
        fields = _channels(file, dataset.layout.field_channels, names, required=False)
    return _Stack(
        points=points[None],
        features=None if features is None else features[None],
        fields=None if fields is None else fields[None],
        triangles=held.get("triangles"),
    )


def _channels(
    file: FileArrays, channels: Sequence[str], names: Mapping[str, str], *, required: bool
) -> ndarray | None:
    """Return columns of some channels side by side; None for fields none of which is there."""
    found = {}
    for channel in channels:
        for name in (f"{names.get(channel, channel)}", channel):
            values = file.arrays.get(f"{name}_truth", file.arrays.get(name))
            if values is not None and values.ndim == 1:
                found[channel] = values
    if not channels:
        return np.zeros((len(file.arrays["x"]), 0))
    if not found and not required:
        return None
    if missing := [names.get(one, one) for one in channels if one not in found]:
        raise _refused(
            file,
            f"have a column {missing[0]}" + (f" and {len(missing) - 1} more" * (len(missing) > 1)),
            ", ".join(file.arrays)[:120],
        )
    return np.stack([found[channel] for channel in channels], axis=-1)


def _published(read: Sequence[FileArrays], dataset: Dataset | None) -> _Stack:
    """Return the first rows of the files of a published set that has the same channels."""
    sets = public_sets_like(dataset)
    misses = []
    for one in sets:
        arrays = [_array_of(read, array) for array in one.source.arrays]  # pyright: ignore[reportAttributeAccessIssue]
        if all(found is not None for found in arrays):
            points, features, fields = one.source.assemble(*arrays)  # pyright: ignore[reportAttributeAccessIssue]
            return _Stack(
                points=points.numpy(),
                features=features.numpy(),
                fields=fields.numpy(),
                triangles=None if one.make_triangles is None else one.make_triangles().numpy(),
            )
        misses.append(f"{one.files} ({one.name})")
    names = ", ".join(file.name for file in read)[:120]
    if not sets and dataset is not None:
        raise DataError(
            f"data set must have the channels of a published one, got {dataset.name}; choose "
            "another, or bring an .npz or .csv file"
        )
    raise DataError(
        f"files must be those of a published set, {'; '.join(misses)}, got {names}; bring all of "
        "its files together"
    )


def public_sets_like(dataset: Dataset | None) -> tuple[Dataset, ...]:
    """Return the published sets with the channels of a data set, itself included; all for None.

    Examples:
        >>> from mspt.data.registry import get_dataset
        >>> [one.name for one in public_sets_like(get_dataset("darcy"))]
        ['darcy_public']
    """
    return tuple(
        one
        for one in datasets()
        if isinstance(one.source, PublicArrays)
        and (dataset is None or one.name == dataset.name or _same_channels(one, dataset))
    )


def _same_channels(first: Dataset, second: Dataset) -> bool:
    return (
        first.space_dim == second.space_dim
        and first.layout == second.layout
        and first.grid_shape == second.grid_shape
    )


def _array_of(read: Sequence[FileArrays], wanted: PublicArray) -> Float32[ndarray, "B ..."] | None:
    """Return what is used of a published array in some files; None where none has it."""
    for file in read:
        if wanted.key:
            values = file.arrays.get(wanted.key)
        elif file.name in (wanted.file, wanted.test_file):
            values = file.arrays.get("")
        else:
            continue
        if values is not None and wanted.has_shape(values.shape, num_rows=1):
            return wanted.used(values, range(min(MOST_CASES, wanted.num_rows(values.shape))))
    return None


# --- checks --------------------------------------------------------------------------------------


def _checked(
    one: _Stack, dataset: Dataset | None
) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """Return points, features, truth and triangles of a case that fits the data set.

    Raises:
        DataError: If it does not.
    """
    count, axes = one.points.shape
    if not FEWEST_POINTS <= count <= MOST_POINTS:
        raise DataError(
            f"case must have {FEWEST_POINTS} to {MOST_POINTS:,} points, got {count:,}; bring "
            "another, or a part of it"
        )
    known_axes = (2, 3) if dataset is None else (dataset.space_dim,)
    if axes not in known_axes:
        raise DataError(
            f"points must have {' or '.join(map(str, known_axes))} coordinates, got {axes}; choose "
            "the data set that they belong to"
        )
    points = _finite("points", one.points)
    features = truth = None
    if dataset is not None:
        no_features = np.zeros((count, 0))
        features = _finite("features", no_features if one.features is None else one.features)
        _check_channels("features", features, dataset.layout.feature_channels, dataset)
        if one.fields is not None:
            truth = _finite("fields", one.fields)
            _check_channels("fields", truth, dataset.layout.field_channels, dataset)
    return points, features, truth, _triangles(one, points, dataset)


def _finite(name: str, values: ndarray) -> Float32[Tensor, "N _"]:
    narrow = np.array(values, dtype=np.float32)
    if not np.isfinite(narrow).all():
        raise DataError(f"{name} must be finite, got NaN or infinity; leave such points out")
    return torch.from_numpy(narrow)


def _check_channels(name: str, values: Tensor, channels: Sequence[str], dataset: Dataset) -> None:
    if values.shape[1] != len(channels):
        listed = ", ".join(channels[:4]) + (", …" if len(channels) > 4 else "")
        raise DataError(
            f"{name} must have {len(channels)} columns for {dataset.name}"
            f"{f' ({listed})' if channels else ''}, got {values.shape[1]}; choose the data set "
            "that they belong to"
        )


def _triangles(one: _Stack, points: Tensor, dataset: Dataset | None) -> Int64[Tensor, "T 3"] | None:
    """Return triangles for drawing: those of the file, of the grid, or between neighbors."""
    if one.triangles is not None:
        given = one.triangles
        fits = given.ndim == 2 and given.shape[1] == 3 and given.dtype.kind in "iu" and given.size
        if not fits or given.min() < 0 or given.max() >= len(points):
            raise DataError(
                f"triangles must be rows of 3 of the {len(points):,} points, counted from 0, got "
                "others; leave them out"
            )
        return torch.from_numpy(given.astype(np.int64))
    if dataset is None or dataset.make_triangles is None:
        return None
    rows = dataset.grid_shape
    if rows is not None and len(points) == rows[0] * rows[1]:
        return grid_triangles(rows)
    return neighbor_triangles(points)


def neighbor_triangles(points: Float32[Tensor, "N 2"]) -> Int64[Tensor, "T 3"] | None:
    """Return Delaunay's triangles of a plane cloud without the long ones, which span holes.

    They are for drawing alone. None where there are none, as of points on a line.

    Examples:
        >>> neighbor_triangles(torch.tensor([[0.0, 0], [1, 0], [0, 1], [1, 1]])).shape
        torch.Size([2, 3])
    """
    from scipy.spatial import Delaunay, QhullError

    plane = points.double().numpy()
    try:
        found = Delaunay(plane).simplices
    except (QhullError, ValueError):
        return None
    corners = plane[found]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    kept = found[longest <= LONGEST_EDGE * np.median(longest)]
    return torch.from_numpy(kept.astype(np.int64)) if len(kept) else None
