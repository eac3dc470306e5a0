"""The commands ``datasets``, ``generate`` and ``solve``."""

import argparse
import sys
from pathlib import Path
from typing import Any

from mspt.checkpoint import load_checkpoint
from mspt.cli.shapes import add_placement, solve_shape
from mspt.data.dataset import Dataset
from mspt.data.export import write_case
from mspt.data.generate import generate
from mspt.data.registry import DATASETS, get_dataset
from mspt.data.sets.car.dataset import CAR, FlowDataset
from mspt.data.sets.car.generate import generate_flows
from mspt.data.sets.car.store import MESHES, SPLITS, list_flows
from mspt.data.solve import Solved, read_drawing, solve_case, solve_drawing
from mspt.data.store import list_cases
from mspt.geometry.files.readers import SUFFIXES
from mspt.inference.predict import predict_case
from mspt.metrics.fields import relative_l2
from mspt.progress import ProgressBar


def add_datasets(parser: argparse.ArgumentParser) -> None:
    """Describe ``datasets``: it takes no settings."""
    parser.epilog = "Cases are counted where they are: generated ones, then what ships."


def run_datasets(args: argparse.Namespace) -> dict[str, Any]:  # noqa: ARG001 - one signature
    """Tell of each data set what it is and how many cases are at hand."""
    stacks = {name: _described(dataset) for name, dataset in DATASETS.items()}
    flows = _described(CAR) | {
        "cases_at_hand": {split: f"{len(list_flows(split))}" for split in SPLITS}
    }
    return {**stacks, CAR.name: flows}


def _described(dataset: Dataset | FlowDataset) -> dict[str, Any]:
    words = ("title", "equation", "geometry", "solver", "licence", "seconds_per_case")
    entry: dict[str, Any] = {word: getattr(dataset, word) for word in words}
    entry["fields"] = ", ".join(f"{field.name} [{field.unit}]" for field in dataset.fields)
    if isinstance(dataset, Dataset):
        entry["cases_at_hand"] = {
            split: f"{len(list_cases(dataset.name, split=split))} of {size}"
            for split, size in dataset.split_sizes.items()
        }
    return entry


def add_generate(parser: argparse.ArgumentParser) -> None:
    """Describe ``generate``."""
    parser.add_argument("dataset", help=f"one of {', '.join([*DATASETS, CAR.name])}")
    parser.add_argument("--cases", type=int, help="first cases to make; default: all")
    parser.add_argument("--seed", type=int, default=0, help="0 makes the cases that ship")
    parser.add_argument("--out", type=Path, default=Path("data"), help="folder; default: data/")
    parser.add_argument("--jobs", type=int, default=1, help="processes at the same time")
    parser.add_argument("--mesh", help=f"car: test cases on another mesh, {', '.join(MESHES)}")


def run_generate(args: argparse.Namespace) -> dict[str, Any]:
    """Make cases, go on where an earlier run stopped, and count what could not be made."""
    failed = {}
    shared = {"seed": args.seed, "out": args.out, "jobs": args.jobs}
    if args.dataset == CAR.name:
        num_cases = args.cases or CAR.num_cases
        events = generate_flows(num_cases=num_cases, mesh=args.mesh, **shared)
    else:
        num_cases = args.cases or get_dataset(args.dataset).num_cases
        events = generate(args.dataset, num_cases=num_cases, **shared)
    with ProgressBar(total=num_cases, unit="case") as bar:
        for event in events:
            bar.n, bar.total = event.num_done, event.num_cases
            bar.refresh()
            if event.error:
                failed[str(event.index)] = event.error
                bar.write(f"case {event.index} left out: {event.error}", file=sys.stderr)
    return {"dataset": args.dataset, "out": str(args.out / args.dataset), "failed": failed}


def add_solve(parser: argparse.ArgumentParser) -> None:
    """Describe ``solve``."""
    parser.add_argument(
        "case",
        help="a drawing (.json, .npy), the name of a case, such as elasticity-1107, or a 3-D shape",
    )
    parser.add_argument("--out", type=Path, required=True, help="a .npz, .csv or .vtp file")
    parser.add_argument("--checkpoint", type=Path, help="predict the same case and compare")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    add_placement(parser)


def run_solve(args: argparse.Namespace) -> dict[str, Any]:
    """Solve one case with the real solver; with a checkpoint, tell the model's real error."""
    if Path(args.case).suffix.lower() in SUFFIXES:
        return solve_shape(args)
    solved = _solve(args.case)
    case = solved.case
    result = {
        "case": case.name,
        "dataset": case.dataset,
        "points": len(case.points),
        "solver_seconds": solved.seconds,
        "out": str(args.out),
    }
    prediction = None
    if args.checkpoint:
        checkpoint = load_checkpoint(args.checkpoint)
        predicted = predict_case(checkpoint, case.points, case.features, device=args.device)
        prediction = predicted.fields
        result |= {
            "checkpoint": str(args.checkpoint),
            "model_seconds": predicted.seconds,
            "relative_l2": relative_l2(prediction[None], case.fields[None]).item(),
        }
    write_case(args.out, case, prediction)
    return result


def _solve(case: str) -> Solved:
    path = Path(case)
    if path.suffix in (".json", ".npy"):
        return solve_drawing(read_drawing(path))
    return solve_case(case)
