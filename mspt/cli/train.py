"""The commands ``train``, ``evaluate`` and ``cards``."""

import argparse
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, get_args

import torch

from mspt.checkpoint import Checkpoint, list_checkpoints, load_checkpoint, save_checkpoint
from mspt.cli._arguments import positive
from mspt.cli._output import counted, duration, facts, number, paragraphs, percent, table
from mspt.config import Precision, Preset
from mspt.data.dataset import Dataset
from mspt.data.registry import datasets, get_dataset
from mspt.errors import MSPTError
from mspt.evaluation.cards import model_cards
from mspt.evaluation.cases import CaseScored, num_parameters, surroundings
from mspt.evaluation.score import final_scores, score, usual_checks
from mspt.progress import ProgressBar, ProgressMode
from mspt.training.loop import EpochDone, StepDone, Training, TrainingStopped, prepare, train
from mspt.training.presets import get_preset
from mspt.training.state import STATE_NAME

Result = TypeVar("Result")


def add_train(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``train``."""
    parser.add_argument(
        "dataset",
        help=f"one of {', '.join(one.name for one in datasets())}",
    )
    parser.add_argument("--preset", help="name of the settings; default: those of the data set")
    parser.add_argument("--resume", action="store_true", help="continue a saved run")
    parser.add_argument("--minutes", type=float, help="stop after this time; resume later")
    parser.add_argument("--epochs", type=int, help="passes over the training cases")
    cases = parser.add_mutually_exclusive_group()
    cases.add_argument("--cases", type=positive, help="use the first training cases only")
    cases.add_argument(
        "--per-split",
        type=positive,
        metavar="N",
        help="use the first N cases of each split only, as `generate --per-split N` makes them",
    )
    parser.add_argument("--seed", type=int, help="seed of weights and order")
    parser.add_argument(
        "--start",
        help="continue from this checkpoint of the same model, without coarse epochs",
    )
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    parser.add_argument("--precision", choices=get_args(Precision), help="bfloat16 needs a GPU")
    parser.add_argument(
        "--compile", action="store_true", default=None, help="use torch.compile; needs a GPU"
    )
    parser.add_argument("--threads", type=int, help="threads on the CPU")
    parser.add_argument("--data", type=Path, help="folder of the data; default: data/")
    parser.add_argument("--out", type=Path, help="folder of the run; default: runs/PRESET")


def run_train(args: argparse.Namespace) -> dict[str, Any]:
    """Train, and score the test split once the run is complete."""
    name = args.preset or args.dataset
    preset = with_overrides(get_preset(name), args)
    folder = args.out or Path("runs") / name
    if (folder / STATE_NAME).exists() and not args.resume:
        raise MSPTError(
            f"--out must be a folder without a saved run, got {folder}; add --resume to continue it"
        )
    if args.threads:
        torch.set_num_threads(args.threads)
    dataset, num_others = get_dataset(preset.dataset), args.per_split
    num_train = args.cases if num_others is None else num_others
    for split in ("train", "validation", "test"):
        limit = num_train if split == "train" else num_others
        _prepare(dataset, split, root=args.data, limit=limit, mode=args.progress)
    training = prepare(
        preset,
        cases=dataset.cases("train", root=args.data, limit=num_train, train=preset.train),
        validation=dataset.cases(
            "validation", root=args.data, limit=num_others, train=preset.train
        ),
        device=args.device,
    )
    commit = _commit()  # of the code that trains, whatever is committed while it does
    stopped = follow(training, folder, minutes=args.minutes, mode=args.progress)
    info = _info(training, stopped) | {"commit": commit}
    if stopped.complete:
        checkpoint = Checkpoint(training.average, preset.model, training.normalizer, info)
        info |= _final_scores(checkpoint, args, limit=num_others)
        if checks := usual_checks(checkpoint, training.validation):
            info["trust"] = checks
    path = folder / f"{name}.safetensors"
    save_checkpoint(
        path,
        model=training.average,
        config=preset.model,
        normalizer=training.normalizer,
        info=info,
    )
    return {"checkpoint": str(path), **info}


def show_train(result: dict[str, Any]) -> str:
    """Return what was trained, for how long, and the errors reached."""
    train_error, validation_error = result["curve"][-1] if result["curve"] else (None, None)
    metrics = result["metrics"]
    shown = {
        "checkpoint": result["checkpoint"],
        "data": f"{result['dataset']}, {counted(result['train_cases'], 'training case')}",
        "model": counted(result["parameters"], "parameter"),
        "trained": f"{counted(result['epochs'], 'epoch')}, {counted(result['steps'], 'step')}, "
        f"{duration(60 * result['minutes'])} on {result['hardware']}",
        "training error": f"{percent(train_error)} relative L2 in the last epoch",
        "validation error": f"{percent(validation_error)} relative L2",
    }
    if metrics:
        shown["test error"] = (
            f"{percent(metrics['relative_l2'])} relative L2, worst case "
            f"{percent(metrics['worst'])}; predicting the mean: {percent(metrics['mean_only'])}"
        )
    if not result["complete"]:
        shown["unfinished"] = "continue it with --resume; the test split is scored at the end"
    return facts(shown)


def _final_scores(
    checkpoint: Checkpoint, args: argparse.Namespace, *, limit: int | None = None
) -> dict[str, Any]:
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


def _prepare(
    dataset: Dataset,
    split: str,
    *,
    root: Path | None,
    limit: int | None = None,
    mode: ProgressMode = "auto",
) -> None:
    """Store the points of cases too large to be read every time; each may take minutes."""
    with ProgressBar(unit="case", title=f"reading {split} cases", mode=mode) as bar:
        for event in dataset.source.prepare(dataset, split, root, limit):
            bar.reach(event.done, event.total, words=event.name)


def with_overrides(preset: Preset, args: argparse.Namespace) -> Preset:
    """Return a preset with the given settings; coarse epochs keep their share of all epochs.

    Raises:
        MSPTError: If the preset is of another data set.
    """
    if preset.dataset != args.dataset:
        raise MSPTError(
            f"--preset must be one of the data set {args.dataset!r}, got one of {preset.dataset!r}"
        )
    chosen = {
        key: value
        for key in ("epochs", "seed", "start", "precision", "compile")
        if (value := getattr(args, key, None)) is not None
    }
    epochs = chosen.get("epochs", preset.train.epochs)
    coarse = (
        0 if chosen.get("start") else preset.train.coarse_epochs * epochs // preset.train.epochs
    )
    return replace(preset, train=replace(preset.train, **chosen, coarse_epochs=coarse))


def follow(
    training: Training,
    folder: Path,
    *,
    minutes: float | None = None,
    mode: ProgressMode = "auto",
) -> TrainingStopped:
    """Train to the end or for some minutes, and show progress."""
    with ProgressBar(unit="step", mode=mode) as bar:
        for event in train(training, folder=folder, minutes=minutes):
            match event:
                case StepDone():
                    left = f"{duration(event.seconds_left)} left"
                    bar.reach(event.step, event.num_steps, words=f"loss {event.loss:.4f}, {left}")
                case EpochDone():
                    bar.note(
                        f"epoch {event.epoch}: training {percent(event.train_error)}, validation "
                        f"{percent(event.validation_error)} relative L2, {event.minutes:.1f} min"
                    )
                case TrainingStopped():
                    return event
    raise MSPTError("training ended without a result")


def _info(training: Training, stopped: TrainingStopped) -> dict[str, Any]:
    progress, preset = stopped.progress, training.preset
    dataset = get_dataset(preset.dataset)
    return {
        "dataset": preset.dataset,
        "data_hash": training.cases.fingerprint(),
        **(dataset.training_facts(training.cases) if dataset.training_facts else {}),
        "train_cases": len(training.cases),
        "split": "train",
        "train": preset.train.to_dict(),
        "seed": preset.train.seed,
        "steps": progress.step,
        "epochs": len(progress.curve),
        "complete": stopped.complete,
        "minutes": round(progress.minutes, 2),
        "parameters": num_parameters(training.model),
        "curve": [[round(value, 6) for value in point] for point in progress.curve],
        "metrics": {},
        **surroundings(),
    }


def _commit() -> str:
    """Return the commit of this code, or an empty string where it is not in a repository.

    An installed copy of the library may lie inside the repository of another project, hence the
    question whether git tracks this very file.
    """
    here = Path(__file__)
    if _git(here.parent, "ls-files", "--error-unmatch", here.name):
        return _git(here.parent, "rev-parse", "--short=12", "HEAD")
    return ""


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
        )
    except OSError:  # git is not installed
        return ""
    return done.stdout.strip()


def add_cards(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``cards``."""
    parser.add_argument("--folder", type=Path, default=Path("pretrained"), help="checkpoints")
    parser.add_argument("--out", type=Path, default=Path("pretrained/README.md"))


def run_cards(args: argparse.Namespace) -> dict[str, Any]:
    """Write the model cards of a folder of checkpoints."""
    args.out.write_text(model_cards(args.folder), encoding="utf-8")
    return {"out": str(args.out), "checkpoints": len(list_checkpoints(args.folder))}


def show_cards(result: dict[str, Any]) -> str:
    """Return what was written."""
    return f"Cards of {counted(result['checkpoints'], 'checkpoint')} written to {result['out']}."


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``evaluate``."""
    parser.add_argument("checkpoint", type=Path, help="a .safetensors file")
    parser.add_argument(
        "--split", default="test", help="train, validation or test; unseen too for car"
    )
    parser.add_argument("--data", type=Path, help="folder of the data; default: data/")
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
    """Score a checkpoint on a split of its data set."""
    checkpoint = load_checkpoint(args.checkpoint)
    if "dataset" not in checkpoint.info:
        raise MSPTError(
            f"checkpoint must name the data set it was trained on, got {args.checkpoint.name} "
            "without one; converted weights cannot be scored here"
        )
    if args.record:
        scores = _final_scores(checkpoint, args)
        save_checkpoint(
            args.checkpoint,
            model=checkpoint.model,
            config=checkpoint.config,
            normalizer=checkpoint.normalizer,
            info={**checkpoint.info, **scores},
        )
        return {
            "checkpoint": str(args.checkpoint),
            "dataset": checkpoint.info["dataset"],
            "split": "test",
            "cases": scores["metrics"]["cases"],
            "metrics": scores["metrics"],
        }
    dataset, limit = get_dataset(checkpoint.info["dataset"]), args.per_split
    dataset.check_split(args.split)
    if args.symmetries and len(dataset.symmetries) == 1:
        raise MSPTError(
            f"--symmetries must go with a data set that has some, got {dataset.name!r}; "
            "leave it out"
        )
    _prepare(dataset, args.split, root=args.data, limit=limit, mode=args.progress)
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


def show_evaluate(result: dict[str, Any]) -> str:
    """Return the errors of a checkpoint, beside those of predicting the training mean."""
    metrics = result["metrics"]
    first = facts(
        {
            "checkpoint": result["checkpoint"],
            "cases": f"{counted(result['cases'], 'case')} of the {result['split']} split of "
            f"{result['dataset']}",
        }
    )
    meshes = (
        "Against mesh mean: the model against the mean of the solver's results on several meshes."
        "\nLarger and smaller cells: the solver's own result on these meshes."
    )
    return paragraphs(
        first,
        _error_table(metrics),
        _coefficient_table(metrics),
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
    columns = {"model": metrics, "predicting the mean": metrics.get("mean_only_all", {})}
    if against := metrics.get("against_mean"):
        columns["against mesh mean"] = against
    for mesh, values in metrics.get("other_meshes", {}).items():
        columns[f"{mesh} cells"] = values
    return columns


def _error_table(metrics: dict[str, Any]) -> str:
    columns = _columns(metrics)
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
    return table(rows, ["coefficient (counts are 1e-4)", *columns]) if rows else ""
