"""The commands ``predict`` and, for shapes, ``solve``."""

import argparse
import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np

from mspt.checkpoint import Checkpoint, load_checkpoint
from mspt.cli._arguments import checkpoint_path, derived_name
from mspt.cli._conditions import add_conditions, conditions_of, show_physical
from mspt.cli._needs import check_budget, say_needs
from mspt.cli._output import counted, duration, facts, number, paragraphs, percent, table
from mspt.cli.drawings import is_drawing, predict_drawing, show_predicted_drawing
from mspt.data.registry import dataset_of_case
from mspt.data.sets.car.flow_case import FlowCase, flow_case, unsettled_words
from mspt.data.sets.car.store import read_flow, write_flow
from mspt.errors import DataError, MSPTError
from mspt.evaluation.flows import FlowScore, label_noise, score_flow
from mspt.geometry.descriptors.body import BodyShape
from mspt.geometry.files.readers import read_mesh
from mspt.geometry.placement import (
    METERS,
    Axis,
    PlacedMesh,
    Placement,
    as_is,
    place_mesh,
    symmetry_error,
)
from mspt.geometry.preparation import Domain, Half, PreparedShape, Reading, prepare_shape
from mspt.inference.output import Refine
from mspt.inference.physical import physical_summary
from mspt.inference.records import largest_difference, read_run_record, run_record
from mspt.inference.sampling import cloud_size
from mspt.inference.shapes import (
    ShapeResult,
    StageStarted,
    predict_shape,
    with_choices,
)
from mspt.inference.surface import cell_table
from mspt.inference.triangles import num_passes
from mspt.metrics.conditions import OperatingConditions
from mspt.progress import ProgressBar, ProgressMode
from mspt.solvers.openfoam.case import Recipe
from mspt.solvers.openfoam.results import Flow
from mspt.solvers.openfoam.run import SolverProgress, solve_flow
from mspt.writing import write_text

DEFAULT_CHECKPOINT = Path("pretrained/car.safetensors")
NAMED_LIKE_SHAPE = Path()
"""Stands for a name that is derived from that of the shape."""
SYMMETRIC = 2e-3
"""Largest mean distance of a body from its mirror image, in body lengths, to compute half of it."""


