"""A crowd visits the app: ``make load``, or ``python -m tests.load --visitors 25 --minutes 10``."""

import argparse
import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

from tests.load.crowd import run
from tests.load.report import append_row, by_page

ROWS = Path("assets/benchmarks/crowd.csv")


def main() -> int:
    """Run a crowd, print what it saw, and add a row to the table."""
    parser = argparse.ArgumentParser(prog="tests.load", description=__doc__)
    parser.add_argument("--visitors", type=int, default=25)
    parser.add_argument("--browsers", type=int, default=3, help="of them, with a real browser")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rest", type=float, default=150.0, help="seconds after all have left")
    parser.add_argument("--cpus", type=int, default=2, help="processors of the server")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help=f"table to add the row to, such as {ROWS}")
    parser.add_argument("--log", type=Path, help="log of the server")
    args = parser.parse_args()
    steps, row = asyncio.run(
        run(
            visitors=args.visitors,
            browsers=args.browsers,
            seconds=60 * args.minutes,
            rest=args.rest,
            cpus=args.cpus,
            seed=args.seed,
            log=args.log,
        )
    )
    print(by_page(steps))
    print(json.dumps(asdict(row), indent=1))
    if args.out is not None:
        append_row(row, args.out)
    print("missed: " + "; ".join(row.misses()) if row.misses() else "all targets are met")
    return 1 if row.errors else 0


if __name__ == "__main__":
    sys.exit(main())
