"""The command ``ablate``: train once with varied settings and append one row to a CSV file.

Rows hold training and validation errors only: the test split is for checkpoints that are kept.
``minutes`` are those of the clock; ``core_minutes`` are processor time, which other work on the
machine does not lengthen. Where a data set has regions, ``region_errors`` holds the validation
error of each of them, such as ``jump=0.21 elsewhere=0.04``.
"""

import argparse
import csv
import json
import os
from collections.abc import Mapping
from hashlib import sha256
from io import FileIO, StringIO
from pathlib import Path
from shutil import rmtree
from typing import Any, get_args

import torch

from mspt.benchmarks.ablations import parse_regions
from mspt.benchmarks.settings import parse_settings, with_settings
from mspt.checkpoint import Checkpoint
from mspt.cli._arguments import add_settings, positive
from mspt.cli._output import counted, duration, facts, percent
from mspt.cli.evaluate import follow_scores, prepare_cases
from mspt.cli.train import describe_cases, follow, with_overrides
from mspt.config import Precision, Preset
from mspt.data.case import CaseStack
from mspt.data.registry import get_dataset
from mspt.errors import MSPTError, OutputError
from mspt.evaluation.cases import evaluate, num_parameters, surroundings
from mspt.locks import locked
from mspt.progress import ProgressMode
from mspt.training.loop import Training, prepare
from mspt.training.presets import get_preset
from mspt.writing import output_error

COLUMNS: tuple[str, ...] = (
    "dataset", "preset", "set", "seed", "epochs", "steps", "train_cases", "parameters",
    "validation_error", "train_error", "curve", "minutes", "error", "device", "threads", "torch",
    "region_errors", "core_minutes",
)  # fmt: skip
"""New columns come last: tables with fewer of them get the rest with the next row."""


