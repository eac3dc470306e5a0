"""Data sets whose cases have one size: one ``<split>.npz`` a split and one ``splits.json``.

``splits.json`` lists the cases of each split and those that the solver could not solve; a file may
hold fewer cases, as that of the training cases that ship does.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from mspt.config import TrainConfig
from mspt.data.case import Case, CaseStack
from mspt.data.codec import decode, encode
from mspt.data.dataset import CaseDone, Dataset, PointsStored, Request
from mspt.data.files import (
    ANEW,
    DATA,
    SHIPPED,
    Arrays,
    read_arrays,
    read_json,
    write_arrays,
    write_json,
)
from mspt.data.generate import generate_stack
from mspt.errors import DataError
from mspt.reading import DAMAGED


class StackedFiles:
    """Cases of one size in a named folder, else in that of generated data or in what ships."""

    def names(self, dataset: Dataset, split: str, root: Path | None) -> tuple[str, ...]:
        """Return the names of a split's cases that are there."""
        found: set[int] = set()
        for folder in _folders(dataset.name, root):
            held = read_arrays(folder / f"{split}.npz")
            found.update(_indices(held, folder, split))
        return tuple(dataset.case_name(index) for index in sorted(found))

    def load(self, dataset: Dataset, name: str, root: Path | None) -> Case:
        """Return one case by its name, such as ``darcy-1107``.

        Raises:
            DataError: If there is no such case, or no folder holds it.
        """
        index = dataset.case_index(name)
        split = next(split for split in dataset.splits if index in dataset.indices(split))
        for folder in _folders(dataset.name, root):
            held = read_arrays(folder / f"{split}.npz")
            if held and index in _indices(held, folder, split):
                return _decoded(dataset, held, [index], folder / f"{split}.npz").case(0)
        raise _missing(dataset.name, f"the case {name}", "none", root=root)

    def cases(
        self,
        dataset: Dataset,
        split: str,
        root: Path | None,
        limit: int | None,
        train: TrainConfig,  # noqa: ARG002 - every case has one size
    ) -> CaseStack:
        """Return the cases of a split from the first folder that holds all of them.

        Raises:
            DataError: If no folder holds these cases; the message says which command makes them.
        """
        size = len(dataset.indices(split))
        wanted = min(limit or size, size)
        most = 0
        for folder in _folders(dataset.name, root):
            indices = _complete(folder, split, wanted=wanted)
            held = read_arrays(folder / f"{split}.npz")
            found = np.isin(indices, _indices(held, folder, split))
            if indices and held and found.all():
                return _decoded(dataset, held, indices, folder / f"{split}.npz")
            most = max(most, int(found.sum()))
        wish = f"the first {wanted} {split} cases"
        raise _missing(dataset.name, wish, f"{most} of them", root=root)

    def prepare(
        self,
        dataset: Dataset,  # noqa: ARG002 - one signature for all sources
        split: str,  # noqa: ARG002
        root: Path | None,  # noqa: ARG002
        limit: int | None,  # noqa: ARG002
    ) -> Iterator[PointsStored]:
        """Do nothing: reading these files is fast."""
        yield from ()

    def generate(self, dataset: Dataset, request: Request) -> Iterator[CaseDone]:
        """Generate the first cases, resuming an earlier run with the same seed.

        Raises:
            DataError: If the request is out of range, or the folder was made with another seed.
        """
        return generate_stack(dataset, request)

    def ship(
        self, dataset: Dataset, root: Path, out: Path, limits: Mapping[str, int]
    ) -> dict[str, int]:
        """Copy the first cases of each split of a generated data set to what ships."""
        source, target = root / dataset.name, out / dataset.name
        for split in dataset.splits:
            if not (source / f"{split}.npz").exists():
                raise _missing(dataset.name, f"{split}.npz", "none", root=root)
        target.mkdir(parents=True, exist_ok=True)
        sizes = {}
        for split in dataset.splits:
            held = read_arrays(source / f"{split}.npz")
            held = {key: held[key][: limits.get(split)] for key in held}
            if dataset.stored_bits < 16:  # generated with more bits, perhaps
                cases = decode(dataset, held, indices := held["case"].tolist())
                held = encode(dataset, [cases.case(row) for row in range(len(cases))], indices)
            write_arrays(target / f"{split}.npz", held)
            sizes[f"{split}.npz"] = (target / f"{split}.npz").stat().st_size
        write_json(target / "splits.json", read_json(source / "splits.json"))
        return sizes

    def at_hand(self, dataset: Dataset, root: Path | None) -> Mapping[str, int]:
        """Return how many cases of each split are there."""
        return {split: len(self.names(dataset, split, root)) for split in dataset.splits}


STACKED = StackedFiles()


def _folders(name: str, root: Path | None) -> list[Path]:
    """Return the folders of a data set: a folder that was named is the only one."""
    return [DATA / name, SHIPPED / name] if root is None else [root / name]


def _indices(held: Arrays, folder: Path, split: str) -> list[int]:
    """Return the cases that a file of arrays holds; none if there is no file."""
    found = held.get("case", np.zeros(0, int))
    if found.ndim != 1 or found.dtype.kind not in "iu" or (held and "case" not in held):
        raise DataError(
            f"{split}.npz must list the cases it holds, got none in '{folder.name}'; {ANEW}"
        )
    return found.tolist()


def _decoded(dataset: Dataset, held: Arrays, indices: list[int], path: Path) -> CaseStack:
    try:
        return decode(dataset, held, indices)
    except DAMAGED as error:
        raise DataError(
            f"{path.name} must hold the arrays of cases of {dataset.name}, got others; {ANEW}"
        ) from error


def _complete(folder: Path, split: str, *, wanted: int) -> list[int]:
    """Return the first cases of a split, or none where too few were ever generated.

    Cases that the solver could not solve are left out of the split and count as generated.
    """
    index = read_json(folder / "splits.json")
    try:
        made = [int(number) for number in index.get("splits", {}).get(split, [])]
        failed = index.get("failed", {}).get(split, {})
        num_failed = len(failed)
    except (AttributeError, TypeError, ValueError) as error:
        raise DataError(
            f"splits.json must list the cases of each split, got something else for {split}; {ANEW}"
        ) from error
    return made[:wanted] if len(made) + num_failed >= wanted else []


def _missing(name: str, wanted: str, found: str, *, root: Path | None) -> DataError:
    where = "" if root is None else f" in '{root}'"
    return DataError(
        f"{name} must hold {wanted}, found {found}{where}; make them with "
        f"`python -m mspt generate {name} --out {root or DATA}`"
    )
