"""The commands ``predict`` and, for shapes, ``solve``."""

import argparse
import json
from pathlib import Path
from typing import Any, get_args

import numpy as np

from mspt.checkpoint import Checkpoint, load_checkpoint
from mspt.data.sets.car.flow_case import FlowCase, flow_case
from mspt.data.sets.car.store import read_flow, write_flow
from mspt.errors import MSPTError
from mspt.evaluation.flows import FlowScore, label_noise, score_flow
from mspt.geometry.files.readers import read_mesh
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.placement import (
    METERS,
    Axis,
    PlacedMesh,
    Placement,
    as_is,
    guess_placement,
    place_mesh,
    symmetry_error,
)
from mspt.geometry.repair import repair_mesh
from mspt.inference.shapes import (
    ShapeResult,
    Working,
    largest_difference,
    passport,
    predict_shape,
    read_passport,
    with_choices,
)
from mspt.progress import ProgressBar
from mspt.solvers.openfoam.case import Recipe
from mspt.solvers.openfoam.results import Flow
from mspt.solvers.openfoam.run import SolverProgress, solve_flow

DEFAULT = Path("pretrained/car.safetensors")
SYMMETRIC = 2e-3
"""Largest mean distance of a body from its mirror image, in body lengths, to compute half of it."""


def add_predict(parser: argparse.ArgumentParser) -> None:
    """Describe ``predict``."""
    parser.add_argument("shape", type=Path, nargs="?", help="STL, OBJ, PLY, VTP, VTU, VTK or GLB")
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT, help="one for flows")
    parser.add_argument("--out", type=Path, help="a .vtp file: the given mesh with Cp and Cf")
    parser.add_argument("--truth", type=Path, help="a .npz file from solve: adds the errors")
    parser.add_argument("--passport", type=Path, help="write what repeats this prediction")
    parser.add_argument("--replay", type=Path, help="repeat the prediction of a passport")
    parser.add_argument("--seed", type=int, default=0, help="places the points")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    add_placement(parser)


def add_placement(parser: argparse.ArgumentParser) -> None:
    """Describe how a shape is placed; what is not given is guessed."""
    parser.add_argument("--as-is", action="store_true", help="already in the wind-tunnel frame")
    axes = get_args(Axis)
    parser.add_argument("--unit", choices=tuple(METERS), help="of the file's coordinates")
    parser.add_argument("--forward", choices=axes, help="axis that the nose points along: =-x")
    parser.add_argument("--up", choices=axes, help="axis that points up")
    parser.add_argument("--clearance", type=float, help="lowest point over the ground, in lengths")


def run_predict(args: argparse.Namespace) -> dict[str, Any]:
    """Predict pressure, shear and coefficients of a shape."""
    if args.replay:
        return _replay(args)
    if args.shape is None:
        raise MSPTError("shape must be a file, got none; name one or use --replay PASSPORT")
    checkpoint, mesh = load_checkpoint(args.checkpoint), read_mesh(args.shape)
    chosen = "as is" if args.as_is else _placement(mesh, args, suffix=args.shape.suffix)
    result = _follow(
        predict_shape(checkpoint, mesh, placement=chosen, device=args.device, seed=args.seed)
    )
    summary = {"shape": str(args.shape), "checkpoint": str(args.checkpoint)} | result.summary()
    if args.out:
        result.write(args.out)
        summary["out"] = str(args.out)
    if args.passport:
        written = passport(result, checkpoint=args.checkpoint, shape=args.shape)
        args.passport.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    if args.truth:
        summary["errors"] = _errors(checkpoint, read_flow(args.truth), args.device)
        summary["label_noise"] = label_noise(checkpoint.info.get("metrics", {}))
    return summary


def _replay(args: argparse.Namespace) -> dict[str, Any]:
    """Repeat a prediction and print the largest difference from the recorded one."""
    recorded = read_passport(args.replay)
    paths = {what: Path(recorded[what]["path"]) for what in ("checkpoint", "shape")}
    for what, path in paths.items():
        if not path.exists():
            raise MSPTError(f"{what} must be where the passport says, got nothing at {path}")
    checkpoint, mesh = load_checkpoint(paths["checkpoint"]), read_mesh(paths["shape"])
    kept = recorded["placement"]
    result = _follow(
        predict_shape(
            checkpoint,
            mesh,
            placement="as is" if kept == "as is" else Placement(**kept),
            device=args.device,
            seed=recorded["seed"],
        )
    )
    again = passport(result, checkpoint=paths["checkpoint"], shape=paths["shape"])
    return {
        "largest_difference": largest_difference(result, recorded),
        "same_checkpoint": again["checkpoint"]["sha256"] == recorded["checkpoint"]["sha256"],
        "same_shape": again["shape"]["sha256"] == recorded["shape"]["sha256"],
        "same_versions": again["versions"] == recorded["versions"],
        "same_device": again["device"] == recorded["device"],
        "C_D": again["C_D"],
        "C_L": again["C_L"],
    }


def _placement(mesh: SurfaceMesh, args: argparse.Namespace, *, suffix: str) -> Placement:
    """Guess how a shape is placed, with what a person has chosen."""
    names = ("unit", "forward", "up", "clearance")
    given = {name: value for name in names if (value := getattr(args, name)) is not None}
    return with_choices(mesh, guess_placement(mesh, suffix=suffix), **given)


def _follow(events: Any) -> ShapeResult:  # noqa: ANN401 - an iterator of events
    with ProgressBar(total=100, unit="%", leave=False) as bar:
        for event in events:
            if isinstance(event, Working):
                bar.set_description(event.stage)
                bar.n = round(100 * event.share)
                bar.refresh()
            else:
                return event
    raise MSPTError("prediction ended without a result")


def _errors(checkpoint: Checkpoint, truth: FlowCase, device: str) -> dict[str, Any]:
    truth.info.setdefault("family", "uploaded")
    found: FlowScore = score_flow(checkpoint, "truth", truth, device=device)
    named = {name: value for name, value in vars(found).items() if name not in ("name", "family")}
    return {name: None if np.isnan(value) else value for name, value in named.items()}


def solve_shape(args: argparse.Namespace) -> dict[str, Any]:
    """Compute the flow around a shape with OpenFOAM and keep it as a case.

    Raises:
        MSPTError: If the output is no ``.npz`` file.
    """
    if args.out.suffix != ".npz":
        raise MSPTError(f"--out must be a .npz file for a shape, got {args.out.name}")
    path = Path(args.case)
    mesh = repair_mesh(read_mesh(path)).mesh
    if args.as_is:
        placed = as_is(mesh)
    else:
        placed = place_mesh(mesh, _placement(mesh, args, suffix=path.suffix))
    flow = _follow_solver(placed)
    case = flow_case(flow, placed.mesh, seed=0)
    write_flow(args.out, case)
    return {"case": args.case, "out": str(args.out), **case.info}


def recipe_for(placed: PlacedMesh) -> Recipe:
    """Return the recipe of the data set; on the whole domain where the body is not symmetric."""
    return Recipe(symmetric=symmetry_error(placed.mesh) < SYMMETRIC)


def _follow_solver(placed: PlacedMesh) -> Flow:
    with ProgressBar(total=100, unit="%") as bar:
        for event in solve_flow(placed.mesh, recipe_for(placed)):
            if isinstance(event, SolverProgress):
                residual = f", residual {event.residual:.1e}" if event.residual else ""
                bar.set_description(f"{event.stage} {event.iteration or ''}{residual}")
                bar.n = round(100 * event.share)
                bar.refresh()
            else:
                return event
    raise MSPTError("the solver ended without a result")
