"""The command ``train``."""

import argparse
import subprocess
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import torch

from mspt.benchmarks.settings import parse_settings, with_settings
from mspt.checkpoint import Checkpoint, save_checkpoint
from mspt.cli._arguments import add_settings, positive
from mspt.cli._output import counted, duration, facts, percent
from mspt.cli.evaluate import prepare_cases, score_for_header
from mspt.config import Precision, Preset
from mspt.data.dataset import Cases
from mspt.data.descriptors import store_descriptors
from mspt.data.registry import datasets, get_dataset
from mspt.errors import MSPTError
from mspt.evaluation.cases import num_parameters, surroundings
from mspt.evaluation.score import held_out, usual_checks
from mspt.locks import alone_in
from mspt.progress import ProgressBar, ProgressMode
from mspt.training.loop import EpochDone, StepDone, Training, TrainingStopped, prepare, train
from mspt.training.presets import get_preset
from mspt.training.ranks import leave_ranks, saves_run, wait_for_all
from mspt.training.state import STATE_NAME, Progress


def add_train(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``train``."""
    parser.add_argument(
        "dataset",
        help=f"one of {', '.join(one.name for one in datasets())}",
    )
    parser.add_argument("--preset", help="name of the settings; default: those of the data set")
    add_settings(parser)
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
    parser.add_argument(
        "--data", type=Path, help="folder of the data; default: data/, then what ships"
    )
    parser.add_argument("--out", type=Path, help="folder of the run; default: runs/PRESET")


def run_train(args: argparse.Namespace) -> dict[str, Any]:
    """Train, and score the test split once the run is complete."""
    name = args.preset or args.dataset
    preset = with_settings(with_overrides(get_preset(name), args), parse_settings(args.set))
    folder = args.out or Path("runs") / name
    if (folder / STATE_NAME).exists() and not args.resume:
        raise MSPTError(
            f"--out must be a folder without a saved run, got {folder}; add --resume to continue it"
        )
    if args.threads:
        torch.set_num_threads(args.threads)
    dataset, num_others = get_dataset(preset.dataset), args.per_split
    num_train = args.cases if num_others is None else num_others
    if not saves_run():  # the first rank prepares what all read
        wait_for_all()
    for split in ("train", "validation", *held_out(dataset)):
        limit = num_train if split == "train" else num_others
        prepare_cases(dataset, split, root=args.data, limit=limit, mode=args.progress)
    if saves_run():
        wait_for_all()
    cases, validation = (
        dataset.cases(split, root=args.data, limit=limit, train=preset.train)
        for split, limit in (("train", num_train), ("validation", num_others))
    )
    describe_cases(preset, cases, validation, mode=args.progress)
    training = prepare(preset, cases=cases, validation=validation, device=args.device)
    commit = _commit()  # of the code that trains, whatever is committed while it does
    stopped = follow(training, folder, minutes=args.minutes, mode=args.progress)
    limits = {"cases": args.cases, "per_split": args.per_split}
    if not leave_ranks():
        return {}
    given = {key: value for key, value in limits.items() if value is not None}
    info = run_facts(training, stopped.progress, complete=stopped.complete) | {
        "commit": commit,
        "preset": name,
        **given,
    }
    if stopped.complete:
        checkpoint = Checkpoint(training.average, preset.model, training.normalizer, info)
        info |= score_for_header(checkpoint, args, limit=num_others)
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


def describe_cases(preset: Preset, *stacks: Cases, mode: ProgressMode = "auto") -> None:
    """Store the descriptors of cases that the model of a preset reads, if it reads any.

    Raises:
        DataError: If the cases have none.
    """
    for stack in stacks if preset.model.descriptors else ():
        with ProgressBar(unit="case", title="describing bodies", mode=mode) as bar:
            for event in store_descriptors(stack, preset.model.descriptors):
                bar.reach(event.done, event.total, words=event.name)


def follow(
    training: Training,
    folder: Path,
    *,
    minutes: float | None = None,
    mode: ProgressMode = "auto",
) -> TrainingStopped:
    """Train to the end or for some minutes, and show progress."""
    # Of several ranks the first one has the folder for all.
    alone = alone_in(folder, what="training") if saves_run() else nullcontext()
    with alone, ProgressBar(unit="step", mode=mode) as bar:
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


def run_facts(training: Training, progress: Progress, *, complete: bool) -> dict[str, Any]:
    """Return what the header of a checkpoint says of its training; without scores."""
    preset = training.preset
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
        "complete": complete,
        "minutes": round(progress.minutes, 2),
        "core_minutes": round(progress.core_minutes, 2),
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
