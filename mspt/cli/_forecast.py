"""``benchmark forecast``: what a run would take, from a calibration of this machine."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from mspt.benchmarks.calibration import (
    Calibration,
    calibrate,
    read_rates,
    write_rates,
)
from mspt.benchmarks.forecast_check import SIZES, check_forecasts
from mspt.benchmarks.sweep import available_bytes
from mspt.cli._output import counted, duration, memory, number, paragraphs, percent, table
from mspt.config import Architecture, ModelConfig
from mspt.cost.devices import Network, over_devices
from mspt.cost.forecast import Keys, forecast
from mspt.cost.formulas import recommended_patches
from mspt.errors import MSPTError
from mspt.progress import ProgressBar

FEW_BLOCKS = 4


def add_forecast(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``benchmark forecast`` alone."""
    parser.add_argument(
        "--devices",
        type=int,
        nargs="+",
        help="forecast: numbers of equal devices that one cloud is divided over",
    )
    parser.add_argument(
        "--bandwidth",
        type=float,
        default=Network.bandwidth / 1e9,
        help="forecast: GB that each device receives in a second; default: 25",
    )
    parser.add_argument(
        "--rates",
        type=Path,
        help="forecast: a CSV file of rates; what it lacks is measured and added",
    )
    parser.add_argument(
        "--check", action="store_true", help="forecast: also measure, and compare, some sizes"
    )


def forecast_rows(args: argparse.Namespace) -> pd.DataFrame:
    """Return forecasts of each model and size, or, with ``--check``, beside measurements."""
    models: list[Architecture] = args.models or ["mspt", "published", "transolver"]
    if args.devices and args.models not in (None, ["mspt"]):
        raise MSPTError(f"--devices must come with --models mspt, got {' '.join(args.models)}")
    if args.bandwidth <= 0:
        raise MSPTError(f"--bandwidth must be above 0 GB/s, got {args.bandwidth:g}")
    sizes = [
        (num_points, num_patches)
        for num_points in args.points or [1_000_000]
        for num_patches in args.patches or [recommended_patches(num_points)]
    ]
    for size in sizes:
        _check_size(*size, devices=args.devices or [])
    rates = _calibration(args, ["mspt"] if args.check or args.devices else models)
    if args.check:
        return _checked(args, rates)
    if args.devices:
        rows = [row for size in sizes for row in _rows_of_devices(args, rates, *size)]
    else:
        rows = [_row(args, rates, model, *size) for size in sizes for model in models]
    return pd.DataFrame(rows)


def _check_size(num_points: int, num_patches: int, *, devices: Sequence[int]) -> None:
    if not 1 <= num_patches <= num_points:
        raise MSPTError(
            f"--patches must be between 1 and the {num_points:,} points, got {num_patches:,}"
        )
    for count in devices:
        if not 1 <= count <= num_patches:
            raise MSPTError(
                f"--devices must be between 1 and the number of patches, got {count:,} for "
                f"{num_patches:,} patches; use more patches"
            )


def _calibration(args: argparse.Namespace, models: Sequence[Architecture]) -> Calibration:
    """Return rates of a file, with those that it lacks measured now and added to it."""
    stored = read_rates(args.rates) if args.rates and args.rates.exists() else None
    kinds: tuple[Keys, ...] = ("all", "nodes") if args.keys_per_level else ("all",)
    missing: list[Architecture] = [
        one
        for one in models
        if stored is None
        or any(
            not stored.has(one, args.work, keys=keys)
            for keys in (kinds if one == "mspt" else ("all",))
        )
    ]
    if not missing and stored is not None:
        return stored
    found = _measured(args, missing)
    if stored is not None:
        found = stored.joined(found)
    if args.rates:
        write_rates(args.rates, found)
    return found


def _measured(args: argparse.Namespace, models: Sequence[Architecture]) -> Calibration:
    with ProgressBar(unit="pass", title="calibration", mode=args.progress) as bar:
        for event in calibrate(models, work=args.work, threads=args.threads, device=args.device):
            if isinstance(event, Calibration):
                return event
            bar.reach(event.done, event.total)
    raise MSPTError("calibration must end with rates, got none; run it again")


