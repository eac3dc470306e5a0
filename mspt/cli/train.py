"""The commands ``train`` and ``evaluate``."""

import argparse
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import torch

from mspt.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mspt.data.registry import DATASETS
from mspt.data.sets.adapters import ADAPTERS
from mspt.errors import MSPTError
from mspt.evaluation.cards import model_cards
from mspt.evaluation.cases import num_parameters, surroundings
from mspt.evaluation.score import (
    final_scores,
    fingerprint_of,
    load_cases,
    prepare_cases,
    score,
    training_facts,
    usual_checks,
)
from mspt.progress import ProgressBar
from mspt.training.loop import EpochDone, StepDone, Training, TrainingStopped, prepare, train
from mspt.training.presets import Precision, Preset, get_preset
from mspt.training.state import STATE_NAME


def add_train(parser: argparse.ArgumentParser) -> None:
    """Describe ``train``."""
    parser.add_argument(
        "dataset",
        help=f"a name from 'python -m mspt datasets', or a public set: {', '.join(ADAPTERS)}",
    )
    parser.add_argument("--preset", help="run settings; default: the data set's own")
    parser.add_argument("--resume", action="store_true", help="go on with a saved run")
    parser.add_argument("--minutes", type=float, help="stop after this time; resume later")
    parser.add_argument("--epochs", type=int, help="passes over the training cases")
    parser.add_argument("--cases", type=int, help="use the first training cases only")
    parser.add_argument("--seed", type=int, help="seed of weights and order")
    parser.add_argument(
        "--start", help="go on from this checkpoint of the same model, on all points from the first"
    )
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    parser.add_argument("--precision", choices=get_args(Precision), help="bfloat16 is for GPUs")
    parser.add_argument("--compile", action="store_true", default=None, help="for GPUs")
    parser.add_argument("--threads", type=int, help="threads on the CPU")
    parser.add_argument("--data", type=Path, help="folder of the data; default: data/")
    parser.add_argument("--out", type=Path, help="folder of the run; default: runs/PRESET")


def run_train(args: argparse.Namespace) -> dict[str, Any]:
    """Train, show progress, and score the test split once the run is complete."""
    name = args.preset or args.dataset
    preset = with_overrides(get_preset(name), args)
    folder = args.out or Path("runs") / name
    if (folder / STATE_NAME).exists() and not args.resume:
        raise MSPTError(
            f"--out must be a folder without a saved run, got {folder}; "
            "add --resume to go on with it"
        )
    if args.threads:
        torch.set_num_threads(args.threads)
    for split, limit in (("train", args.cases), ("validation", None), ("test", None)):
        _prepare(preset.dataset, split, root=args.data, limit=limit)
    training = prepare(
        preset,
        cases=load_cases(preset, "train", root=args.data, limit=args.cases),
        validation=load_cases(preset, "validation", root=args.data),
        device=args.device,
    )
    commit = _commit()
    stopped = _follow(training, folder, args.minutes)
    info = _info(training, stopped) | {"commit": commit}
    if stopped.complete:
        checkpoint = Checkpoint(training.average, preset.model, training.normalizer, info)
        with ProgressBar(unit="prediction") as bar:
            info |= final_scores(
                checkpoint, root=args.data, device=args.device, on_progress=bar.reach
            )
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


def _prepare(dataset: str, split: str, *, root: Path | None, limit: int | None = None) -> None:
    """Tell of the cases that are read for the first and only time; each may take minutes."""
    for event in prepare_cases(dataset, split, root=root, limit=limit):
        words = f"{event.name}: points kept, {event.done} of {event.total} {split} cases"
        ProgressBar.write(words, file=sys.stderr)


