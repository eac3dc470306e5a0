"""The commands ``evaluate`` and ``cards``."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from mspt.benchmarks.ablation_report import ablation_report
from mspt.benchmarks.ablations import read_ablations
from mspt.checkpoint import Checkpoint, list_checkpoints, load_checkpoint, save_checkpoint
from mspt.cli._arguments import positive
from mspt.cli._folders import check_folder
from mspt.cli._output import counted, facts, number, paragraphs, percent, table
from mspt.data.dataset import Dataset
from mspt.data.frames import frame_columns, frame_layout
from mspt.data.registry import get_dataset
from mspt.errors import MSPTError
from mspt.evaluation.cards import model_cards
from mspt.evaluation.cases import CaseScored
from mspt.evaluation.predictions import read_predictions, score_predictions
from mspt.evaluation.score import final_scores, held_out, score
from mspt.progress import ProgressBar, ProgressMode
from mspt.writing import write_text

Result = TypeVar("Result")


def add_cards(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``cards``."""
    parser.add_argument("--folder", type=Path, default=Path("pretrained"), help="checkpoints")
    parser.add_argument("--out", type=Path, default=Path("pretrained/README.md"))
    parser.add_argument(
        "--ablations",
        nargs="?",
        type=Path,
        const=Path("assets/ablations/runs.csv"),
        help="write the tables of ablations beside this file instead; default: %(const)s",
    )


def run_cards(args: argparse.Namespace) -> dict[str, Any]:
    """Write the model cards of a folder of checkpoints, or the tables of ablations."""
    if args.ablations is not None:
        rows, out = read_ablations(args.ablations), args.ablations.with_name("README.md")
        write_text(out, ablation_report(rows))
        return {"out": str(out), "rows": len(rows)}
    write_text(args.out, model_cards(args.folder))
    return {"out": str(args.out), "checkpoints": len(list_checkpoints(args.folder))}


def show_cards(result: dict[str, Any]) -> str:
    """Return what was written."""
    if "rows" in result:
        return f"Tables of {counted(result['rows'], 'run')} written to {result['out']}."
    return f"Cards of {counted(result['checkpoints'], 'checkpoint')} written to {result['out']}."


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``evaluate``."""
    parser.add_argument("checkpoint", type=Path, nargs="?", help="a .safetensors file")
    parser.add_argument(
        "--predictions",
        type=Path,
        metavar="FILE.npz",
        help="score the predictions of another model of test cases instead; see "
        "docs/use-your-checkpoint.md",
    )
    parser.add_argument("--dataset", help="with --predictions: data set of the cases")
    parser.add_argument(
        "--split", default="test", help="train, validation or test; unseen too for car"
    )
    parser.add_argument(
        "--data", type=Path, help="folder of the data; default: data/, then what ships"
    )
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    parser.add_argument(
        "--per-split", type=positive, metavar="N", help="score the first N cases of the split only"
    )
    parser.add_argument(
        "--symmetries",
        action="store_true",
        help="also score the mean prediction over all symmetries of a 2-D data set; takes one pass "
        "for each",
    )
    parser.add_argument(
        "--record",
        action="store_true",
        help="score the whole test split and write the result into the checkpoint's header",
    )


def run_evaluate(args: argparse.Namespace) -> dict[str, Any]:
    """Score a checkpoint on a split of its data set, or predictions of its test cases."""
    if args.predictions is not None:
        return _score_file(args)
    if args.checkpoint is None or args.dataset is not None:
        raise MSPTError(
            "evaluate must be given a checkpoint, or --predictions with --dataset, got "
            f"{'--dataset alone' if args.dataset else 'neither'}; name a .safetensors file"
        )
    checkpoint = load_checkpoint(args.checkpoint)
    dataset = trained_on(checkpoint, args.checkpoint.name)
    if args.record:
        for split in held_out(dataset):
            prepare_cases(dataset, split, root=args.data, mode=args.progress)
        scores = score_for_header(checkpoint, args)
        save_checkpoint(
            args.checkpoint,
            model=checkpoint.model,
            config=checkpoint.config,
            normalizer=checkpoint.normalizer,
            info={**checkpoint.info, **scores},
        )
        return {
            "checkpoint": str(args.checkpoint),
            "dataset": dataset.name,
            "split": "test",
            "cases": scores["metrics"]["cases"],
            "metrics": scores["metrics"],
        }
    limit = args.per_split
    dataset.check_split(args.split)
    if args.symmetries and len(dataset.symmetries) == 1:
        raise MSPTError(
            f"--symmetries must go with a data set that has some, got {dataset.name!r}; "
            "leave it out"
        )
    prepare_cases(dataset, args.split, root=args.data, limit=limit, mode=args.progress)
    events = score(
        checkpoint,
        args.split,
        root=args.data,
        limit=limit,
        symmetries=args.symmetries,
        device=args.device,
    )
    found = follow_scores(events, mode=args.progress)
    return {
        "checkpoint": str(args.checkpoint),
        "dataset": dataset.name,
        "split": args.split,
        "cases": len(found),
        "metrics": found.metrics(),
    }


def _score_file(args: argparse.Namespace) -> dict[str, Any]:
    """Score the predictions of another model."""
    if args.checkpoint is not None or args.dataset is None:
        raise MSPTError(
            "--predictions must go with --dataset and without a checkpoint, got "
            f"{args.checkpoint or 'no data set'}; name the data set of the cases"
        )
    dataset, path = get_dataset(args.dataset), args.predictions
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MSPTError(
            f"--predictions must be a file, got nothing to read at '{path}'; check its path"
        ) from error
    scores = score_predictions(read_predictions(content, path.name, dataset), dataset)
    return {
        "checkpoint": str(path),
        "dataset": dataset.name,
        "split": "test",
        "cases": len(scores.errors),
        "metrics": scores.metrics(),
        "scores": dict(scores.errors),
    }


def trained_on(checkpoint: Checkpoint, name: str) -> Dataset:
    """Return the data set that a checkpoint was trained on.

    Args:
        checkpoint: The model.
        name: Of its file, for the error.

    Raises:
        MSPTError: If its file does not say.
    """
    if "dataset" not in checkpoint.info:
        raise MSPTError(
            f"checkpoint must name the data set it was trained on, got {name} "
            "without one; converted weights cannot be scored here"
        )
    return get_dataset(checkpoint.info["dataset"])


def show_evaluate(result: dict[str, Any]) -> str:
    """Return the errors of a checkpoint, beside those of predicting the training mean."""
    metrics = result["metrics"]
    first = facts(
        {
            ("predictions" if "scores" in result else "checkpoint"): result["checkpoint"],
            "cases": f"{counted(result['cases'], 'case')} of the {result['split']} split of "
            f"{result['dataset']}",
        }
    )
    meshes = (
        "Against mesh mean: the model against the mean of the solver's results on several meshes."
        "\nLarger and smaller cells: the solver's own result on these meshes."
    )
    dataset = get_dataset(result["dataset"])
    over_time = _time_table(dataset, metrics)
    frames = set(dataset.layout.field_channels) if over_time else set()
    return paragraphs(
        first,
        _error_table({name: value for name, value in metrics.items() if name not in frames}),
        over_time,
        _coefficient_table(metrics),
        _region_table(metrics),
        meshes if "against_mean" in metrics else "",
    )


LABELS = {
    "relative_l2": "mean over cases",
    "median": "median case",
    "worst": "worst case",
    "symmetric": "mean over cases, averaged over symmetries",
}


def _columns(metrics: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the metrics of the model and of what it is compared with, by a heading."""
    columns = {"model": metrics}
    if "mean_only" in metrics:  # not of predictions alone
        columns["predicting the mean"] = metrics.get("mean_only_all", {})
    if against := metrics.get("against_mean"):
        columns["against mesh mean"] = against
    for mesh, values in metrics.get("other_meshes", {}).items():
        columns[f"{mesh} cells"] = values
    return columns