def _forecast_config(
    args: argparse.Namespace, model: Architecture, num_patches: int
) -> ModelConfig:
    return ModelConfig(
        space_dim=3,
        in_features=4,
        out_channels=4,
        architecture=model,
        width=args.width or 128,
        num_heads=args.heads,
        num_blocks=args.blocks or FEW_BLOCKS,
        mlp_ratio=args.mlp_ratio,
        num_patches=num_patches,
        num_supernodes=args.supernodes,
        num_slices=args.slices,
        keys_per_level=args.keys_per_level if model == "mspt" else 0,
        partition="sequence" if model == "published" else "ball_tree",
    )


def _row(
    args: argparse.Namespace,
    rates: Calibration,
    model: Architecture,
    num_points: int,
    num_patches: int,
) -> dict[str, Any]:
    config = _forecast_config(args, model, num_patches)
    found = forecast(
        config,
        num_points,
        rates.of_pass(config, num_points, args.work),
        partition_rate=rates.partition_rate,
    )
    free = available_bytes(args.device)
    return {
        "architecture": model,
        "num_points": num_points,
        "num_patches": num_patches,
        **asdict(found),
        "total_seconds": found.total_seconds,
        "total_bytes": found.total_bytes,
        "free_bytes": free,
        "fits": found.total_bytes < free,
        "work": args.work,
        "threads": rates.threads,
        "machine": rates.machine,
    }


def _rows_of_devices(
    args: argparse.Namespace, rates: Calibration, num_points: int, num_patches: int
) -> list[dict[str, Any]]:
    config = _forecast_config(args, "mspt", num_patches)
    network = Network(bandwidth=1e9 * args.bandwidth)
    one = rates.of_pass(config, num_points, args.work)
    return [
        {
            "num_points": num_points,
            "num_patches": num_patches,
            **asdict(over_devices(config, num_points, one, devices=count, network=network)),
            "work": args.work,
            "threads": rates.threads,
            "machine": rates.machine,
        }
        for count in args.devices
    ]


def _checked(args: argparse.Namespace, rates: Calibration) -> pd.DataFrame:
    rows = []
    with ProgressBar(unit="size", title="measuring", mode=args.progress) as bar:
        for row in check_forecasts(rates, rounds=args.rounds):
            rows.append(asdict(row) | {"time_error": row.time_error})
            rows[-1]["memory_error"] = row.memory_error
            bar.reach(len(rows), len(SIZES))
    return pd.DataFrame(rows)


def show_forecast(result: dict[str, Any]) -> str:
    """Return forecasts as a table, with the machine whose rates they use."""
    rows = result["rows"]
    first = rows[0]
    rates = f"Rates of {first['machine']}, {counted(first['threads'], 'thread')}."
    if "time_error" in first:
        return paragraphs(rates, _show_check(rows))
    if "devices" in first:
        note = "Computed from the rates of one device, and not measured."
        return paragraphs(f"{rates} {note}", _show_devices(rows))
    lines = [
        [
            row["architecture"],
            f"{row['num_points']:,}",
            f"{row['num_patches']:,}",
            duration(row["seconds"]),
            duration(row["partition_seconds"]),
            f"{memory(row['total_bytes'])} of {memory(row['free_bytes'])} free"
            + ("" if row["fits"] else ": too much"),
        ]
        for row in rows
    ]
    header = ["model", "points", "patches", "a pass", "partition", "memory"]
    return paragraphs(rates, table(lines, header))


def _show_check(rows: list[dict[str, Any]]) -> str:
    lines = [
        [
            f"{row['num_points']:,}",
            f"{row['num_patches']:,}",
            str(row["num_supernodes"]),
            str(row["width"]),
            duration(row["forecast_seconds"]),
            duration(row["seconds"]),
            percent(row["time_error"]),
            memory(row["forecast_bytes"]),
            memory(row["peak_bytes"]),
            percent(row["memory_error"]),
        ]
        for row in rows
    ]
    header = ["points", "patches", "Q", "width", "forecast", "measured", "error"]
    return table(lines, [*header, "forecast", "measured", "error"])


def _show_devices(rows: list[dict[str, Any]]) -> str:
    alone = rows[0]["compute_seconds"] * rows[0]["devices"]
    lines = [
        [
            f"{row['devices']:,}",
            duration(row["compute_seconds"]),
            duration(row["exchange_seconds"]),
            memory(row["received_bytes"]),
            memory(row["peak_bytes"]),
            number(alone / (row["compute_seconds"] + row["exchange_seconds"])),
        ]
        for row in rows
    ]
    header = ["devices", "computing", "exchange", "received in a block", "memory", "faster by"]
    return table(lines, header)
