"""``benchmark growth``: time and memory from ten thousand to millions of points."""

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from mspt.benchmarks.growth import SIZES, WAYS, Way, fit_growth, measure_growth
from mspt.cli._output import duration, memory, paragraphs, table
from mspt.progress import ProgressBar


def growth_rows(args: argparse.Namespace) -> pd.DataFrame:
    """Return one row for each size and way to choose the patches."""
    rows, sizes = [], args.points or SIZES
    ways: list[Way] = [one for one in WAYS if args.way in ("both", one.partition(" ")[0])]
    with ProgressBar(unit="size", mode=args.progress) as bar:
        for row in measure_growth(
            ways=ways, sizes=sizes, rounds=args.rounds, threads=args.threads, device=args.device
        ):
            rows.append(asdict(row))
            bar.reach(len(rows), len(ways) * len(sizes), words=f"{row.num_points:,} points")
    return pd.DataFrame(rows).round({"seconds": 6, "partition_seconds": 6})


def exponent_words(rows: list[Mapping[str, Any]], quantity: str) -> str:
    """Return the exponent of a quantity with its interval, or a dash for too few sizes."""
    if len(rows) < 3:
        return "–"
    found = fit_growth([row["num_points"] for row in rows], [row[quantity] for row in rows])
    return f"N^{found.slope:.2f} ({found.low:.2f} to {found.high:.2f})"


def show_growth(result: dict[str, Any]) -> str:
    """Return the rows as a table, with the exponents below it."""
    rows = result["rows"]
    lines = [
        [
            row["way"],
            f"{row['num_points']:,}",
            f"{row['num_patches']:,}",
            duration(row["seconds"]),
            memory(row["peak_bytes"]),
        ]
        for row in rows
    ]
    own = {way: [row for row in rows if row["way"] == way] for way in WAYS}
    grows = [
        [way, exponent_words(some, "seconds"), exponent_words(some, "peak_bytes")]
        for way, some in own.items()
        if some
    ]
    return paragraphs(
        table(lines, ["patches", "points", "number", "a pass", "peak memory"]),
        table(grows, ["patches", "time", "memory"]),
        "In brackets the interval of 95 %.",
    )
