"""Generating a data set: resumable, in several processes, the same numbers whatever their count.

While it runs, every case is a file in ``parts``; when all are done they are packed into one file a
split, and ``splits.json`` says which case belongs to which split, and which ones failed and why.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mspt.data._processes import in_processes
from mspt.data.codec import encode
from mspt.data.dataset import CaseDone, Dataset, Request
from mspt.data.files import read_arrays, read_json, write_arrays, write_json
from mspt.errors import DataError, MSPTError, OutputError
from mspt.locks import alone_in
from mspt.writing import remove_partial

SPLITS_FORMAT = "mspt-data/1"


def generate_stack(dataset: Dataset, request: Request) -> Iterator[CaseDone]:
    """Generate the first cases of a data set of cases of one size.

    Cases made by an earlier run with the same seed stay. A case that the solver cannot solve is an
    event with its error, and is left out.

    Args:
        dataset: Cases 0 to ``num_cases - 1`` are made: training cases first, test cases last.
        request: How many, from which seed, where to, and in how many processes.

    Yields:
        One event for each case that was not there before.

    Raises:
        DataError: If the request is out of range, the folder was made with another seed, or the
            data set is not generated here.
        MSPTError: If another process generates into the folder.
        OutputError: If a case cannot be stored, as on a full disk; those before stay.
    """
    wanted = _wanted(dataset, request)
    folder = request.out / dataset.name
    with alone_in(folder, what="generation"):
        yield from _generate(dataset, request, wanted, folder)


def _generate(
    dataset: Dataset, request: Request, wanted: set[int], folder: Path
) -> Iterator[CaseDone]:
    _open_folder(folder, dataset, seed=request.seed)
    errors: dict[int, str] = {}
    todo = sorted(wanted - _made(folder, dataset))
    num_done = len(wanted) - len(todo)
    for index, seconds, error in _run(dataset, request, todo, folder):
        if error is not None:
            errors[index] = error
        num_done += 1
        yield CaseDone(
            index=index,
            num_done=num_done,
            num_cases=len(wanted),
            seconds=seconds,
            error=error,
        )
    _pack(folder, dataset, seed=request.seed, errors=errors)


def _run(
    dataset: Dataset, request: Request, todo: list[int], folder: Path
) -> Iterator[tuple[int, float, str | None]]:
    if request.jobs == 1:
        for index in todo:
            yield _make_part(dataset, request.seed, index, folder)
        return
    # The data set is sent along, as a process of its own knows only what the registry lists.
    tasks = ((dataset, request.seed, index, folder) for index in todo)
    yield from in_processes(_make_part, tasks, jobs=request.jobs)


def _make_part(
    dataset: Dataset, seed: int, index: int, folder: Path
) -> tuple[int, float, str | None]:
    start = time.perf_counter()
    error = None
    try:
        if dataset.make_case is None:
            raise DataError(f"{dataset.name} must have a solver to be generated, got none")
        case = dataset.make_case(dataset.case_seed(index, seed=seed))
        write_arrays(_part(folder, index), encode(dataset, [case], [index]))
    except OutputError:  # no fault of the case: the others would not be stored either
        raise
    except MSPTError as problem:
        error = str(problem)
    return index, time.perf_counter() - start, error


def _part(folder: Path, index: int) -> Path:
    return folder / "parts" / f"{index:05d}.npz"


def _wanted(dataset: Dataset, request: Request) -> set[int]:
    """Return the indices of the cases to make, after a check of the request."""
    num_cases = dataset.num_cases if request.num_cases is None else request.num_cases
    if request.mesh is not None:
        raise DataError(f"mesh must be absent for {dataset.name}, got {request.mesh!r}")
    if request.first != 0:
        raise DataError(f"first must be absent for {dataset.name}, got {request.first}")
    if not 1 <= num_cases <= dataset.num_cases:
        raise DataError(
            f"cases must be from 1 to {dataset.num_cases} for {dataset.name}, got {num_cases}"
        )
    if request.jobs < 1:
        raise DataError(f"jobs must be at least 1, got {request.jobs}")
    if request.per_split is None:
        return set(range(num_cases))
    if request.per_split < 1:
        raise DataError(f"cases per split must be at least 1, got {request.per_split}")
    first = (dataset.indices(split)[: request.per_split] for split in dataset.splits)
    return {index for indices in first for index in indices if index < num_cases}


def _open_folder(folder: Path, dataset: Dataset, *, seed: int) -> None:
    """Make the folder and write the seed into it, or refuse one made with another seed."""
    (folder / "parts").mkdir(parents=True, exist_ok=True)
    for one in (folder, folder / "parts"):
        remove_partial(one)
    found = read_json(folder / "splits.json")
    if not found:
        write_json(folder / "splits.json", _index(dataset, seed=seed, made=set(), errors={}))
    elif found.get("seed") != seed:
        raise DataError(
            f"seed must be {found.get('seed')} as for the cases in {folder.name}, got {seed}; "
            "choose another folder or delete this one"
        )


def _made(folder: Path, dataset: Dataset) -> set[int]:
    made = {int(path.stem) for path in (folder / "parts").glob("[0-9]*.npz")}
    for split in dataset.splits:
        made.update(read_arrays(folder / f"{split}.npz").get("case", np.zeros(0, int)).tolist())
    return made


def _pack(folder: Path, dataset: Dataset, *, seed: int, errors: dict[int, str]) -> None:
    """Move all parts into one file a split."""
    parts = sorted((folder / "parts").glob("[0-9]*.npz"))
    made: set[int] = set()
    for split in dataset.splits:
        path, indices = folder / f"{split}.npz", dataset.indices(split)
        pieces = [read_arrays(path)] if path.exists() else []
        pieces += [read_arrays(part) for part in parts if int(part.stem) in indices]
        if pieces:
            merged = {key: np.concatenate([piece[key] for piece in pieces]) for key in pieces[0]}
            # A part may be packed already if an earlier run was stopped before deleting it.
            cases, first = np.unique(merged["case"], return_index=True)
            write_arrays(path, {key: value[first] for key, value in merged.items()})
            made.update(cases.tolist())
    write_json(folder / "splits.json", _index(dataset, seed=seed, made=made, errors=errors))
    for part in parts:
        part.unlink()
    (folder / "parts").rmdir()


def _index(dataset: Dataset, *, seed: int, made: set[int], errors: dict[int, str]) -> dict:
    names = dataset.splits
    return {
        "format": SPLITS_FORMAT,
        "dataset": dataset.name,
        "seed": seed,
        "splits": {s: [k for k in dataset.indices(s) if k in made] for s in names},
        "failed": {
            s: {str(k): errors[k] for k in dataset.indices(s) if k in errors} for s in names
        },
    }
