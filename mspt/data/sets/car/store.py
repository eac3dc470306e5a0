"""Flow cases on disk: one file a case, in the folder of generated data or in what ships.

Values are 16-bit codes with an offset and a step for each channel, points in the leaf order of a
ball tree, so that neighbors in space are neighbors in the file and compress well.

Shapes: N points, C channels.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from numpy import ndarray

from mspt.data.codec import decode_rows, encode_rows
from mspt.data.files import DATA, SHIPPED, read_arrays, read_json, write_arrays
from mspt.data.sets.car.bodies import body_shape
from mspt.data.sets.car.families import (
    NAME,
    NUM_CASES,
    family_and_split,
    flow_index,
    flow_name,
)
from mspt.data.sets.car.flow_case import FlowCase
from mspt.data.sets.car.other_meshes import (
    FINER,
    REPEATS,
    compare_meshes,
    mean_differences,
    read_repeat,
)
from mspt.errors import DataError
from mspt.partition.ball_tree import build_partition
from mspt.reading import DAMAGED
from mspt.solvers.openfoam.case import Recipe

SURFACE = ("face_points", "face_areas", "face_pressure", "face_shear")
VOLUME = ("points", "offsets", "velocity", "pressure")
SPLITS = ("train", "validation", "test", "unseen")
LEFT_OUT = "left-out.json"
"""Names of the cases without a usable solution, each with the reason."""
FINER_FOLDER = "finer"
MESHES: Mapping[str, Recipe] = {FINER_FOLDER: FINER, **REPEATS}
"""Other meshes for test cases; each has a folder of its name in that of the data set."""


def write_flow(path: Path, case: FlowCase, *, max_points: int | None = None) -> None:
    """Write a flow case so that it is there whole or not at all.

    Args:
        path: A ``.npz`` file.
        case: The case.
        max_points: Store at most so many points of the flow, evenly from all kinds of them.
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
        raise DataError(
            f"flow case must be an .npz file of a flow, got none at {path.name}; check its path, "
            "or make one with `python -m mspt solve SHAPE`"
        )
    try:
        values: dict[str, Any] = {name: decode_rows(arrays, name) for name in (*SURFACE, *VOLUME)}
        info = json.loads(str(arrays["info"]))
        _check_rows(values, info)
    except DAMAGED as error:
        raise DataError(
            f"{path.name} must hold a flow as `python -m mspt solve SHAPE` writes it, got other "
            "arrays; solve the shape again"
        ) from error
    return FlowCase(**values, info=info)


def _check_rows(values: Mapping[str, ndarray], info: object) -> None:
    """Raise a ValueError unless arrays have the same rows and their axes, and are finite."""
    flat = ("face_pressure", "pressure")
    for names in (SURFACE, VOLUME):
        rows = len(values[names[0]])
        for name in names:
            shape = (rows,) if name in flat else (rows, 3)
            if not rows or values[name].shape != shape or not np.isfinite(values[name]).all():
                raise ValueError(name)
    if not isinstance(info, dict):
        raise TypeError(info)


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
    """Read a case by its name, such as ``car-0012``; its body is read or built when it is needed.

    Raises:
        DataError: If there is no such case.
    """
    return replace(read_flow(_path(name, root)), shape=partial(body_shape, flow_index(name)))


def _path(name: str, root: Path | None) -> Path:
    """Return the file of a case: the generated one, else the one that ships."""
    index = flow_index(name)
    for folder in _folders(root):
        if (path := folder / f"{index:05d}.npz").exists():
            return path
    raise DataError(
        f"{name} must be generated first; make it with "
        f"`python -m mspt generate {NAME} --cases {index + 1} --out data`"
    )


def load_repeats(name: str, root: Path | None = None) -> dict[str, FlowCase]:
    """Return what there is of a case on each of the meshes that repeat it.

    Raises:
        DataError: If there is no such case, or a file is no repeat of it.
    """
    path = _path(name, root)
    case = read_flow(path)
    found = {mesh: path.parent / mesh / path.name for mesh in REPEATS}
    return {mesh: read_repeat(one, case) for mesh, one in found.items() if one.exists()}


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


def require_flows(split: str, *, root: Path, limit: int | None = None) -> None:
    """Refuse a folder that lacks one of the first cases of a split.

    Cases without a usable solution are not wanted, nor those after the last one that was ever made,
    in this folder or in what ships.

    Raises:
        DataError: With the number and the first names of the missing cases.
    """
    made = {
        name for one in (root, SHIPPED) for part in SPLITS for name in list_flows(part, root=one)
    }
    end = 1 + max(map(flow_index, made), default=NUM_CASES - 1)
    unusable = left_out(SHIPPED) | left_out(root)
    names = [flow_name(index) for index in range(end) if family_and_split(index)[1] == split]
    there = set(list_flows(split, root=root))
    wanted = [name for name in names if name in there or name not in unusable][:limit]
    if missing := [name for name in wanted if name not in there]:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise DataError(
            f"{NAME} must hold the first {len(wanted)} {split} cases, got none of "
            f"{', '.join(missing[:3])}{more} in '{root}'; make them with "
            f"`python -m mspt generate {NAME} --out {root}`, or use fewer cases"
        )


def left_out(root: Path | None = None) -> dict[str, str]:
    """Return the names of the cases without a usable solution, each with the reason.

    A case that was made after all is not among them.
    """
    found: dict[str, str] = {}
    for folder in reversed(_folders(root)):
        found |= read_json(folder / LEFT_OUT)
    made = {name for split in SPLITS for name in list_flows(split, root=root)}
    return {name: reason for name, reason in found.items() if name not in made}


def _folders(root: Path | None) -> tuple[Path, ...]:
    """Return the folders of the data set: a folder that was named is the only one."""
    return (DATA / NAME, SHIPPED / NAME) if root is None else (root / NAME,)


def _leaf_order(points: Float32[ndarray, "N 3"]) -> ndarray:
    num_patches = max(1, len(points) // 16)
    return build_partition(torch.from_numpy(points), num_patches=num_patches).order.numpy()


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
