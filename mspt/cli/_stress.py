"""``benchmark stress``: clouds that are hard to partition, beside an even one."""

import argparse
from dataclasses import asdict
from typing import Any

import pandas as pd

from mspt.benchmarks.stress import EVEN, measure_stress
from mspt.cli._output import duration, number, paragraphs, percent, table
from mspt.data.stress_clouds import STRESS_CLOUDS
from mspt.progress import ProgressBar


def stress_rows(args: argparse.Namespace) -> pd.DataFrame:
    """Return one row for each kind of cloud."""
    rows = []
    with ProgressBar(unit="cloud", mode=args.progress) as bar:
        for row in measure_stress(
            num_points=args.points[0] if args.points else 1_000_000,
            num_patches=args.patches[0] if args.patches else None,
            threads=args.threads,
        ):
            rows.append(asdict(row))
            bar.reach(len(rows), len(STRESS_CLOUDS), words=row.cloud)
    return pd.DataFrame(rows).round({"tree_seconds": 6, "pass_seconds": 6})


def show_stress(result: dict[str, Any]) -> str:
    """Return the rows as a table, with ratios to the even cloud."""
    rows = result["rows"]
    even = next(row for row in rows if row["cloud"] == EVEN)
    lines = [
        [
            row["cloud"],
            f"{row['smallest']:,} to {row['largest']:,}",
            percent(row["share"]),
            duration(row["tree_seconds"]),
            number(row["tree_seconds"] / even["tree_seconds"]),
            duration(row["pass_seconds"]),
            number(row["pass_seconds"] / even["pass_seconds"]),
        ]
        for row in rows
    ]
    header = ["cloud", "points of a patch", "dispersion within", "tree", "over even"]
    size = f"{even['num_points']:,} points, {even['num_patches']:,} patches"
    return paragraphs(size, table(lines, [*header, "pass", "over even"]))
