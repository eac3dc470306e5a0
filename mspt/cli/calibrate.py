"""The command ``calibrate``."""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mspt.checkpoint import load_checkpoint
from mspt.cli._output import counted, facts, number, paragraphs, percent, table
from mspt.cli.evaluate import trained_on
from mspt.errors import MSPTError
from mspt.evaluation.calibration import (
    Row,
    calibrate,
    pairs_of,
    pairs_text,
    parse_pairs,
    parse_rows,
    rows_of,
    rows_text,
)
from mspt.evaluation.observations import OTHER, Observation, Observed, observe_cases
from mspt.inference.calibration import (
    CALIBRATIONS,
    Calibration,
    weights_digest,
    widening,
    write_calibration,
)
from mspt.inference.known import known_bodies
from mspt.inference.library import library_of
from mspt.inference.signals import SMALL_DRAG
from mspt.progress import ProgressBar, ProgressMode
from mspt.writing import write_text

MEMBERS = ("car-transolver",)
"""Other models whose disagreement is a signal; what others would gain is in docs/trust.md."""


def add_calibrate(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``calibrate``."""
    parser.add_argument("checkpoint", type=Path, help="a model for flows around bodies")
    parser.add_argument(
        "--members",
        nargs="*",
        default=MEMBERS,
        metavar="NAME",
        help="other models beside the checkpoint whose disagreement is a signal; default: "
        f"{' '.join(MEMBERS)}",
    )
    parser.add_argument(
        "--other-bodies",
        type=Path,
        metavar="FOLDER",
        help="bodies NAME.stl in the wind-tunnel frame with their flows NAME.npz: the interval is "
        "tried on them, and never fitted to them",
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("data/calibration"),
        help="folder of what is computed for each body, from which an interrupted run goes on",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=CALIBRATIONS,
        help="folder of the calibration and the table of its rows; default: assets/calibration",
    )
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")


def run_calibrate(args: argparse.Namespace) -> dict[str, Any]:
    """Calibrate the expected error of a checkpoint, and write it with the rows behind it."""
    checkpoint, stem = load_checkpoint(args.checkpoint), args.checkpoint.stem
    library = library_of(checkpoint)  # refuses what is no model of flows
    members = {
        name: load_checkpoint(args.checkpoint.with_name(f"{name}.safetensors"))
        for name in args.members
    }
    digest = weights_digest(checkpoint)
    events = observe_cases(
        checkpoint,
        trained_on(checkpoint, args.checkpoint.name),
        members=members,
        folder=args.work / f"{stem}-{digest}",
        other_bodies=args.other_bodies,
        device=args.device,
    )
    trained, others = _follow(events, args.progress)
    known = known_bodies(
        np.array([one.form for one in trained]), np.array([one.latent for one in trained])
    )
    # As the tables hold them, so that a fit to the tables is this fit.
    rows = parse_rows(rows_text(rows_of(others, known, library)))
    pairs = parse_pairs(pairs_text(pairs_of(others)))
    found = calibrate(
        rows,
        pairs,
        known=known,
        near=library.usual_distance(),
        digest=digest,
        members={name: weights_digest(member) for name, member in members.items()},
    )
    args.out.mkdir(parents=True, exist_ok=True)
    write_calibration(args.out / f"{stem}.npz", found)
    write_text(args.out / f"{stem}.csv", rows_text(rows))
    write_text(args.out / f"{stem}-pairs.csv", pairs_text(pairs))
    return {
        "checkpoint": str(args.checkpoint),
        "out": str(args.out / f"{stem}.npz"),
        "members": list(members),
        "training_bodies": len(trained),
        "coverage": found.coverage,
        **found.measured,
        "pairs": asdict(found.pairs),
        "bodies": [one for row in rows if (one := _tried(row, found)) is not None],
    }


def _tried(row: Row, found: Calibration) -> dict[str, Any] | None:
    """Return the interval of a body from elsewhere beside its truth; None for other bodies."""
    if row.family != OTHER:
        return None
    drag, farther = row.values["C_D"], widening(row.values, found.measured["limits"])
    half = farther * found.drag.half_width(row.values) * max(abs(drag), SMALL_DRAG)
    return {
        "name": row.name,
        "C_D": drag,
        "C_D_low": max(0.0, drag - half),
        "C_D_high": drag + half,
        "C_D_true": row.values["C_D_true"],
        "expected_C_p_error": farther * found.typical * found.pressure.half_width(row.values),
        "C_p_error": row.values["C_p_error"],
        "is_outside": farther > 1,
    }


def _follow(events: Iterator[Any], mode: ProgressMode) -> tuple[list[Observation], ...]:
    with ProgressBar(unit="body", mode=mode) as bar:
        for event in events:
            if not isinstance(event, Observed):
                return event
            bar.reach(event.done, event.total)
    raise MSPTError("calibration ended without a result")


def show_calibrate(result: dict[str, Any]) -> str:
    """Return how often intervals hold on bodies that took no part, and how wide they are."""
    rows = [
        [
            f"{words}, {where}",
            str(one["bodies"]),
            percent(one["coverage"]),
            percent(one["coverage_by_family"]),
            percent(one["median_half_width"]),
            percent(one["median_error"]),
        ]
        for where, key in (("families left out", "left_out"), ("from elsewhere", "other_bodies"))
        for words, target in (("C_D", "drag"), ("C_p", "pressure"))
        if (one := result[key].get(target))
    ]
    header = ["error", "bodies", "held", "held, by family", "median half width", "median error"]
    tried = [
        [
            one["name"],
            number(one["C_D"]),
            f"{number(one['C_D_low'])} to {number(one['C_D_high'])}",
            number(one["C_D_true"]),
            "yes" if one["C_D_low"] <= one["C_D_true"] <= one["C_D_high"] else "no",
            "yes" if one["is_outside"] else "no",
        ]
        for one in result["bodies"]
    ]
    passes, order = result["mean_of_two_passes"], result["order"]
    shown = {
        "checkpoint": result["checkpoint"],
        "other models": ", ".join(result["members"]) or "none",
        "known": counted(result["training_bodies"], "training body", "training bodies"),
        "share to be held": percent(result["coverage"]),
        "error of C_D": f"{percent(passes['C_D_once'])} in one pass, {percent(passes['C_D'])} by "
        "the mean with the mirrored one",
        "differences": f"{number(result['pairs']['near_factor'])} times as wide as those of "
        f"independent errors for similar shapes, {number(result['pairs']['factor'])} times for "
        "others",
        "order": f"{percent(order['decided'])} of pairs decided, {percent(order['right'])} of "
        "these rightly",
        "written": result["out"],
    }
    columns = ["body", "C_D", "interval", "solver", "held", "outside"]
    return paragraphs(facts(shown), table(rows, header), table(tried, columns) if tried else "")