def add_predict(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``predict``."""
    parser.add_argument(
        "shape",
        type=Path,
        nargs="?",
        help="a shape (STL, OBJ, PLY, VTP, VTU, VTK or GLB), or a drawing (.json, .npy)",
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        help="a model for flows, or for the drawing's data set; default: the one with its name in "
        "pretrained/, such as pretrained/car.safetensors",
    )
    parser.add_argument(
        "--out",
        type=Path,
        nargs="?",
        const=NAMED_LIKE_SHAPE,
        help="a .vtp file: the given mesh with Cp and Cf, or the points of a drawing (also .npz); "
        "or a .csv table of either; without a name it is named like the shape, such as "
        "my-car-prediction.vtp",
    )
    parser.add_argument(
        "--refine",
        type=refinement,
        default="auto",
        metavar="auto|none|LENGTH",
        help="divide triangles of the written shape with edges longer than LENGTH, in lengths of "
        "the shape; auto: 0.025, as on the page; none: one value for each triangle",
    )
    parser.add_argument("--truth", type=Path, help="a .npz file from solve: adds the errors")
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="write a report with pictures: one .html file, or a .pdf where Chromium is there",
    )
    parser.add_argument(
        "--passport",
        type=Path,
        help="write a .json file from which --replay repeats this prediction",
    )
    parser.add_argument(
        "--replay", type=Path, help="repeat the prediction of a run record and compare"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the points drawn on the shape and in the flow"
    )
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    parser.add_argument(
        "--memory",
        metavar="AMOUNT",
        help="most memory of the model, such as 4GB; it then takes fewer patches at a time",
    )
    add_conditions(parser)
    add_placement(parser)


def refinement(text: str) -> Refine:
    """Return how long triangles are divided: ``auto``, ``none`` or a length.

    Raises:
        ArgumentTypeError: If it is anything else; argparse names the setting in front of it.

    Examples:
        >>> refinement("none"), refinement("0.05")
        ('none', 0.05)
    """
    if text in ("auto", "none"):
        return text
    try:
        length = float(text)
    except ValueError:
        length = math.nan
    if not 0 < length < math.inf:
        raise argparse.ArgumentTypeError(f"must be auto, none or a positive length, got {text!r}")
    return length


def add_placement(parser: argparse.ArgumentParser) -> None:
    """Declare how a shape is read and placed; settings that are not given are guessed."""
    parser.add_argument(
        "--half",
        choices=get_args(Half),
        default="auto",
        help="complete a half model, or take the shape as whole; default: what its form tells",
    )
    parser.add_argument(
        "--domain",
        choices=get_args(Domain),
        default="auto",
        help="of a file of the flow, take the inner boundary as the body, or the whole",
    )
    parser.add_argument(
        "--as-is", action="store_true", help="the shape is already in the wind-tunnel frame"
    )
    axes = get_args(Axis)
    parser.add_argument("--unit", choices=tuple(METERS), help="of the file's coordinates")
    parser.add_argument(
        "--forward", choices=axes, help="axis that the nose points along, such as --forward=-x"
    )
    parser.add_argument("--up", choices=axes, help="axis that points up")
    parser.add_argument(
        "--clearance",
        type=float,
        help="height of the lowest point over the ground, in lengths of the shape",
    )


def run_predict(args: argparse.Namespace) -> dict[str, Any]:
    """Predict pressure, shear and coefficients of a shape, or the fields of a drawing."""
    if args.replay:
        return _replay(args)
    if args.shape is None:
        raise MSPTError("shape must be a file, got none; name one or use --replay RECORD")
    if is_drawing(args.shape):
        return _drawing(args)
    return _shape(args)


def _drawing(args: argparse.Namespace) -> dict[str, Any]:
    for name in ("speed", "report"):
        if getattr(args, name) is not None:
            raise MSPTError(f"--{name} must be absent for a drawing, got one; it is for shapes")
    return predict_drawing(args)


def _shape(args: argparse.Namespace) -> dict[str, Any]:
    _refuse_case(args.shape)
    _check_report(args.report)
    path = checkpoint_path(args.checkpoint, DEFAULT_CHECKPOINT)
    checkpoint = load_checkpoint(path)
    check_budget(args, checkpoint.config, sum(cloud_size(checkpoint)))
    shape = _prepared(args.shape, args)
    chosen = "as is" if args.as_is else _placement(shape, args)
    conditions = conditions_of(args, None if chosen == "as is" else chosen)
    say_needs(
        args,
        checkpoint.config,
        sum(cloud_size(checkpoint)),
        passes=num_passes(checkpoint, len(shape.body.triangles)),
    )
    result = _follow(
        predict_shape(
            checkpoint,
            shape,
            placement=chosen,
            device=args.device,
            seed=args.seed,
            memory_budget=args.memory,
        ),
        args.progress,
    )
    summary = {"shape": str(args.shape), "checkpoint": str(path)} | result.summary()
    if conditions is not None:
        prediction = result.prediction
        summary["physical"] = physical_summary(
            prediction.coefficients, conditions, drag_spread=prediction.drag_spread
        )
    if args.out is not None:
        named = args.out != NAMED_LIKE_SHAPE
        out = args.out if named else derived_name(args.shape, "prediction", ".vtp")
        _write(result, out, refine=args.refine, conditions=conditions)
        summary["out"] = str(out)
    if args.passport:
        written = run_record(result, checkpoint=path, shape=args.shape)
        write_text(args.passport, json.dumps(written, indent=1) + "\n")
    metrics, truth, errors = checkpoint.info.get("metrics", {}), None, {}
    if args.truth:
        body = partial(BodyShape, result.placed.mesh)
        truth = replace(read_flow(args.truth), shape=body)
        if words := unsettled_words(truth.info):
            summary["warnings"] = [*summary["warnings"], f"the solver's run has {words}"]
        summary["errors"] = errors = _errors(checkpoint, truth, args.device)
        summary["label_noise"] = label_noise(metrics)
    if args.report:
        from mspt.cli._report import Reported, write_report

        reported = Reported(
            shape=args.shape,
            checkpoint=path,
            metrics=metrics,
            result=result,
            conditions=conditions,
            truth=truth,
            errors=errors,
        )
        written, note = write_report(args.report, reported)
        summary |= {"report": str(written)} | ({"report_note": note} if note else {})
    return summary


def _check_report(out: Path | None) -> None:
    """Refuse a name that is no report's, before any work is done."""
    if out is not None and out.suffix not in (".html", ".pdf"):
        raise MSPTError(f"--report must be a .html or .pdf file, got {out.name}")


def _write(
    result: ShapeResult, out: Path, *, refine: Refine, conditions: OperatingConditions | None
) -> None:
    """Write a prediction as the ending of a file's name says."""
    if out.suffix == ".csv":
        table = cell_table(result, refine=refine, conditions=conditions)
        write_text(out, table.to_csv(index=False, float_format="%.6g"))
    else:
        result.write(out, refine=refine, conditions=conditions)


def _refuse_case(shape: Path) -> None:
    """Say which command predicts a case, where one is named in place of a shape."""
    case = str(shape)
    try:
        dataset = dataset_of_case(case)
    except DataError:
        return  # what kinds of files can be read is said on reading
    if dataset.body is None and not shape.exists():
        raise MSPTError(
            f"shape must be a file, got the case {case}; use `python -m mspt solve {case} "
            "--checkpoint CHECKPOINT --out FILE`, which also predicts"
        )


def _replay(args: argparse.Namespace) -> dict[str, Any]:
    """Repeat a prediction and return the largest difference from the recorded one."""
    recorded = read_run_record(args.replay)
    paths = {what: Path(recorded[what]["path"]) for what in ("checkpoint", "shape")}
    for what, path in paths.items():
        if not path.exists():
            raise MSPTError(f"{what} must be where the run record says, got nothing at {path}")
    checkpoint, mesh = load_checkpoint(paths["checkpoint"]), read_mesh(paths["shape"])
    kept, shape = recorded["placement"], prepare_shape(mesh, reading=Reading(**recorded["reading"]))
    result = _follow(
        predict_shape(
            checkpoint,
            shape,
            placement="as is" if kept == "as is" else Placement(**kept),
            device=args.device,
            seed=recorded["seed"],
        ),
        args.progress,
    )
    again = run_record(result, checkpoint=paths["checkpoint"], shape=paths["shape"])
    return {
        "largest_difference": largest_difference(result, recorded),
        "same_checkpoint": again["checkpoint"]["sha256"] == recorded["checkpoint"]["sha256"],
        "same_shape": again["shape"]["sha256"] == recorded["shape"]["sha256"],
        "same_versions": again["versions"] == recorded["versions"],
        "same_device": again["device"] == recorded["device"],
        "C_D": again["C_D"],
        "C_L": again["C_L"],
    }


def _prepared(path: Path, args: argparse.Namespace) -> PreparedShape:
    """Read and prepare a shape as a person has chosen."""
    return prepare_shape(read_mesh(path), reading=Reading(half=args.half, domain=args.domain))


def _placement(shape: PreparedShape, args: argparse.Namespace) -> Placement:
    """Return the likely placement of a shape, with what a person has chosen."""
    names = ("unit", "forward", "up", "clearance")
    given = {name: value for name in names if (value := getattr(args, name)) is not None}
    return with_choices(shape, **given)


def show_predict(result: dict[str, Any]) -> str:
    """Return coefficients, placement, checks and, with a truth, errors."""
    if "largest_difference" in result:
        return _show_replay(result)
    if "drawing" in result:
        return show_predicted_drawing(result)
    trust = result["trust"]
    shown = {
        "shape": f"{result['shape']}, {counted(result['triangles'], 'triangle')}",
        "changes": "; ".join(result["changes"]) or "none",
        "placement": _placement_words(result["placement"]),
        "checkpoint": result["checkpoint"],
        **_interval(result),
        "parts of C_D": f"pressure {number(result['C_D_pressure'])}, friction "
        f"{number(result['C_D_friction'])}; varies by {number(result['C_D_spread'])} with the "
        "points drawn",
        "C_L": number(result["C_L"]),
        "frontal area": _area_words(result),
        "time": f"{duration(result['seconds'])}, of which the model "
        f"{duration(result['model_seconds'])} on {result['device']}",
        "trust": trust["verdict"],
    }
    if "out" in result:
        shown["written"] = result["out"]
    else:
        shown["written"] = (
            f"nothing; --out writes {derived_name(result['shape'], 'prediction', '.vtp')}"
        )
    if "report" in result:
        note = result.get("report_note", "")
        shown["report"] = f"{result['report']}{f' ({note})' if note else ''}"
    checks = [
        [one["name"], f"{number(one['value'])} {one['unit']}".strip(), one["verdict"]]
        for one in trust["checks"]
    ]
    nearest = [[one["name"], one["family"], number(one["distance"])] for one in trust["nearest"]]
    return paragraphs(
        "\n".join(f"Warning: {line}." for line in result["warnings"]),
        facts(shown),
        show_physical(result["physical"]) if "physical" in result else "",
        table(checks, ["check", "value", "verdict"]),
        table(nearest, ["nearest training shape", "family", "distance"]) if nearest else "",
        _show_errors(result) if "errors" in result else "",
    )


def _interval(result: dict[str, Any]) -> dict[str, str]:
    """Return C_D with its interval, and the expected error of C_p, where they are known."""
    drag = number(result["C_D"])
    if "C_D_low" not in result:
        return {"C_D": f"{drag}; no interval is known for this checkpoint"}
    expected, share = result["trust"]["expected"], f"for {result['coverage']:.0%} of such shapes"
    interval = f"{number(result['C_D_low'])} to {number(result['C_D_high'])}"
    error = {"error of C_p": f"{percent(result['expected_C_p_error'])} expected"}
    if not expected["is_outside"]:
        return {"C_D": f"{drag}; {interval} {share}"} | error
    named = "; ".join(one["words"] for one in expected["unusual"])
    return {
        "outside": f"this shape is outside what the model knows{f' ({named})' if named else ''}; "
        "`python -m mspt solve` computes the flow around it",
        "C_D": f"{drag}; {interval}, which nobody has tried on such shapes",
        **error,
    }


def _area_words(result: dict[str, Any]) -> str:
    """Return the frontal area in square meters, the unit of the file, and body lengths."""
    own, unit = result["frontal_area_in_file"], result["units"]["length_in_file"]
    words = [f"{number(result['frontal_area'])} lengths\u00b2"]
    if "frontal_area_m2" in result:
        words.insert(0, f"{number(result['frontal_area_m2'])} m\u00b2")
        words.insert(1, f"{number(own)} {unit}\u00b2") if unit != "m" else None
    return ", ".join(words)


def _placement_words(placement: dict[str, Any]) -> str:
    if placement.get("as_is"):
        words = "as it is"
    else:
        words = (
            f"unit {placement['unit']}, nose along {placement['forward']}, up {placement['up']}, "
            f"length {number(placement['length_m'])} m, {number(placement['clearance'])} lengths "
            f"({number(placement['clearance'] * placement['length_m'])} m) over the ground"
        )
    return words


def _show_errors(result: dict[str, Any]) -> str:
    """Return the errors against a truth beside the difference of labels between equal meshes."""
    errors, noise = result["errors"], result["label_noise"]
    coefficients = ("C_D", "C_D_true", "C_L", "C_L_true")
    rows = [
        [name.replace("_", " "), percent(error), percent(noise.get(name))]
        for name, error in errors.items()
        if name not in coefficients
    ]
    intervals = {"C_D": _beside(result), "C_L": ("–", "–")}
    drag = [
        [letter, number(result[letter]), *intervals[letter], number(errors[f"{letter}_true"])]
        for letter in ("C_D", "C_L")
    ]
    header = ["coefficient", "predicted", "interval", "holds the solver's", "solver"]
    return paragraphs(
        table(rows, ["field", "relative L2 error", "difference between meshes"]),
        table(drag, header),
    )


def _beside(result: dict[str, Any]) -> tuple[str, str]:
    """Return the interval of C_D in words, and whether it holds that of the solver."""
    if "C_D_low" not in result:
        return "–", "–"
    low, high, true = result["C_D_low"], result["C_D_high"], result["errors"]["C_D_true"]
    return f"{number(low)} to {number(high)}", "yes" if low <= true <= high else "no"


def _show_replay(result: dict[str, Any]) -> str:
    same = {True: "the same", False: "different"}
    kinds = ("checkpoint", "shape", "versions", "device")
    return facts(
        {
            "largest difference": f"{number(result['largest_difference'])} from the recorded "
            "prediction",
            **{kind: same[result[f"same_{kind}"]] for kind in kinds},
            "C_D": number(result["C_D"]),
            "C_L": number(result["C_L"]),
        }
    )


def _follow(events: Any, progress: ProgressMode) -> ShapeResult:  # noqa: ANN401 - an iterator
    with ProgressBar(unit="%", mode=progress) as bar:
        for event in events:
            if not isinstance(event, StageStarted):
                return event
            bar.reach(round(100 * event.share), 100, title=event.stage)
    raise MSPTError("prediction ended without a result")


def _errors(checkpoint: Checkpoint, truth: FlowCase, device: str) -> dict[str, Any]:
    truth.info.setdefault("family", "uploaded")
    found: FlowScore = score_flow(checkpoint, "truth", truth, device=device)
    named = {name: value for name, value in vars(found).items() if name not in ("name", "family")}
    return {name: None if np.isnan(value) else value for name, value in named.items()}


def solve_shape(args: argparse.Namespace) -> dict[str, Any]:
    """Compute the flow around a shape with OpenFOAM and write it as a case.

    Raises:
        MSPTError: If the output is no ``.npz`` file.
    """
    out = args.out or derived_name(args.case, "flow", ".npz")
    if out.suffix != ".npz":
        raise MSPTError(f"--out must be a .npz file for a shape, got {out.name}")
    shape = _prepared(Path(args.case), args)
    placed = as_is(shape.body) if args.as_is else place_mesh(shape.body, _placement(shape, args))
    flow = _follow_solver(placed, args.progress)
    case = flow_case(flow, placed.mesh, seed=0)
    write_flow(out, case)
    return {"case": args.case, "out": str(out), **case.info}


def show_solved_shape(result: dict[str, Any]) -> str:
    """Return coefficients, mesh and time of a flow that OpenFOAM computed."""
    settled = f"settled: C_D varies by ±{number(result['C_D_spread'])} over the last iterations"
    domain = "half the domain" if result["symmetric"] else "the whole domain"
    return facts(
        {
            "shape": result["case"],
            "run": unsettled_words(result) or settled,
            **_interval(result),
            "parts of C_D": f"pressure {number(result['C_D_pressure'])}, friction "
            f"{number(result['C_D_friction'])}",
            "C_L": number(result["C_L"]),
            "frontal area": f"{number(result['frontal_area'])} lengths\u00b2",
            "mesh": f"{result['cells']:,} cells, {result['faces']:,} faces on {domain}",
            "solver": f"{counted(result['iterations'], 'iteration')}, "
            f"{duration(result['cpu_seconds'])} of processor time",
            "written": result["out"],
        }
    )


def recipe_for(placed: PlacedMesh) -> Recipe:
    """Return the recipe of the data set; on the whole domain where the body is not symmetric."""
    return Recipe(symmetric=symmetry_error(placed.mesh) < SYMMETRIC)


def _follow_solver(placed: PlacedMesh, progress: ProgressMode) -> Flow:
    with ProgressBar(unit="%", mode=progress) as bar:
        for event in solve_flow(placed.mesh, recipe_for(placed)):
            if not isinstance(event, SolverProgress):
                return event
            bar.reach(round(100 * event.share), 100, title=event.describe())
    raise MSPTError("the solver ended without a result")
