"""The commands ``datasets``, ``generate``, ``ship`` and ``solve``."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mspt.cli._arguments import derived_name, positive
from mspt.cli._folders import check_folder
from mspt.cli._output import counted, duration, facts, memory, paragraphs, percent, table
from mspt.cli.drawings import solve_given
from mspt.cli.shapes import add_placement, show_solved_shape, solve_shape
from mspt.data.dataset import Dataset, Request
from mspt.data.export import write_case
from mspt.data.registry import datasets, get_dataset
from mspt.data.store import ship
from mspt.evaluation.comparison import primary_error
from mspt.geometry.files.readers import SUFFIXES
from mspt.inference.predict import predict_case
from mspt.inference.sample import sample_of_case
from mspt.progress import ProgressBar


def add_datasets(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``datasets``."""
    parser.add_argument("dataset", nargs="?", help="describe this one; default: list all")
    parser.add_argument(
        "--data", type=Path, help="folder of the data; default: data/, then what ships"
    )


def run_datasets(args: argparse.Namespace) -> dict[str, Any]:
    """Describe data sets and count the cases at hand, by the name of the data set."""
    check_folder(args.data)
    found = datasets() if args.dataset is None else (get_dataset(args.dataset),)
    return {dataset.name: _described(dataset, args.data) for dataset in found}


def _described(dataset: Dataset, root: Path | None) -> dict[str, Any]:
    attributes = ("title", "equation", "geometry", "solver", "publication", "files", "licence")
    entry: dict[str, Any] = {name: text for name in attributes if (text := getattr(dataset, name))}
    if dataset.seconds_per_case:
        entry["seconds_per_case"] = dataset.seconds_per_case
    entry["fields"] = [f"{field.name} [{field.unit}]" for field in dataset.fields]
    entry["origin"] = "generated here" if dataset.can_generate else "downloaded"
    at_hand = dataset.source.at_hand(dataset, root)
    entry["cases"] = {
        split: {"at_hand": at_hand[split]} | ({"total": size} if size is not None else {})
        for split, size in dataset.splits.items()
    }
    return entry


def show_datasets(result: dict[str, Any]) -> str:
    """Return a table of all data sets, or everything known of one."""
    if len(result) == 1:
        ((name, entry),) = result.items()
        words = {key: value for key, value in entry.items() if isinstance(value, str)}
        if "equation" in words:
            words = {
                ("equation, in LaTeX" if key == "equation" else key): value
                for key, value in words.items()
            }
        words["fields"] = _field_words(entry["fields"])
        words["cases at hand"] = ", ".join(
            f"{_count_words(count)} {split}" for split, count in entry["cases"].items()
        )
        if seconds := entry.get("seconds_per_case"):
            words["time per case"] = f"{duration(seconds)} on one core"
        return facts({"name": name, **words})
    splits = list(dict.fromkeys(split for entry in result.values() for split in entry["cases"]))
    rows = [
        [
            name,
            entry["title"],
            *(_count_words(entry["cases"].get(split)) for split in splits),
            entry["origin"],
            _field_words(entry["fields"]),
        ]
        for name, entry in result.items()
    ]
    expected = [
        [name, entry["files"], entry["publication"]]
        for name, entry in result.items()
        if "files" in entry
    ]
    return paragraphs(
        table(rows, ["name", "title", *splits, "cases are", "fields"]),
        "Numbers are cases at hand, of all cases where that is fixed. `python -m mspt datasets "
        "NAME`\ndescribes one data set: equation, geometry, solver, files and licence.",
        table(expected, ["downloaded", "files, expected in the folder --data", "published as"]),
    )


def _field_words(fields: Sequence[str]) -> str:
    """Return fields with their units; a run of numbered fields is its first and its last.

    Examples:
        >>> _field_words(["C_p [1]", "u [m/s]", "w_1 [1]", "w_2 [1]", "w_3 [1]"])
        'C_p, u [m/s], w_1 to w_3'
        >>> _field_words(["x_1 [mm]", "u_1 [1]", "x_2 [mm]", "u_2 [1]", "x_3 [mm]", "u_3 [1]"])
        'x_1 to x_3 [mm], u_1 to u_3'
    """
    runs: dict[str, list[str]] = {}
    for one in fields:
        runs.setdefault(re.sub(r"_\d+ ", "_ ", one), []).append(one.removesuffix(" [1]"))
    words: list[str] = []
    for run in runs.values():
        first, _, _ = run[0].partition(" [")
        words += run if len(run) < 3 else [f"{first} to {run[-1]}"]
    return ", ".join(words)


def _count_words(count: dict[str, int] | None) -> str:
    if count is None:
        return "–"
    return f"{count['at_hand']}" + (f"/{count['total']}" if "total" in count else "")


