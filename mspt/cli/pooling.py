"""The command ``pooling``: why learned pooling gains or loses against the mean."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from mspt.checkpoint import load_checkpoint
from mspt.cli._arguments import positive
from mspt.cli._output import counted, facts, percent
from mspt.cli.evaluate import prepare_cases, trained_on
from mspt.config import Pooling
from mspt.data.case import CaseStack
from mspt.errors import MSPTError
from mspt.progress import ProgressBar
from mspt.training.pooling import (
    FROM_MEAN,
    CaseMeasured,
    GradientNoise,
    PoolingStudy,
    study_pooling,
)


def add_pooling(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``pooling``."""
    parser.add_argument("checkpoint", type=Path, help="a .safetensors file")
    parser.add_argument(
        "--pooling",
        choices=[name for name in get_args(Pooling) if name in FROM_MEAN],
        default="linear_from_mean",
        help="for a checkpoint of mean pooling: what to put in its place, as it is at its start; "
        "default: linear_from_mean",
    )
    parser.add_argument(
        "--cases", type=positive, default=200, help="training cases to measure; default: 200"
    )
    parser.add_argument(
        "--data", type=Path, help="folder of the data; default: data/, then what ships"
    )


def run_pooling(args: argparse.Namespace) -> dict[str, Any]:
    """Measure the gradients of the pooling's parameters over single training cases."""
    checkpoint = load_checkpoint(args.checkpoint)
    dataset = trained_on(checkpoint, args.checkpoint.name)
    prepare_cases(dataset, "train", root=args.data, limit=args.cases, mode=args.progress)
    cases = dataset.cases("train", root=args.data, limit=args.cases)
    if not isinstance(cases, CaseStack):
        raise MSPTError(f"checkpoint must be of cases of one size, got one of {dataset.name!r}")
    study = None
    with ProgressBar(unit="case", mode=args.progress) as bar:
        for event in study_pooling(checkpoint, cases, pooling=args.pooling):
            match event:
                case CaseMeasured():
                    bar.reach(event.done, event.total)
                case PoolingStudy():
                    study = event
    if study is None:
        raise MSPTError("the study ended without a result")
    return {
        "checkpoint": str(args.checkpoint),
        "dataset": dataset.name,
        "cases": len(cases),
        "pooling": study.pooling,
        "learned": study.learned,
        "blocks": [
            {
                "departure": None if study.departures is None else study.departures[block],
                "pooling": _noise(gradient),
                "projection": _noise(study.projections[block]),
            }
            for block, gradient in enumerate(study.gradients)
        ],
    }


def show_pooling(result: dict[str, Any]) -> str:
    """Return the gradient noise scale of each block, and how far its weights are from a mean."""
    state = "as trained" if result["learned"] else "at its start in place of the mean"
    shown = {
        "checkpoint": result["checkpoint"],
        "pooling": f"{result['pooling']}, {state}",
        "gradients": f"of {counted(result['cases'], 'training case')} of {result['dataset']}, one "
        "at a time",
        "noise scale": "cases whose mean gradient is as large as the scatter between cases",
    }
    for index, block in enumerate(result["blocks"]):
        words = f"{_scale(block['pooling'])} for pooling, {_scale(block['projection'])} for the "
        words += "projection"
        if block["departure"] is not None:
            words += f"; weights differ from those of the mean by {percent(block['departure'])}"
        shown[f"block {index + 1}"] = words
    return facts(shown)


def _noise(gradient: GradientNoise) -> dict[str, float | None]:
    return {**asdict(gradient), "scale": gradient.scale}


def _scale(found: dict[str, float | None]) -> str:
    scale = found["scale"]
    return "no mean found" if scale is None else f"{scale:,.0f} cases"
