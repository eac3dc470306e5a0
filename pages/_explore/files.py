"""Files to download from the page of predictions, and the commands that give the same."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mspt.data.registry import get_dataset
from mspt.evaluation.comparison import compared_table, write_compared
from pages._explore.data import Chosen


def _fields(shown: Chosen) -> dict[str, Any]:
    return {name: one.fields for name, one in shown.predictions.items()}


def table_file(shown: Chosen) -> bytes:
    """Return points, truth, predictions and errors as CSV."""
    table = compared_table(shown.sample, _fields(shown))
    return table.to_csv(index=False, float_format="%.7g").encode()


def mesh_file(shown: Chosen) -> bytes:
    """Return the same table on the points of a VTP file."""
    with TemporaryDirectory(prefix="mspt-export-") as folder:
        path = Path(folder) / "case.vtp"
        write_compared(path, shown.sample, compared_table(shown.sample, _fields(shown)))
        return path.read_bytes()


def commands(chosen: Chosen) -> tuple[str, ...]:
    """Return the commands that give the same results, at as many points as in training."""
    paths = [one.path.as_posix() for one in chosen.checkpoints]
    device = "" if chosen.device == "auto" else f" --device {chosen.device}"
    splits = get_dataset(chosen.source).body.held_out if chosen.has_flow else ("test",)
    evaluate = [
        f"python -m mspt evaluate {path} --split {split}{device}"
        for path in paths
        for split in splits
    ]
    if chosen.has_flow:
        return tuple(evaluate)
    solve = [
        f"python -m mspt solve {chosen.name} --checkpoint {one.path.as_posix()}{device} "
        f"--out {chosen.name}-{one.name}.vtp"
        for one in chosen.checkpoints
    ]
    return (*solve, *evaluate)
