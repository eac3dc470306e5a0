"""Drawings and cases for ``solve`` and ``predict``: read, solved, predicted."""

import argparse
from pathlib import Path
from typing import Any

from mspt.checkpoint import Checkpoint, load_checkpoint
from mspt.cli._arguments import checkpoint_path, derived_name
from mspt.cli._needs import say_needs
from mspt.cli._output import counted, duration, facts
from mspt.data.case import Inputs
from mspt.data.export import check_format, point_table, write_points
from mspt.data.registry import dataset_of_case
from mspt.data.solve import (
    Solved,
    drawing_inputs,
    drawing_steps,
    drawn_dataset,
    read_drawing,
    solve_case,
)
from mspt.errors import MSPTError
from mspt.inference.predict import predict_case
from mspt.progress import ProgressBar, ProgressMode

DRAWINGS = (".json", ".npy")
"""Suffixes of drawings."""


def is_drawing(name: Path | str) -> bool:
    """Return whether a name is that of a drawing's file."""
    return Path(name).suffix.lower() in DRAWINGS


def solve_given(name: str, out: Path, args: argparse.Namespace) -> tuple[Solved, Checkpoint | None]:
    """Solve a drawing or a case by its name; load the model to compare with, if there is one.

    What a person can get wrong is refused before the solver begins.

    Args:
        name: A drawing's file, or the name of a case.
        out: Where the result will be written.
        args: With ``checkpoint`` and ``progress``.

    Raises:
        MSPTError: If one does not fit the other, or the solver cannot solve it.
    """
    check_format(out)
    drawing = read_drawing(Path(name)) if is_drawing(name) else None
    dataset = dataset_of_case(name) if drawing is None else drawn_dataset(drawing)
    checkpoint = _fitting_checkpoint(args.checkpoint, dataset.name) if args.checkpoint else None
    if drawing is None:
        return solve_case(name), checkpoint
    return _follow(drawing, args.progress), checkpoint


def _follow(drawing: dict[str, Any], progress: ProgressMode) -> Solved:
    with ProgressBar(unit="%", title="Solving", mode=progress) as bar:
        for event in drawing_steps(drawing):
            if isinstance(event, Solved):
                return event
            bar.reach(round(100 * event.share), 100)
    raise MSPTError("the solver ended without a result")


def _fitting_checkpoint(path: Path, dataset: str) -> Checkpoint:
    """Load a checkpoint, and refuse one that was trained on other data."""
    checkpoint = load_checkpoint(path)
    if (trained := checkpoint.info.get("dataset", dataset)) != dataset:
        raise MSPTError(
            f"checkpoint must be of a model for {dataset}, got {path.name} for {trained}; choose "
            "another or leave it out"
        )
    return checkpoint


def predict_drawing(args: argparse.Namespace) -> dict[str, Any]:
    """Predict the fields of a drawing; the solver computes only what the model has to read.

    Args:
        args: Of the command ``predict``.

    Raises:
        MSPTError: If drawing, checkpoint and settings do not fit each other.
    """
    for name in ("truth", "passport"):
        if getattr(args, name):
            raise MSPTError(
                f"--{name} must be absent for a drawing, got '{getattr(args, name)}'; `python -m "
                "mspt solve DRAWING --checkpoint CHECKPOINT` compares with the solver"
            )
    out = None
    if args.out is not None:  # without a name, it is an empty path
        out = args.out if args.out.name else derived_name(args.shape, "prediction", ".vtp")
        check_format(out)
    drawing = read_drawing(args.shape)
    dataset = drawn_dataset(drawing)
    path = checkpoint_path(args.checkpoint, Path(f"pretrained/{dataset.name}.safetensors"))
    checkpoint = _fitting_checkpoint(path, dataset.name)
    inputs, solver_seconds = _inputs(drawing, args.progress)
    say_needs(args, checkpoint.config, len(inputs.points), passes=checkpoint.config.rollout)
    found = predict_case(
        checkpoint,
        inputs.points,
        inputs.features,
        device=args.device,
        memory_budget=args.memory,
    )
    result = {
        "drawing": str(args.shape),
        "dataset": dataset.name,
        "checkpoint": str(path),
        "points": len(inputs.points),
        "model_seconds": found.seconds,
        "device": found.device,
    }
    if solver_seconds is not None:
        result["solver_seconds"] = solver_seconds
    if out is not None:
        table = point_table(
            inputs.points,
            dataset.layout,
            truth=None,
            predictions={"model": found.fields},
            features=inputs.features,
            time=dataset.time,
        )
        triangles = None if inputs.triangles is None else inputs.triangles.numpy()
        write_points(out, table, inputs.points.numpy(), triangles)
        result["out"] = str(out)
    return result


def _inputs(drawing: dict[str, Any], progress: ProgressMode) -> tuple[Inputs, float | None]:
    """Return what a model reads of a drawing, and the time of the solver where it is needed."""
    if (found := drawing_inputs(drawing)) is not None:
        return found, None
    solved = _follow(drawing, progress)
    case = solved.case
    inputs = Inputs(points=case.points, features=case.features, triangles=case.triangles)
    return inputs, solved.seconds


def show_predicted_drawing(result: dict[str, Any]) -> str:
    """Return what was predicted, the time it took, and the file written."""
    shown = {
        "drawing": f"{result['drawing']}, {result['dataset']}, "
        f"{counted(result['points'], 'point')}",
        "model": f"{duration(result['model_seconds'])} on {result['device']}, "
        f"{result['checkpoint']}",
    }
    if "solver_seconds" in result:
        shown["solver"] = f"{duration(result['solver_seconds'])}, for what the model reads"
    nothing = f"nothing; --out writes {derived_name(result['drawing'], 'prediction', '.vtp')}"
    return facts(shown | {"written": result.get("out", nothing)})
