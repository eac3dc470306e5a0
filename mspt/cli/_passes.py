"""``benchmark passes``: a forward pass of each checkpoint over a test case of its data set."""

import argparse
from typing import Any

import pandas as pd

from mspt.benchmarks.passes import PassRow, RoundDone, measure_passes, passes_table
from mspt.checkpoint import list_checkpoints
from mspt.cli._output import duration, table
from mspt.errors import MSPTError
from mspt.progress import ProgressBar


def measured_passes(args: argparse.Namespace) -> pd.DataFrame:
    """Return one row for each checkpoint of a folder whose data set has test cases at hand.

    Raises:
        MSPTError: If the folder holds no checkpoint.
    """
    checkpoints = list_checkpoints(args.folder)
    if not checkpoints:
        raise MSPTError(f"--folder must hold checkpoints, got {args.folder.name}")
    found: tuple[PassRow, ...] = ()
    with ProgressBar(unit="run", mode=args.progress) as bar:
        for event in measure_passes(
            checkpoints, rounds=args.rounds, threads=args.threads, device=args.device
        ):
            if isinstance(event, RoundDone):
                bar.reach(event.done, event.total, words=event.checkpoint)
            else:
                found = event
    return passes_table(found).round(6)


def show_passes(result: dict[str, Any]) -> str:
    """Return the passes as a table."""
    rows = [
        [
            row["checkpoint"],
            row["case"],
            f"{row['num_points']:,}",
            duration(row["seconds"]),
            f"{duration(row['fastest'])} to {duration(row['slowest'])}",
            duration(row["partition_seconds"]),
        ]
        for row in result["rows"]
    ]
    return table(rows, ["checkpoint", "case", "points", "forward pass", "range", "partition"])
