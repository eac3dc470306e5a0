"""Flow cases on disk: one file a case, in the folder of generated data or in what ships.

Values are 16-bit codes with an offset and a step for each channel, points in the leaf order of a
ball tree, so that neighbors in space are neighbors in the file and compress well.

Shapes: N points, C channels.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from numpy import ndarray

from mspt.data.car import NUM_CASES, car_body, family_and_split
from mspt.data.codec import decode_rows, encode_rows
from mspt.data.flow import FlowCase, solve_body
from mspt.data.flow_bodies import write_body
from mspt.data.flow_refine import FINER, compare_meshes, mean_differences
from mspt.data.generate import CaseDone
from mspt.data.store import DATA, SHIPPED, read_arrays, read_json, write_arrays, write_json
from mspt.errors import DataError, MSPTError
from mspt.partition import build_partition
from mspt.solvers.openfoam.case import Recipe
from mspt.solvers.openfoam.run import require_openfoam

SURFACE = ("face_points", "face_areas", "face_pressure", "face_shear")
VOLUME = ("points", "offsets", "velocity", "pressure")
SPLITS = ("train", "validation", "test", "unseen")
NAME = "car"
LEFT_OUT = "left-out.json"
"""Which cases have no truth to learn from, and why."""
FINER_FOLDER = "finer"
"""Folder in that of the data set with test cases on a finer mesh."""
SHIPPED_POINTS = 5000
"""Points of the flow of each case that ships."""


def write_flow(path: Path, case: FlowCase, *, max_points: int | None = None) -> None:
    """Write a flow case so that it is there whole or not at all.

    Args:
        path: A ``.npz`` file.
        case: The case.
        max_points: Keep at most as many points of the flow, evenly from all kinds of them.
    """
    kept = np.arange(len(case.points))
    if max_points is not None and len(kept) > max_points:
        kept = kept[np.linspace(0, len(kept) - 1, max_points).round().astype(int)]
    arrays: dict[str, ndarray] = {"info": np.array(json.dumps(case.info))}
    for names, rows in ((SURFACE, np.arange(len(case.face_points))), (VOLUME, kept)):
        order = rows[_leaf_order(getattr(case, names[0])[rows])]
        for name in names:
            arrays |= encode_rows(name, getattr(case, name)[order])
    write_arrays(path, arrays)


def read_flow(path: Path) -> FlowCase:
    """Read a flow case.

    Raises:
        DataError: If the file is absent or cannot be read.
    """
    arrays = read_arrays(path)
    if not arrays:
        raise DataError(f"flow case must be a file, got none at {path.name}")
    values = {name: decode_rows(arrays, name) for name in (*SURFACE, *VOLUME)}
    return FlowCase(**values, info=json.loads(str(arrays["info"])))


def flow_name(index: int) -> str:
    """Return the name of a case.

    Examples:
        >>> flow_name(7)
        'car-0007'
    """
    return f"{NAME}-{index:04d}"


def flow_index(name: str) -> int:
    """Return the index of a case from its name.

    Raises:
        DataError: If there is no such case.

    Examples:
        >>> flow_index("car-0007")
        7
    """
    digits = name.removeprefix(f"{NAME}-")
    if digits == name or not digits.isdecimal() or int(digits) >= NUM_CASES:
        raise DataError(
            f"case must be one of {flow_name(0)} to {flow_name(NUM_CASES - 1)}, got {name!r}"
        )
    return int(digits)


def list_flows(split: str, *, root: Path | None = None) -> tuple[str, ...]:
    """Return the names of the cases of a split that are there.

    Raises:
        DataError: If there is no such split.
    """
    if split not in SPLITS:
        raise DataError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    found = {
        int(path.stem)
        for folder in _folders(root)
        for path in folder.glob("[0-9]*.npz")
        if family_and_split(int(path.stem))[1] == split
    }
    return tuple(flow_name(index) for index in sorted(found))


def load_flow(name: str, *, root: Path | None = None) -> FlowCase:
    """Read a case by its name, such as ``car-0012``.

    Raises:
        DataError: If there is no such case.
    """
    index = flow_index(name)
    for folder in _folders(root):
        path = folder / f"{index:05d}.npz"
        if path.exists():
            return read_flow(path)
    raise DataError(
        f"{name} must be generated first; make it with "
        f"`python -m mspt generate {NAME} --cases {index + 1} --out data`"
    )


def load_flows(split: str, *, root: Path | None = None) -> list[tuple[str, FlowCase]]:
    """Read all cases of a split that are there.

    Raises:
        DataError: If there are none.
    """
    names = list_flows(split, root=root)
    if not names:
        raise DataError(
            f"{NAME} must have {split} cases, found none; make them with "
            f"`python -m mspt generate {NAME} --out data`"
        )
    return [(name, load_flow(name, root=root)) for name in names]


def generate_flows(
    *, num_cases: int, seed: int, out: Path, jobs: int = 1, finer: bool = False
) -> Iterator[CaseDone]:
    """Compute the first cases in the folder ``out / "car"``; those that are there are kept.

    A case that OpenFOAM cannot compute, or whose answer is no truth, is an event with its error; it
    is listed in ``left-out.json`` and tried again only when it is taken off that list.

    Args:
        num_cases: Cases to have; with ``finer`` the first ones of the test split.
        seed: Every body draws from this seed and its own index.
        out: Folder with one folder for each data set.
        jobs: Processes that work at the same time.
        finer: Compute on a finer mesh instead, which tells the error of the labels.

    Raises:
        DataError: If ``num_cases`` or ``jobs`` is out of range.
        SolverError: If OpenFOAM is not there.
    """
    if not 1 <= num_cases <= NUM_CASES:
        raise DataError(f"cases must be from 1 to {NUM_CASES} for {NAME}, got {num_cases}")
    if jobs < 1:
        raise DataError(f"jobs must be at least 1, got {jobs}")
    require_openfoam()
    folder = out / NAME / FINER_FOLDER if finer else out / NAME
    folder.mkdir(parents=True, exist_ok=True)
    wanted = _test_indices()[:num_cases] if finer else range(num_cases)
    reasons = read_json(folder / LEFT_OUT)
    todo = [
        index
        for index in wanted
        if not (folder / f"{index:05d}.npz").exists() and flow_name(index) not in reasons
    ]
    num_done = num_cases - len(todo)
    # Spawned, not forked: a fork of a process with threads can hang.
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        futures = [
            pool.submit(_make, index, seed, folder, FINER if finer else None) for index in todo
        ]
        for future in as_completed(futures):
            index, seconds, error = future.result()
            num_done += 1
            if error:
                reasons[flow_name(index)] = error
                write_json(folder / LEFT_OUT, dict(sorted(reasons.items())))
            yield CaseDone(
                index=index, num_done=num_done, num_cases=num_cases, seconds=seconds, error=error
            )
    finally:
        pool.shutdown(cancel_futures=True)


def left_out(root: Path | None = None) -> dict[str, str]:
    """Return the names of the cases that have no truth to learn from, each with the reason.

    A case that was made after all is not among them.
    """
    found: dict[str, str] = {}
    for folder in reversed(_folders(root)):
        found |= read_json(folder / LEFT_OUT)
    made = {name for split in SPLITS for name in list_flows(split, root=root)}
    return {name: reason for name, reason in found.items() if name not in made}


def _test_indices() -> list[int]:
    return [index for index in range(NUM_CASES) if family_and_split(index)[1] == "test"]


def _make(
    index: int, seed: int, folder: Path, recipe: Recipe | None
) -> tuple[int, float, str | None]:
    start = time.perf_counter()
    try:
        case = solve_body(car_body(index, seed=seed), seed=index, recipe=recipe)
        write_flow(folder / f"{index:05d}.npz", case)
    except MSPTError as problem:
        return index, time.perf_counter() - start, str(problem)
    return index, time.perf_counter() - start, None


def _folders(root: Path | None) -> tuple[Path, Path]:
    return (DATA if root is None else root) / NAME, SHIPPED / NAME


def _leaf_order(points: Float32[ndarray, "N 3"]) -> ndarray:
    num_patches = max(1, len(points) // 16)
    return build_partition(torch.from_numpy(points), num_patches=num_patches).order.numpy()


def ship_flows(
    *, root: Path = DATA, out: Path = SHIPPED, max_points: int = SHIPPED_POINTS
) -> dict[str, int]:
    """Copy generated flows to what ships, with fewer points of the flow, and what was left out.

    With each case that no model learns from goes its body, to be drawn.

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
        if target.parent == out / NAME and family_and_split(index)[1] in ("test", "unseen"):
            write_body(index, root=out)
    write_json(out / NAME / LEFT_OUT, left_out(root))
    return sizes


def label_errors(root: Path | None = None) -> dict[str, Any] | None:
    """Return how far labels move on a finer mesh, mean over the bodies done; None if none are."""
    paths = {
        path.stem: path
        for folder in reversed(_folders(root))  # a body in both folders counts once
        for path in sorted((folder / FINER_FOLDER).glob("[0-9]*.npz"))
    }
    rows = [
        compare_meshes(load_flow(flow_name(int(stem)), root=root), read_flow(path))
        for stem, path in paths.items()
    ]
    return mean_differences(rows) if rows else None
