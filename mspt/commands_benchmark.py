"""The command ``benchmark``: ratios on this machine, in one run."""

import argparse
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

import pandas as pd
from tqdm import tqdm

from mspt.benchmark import Measurement, combine, measure_models
from mspt.benchmark_partition import benchmark_partition
from mspt.config import Architecture, ModelConfig
from mspt.cost import recommended_patches
from mspt.errors import MSPTError

MEBIBYTE = 2**20


def add_benchmark(parser: argparse.ArgumentParser) -> None:
    """Describe ``benchmark``."""
    parser.add_argument("what", choices=["forward", "train", "memory", "partition"])
    parser.add_argument("--points", type=int, nargs="+", help="points N, one or several")
    parser.add_argument("--patches", type=int, nargs="+", help="patches K, one or several")
    parser.add_argument("--slices", type=int, default=128, help="slices of Transolver")
    parser.add_argument("--supernodes", type=int, default=1, help="supernodes Q per patch")
    parser.add_argument("--width", type=int, help="model width D")
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--mlp-ratio", type=int, default=2)
    parser.add_argument("--models", nargs="+", choices=get_args(Architecture))
    parser.add_argument("--rounds", type=int, default=3, help="each model once a round")
    parser.add_argument("--threads", type=int, help="threads on the CPU; default: all")
    parser.add_argument("--device", default="cpu", help="auto, cuda, mps or cpu")
    parser.add_argument("--out", type=Path, help="a CSV file for the rows")


def run_benchmark(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, and return the table with the ratios to MSPT."""
    if args.out and args.out.suffix != ".csv":
        raise MSPTError(f"--out must be a .csv file, got {args.out.name}")
    table = _partition_table(args) if args.what == "partition" else _model_table(args)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(args.out, index=False)
    return {"rows": table.to_dict("records"), "table": "\n" + table.to_string(index=False)}


def _partition_table(args: argparse.Namespace) -> pd.DataFrame:
    rows = [
        asdict(timing)
        for num_points in args.points or [1_000_000]
        for num_patches in args.patches or [1024]
        for timing in benchmark_partition(
            num_points=num_points, num_patches=num_patches, repeats=args.rounds
        )
    ]
    return pd.DataFrame(rows)


def _model_table(args: argparse.Namespace) -> pd.DataFrame:
    """Return one row per model and size; ``*_of_mspt`` are its values over MSPT's.

    With several numbers of patches, MSPT's values are those with the first of them.
    """
    is_memory = args.what == "memory"
    models = args.models or (["mspt"] if is_memory else ["mspt", "published", "transolver"])
    width = args.width or (128 if is_memory else 256)
    sizes = args.points or ([10_000, 100_000, 1_000_000] if is_memory else [32_768])
    jobs = [
        (num_points, [_config(args, name, num_patches, width) for name in models])
        for num_points in sizes
        for num_patches in args.patches or [recommended_patches(num_points) if is_memory else 128]
    ]
    measured: list[Measurement] = []
    total = sum(len(configs) for _, configs in jobs) * args.rounds
    with tqdm(total=total, unit="run", dynamic_ncols=True) as bar:
        for num_points, configs in jobs:
            for one in measure_models(
                configs,
                num_points=num_points,
                work="train" if args.what == "train" else "forward",
                rounds=args.rounds,
                threads=args.threads,
                device=args.device,
            ):
                measured.append(one)
                bar.set_postfix_str(f"{one.architecture}, {num_points} points")
                bar.update()
    return _with_ratios(combine(measured))


def _config(args: argparse.Namespace, name: str, num_patches: int, width: int) -> ModelConfig:
    config = ModelConfig(
        space_dim=3,
        in_features=4,
        out_channels=4,
        width=width,
        num_heads=args.heads,
        num_blocks=args.blocks,
        mlp_ratio=args.mlp_ratio,
        num_patches=num_patches,
        num_supernodes=args.supernodes,
        num_slices=args.slices,
    )
    # The authors' scripts run on the points in file order.
    changes = {"partition": "sequence"} if name == "published" else {}
    return replace(config, architecture=name, **changes)


def _with_ratios(rows: list[Measurement]) -> pd.DataFrame:
    table = pd.DataFrame([row.row() for row in rows])
    table["peak_MiB"] = table.pop("peak_bytes") / MEBIBYTE
    table["activations"] = table["peak_MiB"] * MEBIBYTE / table.pop("activation_bytes")
    for quantity in ("seconds", "peak_MiB"):
        table[f"{quantity}_of_mspt"] = table.groupby("num_points")[quantity].transform(
            _over_reference(table, quantity)
        )
    return table.round(4)


def _over_reference(table: pd.DataFrame, quantity: str) -> Callable[[pd.Series], pd.Series]:
    """Divide values of one size by MSPT's; NaN where MSPT was not measured."""

    def divide(values: pd.Series) -> pd.Series:
        of_mspt = table.loc[values.index].query("architecture == 'mspt'")[quantity]
        return values / of_mspt.iloc[0] if len(of_mspt) else values * float("nan")

    return divide
