"""Making a data set: resumable, in several processes, the same numbers whatever their count.

While it runs every case is a file in ``parts``; when all are done they are packed into one file a
split, and ``splits.json`` says which case belongs to which split, and which ones failed and why.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from mspt.data.codec import encode
from mspt.data.registry import Dataset, get_dataset
from mspt.data.store import FORMAT, read_arrays, read_json, write_arrays, write_json
from mspt.errors import DataError, MSPTError
from mspt.seeding import derive_seed


@dataclass(frozen=True, kw_only=True)
class CaseDone:
    """One case was made, or could not be.

    Attributes:
        index: Of the case.
        num_done: Cases done so far, with those of earlier runs.
        num_cases: Cases asked for.
        seconds: Wall time that this case took.
        error: Why it could not be made; None if it was.
    """

    index: int
    num_done: int
    num_cases: int
    seconds: float
    error: str | None


def generate(
    name: str,
    *,
    seed: int,
    out: Path,
    num_cases: int | None = None,
    per_split: int | None = None,
    jobs: int = 1,
) -> Iterator[CaseDone]:
    """Make cases of a data set in the folder ``out / name``: all, or the first ones.

    Cases made by an earlier run with the same seed are kept. A case that the solver cannot solve
    is an event with its error, and is left out.

    Args:
        name: Data set.
        num_cases: Cases 0 to ``num_cases - 1`` are made: training cases first, test cases last.
        per_split: Only so many of them from each split are made: a small set to try things with.
        seed: Every case draws from this seed and its own index.
        out: Folder with one folder for each data set.
        jobs: Processes that work at the same time.

    Yields:
        One event for each case that was not there before.

    Raises:
        DataError: If ``num_cases``, ``per_split`` or ``jobs`` is out of range, or the folder was
            made with another seed.
    """
    dataset = get_dataset(name)
    wanted = _wanted(dataset, num_cases=num_cases, per_split=per_split)
    if jobs < 1:
        raise DataError(f"jobs must be at least 1, got {jobs}")
    folder = out / name
    _open_folder(folder, dataset, seed=seed)
    errors: dict[int, str] = {}
    todo = sorted(wanted - _made(folder, dataset))
    num_done = len(wanted) - len(todo)
    for index, seconds, error in _run(name, seed, todo, folder, jobs):
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
    _pack(folder, dataset, seed=seed, errors=errors)


def case_seed(name: str, index: int, *, seed: int = 0) -> int:
    """Return the seed that makes a case of a data set; what ships was made with seed 0."""
    return derive_seed(seed, "case", name, index)


def _run(
    name: str, seed: int, todo: list[int], folder: Path, jobs: int
) -> Iterator[tuple[int, float, str | None]]:
    if jobs == 1:
        for index in todo:
            yield _make_part(name, seed, index, folder)
        return
    # Spawned, not forked: a fork of a process with threads can hang.
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        for done in as_completed(
            [pool.submit(_make_part, name, seed, index, folder) for index in todo]
        ):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _make_part(name: str, seed: int, index: int, folder: Path) -> tuple[int, float, str | None]:
    start = time.perf_counter()
    error = None
    dataset = get_dataset(name)
    try:
        case = dataset.make_case(case_seed(name, index, seed=seed))
        write_arrays(_part(folder, index), encode(dataset, [case], [index]))
    except MSPTError as problem:
        error = str(problem)
    return index, time.perf_counter() - start, error


def _part(folder: Path, index: int) -> Path:
    return folder / "parts" / f"{index:05d}.npz"


def _wanted(dataset: Dataset, *, num_cases: int | None, per_split: int | None) -> set[int]:
    """Return the indices of the cases to make."""
    if num_cases is None:
        num_cases = dataset.num_cases
    if not 1 <= num_cases <= dataset.num_cases:
        raise DataError(
            f"cases must be from 1 to {dataset.num_cases} for {dataset.name}, got {num_cases}"
        )
    if per_split is None:
        return set(range(num_cases))
    if per_split < 1:
        raise DataError(f"cases per split must be at least 1, got {per_split}")
    first = (dataset.indices(split)[:per_split] for split in dataset.split_sizes)
    return {index for indices in first for index in indices if index < num_cases}


def _open_folder(folder: Path, dataset: Dataset, *, seed: int) -> None:
    """Make the folder and write the seed into it, or refuse one made with another seed."""
    (folder / "parts").mkdir(parents=True, exist_ok=True)
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
    for split in dataset.split_sizes:
        made.update(read_arrays(folder / f"{split}.npz").get("case", np.zeros(0, int)).tolist())
    return made


def _pack(folder: Path, dataset: Dataset, *, seed: int, errors: dict[int, str]) -> None:
    """Move all parts into one file a split."""
    parts = sorted((folder / "parts").glob("[0-9]*.npz"))
    made: set[int] = set()
    for split in dataset.split_sizes:
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
    names = dataset.split_sizes
    return {
        "format": FORMAT,
        "dataset": dataset.name,
        "seed": seed,
        "splits": {s: [k for k in dataset.indices(s) if k in made] for s in names},
        "failed": {
            s: {str(k): errors[k] for k in dataset.indices(s) if k in errors} for s in names
        },
    }
