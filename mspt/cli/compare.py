"""The command ``compare``: several shapes, and the differences of their drag."""

import argparse
from pathlib import Path
from typing import Any

from mspt.checkpoint import Checkpoint, load_checkpoint
from mspt.cli._arguments import checkpoint_path
from mspt.cli._conditions import add_conditions, conditions_of
from mspt.cli._output import MISSING, facts, number, paragraphs, table
from mspt.cli.shapes import DEFAULT_CHECKPOINT
from mspt.geometry.files.readers import read_mesh
from mspt.geometry.preparation import prepare_shape
from mspt.inference.calibration import calibrated
from mspt.inference.shapes import StageStarted, predict_shape
from mspt.inference.side_by_side import Design, check_number, design_rows
from mspt.progress import ProgressBar
from mspt.writing import write_text


def add_compare(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``compare``."""
    parser.add_argument(
        "shapes",
        type=Path,
        nargs="+",
        help="two to six shapes (STL, OBJ, PLY, VTP, VTU, VTK or GLB); unit and axes of each are "
        "guessed, differences are to the first one",
    )
    parser.add_argument(
        "--checkpoint", type=Path, help=f"a model for flows; default: {DEFAULT_CHECKPOINT}"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the table as a .csv file")
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the points drawn on the shapes and around them"
    )
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    add_conditions(parser, with_length=False)


def run_compare(args: argparse.Namespace) -> dict[str, Any]:
    """Predict all shapes and compare them."""
    check_number(len(args.shapes))
    conditions = conditions_of(args, None, length=1.0)  # stands for that of each shape's file
    path = checkpoint_path(args.checkpoint, DEFAULT_CHECKPOINT)
    checkpoint = load_checkpoint(path)
    designs = _predicted(checkpoint, args)
    known = calibrated(checkpoint)
    rows = design_rows(
        designs,
        metrics=checkpoint.info.get("metrics", {}),
        pairs=None if known is None else known.calibration.pairs,
        conditions=conditions,
    )
    result: dict[str, Any] = {"checkpoint": str(path), "shapes": rows}
    warned = {one.name: list(one.result.warnings()) for one in designs if one.result.warnings()}
    if warned:
        result["warnings"] = warned
    if conditions is not None:
        result["conditions"] = conditions.describe(with_length=False)
    if args.csv is not None:
        import pandas as pd

        write_text(args.csv, pd.DataFrame(rows).to_csv(index=False, float_format="%.7g"))
        result["out"] = str(args.csv)
    return result


def _predicted(checkpoint: Checkpoint, args: argparse.Namespace) -> list[Design]:
    designs = []
    with ProgressBar(unit="%", mode=args.progress) as bar:
        for index, path in enumerate(args.shapes):
            shape = prepare_shape(read_mesh(path))
            events = predict_shape(checkpoint, shape, device=args.device, seed=args.seed)
            for event in events:
                if isinstance(event, StageStarted):
                    done = (index + event.share) / len(args.shapes)
                    bar.reach(round(100 * done), 100, title=f"{path.name}: {event.stage}")
                else:
                    designs.append(Design(name=str(path), result=event))
    return designs


def show_compare(result: dict[str, Any]) -> str:
    """Return one line for each shape, with the difference of its drag to the first shape."""
    rows, forces = [], []
    for row in result["shapes"]:
        difference = row.get("C_D_difference")
        rows.append(
            [
                row["name"],
                f"{row['C_D']:.3f} ± {row['C_D_uncertainty']:.3f}",
                MISSING
                if difference is None
                else f"{difference:+.3f} ± {row['C_D_difference_uncertainty']:.3f}",
                "" if difference is None else ("clear" if row["is_clear"] else "not clear"),
                number(row["C_L"]),
                number(row["frontal_area"]),
                row["trust"],
            ]
        )
        if "drag_N" in row:
            forces.append(
                [
                    row["name"],
                    f"{number(row['drag_N'])} N",
                    f"{number(row.get('drag_N_difference'))} N"
                    if "drag_N_difference" in row
                    else MISSING,
                    f"{number(row['lift_N'])} N",
                    f"{number(row['power_kW'])} kW",
                    f"{number(row['frontal_area_m2'])} m²",
                ]
            )
    header = ["shape", "C_D", "difference", "", "C_L", "area (lengths²)", "trust"]
    warned = result.get("warnings", {})
    return paragraphs(
        "\n".join(f"Warning: {name}: {'; '.join(lines)}." for name, lines in warned.items()),
        table(rows, header),
        table(forces, ["shape", "drag", "difference", "lift", "power", "area"]) if forces else "",
        facts(
            {"checkpoint": result["checkpoint"]}
            | ({"at": result["conditions"]} if "conditions" in result else {})
            | ({"written": result["out"]} if "out" in result else {})
        ),
        "± is the model's mean relative error of C_D over its test bodies; that of a difference "
        "is of two\nindependent errors. A difference is clear if it is larger.",
    )
