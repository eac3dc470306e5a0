"""The command ``benchmark``: time and memory on this machine, with ratios from one run."""

import argparse
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from mspt.benchmarks.fits import fit_rows
from mspt.benchmarks.models import Measurement, combine, measure_models
from mspt.benchmarks.partition import benchmark_partition
from mspt.benchmarks.rows import (
    AXIS_MODELS,
    AXIS_VALUES,
    COMPARED,
    MeasuredQuantity,
    Sweep,
    SweepAxis,
    read_rows,
    rows_table,
    write_rows,
)
from mspt.benchmarks.sweep import MeasurementProgress, SweepLimits, available_bytes, run_sweep
from mspt.cli._cuda import cuda_rows, show_cuda
from mspt.cli._forecast import add_forecast, forecast_rows, show_forecast
from mspt.cli._growth import growth_rows, show_growth
from mspt.cli._output import (
    MISSING,
    counted,
    duration,
    memory,
    number,
    paragraphs,
    percent,
    table,
)
from mspt.cli._passes import measured_passes, show_passes
from mspt.cli._stress import show_stress, stress_rows
from mspt.config import Architecture, ModelConfig
from mspt.cost.formulas import FLOAT_BYTES, Work, recommended_patches
from mspt.errors import MSPTError
from mspt.progress import ProgressBar
from mspt.writing import write_text

MEBIBYTE = 2**20
KINDS = (
    "forward",
    "train",
    "memory",
    "partition",
    "scaling",
    "passes",
    "forecast",
    "stress",
    "growth",
    "cuda",
)


