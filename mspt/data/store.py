"""Files of a data set: one ``<split>.npz`` a split and one ``splits.json``, in a folder a set.

``splits.json`` lists the cases of each split and those that could not be made; a file may hold
fewer, as the training cases that ship do. No pickle anywhere.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy import ndarray

from mspt.data.case import Case, CaseStack
from mspt.data.codec import Arrays, case_name, decode
from mspt.data.registry import Dataset, get_dataset
from mspt.errors import DataError

FORMAT = "mspt-data/1"
DATA = Path("data")
SHIPPED = Path(__file__).parents[2] / "assets" / "data"


def load_split(
    name: str, split: str, *, root: Path | None = None, limit: int | None = None
) -> CaseStack:
    """Read the cases of a split, from the first folder that holds all of them.

    Args:
        name: Data set.
        split: ``train``, ``validation`` or ``test``.
        root: Folder with one folder for each data set; default: ``data``. What ships with the
            project is looked through after it.
        limit: Read only the first cases.

    Raises:
        DataError: If no folder holds these cases; the message says which command makes them.
    """
    dataset = get_dataset(name)
    size = len(dataset.indices(split))
    if limit is not None and limit < 1:
        raise DataError(f"limit must be at least 1, got {limit}")
    wanted = min(limit or size, size)
    most = 0
    for folder in _folders(name, root):
        indices = _complete(folder, split, wanted=wanted)
        held = read_arrays(folder / f"{split}.npz")
        found = np.isin(indices, held["case"]) if held else np.zeros(0, bool)
        if indices and found.all():
            return decode(dataset, held, indices)
        most = max(most, int(found.sum()))
    raise _missing(name, f"the first {wanted} {split} cases", f"{most} of them")


def load_case(name: str, case: str, *, root: Path | None = None) -> Case:
    """Read one case by its name, such as ``darcy-1107``.

    Raises:
        DataError: If there is no such case, or no folder holds it.

    Examples:
        >>> load_case("darcy", "darcy-1107").fields.shape
        torch.Size([7225, 1])
    """
    dataset = get_dataset(name)
    index = case_index(dataset, case)
    split = next(split for split in dataset.split_sizes if index in dataset.indices(split))
    for folder in _folders(name, root):
        held = read_arrays(folder / f"{split}.npz")
        if held and index in held["case"]:
            return decode(dataset, held, [index]).case(0)
    raise _missing(name, f"the case {case}", "none")


def list_cases(name: str, *, split: str = "test", root: Path | None = None) -> tuple[str, ...]:
    """Return the names of the cases of a split that are there to be loaded.

    Examples:
        >>> list_cases("darcy")[0]
        'darcy-1100'
    """
    get_dataset(name).indices(split)
    found: set[int] = set()
    for folder in _folders(name, root):
        found.update(read_arrays(folder / f"{split}.npz").get("case", np.zeros(0, int)).tolist())
    return tuple(case_name(name, index) for index in sorted(found))


def fingerprint(stack: CaseStack) -> str:
    """Return 16 hexadecimal digits that tell one stack of cases from another.

    A checkpoint keeps those of the cases it has learned from.
    """
    digest = hashlib.sha256(repr(stack.names).encode())
    for values in (stack.points, stack.features, stack.fields):
        digest.update(values.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def ship(
    name: str, *, root: Path = DATA, num_train: int | None = None, out: Path = SHIPPED
) -> dict[str, int]:
    """Copy a generated data set, with its first training cases only, to what ships.

    Args:
        name: Data set.
        root: Folder with the generated data.
        num_train: Training cases to copy; default: all.
        out: Folder to copy to.

    Returns:
        Bytes of each file written.
    """
    dataset, source, target = get_dataset(name), root / name, out / name
    target.mkdir(parents=True, exist_ok=True)
    sizes = {}
    for split in dataset.split_sizes:
        held = read_arrays(source / f"{split}.npz")
        if not held:
            raise _missing(name, f"{split}.npz in {source}", "none")
        kept = slice(num_train if split == "train" else None)
        write_arrays(target / f"{split}.npz", {key: held[key][kept] for key in held})
        sizes[f"{split}.npz"] = (target / f"{split}.npz").stat().st_size
    write_json(target / "splits.json", read_json(source / "splits.json"))
    return sizes


def read_arrays(path: Path) -> dict[str, ndarray]:
    """Read a file of arrays; none if there is no such file.

    Raises:
        DataError: If it cannot be read.
    """
    if not path.exists():
        return {}
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path.name} must be a file of arrays, got one that cannot be read; delete it and "
            "generate the data set again"
        ) from error


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write a file of arrays so that it is there whole or not at all."""
    partial = path.with_name(f".{os.getpid()}-{path.name}")
    with partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    partial.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; empty if there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object so that it is there whole or not at all."""
    partial = path.with_name(f".{os.getpid()}-{path.name}")
    partial.write_text(json.dumps(content) + "\n", encoding="utf-8")
    partial.replace(path)


def _folders(name: str, root: Path | None) -> list[Path]:
    return [(DATA if root is None else root) / name, SHIPPED / name]


def _complete(folder: Path, split: str, *, wanted: int) -> list[int]:
    """Return the first cases of a split, or none where too few were ever made.

    Cases that the solver could not solve are left out of the split and count as made.
    """
    index = read_json(folder / "splits.json")
    made = index.get("splits", {}).get(split, [])
    failed = index.get("failed", {}).get(split, [])
    return made[:wanted] if len(made) + len(failed) >= wanted else []


def case_index(dataset: Dataset, case: str) -> int:
    """Return the index of a case from its name.

    Raises:
        DataError: If the data set has no such case.

    Examples:
        >>> case_index(get_dataset("darcy"), "darcy-1107")
        1107
    """
    digits = case.removeprefix(f"{dataset.name}-")
    known = digits != case and digits.isdecimal() and int(digits) < dataset.num_cases
    if not known:
        last = case_name(dataset.name, dataset.num_cases - 1)
        raise DataError(f"case must be one of {case_name(dataset.name, 0)} to {last}, got {case!r}")
    return int(digits)


def _missing(name: str, wanted: str, found: str) -> DataError:
    return DataError(
        f"{name} must hold {wanted}, found {found}; make them with "
        f"`python -m mspt generate {name} --out data`"
    )