def _error_table(metrics: dict[str, Any]) -> str:
    columns = _columns(metrics)
    if "mean_only" in metrics:
        columns["predicting the mean"] = {
            **columns["predicting the mean"],
            "relative_l2": metrics["mean_only"],
        }
    names = [
        name
        for name, value in metrics.items()
        if isinstance(value, float | None) and not name.startswith(("C_", "mean_only"))
    ]
    rows = [
        [
            LABELS.get(name, _words(name)),
            *(percent(values.get(name)) for values in columns.values()),
        ]
        for name in names
    ]
    return table(rows, ["relative L2 error", *columns])


def _time_table(dataset: Dataset, metrics: dict[str, Any]) -> str:
    """Return the errors at each time, a column for each number at a point; none if it is steady."""
    if dataset.time is None or not set(dataset.layout.field_channels) <= set(metrics):
        return ""
    channels = frame_layout(dataset.layout, dataset.time).field_channels
    rows = []
    for index in range(len(dataset.time.outputs)):
        columns = frame_columns(dataset.layout, dataset.time, index)
        names = dataset.layout.field_channels[columns]
        rows.append([dataset.time.words(index), *(percent(metrics[name]) for name in names)])
    return table(rows, ["relative L2 error at", *map(_words, channels)])


def _words(name: str) -> str:
    """Return the name of a metric in words, such as ``C_D spearman``."""
    return name.replace("_", " ").replace("C D", "C_D").replace("C L", "C_L")


def _coefficient_table(metrics: dict[str, Any]) -> str:
    columns = _columns(metrics)
    names = [name for name in metrics if name.startswith("C_")]
    rows = [
        [
            _words(name),
            *(
                (percent if "relative" in name else number)(values.get(name))
                for values in columns.values()
            ),
        ]
        for name in names
    ]
    return table(rows, ["coefficient (1 count is 0.0001)", *columns]) if rows else ""


def _region_table(metrics: dict[str, Any]) -> str:
    found = metrics.get("by_region", {})
    rows = [[_words(name), percent(error)] for name, error in found.items()]
    return table(rows, ["error in region, of the size of all fields", "model"]) if rows else ""


def score_for_header(
    checkpoint: Checkpoint, args: argparse.Namespace, *, limit: int | None = None
) -> dict[str, Any]:
    """Score the splits that training does not use, for the checkpoint's header."""
    events = final_scores(checkpoint, root=args.data, limit=limit, device=args.device)
    return follow_scores(events, title="test", mode=args.progress)


def follow_scores(
    events: Iterator[CaseScored | Result], *, title: str = "", mode: ProgressMode
) -> Result:
    """Show the progress of an evaluation and return its result."""
    with ProgressBar(unit="prediction", title=title, mode=mode) as bar:
        for event in events:
            if not isinstance(event, CaseScored):
                return event
            bar.reach(event.done, event.total)
    raise MSPTError("evaluation ended without a result")


def prepare_cases(
    dataset: Dataset,
    split: str,
    *,
    root: Path | None,
    limit: int | None = None,
    mode: ProgressMode = "auto",
) -> None:
    """Store the points of cases too large to be read every time; each may take minutes.

    Raises:
        DataError: If a named folder does not hold the cases.
    """
    check_folder(root, dataset)
    with ProgressBar(unit="case", title=f"reading {split} cases", mode=mode) as bar:
        for event in dataset.source.prepare(dataset, split, root, limit):
            bar.reach(event.done, event.total, words=event.name)