def add_ablate(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``ablate``."""
    parser.add_argument("dataset", help="a name from 'python -m mspt datasets'")
    parser.add_argument("--preset", help="settings to start from; default: those of the data set")
    add_settings(parser)
    parser.add_argument("--epochs", type=int, help="passes over the training cases")
    parser.add_argument("--cases", type=positive, help="use the first training cases only")
    parser.add_argument("--seed", type=int, help="seed of weights and order")
    parser.add_argument("--precision", choices=get_args(Precision), help="bfloat16 needs a GPU")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    parser.add_argument(
        "--threads", type=positive, default=1, help="threads on the CPU; default: 1"
    )
    parser.add_argument(
        "--data", type=Path, help="folder of the data; default: data/, then what ships"
    )
    parser.add_argument(
        "--once",
        action="store_true",
        help="do nothing if the table has a row of these settings, as a list of jobs needs it",
    )
    parser.add_argument(
        "--runs",
        type=Path,
        default=Path("runs/ablations"),
        help="folder of unfinished runs, which the same command continues",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("assets/ablations/runs.csv"),
        help="a .csv file; default: assets/ablations/runs.csv",
    )


def run_ablate(args: argparse.Namespace) -> dict[str, Any]:
    """Train, continuing an unfinished run with the same settings, and append the row.

    A run that fails in training is a result as well: its row has the reason in place of errors.
    """
    name = args.preset or args.dataset
    preset = with_settings(with_overrides(get_preset(name), args), parse_settings(args.set))
    torch.set_num_threads(args.threads)
    training = _prepare(preset, args)
    row: dict[str, Any] = {
        "dataset": args.dataset,
        "preset": name,
        "set": " ".join(sorted(args.set)),
        "seed": preset.train.seed,
        "epochs": preset.train.epochs,
        "threads": args.threads,
    }
    if args.once and (found := find_row(args.out, row, num_cases=len(training.cases))):
        return row | found | {"out": str(args.out)}
    try:
        row |= _train(training, args.runs / _identity(preset, args.cases), mode=args.progress)
    except OutputError:  # no result, but a run to be continued
        raise
    except (MSPTError, ValueError, RuntimeError) as error:
        row["error"] = str(error)
    append_row(args.out, row)
    return row | {"out": str(args.out)}


def show_ablate(result: dict[str, Any]) -> str:
    """Return the errors reached, or why the run failed."""
    shown = {"settings": f"{result['preset']} with {result['set'] or 'nothing varied'}"}
    if "error" in result:
        shown["failed"] = result["error"]
    else:
        shown |= {
            "model": counted(result["parameters"], "parameter"),
            "trained": f"{counted(result['epochs'], 'epoch')} of "
            f"{counted(result['train_cases'], 'case')}, {duration(60 * result['minutes'])} on "
            f"{result['device']}",
            "training error": f"{percent(result['train_error'])} relative L2",
            "validation error": f"{percent(result['validation_error'])} relative L2",
        }
        if regions := parse_regions(result["region_errors"]):
            words = (f"{name} {percent(error)}" for name, error in regions.items())
            shown["by region"] = ", ".join(words)
    done = "found in" if result.get("found") else "appended to"
    return facts(shown | {"row": f"{done} {result['out']}"})


def _prepare(preset: Preset, args: argparse.Namespace) -> Training:
    dataset = get_dataset(preset.dataset)
    for split, limit in (("train", args.cases), ("validation", None)):
        prepare_cases(dataset, split, root=args.data, limit=limit, mode=args.progress)
    cases = dataset.cases("train", root=args.data, limit=args.cases, train=preset.train)
    validation = dataset.cases("validation", root=args.data, train=preset.train)
    describe_cases(preset, cases, validation, mode=args.progress)
    return prepare(preset, cases=cases, validation=validation, device=args.device)


def _identity(preset: Preset, cases: int | None) -> str:
    """Return a name that is the same for the same settings, and for those only."""
    settings = json.dumps([preset.model.to_dict(), preset.train.to_dict(), cases])
    return sha256(settings.encode()).hexdigest()[:16]


def _train(training: Training, folder: Path, *, mode: ProgressMode) -> dict[str, Any]:
    stopped = follow(training, folder, mode=mode)
    regions = _region_errors(training, mode=mode)
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
        "core_minutes": round(stopped.progress.core_minutes, 2),
        "device": around["hardware"],
        "torch": around["versions"]["torch"],
        "region_errors": regions,
    }


def _region_errors(training: Training, *, mode: ProgressMode) -> str:
    """Return the validation error of each region as it is written; nothing without regions."""
    name, cases = training.preset.dataset, training.validation
    if get_dataset(name).regions is None or not isinstance(cases, CaseStack):
        return ""
    checkpoint = Checkpoint(
        training.average, training.preset.model, training.normalizer, {"dataset": name}
    )
    device = next(training.average.parameters()).device.type
    events = evaluate(checkpoint, cases, device=device)
    found = follow_scores(events, title="regions", mode=mode).by_region
    return " ".join(f"{name}={error:.6f}" for name, error in found.items() if error is not None)


def find_row(path: Path, row: Mapping[str, Any], *, num_cases: int) -> dict[str, Any] | None:
    """Return the numbers of the row with the same settings; None where there is none yet.

    Rows of runs that failed do not count: what made them fail may be gone.
    """
    if not path.exists():
        return None
    wanted = {key: str(row[key]) for key in ("dataset", "preset", "set", "seed", "epochs")}
    wanted["train_cases"] = str(num_cases)
    with path.open(encoding="utf-8", newline="") as file:
        for one in csv.DictReader(file):
            if not one["error"] and wanted.items() <= one.items():
                numbers = ("train_error", "validation_error", "minutes")
                return {
                    **{key: float(one[key]) for key in numbers},
                    **{key: int(one[key]) for key in ("train_cases", "parameters", "steps")},
                    "device": one["device"],
                    "region_errors": one.get("region_errors") or "",
                    "found": True,
                }
    return None


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Append a row to a CSV file that several processes may write at the same time.

    A table that an earlier version has written gets the columns it lacks, empty in its rows.

    Raises:
        OutputError: If the row cannot be written, as on a full disk; the table stays as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        # Not buffered: what could not be written must not be written again as the file is closed.
        with path.open("r+b", buffering=0) as file, locked(file):
            # Read once the lock is held: another process may have written meanwhile.
            before = file.read()
            start, added = _addition(before.decode(), row)
            try:
                _write_at(file, start, added)
            except OSError:
                file.truncate(len(before))
                _write_at(file, 0, before)  # into the space that was its own
                raise
    except OSError as error:
        raise output_error(path, error) from error


def _addition(before: str, row: Mapping[str, Any]) -> tuple[int, bytes]:
    """Return where a table is to be written on, and with what, to have one more row."""
    reader = csv.DictReader(StringIO(before, newline=""))
    present = list(reader.fieldnames or [])
    columns = present + [name for name in COLUMNS if name not in present]
    added = StringIO()
    writer = csv.DictWriter(added, columns, lineterminator="\n")
    if columns != present:  # the table is longer than before with all columns in all its rows
        writer.writeheader()
        writer.writerows(reader)
    elif not before.endswith("\n"):  # a process was killed within a line, which readers leave out
        added.write("\n")
    writer.writerow(row)
    return 0 if columns != present else len(before.encode()), added.getvalue().encode()


def _write_at(file: FileIO, start: int, content: bytes) -> None:
    file.seek(start)
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]
    os.fsync(file.fileno())
