"""Files to download from the page of predictions, and the commands that give the same."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

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
    """Return the commands that give the same results."""
    path = chosen.checkpoint.path.as_posix()
    evaluate = f"python -m mspt evaluate {path} --split test"
    if chosen.has_flow:
        return evaluate, f"python -m mspt evaluate {path} --split unseen"
    out = f"--checkpoint {path} --out {chosen.name}.vtp"
    return f"python -m mspt solve {chosen.name} {out}", evaluate
