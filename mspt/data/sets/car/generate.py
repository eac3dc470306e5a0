"""Flow cases are computed, and the compact ones that ship are made from them."""

import time
from collections.abc import Iterator
from pathlib import Path

from mspt.data._processes import in_processes
from mspt.data.dataset import CaseDone
from mspt.data.files import DATA, SHIPPED, read_json, write_json
from mspt.data.sets.car.bodies import write_body
from mspt.data.sets.car.families import NAME, NUM_CASES, car_body, family_and_split, flow_name
from mspt.data.sets.car.flow_case import solve_body
from mspt.data.sets.car.other_meshes import REPEATS, on_points_of, read_repeat, write_repeat
from mspt.data.sets.car.store import (
    FINER_FOLDER,
    LEFT_OUT,
    MESHES,
    left_out,
    read_flow,
    write_flow,
)
from mspt.errors import DataError, MSPTError, OutputError
from mspt.solvers.openfoam.case import Recipe
from mspt.solvers.openfoam.run import require_openfoam

SHIPPED_POINTS = 5000
"""Points of the flow of each case that ships."""


def generate_flows(
    *,
    num_cases: int,
    seed: int,
    out: Path,
    jobs: int = 1,
    mesh: str | None = None,
    first: int = 0,
) -> Iterator[CaseDone]:
    """Compute cases in the folder ``out / "car"``; existing files stay.

    A case that OpenFOAM cannot compute, or whose solution is not usable, is an event with its
    error; it is listed in ``left-out.json`` and tried again only when it is taken off that list.

    Args:
        num_cases: Cases to have, from ``first`` on; with ``mesh`` the first ones of them that are
            of the test split.
        seed: Every body draws from this seed and its own index.
        out: Folder with one folder for each data set.
        jobs: Processes that work at the same time.
        mesh: Compute on one of the other ``MESHES`` instead, which give the error of the labels.
        first: Index of the first case; bodies are curved from ``FIRST_CURVED`` on.

    Raises:
        DataError: If a number is out of range, or there is no such mesh.
        SolverError: If OpenFOAM is not there.
    """
    if not 0 <= first < NUM_CASES:
        raise DataError(f"first must be from 0 to {NUM_CASES - 1} for {NAME}, got {first}")
    if not 1 <= num_cases <= NUM_CASES - first:
        start = f" from case {first} on" if first else ""
        raise DataError(
            f"cases must be from 1 to {NUM_CASES - first} for {NAME}{start}, got {num_cases}"
        )
    if mesh is not None and mesh not in MESHES:
        raise DataError(f"mesh must be one of {', '.join(MESHES)}, got {mesh!r}")
    if jobs < 1:
        raise DataError(f"jobs must be at least 1, got {jobs}")
    require_openfoam()
    folder = out / NAME / (mesh or "")
    wanted = (
        _test_indices(folder, first=first)[:num_cases] if mesh else range(first, first + num_cases)
    )
    folder.mkdir(parents=True, exist_ok=True)
    reasons = read_json(folder / LEFT_OUT)
    todo = [
        index
        for index in wanted
        if not (folder / f"{index:05d}.npz").exists() and flow_name(index) not in reasons
    ]
    num_cases = len(wanted)
    num_done = num_cases - len(todo)
    other = MESHES[mesh] if mesh else None
    tasks = ((index, seed, folder, other) for index in todo)
    for index, seconds, error in in_processes(_make, tasks, jobs=jobs):
        num_done += 1
        if error:
            # Another process may compute other cases of the same folder.
            reasons = read_json(folder / LEFT_OUT) | {flow_name(index): error}
            write_json(folder / LEFT_OUT, dict(sorted(reasons.items())))
        yield CaseDone(
            index=index, num_done=num_done, num_cases=num_cases, seconds=seconds, error=error
        )


def _test_indices(folder: Path, *, first: int) -> list[int]:
    """Return the test cases to compute on another mesh, from a first case on.

    Only cases that are there can be repeated on an equally good mesh.

    Raises:
        DataError: If a folder of repeats is to be filled and none of the cases is there.
    """
    test = [index for index in range(first, NUM_CASES) if family_and_split(index)[1] == "test"]
    if folder.name not in REPEATS:
        return test
    there = [index for index in test if (folder.parent / f"{index:05d}.npz").exists()]
    if not there:
        raise DataError(
            f"mesh {folder.name} must repeat test cases, found none; make them first with "
            f"`python -m mspt generate {NAME} --out {folder.parents[1].as_posix()}`"
        )
    return there


def _make(
    index: int, seed: int, folder: Path, recipe: Recipe | None
) -> tuple[int, float, str | None]:
    start = time.perf_counter()
    try:
        case = solve_body(car_body(index, seed=seed), seed=index, recipe=recipe)
        path = folder / f"{index:05d}.npz"
        if folder.name in REPEATS:
            write_repeat(path, on_points_of(read_flow(folder.parent / path.name), case))
        else:
            write_flow(path, case)
    except OutputError:
        raise
    except MSPTError as problem:
        return index, time.perf_counter() - start, str(problem)
    return index, time.perf_counter() - start, None


def ship_flows(
    *, root: Path = DATA, out: Path = SHIPPED, max_points: int = SHIPPED_POINTS
) -> dict[str, int]:
    """Copy generated flows to what ships, with fewer points of the flow, and what was left out.

    The body of each case that training does not use is copied too, for drawing.

    Returns:
        Bytes of each case written; files that are there stay as they are.
    """
    sizes = {}
    source = root / NAME
    for path in [*source.glob("[0-9]*.npz"), *(source / FINER_FOLDER).glob("[0-9]*.npz")]:
        target = out / NAME / path.relative_to(source)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            write_flow(target, read_flow(path), max_points=max_points)
            sizes[target.name] = target.stat().st_size
        index = int(path.stem)
        if target.parent == out / NAME:
            sizes |= _ship_repeats(path, target)
            if family_and_split(index)[1] in ("test", "unseen"):
                write_body(index, root=out)
    write_json(out / NAME / LEFT_OUT, left_out(root))
    for mesh in MESHES:
        if reasons := read_json(source / mesh / LEFT_OUT):
            write_json(out / NAME / mesh / LEFT_OUT, reasons)
    return sizes


def _ship_repeats(path: Path, target: Path) -> dict[str, int]:
    """Copy the repeats of a case to the points of it that ship; return the bytes of each."""
    sizes = {}
    for mesh in REPEATS:
        source, copy = path.parent / mesh / path.name, target.parent / mesh / path.name
        if source.exists() and not copy.exists():
            copy.parent.mkdir(exist_ok=True)
            repeat = read_repeat(source, read_flow(path))
            write_repeat(copy, on_points_of(read_flow(target), repeat))
            sizes[f"{mesh}/{path.name}"] = copy.stat().st_size
    return sizes
