"""The commands ``datasets``, ``generate``, ``ship`` and ``solve``."""

import argparse
from pathlib import Path
from typing import Any

from mspt.checkpoint import load_checkpoint
from mspt.cli._arguments import positive
from mspt.cli._output import counted, duration, facts, memory, paragraphs, percent, table
from mspt.cli.shapes import add_placement, show_solved_shape, solve_shape
from mspt.data.export import write_case
from mspt.data.generate import generate
from mspt.data.registry import DATASETS, Dataset, get_dataset
from mspt.data.sets._public import Adapter, case_names
from mspt.data.sets.adapters import ADAPTERS
from mspt.data.sets.car.dataset import CAR
from mspt.data.sets.car.generate import generate_flows, ship_flows
from mspt.data.sets.car.store import MESHES, SPLITS, list_flows
from mspt.data.solve import Solved, read_drawing, solve_case, solve_drawing
from mspt.data.store import list_cases, ship
from mspt.errors import DataError, MSPTError
from mspt.geometry.files.readers import SUFFIXES
from mspt.inference.predict import predict_case
from mspt.metrics.fields import relative_l2
from mspt.progress import ProgressBar


def add_datasets(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``datasets``."""
    parser.add_argument("dataset", nargs="?", help="describe this one; default: list all")
    parser.add_argument("--data", type=Path, help="folder of the data; default: data/")


def run_datasets(args: argparse.Namespace) -> dict[str, Any]:
    """Describe data sets and count the cases at hand, by the name of the data set."""
    own = {name: _described(dataset, args.data) for name, dataset in DATASETS.items()}
    flows = {CAR.name: _facts(CAR, "computed by OpenFOAM") | {"cases": _flow_counts(args.data)}}
    public = {name: _described_public(one, args.data) for name, one in ADAPTERS.items()}
    found = own | flows | public
    if args.dataset is None:
        return found
    if args.dataset not in found:
        raise MSPTError(f"data set must be one of {', '.join(found)}, got {args.dataset!r}")
    return {args.dataset: found[args.dataset]}


def _facts(dataset: Any, origin: str) -> dict[str, Any]:  # noqa: ANN401 - data sets share no type
    words = ("title", "equation", "geometry", "solver", "source", "files", "licence")
    entry: dict[str, Any] = {word: value for word in words if (value := getattr(dataset, word, ""))}
    if seconds := getattr(dataset, "seconds_per_case", None):
        entry["seconds_per_case"] = seconds
    entry["fields"] = [f"{field.name} [{field.unit}]" for field in dataset.fields]
    return entry | {"origin": origin}


def _described(dataset: Dataset, root: Path | None) -> dict[str, Any]:
    counts = {
        split: {"at_hand": len(list_cases(dataset.name, split=split, root=root)), "total": size}
        for split, size in dataset.split_sizes.items()
    }
    return _facts(dataset, "generated here") | {"cases": counts}


def _flow_counts(root: Path | None) -> dict[str, dict[str, int]]:
    return {split: {"at_hand": len(list_flows(split, root=root))} for split in SPLITS}


def _described_public(adapter: Adapter, root: Path | None) -> dict[str, Any]:
    counts = {}
    for split in ("train", "validation", "test"):
        try:
            counts[split] = {"at_hand": len(case_names(adapter, split, root=root)[1])}
        except DataError:  # absent or incomplete: `train` says what is missing
            counts[split] = {"at_hand": 0}
    return _facts(adapter, "downloaded") | {"cases": counts}


def show_datasets(result: dict[str, Any]) -> str:
    """Return a table of all data sets, or everything known of one."""
    if len(result) == 1:
        ((name, entry),) = result.items()
        words = {key: value for key, value in entry.items() if isinstance(value, str)}
        words["fields"] = ", ".join(entry["fields"])
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
            ", ".join(entry["fields"]),
        ]
        for name, entry in result.items()
    ]
    return paragraphs(
        table(rows, ["name", "title", *splits, "cases are", "fields"]),
        "Numbers are cases at hand, of all cases where that is fixed. `python -m mspt datasets "
        "NAME`\ndescribes one data set: equation, geometry, solver, files and licence.",
    )


def _count_words(count: dict[str, int] | None) -> str:
    if count is None:
        return "–"
    return f"{count['at_hand']}" + (f"/{count['total']}" if "total" in count else "")


def add_generate(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``generate``."""
    parser.add_argument("dataset", help=f"one of {', '.join([*DATASETS, CAR.name])}")
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
    parser.add_argument("--mesh", help=f"car: test cases on another mesh, {', '.join(MESHES)}")


def run_generate(args: argparse.Namespace) -> dict[str, Any]:
    """Make the cases that are not there yet; count those that the solver could not solve."""
    shared = {"seed": args.seed, "out": args.out, "jobs": args.jobs}
    if args.dataset == CAR.name:
        if args.per_split is not None:
            raise MSPTError("--per-split must go with a 2-D data set, got car; use --cases")
        events = generate_flows(num_cases=args.cases or CAR.num_cases, mesh=args.mesh, **shared)
    else:
        get_dataset(args.dataset)
        events = generate(args.dataset, num_cases=args.cases, per_split=args.per_split, **shared)
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


def add_ship(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``ship``."""
    parser.add_argument("dataset", help=f"one of {', '.join([*DATASETS, CAR.name])}")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder to copy from")
    parser.add_argument("--out", type=Path, default=Path("assets/data"), help="folder to copy to")
    parser.add_argument(
        "--train", type=int, metavar="N", help="copy the first N training cases only; 2-D sets"
    )


def run_ship(args: argparse.Namespace) -> dict[str, Any]:
    """Copy a generated data set to the folder of those that come with the project."""
    if args.dataset == CAR.name:
        if args.train is not None:
            raise MSPTError("--train must go with a 2-D data set, got car; leave it out")
        if not (args.data / CAR.name).is_dir():
            raise MSPTError(f"--data must be a folder with generated cases, got '{args.data}'")
        sizes = ship_flows(root=args.data, out=args.out)
    else:
        sizes = ship(args.dataset, root=args.data, num_train=args.train, out=args.out)
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
        "--out", type=Path, required=True, help="a .npz, .csv or .vtp file; .npz for a shape"
    )
    parser.add_argument("--checkpoint", type=Path, help="predict the same case and compare")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    add_placement(parser)


def run_solve(args: argparse.Namespace) -> dict[str, Any]:
    """Solve one case; with a checkpoint, compute the error of its prediction too."""
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


def _solve(case: str) -> Solved:
    path = Path(case)
    if path.suffix in (".json", ".npy"):
        return solve_drawing(read_drawing(path))
    return solve_case(case)