def with_overrides(preset: Preset, args: argparse.Namespace) -> Preset:
    """Return a preset with what was asked for instead; coarse epochs keep their share of all.

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
        if (value := getattr(args, key)) is not None
    }
    epochs = chosen.get("epochs", preset.train.epochs)
    coarse = 0 if args.start else preset.train.coarse_epochs * epochs // preset.train.epochs
    return replace(preset, train=replace(preset.train, **chosen, coarse_epochs=coarse))


def _follow(training: Training, folder: Path, minutes: float | None) -> TrainingStopped:
    """Draw the progress of a run; the bar shows the loss and the time left."""
    with ProgressBar(unit="step") as bar:
        for event in train(training, folder=folder, minutes=minutes):
            match event:
                case StepDone():
                    bar.total = event.num_steps
                    bar.initial = bar.initial or event.step - 1
                    bar.n = event.step
                    left = f"{event.seconds_left / 60:.0f} min left"
                    bar.set_postfix_str(f"loss {event.loss:.4f}, {left}")
                case EpochDone():
                    bar.write(
                        f"epoch {event.epoch}: training {event.train_error:.4f}, validation "
                        f"{event.validation_error:.4f} relative L2, {event.minutes:.1f} min",
                        file=sys.stderr,
                    )
                case TrainingStopped():
                    return event
    raise MSPTError("training ended without a result")


def _info(training: Training, stopped: TrainingStopped) -> dict[str, Any]:
    progress, preset = stopped.progress, training.preset
    return {
        "dataset": preset.dataset,
        "data_hash": fingerprint_of(training.cases),
        **training_facts(training.cases),
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
    """Return the commit of the code, or an empty string outside a repository."""
    command = ["git", "rev-parse", "--short=12", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def add_cards(parser: argparse.ArgumentParser) -> None:
    """Describe ``cards``."""
    parser.add_argument("--folder", type=Path, default=Path("pretrained"), help="checkpoints")
    parser.add_argument("--out", type=Path, default=Path("pretrained/README.md"))


def run_cards(args: argparse.Namespace) -> dict[str, Any]:
    """Write the model cards of a folder of checkpoints."""
    args.out.write_text(model_cards(args.folder), encoding="utf-8")
    return {"out": str(args.out)}


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Describe ``evaluate``."""
    parser.add_argument("checkpoint", type=Path, help="a .safetensors file")
    parser.add_argument(
        "--split", default="test", help="train, validation or test; unseen too for car"
    )
    parser.add_argument("--data", type=Path, help="folder of the data; default: data/")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    parser.add_argument(
        "--symmetries",
        action="store_true",
        help="score the mean over all symmetries of a 2-D data set too; takes as many passes",
    )
    parser.add_argument(
        "--record",
        action="store_true",
        help="score all test cases at hand and write that into the checkpoint's header",
    )


def run_evaluate(args: argparse.Namespace) -> dict[str, Any]:
    """Score a checkpoint on a split of its data set."""
    checkpoint = load_checkpoint(args.checkpoint)
    if args.record:
        with ProgressBar(unit="prediction") as bar:
            scores = final_scores(
                checkpoint, root=args.data, device=args.device, on_progress=bar.reach
            )
        save_checkpoint(
            args.checkpoint,
            model=checkpoint.model,
            config=checkpoint.config,
            normalizer=checkpoint.normalizer,
            info={**checkpoint.info, **scores},
        )
        return {"checkpoint": str(args.checkpoint), "metrics": scores["metrics"]}
    if args.symmetries and (dataset := checkpoint.info["dataset"]) not in DATASETS:
        raise MSPTError(f"--symmetries must go with a 2-D data set, got {dataset!r}; leave it out")
    _prepare(checkpoint.info["dataset"], args.split, root=args.data)
    with ProgressBar(unit="prediction") as bar:
        found, count = score(
            checkpoint,
            args.split,
            root=args.data,
            symmetries=args.symmetries,
            device=args.device,
            on_progress=bar.reach,
        )
    return {
        "checkpoint": str(args.checkpoint),
        "dataset": checkpoint.info["dataset"],
        "split": args.split,
        "cases": count,
        "metrics": found,
    }
