"""The command ``ablate``: one run with some settings varied, kept as one row of a CSV file.

Rows hold the validation error only: the test split is for checkpoints that ship.
"""

import argparse
import csv
import fcntl
import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import Any, get_args

import torch

from mspt.cli.train import with_overrides
from mspt.config import ModelConfig
from mspt.errors import MSPTError
from mspt.evaluation.cases import num_parameters, surroundings
from mspt.evaluation.score import load_cases
from mspt.training.loop import TrainingStopped, prepare, train
from mspt.training.presets import Precision, Preset, get_preset

COLUMNS: tuple[str, ...] = (
    "dataset", "preset", "set", "seed", "epochs", "steps", "train_cases", "parameters",
    "validation_error", "train_error", "curve", "minutes", "error", "device", "threads", "torch",
)  # fmt: skip


def add_ablate(parser: argparse.ArgumentParser) -> None:
    """Describe ``ablate``."""
    parser.add_argument("dataset", help="a name from 'python -m mspt datasets'")
    parser.add_argument("--preset", help="settings to start from; default: the data set's own")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the model to vary, such as num_patches=32; may be given several times",
    )
    parser.add_argument("--epochs", type=int, help="passes over the training cases")
    parser.add_argument("--cases", type=int, help="use the first training cases only")
    parser.add_argument("--seed", type=int, help="seed of weights and order")
    parser.add_argument("--precision", choices=get_args(Precision), help="bfloat16 is for GPUs")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    parser.add_argument("--threads", type=int, default=1, help="threads on the CPU")
    parser.add_argument("--data", type=Path, help="folder of the data; default: data/")
    parser.add_argument("--runs", type=Path, default=Path("runs/ablations"), help="unfinished runs")
    parser.add_argument("--out", type=Path, default=Path("assets/ablations/runs.csv"))


def run_ablate(args: argparse.Namespace) -> dict[str, Any]:
    """Train with the varied settings, resuming an unfinished run, and append the row."""
    args.start = args.compile = None
    name = args.preset or args.dataset
    preset = with_overrides(get_preset(name), args)
    varied = parse_settings(args.set)
    torch.set_num_threads(args.threads)
    row = {"dataset": args.dataset, "preset": name, "set": " ".join(sorted(args.set))}
    row |= {"seed": preset.train.seed, "epochs": preset.train.epochs, "threads": args.threads}
    try:
        preset = replace(preset, model=_with_settings(preset.model, varied))
        row |= _train(preset, args)
    except (MSPTError, ValueError, RuntimeError) as error:
        row["error"] = str(error)  # a run that fails is a result too
    append_row(args.out, row)
    return row


def parse_settings(given: list[str]) -> dict[str, Any]:
    """Return settings by name; values are JSON, and anything else is a word.

    Raises:
        MSPTError: If one is not of the form NAME=VALUE.

    Examples:
        >>> parse_settings(["num_patches=32", "pooling=max", "carry=true"])
        {'num_patches': 32, 'pooling': 'max', 'carry': True}
    """
    settings = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise MSPTError(f"--set must be of the form NAME=VALUE, got {one!r}")
        try:
            settings[name] = json.loads(value)
        except ValueError:
            settings[name] = value
    return settings


def _with_settings(config: ModelConfig, settings: Mapping[str, Any]) -> ModelConfig:
    return ModelConfig.from_dict(config.to_dict() | dict(settings))


def _train(preset: Preset, args: argparse.Namespace) -> dict[str, Any]:
    training = prepare(
        preset,
        cases=load_cases(preset, "train", root=args.data, limit=args.cases),
        validation=load_cases(preset, "validation", root=args.data),
        device=args.device,
    )
    identity = json.dumps([preset.model.to_dict(), preset.train.to_dict(), args.cases])
    folder = args.runs / sha256(identity.encode()).hexdigest()[:16]
    *_, stopped = train(training, folder=folder)
    if not isinstance(stopped, TrainingStopped):
        raise MSPTError("training ended without a result")
    rmtree(folder, ignore_errors=True)
    curve = stopped.progress.curve
    around = surroundings()
    return {
        "steps": stopped.progress.step,
        "train_cases": len(training.cases),
        "parameters": num_parameters(training.model),
        "train_error": round(curve[-1][0], 6),
        "validation_error": round(curve[-1][1], 6),
        "curve": " ".join(f"{validation:.5f}" for _, validation in curve),
        "minutes": round(stopped.progress.minutes, 2),
        "device": around["hardware"],
        "torch": around["versions"]["torch"],
    }


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Append a row to a CSV file that several processes may write at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(row)
