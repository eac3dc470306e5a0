"""``benchmark cuda``: the tests and the measurements that need a CUDA device."""

import argparse
from dataclasses import asdict
from typing import Any

import pandas as pd

from mspt.benchmarks.cuda import SIZES, measure_cuda, require_cuda, run_gpu_tests
from mspt.benchmarks.models import PROJECT
from mspt.cli._output import duration, memory, number, table
from mspt.progress import ProgressBar


def cuda_rows(args: argparse.Namespace) -> pd.DataFrame:
    """Run the tests marked ``gpu``, then measure; return one row for each pass."""
    require_cuda()
    run_gpu_tests(PROJECT)
    sizes, rows = args.points or SIZES, []
    with ProgressBar(unit="pass", mode=args.progress) as bar:
        for row in measure_cuda(sizes=sizes):
            rows.append(asdict(row))
            words = f"{row.architecture}, {row.option}, {row.num_points:,} points"
            bar.reach(len(rows), 14 * len(sizes), words=words)
    return pd.DataFrame(rows)


def show_cuda(result: dict[str, Any]) -> str:
    """Return the rows as a table."""
    lines = [
        [
            row["work"],
            row["architecture"],
            row["option"],
            f"{row['num_points']:,}",
            duration(row["seconds"]),
            memory(row["peak_bytes"]),
            number(row["error"]),
            row["stopped"],
        ]
        for row in result["rows"]
    ]
    header = ["work", "model", "option", "points", "time", "peak memory", "error"]
    return table(lines, [*header, "not measured because"])