def add_generate(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``generate``."""
    parser.add_argument("dataset", help=f"one of {', '.join(_generated())}")
    parser.add_argument(
        "--cases",
        type=positive,
        help="make the first cases only, training cases first; default: all",
    )
    parser.add_argument(
        "--per-split",
        type=positive,
        metavar="N",
        help="make the first N cases of each split only: a small set, for `train --per-split N`",
    )
    parser.add_argument("--seed", type=int, default=0, help="0 makes the cases of this project")
    parser.add_argument("--out", type=Path, default=Path("data"), help="folder; default: data/")
    parser.add_argument("--jobs", type=int, default=1, help="processes at the same time")
    meshes = [mesh for one in datasets() if one.body is not None for mesh in one.body.meshes]
    parser.add_argument("--mesh", help=f"flows: test cases on another mesh, {', '.join(meshes)}")
    parser.add_argument(
        "--first",
        type=int,
        default=0,
        metavar="INDEX",
        help="flows: begin with the case of this number; default: 0",
    )


def _generated() -> list[str]:
    return [dataset.name for dataset in datasets() if dataset.can_generate]


def run_generate(args: argparse.Namespace) -> dict[str, Any]:
    """Make the cases that are not there yet; count those that the solver could not solve."""
    dataset = get_dataset(args.dataset)
    request = Request(
        num_cases=args.cases,
        per_split=args.per_split,
        seed=args.seed,
        out=args.out,
        jobs=args.jobs,
        mesh=args.mesh,
        first=args.first,
    )
    events = dataset.source.generate(dataset, request)
    made, failed = 0, {}
    with ProgressBar(unit="case", mode=args.progress) as bar:
        for event in events:
            bar.reach(event.num_done, event.num_cases)
            if event.error:
                failed[str(event.index)] = event.error
                bar.note(f"case {event.index} left out: {event.error}")
            else:
                made += 1
    folder = args.out / args.dataset / (args.mesh or "")
    return {"dataset": args.dataset, "out": str(folder), "made": made, "failed": failed}


def show_generate(result: dict[str, Any]) -> str:
    """Return how many cases were made, and why others were not."""
    made, failed = result["made"], result["failed"]
    if not made and not failed:
        return f"All cases were there already, in {result['out']}."
    first = f"{counted(made, 'new case')} of {result['dataset']} in {result['out']}."
    if not failed:
        return first
    rows = [[index, reason] for index, reason in failed.items()]
    return paragraphs(
        f"{first} {counted(len(failed), 'case')} left out:", table(rows, ["case", "reason"])
    )


SHIPPED_SPLITS = {"train": "training", "validation": "validation", "test": "test"}
"""Splits of which some cases can be copied, with the words for their cases."""


def add_ship(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``ship``."""
    parser.add_argument("dataset", help=f"one of {', '.join(_generated())}")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder to copy from")
    parser.add_argument("--out", type=Path, default=Path("assets/data"), help="folder to copy to")
    for split, words in SHIPPED_SPLITS.items():
        parser.add_argument(
            f"--{split}",
            type=positive,
            metavar="N",
            help=f"copy the first N {words} cases only; not for flows",
        )


def run_ship(args: argparse.Namespace) -> dict[str, Any]:
    """Copy a generated data set to the folder of those that come with the project."""
    check_folder(args.data, get_dataset(args.dataset))
    given = {split: getattr(args, split) for split in SHIPPED_SPLITS}
    limits = {split: number for split, number in given.items() if number is not None}
    sizes = ship(args.dataset, root=args.data, limits=limits, out=args.out)
    return {"dataset": args.dataset, "out": str(args.out / args.dataset), "bytes": sizes}


def show_ship(result: dict[str, Any]) -> str:
    """Return what was written."""
    sizes = result["bytes"]
    return (
        f"{counted(len(sizes), 'file')} written to {result['out']}, {memory(sum(sizes.values()))}."
    )


def add_solve(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``solve``."""
    parser.add_argument(
        "case",
        help="a drawing (.json, .npy), the name of a case, such as elasticity-1107, or a 3-D shape",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="a .npz, .csv or .vtp file, .npz for a shape; default: named like the case, such as "
        "elasticity-1107-solution.vtp or my-car-flow.npz",
    )
    parser.add_argument("--checkpoint", type=Path, help="predict the same case and compare")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    add_placement(parser)


def run_solve(args: argparse.Namespace) -> dict[str, Any]:
    """Solve one case; with a checkpoint, compute the error of its prediction too."""
    if Path(args.case).suffix.lower() in SUFFIXES:
        return solve_shape(args)
    out = args.out or derived_name(args.case, "solution", ".vtp")
    solved, checkpoint = solve_given(args.case, out, args)
    case = solved.case
    result = {
        "case": case.name,
        "dataset": case.dataset,
        "points": len(case.points),
        "solver_seconds": solved.seconds,
        "out": str(out),
    }
    prediction = None
    if checkpoint is not None:
        predicted = predict_case(checkpoint, case.points, case.features, device=args.device)
        prediction = predicted.fields
        result |= {
            "checkpoint": str(args.checkpoint),
            "model_seconds": predicted.seconds,
            "relative_l2": primary_error(sample_of_case(case), prediction),
        }
    write_case(out, case, prediction)
    return result


def show_solve(result: dict[str, Any]) -> str:
    """Return times, the error of the prediction and the file written."""
    if "dataset" not in result:
        return show_solved_shape(result)
    shown = {
        "case": f"{result['case']}, {counted(result['points'], 'point')}",
        "solver": duration(result["solver_seconds"]),
    }
    if "relative_l2" in result:
        shown["model"] = f"{duration(result['model_seconds'])}, {result['checkpoint']}"
        shown["error"] = f"{percent(result['relative_l2'])} relative L2 against the solver"
    return facts(shown | {"written": result["out"]})