def add_benchmark(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``benchmark``."""
    parser.add_argument(
        "what",
        choices=KINDS,
        help="a forward pass, a training step, memory of large clouds, the ball tree, growth, a "
        "pass of each checkpoint over a test case, what a run would take, clouds that are hard "
        "to partition, growth to millions of points, or all that needs a CUDA device",
    )
    parser.add_argument(
        "--axis",
        nargs="+",
        choices=get_args(SweepAxis),
        default=list(get_args(SweepAxis)),
        help="scaling: the sizes that grow; default: all",
    )
    parser.add_argument(
        "--work", choices=get_args(Work), default="forward", help="scaling, forecast: the pass"
    )
    parser.add_argument(
        "--patch-size",
        type=int,
        default=1024,
        help="scaling: points per patch L while N grows; default: 1024",
    )
    parser.add_argument(
        "--longest",
        type=float,
        default=60.0,
        help="scaling: seconds of the longest pass to measure; default: 60",
    )
    parser.add_argument(
        "--memory",
        type=float,
        help="scaling: GB to use at most; default: nine tenths of the free memory",
    )
    parser.add_argument("--points", type=int, nargs="+", help="points N, one or several")
    parser.add_argument("--patches", type=int, nargs="+", help="patches K, one or several")
    parser.add_argument("--sizes", type=int, nargs="+", help="scaling: values of one axis")
    parser.add_argument(
        "--slices", type=int, default=128, help="slices of Transolver; default: 128"
    )
    parser.add_argument(
        "--supernodes", type=int, default=1, help="supernodes Q per patch; default: 1"
    )
    parser.add_argument(
        "--keys-per-level",
        type=int,
        default=0,
        help="MSPT: tree nodes as keys for each doubling of the patches; default: 0, all patches",
    )
    parser.add_argument("--width", type=int, help="model width D")
    parser.add_argument("--heads", type=int, default=8, help="attention heads H; default: 8")
    parser.add_argument("--blocks", type=int, help="default: 4; scaling: 2")
    parser.add_argument("--mlp-ratio", type=int, default=2, help="hidden width of the MLP over D")
    parser.add_argument("--models", nargs="+", choices=get_args(Architecture), help="architectures")
    parser.add_argument(
        "--rounds", type=int, default=3, help="measurements of each model; medians are taken"
    )
    parser.add_argument("--threads", type=int, help="threads on the CPU; default: all")
    parser.add_argument("--device", default="cpu", help="auto, cuda, mps or cpu")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("pretrained"),
        help="passes: folder of the checkpoints; default: pretrained",
    )
    parser.add_argument(
        "--way",
        choices=["both", "fixed", "K"],
        default="both",
        help="growth: patches of a fixed size L, K = sqrt(N/Q) of them, or both; default: both",
    )
    parser.add_argument("--out", type=Path, help="a CSV file for the rows")
    add_forecast(parser)


def run_benchmark(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, and return rows with the ratios to MSPT."""
    if args.out and args.out.suffix != ".csv":
        raise MSPTError(f"--out must be a .csv file, got {args.out.name}")
    if args.what == "scaling":
        return _scaling(args)
    tables = {
        "partition": _partition_table,
        "passes": measured_passes,
        "forecast": forecast_rows,
        "stress": stress_rows,
        "growth": growth_rows,
        "cuda": cuda_rows,
    }
    table = tables.get(args.what, _model_table)(args)
    if args.out:
        write_text(args.out, table.to_csv(index=False))
    return {"what": args.what, "rows": table.to_dict("records"), **_written(args)}


def _scaling(args: argparse.Namespace) -> dict[str, Any]:
    """Measure the sizes that ``--out`` does not hold yet, and write each row at once."""
    if args.sizes and len(args.axis) > 1:
        raise MSPTError(f"--sizes must come with one --axis, got {', '.join(args.axis)}")
    known = read_rows(args.out) if args.out and args.out.exists() else []
    kept = [row for row in known if not row.stopped]
    for axis in args.axis:
        sweep = _sweep(args, axis)
        total = len(sweep.values) * len(sweep.models)
        with ProgressBar(unit="run", title=axis, mode=args.progress) as bar:
            for event in run_sweep(
                sweep,
                limits=lambda: _limits(args),
                known=kept,
                threads=args.threads,
                device=args.device,
            ):
                if isinstance(event, MeasurementProgress):
                    words = f"{event.row.architecture}, {axis} {event.row.value}"
                    bar.reach(event.done, total, words=words)
                    continue
                kept.append(event)
                if args.out:
                    write_rows(args.out, kept)
    exponents = {
        f"{quantity} of {model} against points": fitted.slope
        for quantity in get_args(MeasuredQuantity)
        for model in COMPARED
        if (fitted := fit_rows(kept, model, quantity=quantity)) is not None
    }
    rows = rows_table(kept).to_dict("records")
    return {"what": "scaling", "exponents": exponents, "rows": rows, **_written(args)}


def _written(args: argparse.Namespace) -> dict[str, str]:
    return {"out": str(args.out)} if args.out else {}


def show_benchmark(result: dict[str, Any]) -> str:
    """Return the measurements as a table."""
    shows = {
        "partition": _show_partition,
        "scaling": _show_scaling,
        "passes": show_passes,
        "forecast": show_forecast,
        "stress": show_stress,
        "growth": show_growth,
        "cuda": show_cuda,
    }
    show = shows.get(result["what"], _show_models)
    written = f"Written to {result['out']}." if "out" in result else ""
    return paragraphs(show(result), written)


def _show_models(result: dict[str, Any]) -> str:
    first = result["rows"][0]
    rows = [
        [
            row["architecture"],
            f"{row['num_points']:,}",
            f"{row['num_patches']:,}",
            duration(row["seconds"]),
            number(row["seconds_of_mspt"]),
            f"{number(row['peak_MiB'])} MiB",
            number(row["peak_MiB_of_mspt"]),
            number(row["activations"]),
            percent(row["matrix_share"]) if row["matrix_share"] else MISSING,
        ]
        for row in result["rows"]
    ]
    header = ["model", "points", "patches or slices", "time", "over MSPT", "peak memory"]
    header += ["over MSPT", "activations", "of the matrix rate"]
    work = "A forward pass" if first["work"] == "forward" else "A forward and a backward pass"
    return paragraphs(
        f"{work}, width {first['width']}, {counted(first['num_blocks'], 'block')}, "
        f"{counted(first['threads'], 'thread')} on {first['device']}; medians.",
        table(rows, header),
        "Peak memory is that above weights and inputs; one activation is N x D numbers. The "
        "matrix\nrate is that of this machine's largest matrix products.",
        f"Largest process: {memory(max(row['process_MiB'] for row in result['rows']) * MEBIBYTE)}; "
        "longest time to make a cloud and its partition: "
        f"{duration(max(row['partition_seconds'] for row in result['rows']))}.",
    )


def _show_partition(result: dict[str, Any]) -> str:
    rows = [
        [
            row["method"],
            f"{row['num_points']:,}",
            f"{row['num_patches']:,}",
            duration(row["seconds"]),
            f"{duration(row['lower_quartile'])} to {duration(row['upper_quartile'])}",
            number(row["ratio"]),
        ]
        for row in result["rows"]
    ]
    return table(rows, ["method", "points", "patches", "time", "quartiles", "over ours"])


def _show_scaling(result: dict[str, Any]) -> str:
    rows = [
        [
            row["axis"],
            row["architecture"],
            f"{row['num_points']:,}",
            f"{row['num_patches']:,}",
            f"{row['num_supernodes']:,}",
            duration(row["seconds"]),
            memory(row["peak_bytes"]),
            number(row["peak_bytes"] / (FLOAT_BYTES * row["num_points"] * row["width"])),
            row["stopped"],
        ]
        for row in result["rows"]
    ]
    header = ["axis", "model", "points", "patches", "supernodes per patch", "time"]
    header += ["peak memory", "activations", "not measured because"]
    grows = [
        [name.replace("_bytes", " memory"), f"N^{slope:.2f}"]
        for name, slope in result["exponents"].items()
    ]
    return paragraphs(table(rows, header), table(grows, ["growth", "exponent"]) if grows else "")


def _limits(args: argparse.Namespace) -> SweepLimits:
    free = 0.9 * available_bytes(args.device)
    wanted = args.memory * 1e9 if args.memory else free
    return SweepLimits(memory_bytes=min(wanted, free), seconds=args.longest)


def _sweep(args: argparse.Namespace, axis: SweepAxis) -> Sweep:
    first = Sweep(axis=axis, values=tuple(args.sizes or AXIS_VALUES[axis]))
    return replace(
        first,
        models=tuple(args.models or AXIS_MODELS[axis]),
        num_points=args.points[0] if args.points else first.num_points,
        num_patches=args.patches[0] if args.patches else first.num_patches,
        patch_size=args.patch_size,
        num_supernodes=args.supernodes,
        num_slices=args.slices,
        width=args.width or first.width,
        num_heads=args.heads,
        num_blocks=args.blocks or first.num_blocks,
        mlp_ratio=args.mlp_ratio,
        work=args.work,
    )


def _partition_table(args: argparse.Namespace) -> pd.DataFrame:
    if args.rounds < 2:
        raise MSPTError(f"--rounds must be at least 2 for partition, got {args.rounds}")
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
    with ProgressBar(unit="run", mode=args.progress) as bar:
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
                words = f"{one.architecture}, {num_points:,} points"
                bar.reach(len(measured), total, words=words)
    return _with_ratios(combine(measured))


def _config(args: argparse.Namespace, name: str, num_patches: int, width: int) -> ModelConfig:
    config = ModelConfig(
        space_dim=3,
        in_features=4,
        out_channels=4,
        width=width,
        num_heads=args.heads,
        num_blocks=args.blocks or 4,
        mlp_ratio=args.mlp_ratio,
        num_patches=num_patches,
        num_supernodes=args.supernodes,
        num_slices=args.slices,
    )
    # The authors' scripts run on the points in file order.
    changes: dict[str, Any] = {"partition": "sequence"} if name == "published" else {}
    if name == "mspt":
        changes["keys_per_level"] = args.keys_per_level
    return replace(config, architecture=name, **changes)


def _with_ratios(rows: list[Measurement]) -> pd.DataFrame:
    table = pd.DataFrame([row.row() for row in rows])
    table["peak_MiB"] = table.pop("peak_bytes") / MEBIBYTE
    table["process_MiB"] = table.pop("process_bytes") / MEBIBYTE
    table["activations"] = table["peak_MiB"] * MEBIBYTE / table.pop("activation_bytes")
    for quantity in ("seconds", "peak_MiB"):
        table[f"{quantity}_of_mspt"] = table.groupby("num_points")[quantity].transform(
            _over_reference(table, quantity)
        )
    return table.round(4)


def _over_reference(table: pd.DataFrame, quantity: str) -> Callable[[pd.Series], pd.Series]:
    """Return what divides the values of one size by MSPT's; NaN where MSPT was not measured."""

    def divide(values: pd.Series) -> pd.Series:
        of_mspt = table.loc[values.index].query("architecture == 'mspt'")[quantity]
        return values / of_mspt.iloc[0] if len(of_mspt) else values * float("nan")

    return divide
