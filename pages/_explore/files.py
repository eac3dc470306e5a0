"""Files to download from the page of predictions, and the commands that give the same."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mspt.data.export import csv_bytes
from mspt.data.registry import get_dataset
from mspt.evaluation.comparison import compared_table, write_compared
from mspt.evaluation.over_time import errors_over_time
from pages._explore.data import Chosen


def _fields(shown: Chosen) -> dict[str, Any]:
    return {name: one.fields for name, one in shown.predictions.items()}


def table_file(shown: Chosen) -> bytes:
    """Return points, truth, predictions and errors as CSV."""
    table = compared_table(shown.sample, _fields(shown))
    return csv_bytes(table)


def times_file(shown: Chosen) -> bytes:
    """Return the errors at each time as CSV."""
    return csv_bytes(errors_over_time(shown.sample, _fields(shown)))


def mesh_file(shown: Chosen) -> bytes:
    """Return the same table on the points of a VTP file."""
    with TemporaryDirectory(prefix="mspt-export-") as folder:
        path = Path(folder) / "case.vtp"
        write_compared(path, shown.sample, compared_table(shown.sample, _fields(shown)))
        return path.read_bytes()


def downloads(shown: Chosen) -> list[tuple[str, str, str, Callable[[Chosen], bytes]]]:
    """Return what can be downloaded: label, ending of the file's name, type and content."""
    found = [
        ("Table of this case (CSV)", ".csv", "text/csv", table_file),
        ("Points (VTP)", ".vtp", "model/vtk", mesh_file),
    ]
    if shown.time is not None:
        found.append(("Error over time (CSV)", "-over-time.csv", "text/csv", times_file))
    return found


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
