"""The command ``attention``: the attention weights of points, and the effect of a mask."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from mspt.checkpoint import Checkpoint, load_checkpoint
from mspt.cli._output import counted, facts, number, paragraphs, percent, table
from mspt.errors import MSPTError
from mspt.geometry.files.readers import SUFFIXES, read_mesh
from mspt.geometry.placement import place_mesh
from mspt.geometry.preparation import prepare_shape
from mspt.inference.frames import time_of
from mspt.inference.sample import Sample, load_sample, sample_of_clouds
from mspt.inference.sampling import sample_inputs
from mspt.inspection.masking import Effect, Masked, attention_table, mask_patch
from mspt.inspection.observation import (
    Observed,
    PointAttention,
    attend_from,
    observe,
    peak_point,
    summaries_by_block,
)
from mspt.inspection.weights import most_read
from mspt.writing import write_text

FLAGS: dict[str, Masked] = {
    "mask_supernodes": "supernodes",
    "mask_patch": "points and supernodes",
    "remove_patch": "patch removed",
}


def add_attention(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``attention``."""
    parser.add_argument("case", help="a case, such as car-0000 or darcy-1100, or a 3-D shape")
    parser.add_argument("--checkpoint", type=Path, required=True, help="an MSPT checkpoint")
    parser.add_argument(
        "--points",
        type=int,
        nargs="+",
        help="numbers of the points, from 0; default: the point where the first field is largest",
    )
    parser.add_argument("--block", type=int, default=1, help="counted from 1; default: 1")
    parser.add_argument(
        "--frame",
        type=int,
        help="of a case in time, the frame whose prediction is examined, counted from 1; "
        "default: the last",
    )
    parser.add_argument("--head", type=int, help="counted from 1; default: mean over heads")
    masks = parser.add_mutually_exclusive_group()
    masks.add_argument(
        "--mask-supernodes", type=int, metavar="P", help="hide the supernodes of a patch"
    )
    masks.add_argument("--mask-patch", type=int, metavar="P", help="hide its points as well")
    masks.add_argument("--remove-patch", type=int, metavar="P", help="predict without a patch")
    parser.add_argument("--this-block", action="store_true", help="mask in --block only")
    parser.add_argument(
        "--out", type=Path, help="a .csv file with one row for each point of the cloud"
    )
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")


def run_attention(args: argparse.Namespace) -> dict[str, Any]:
    """Compute the attention of picked points and, with a mask, how the prediction changes."""
    if args.out and args.out.suffix != ".csv":
        raise MSPTError(f"--out must be a .csv file, got {args.out.name}")
    checkpoint = load_checkpoint(args.checkpoint)
    sample = find_sample(checkpoint, args.case)
    seen = observe(checkpoint, sample, frame=_frame(sample, args.frame), device=args.device)
    found = attend_from(
        seen,
        args.points or [peak_point(seen)],
        block=_counted(args.block, seen.recording.num_blocks, "block"),
        head=None
        if args.head is None
        else _counted(args.head, checkpoint.config.num_heads, "head"),
    )
    effect = _effect(seen, args, found.block)
    result = {"case": args.case, "checkpoint": str(args.checkpoint)} | _described(seen, found)
    if effect is not None:
        result["masking"] = describe_effect(seen, effect, found.points)
    if seen.pass_words:
        result["pass"] = seen.pass_words
    if args.out:
        rows = attention_table(seen, found, effect)
        write_text(args.out, rows.to_csv(index=False, float_format="%.7g"))
        result["out"] = str(args.out)
    return result


def show_attention(result: dict[str, Any]) -> str:
    """Return the shares of attention, the patches read most and the effect of a mask."""
    head = "mean over heads" if result["head"] == "mean" else f"head {result['head']}"
    shown = {
        "case": f"{result['case']}, {result['checkpoint']}",
        "weights": f"block {result['block']}, {head}",
    }
    if "pass" in result:
        shown["time"] = result["pass"]
    if "out" in result:
        shown["written"] = result["out"]
    points = [[name, str(one["patch"]), *_shares(one)] for name, one in result["points"].items()]
    if len(points) > 1:
        points.append(["mean", "–", *_shares(result["mean"])])
    reads = [
        [str(one["patch"]), percent(one["weight"]), number(one["distance"])]
        for one in result["most_read_patches"].values()
    ]
    blocks = [[name, percent(share)] for name, share in result["global_share_by_block"].items()]
    return paragraphs(
        facts(shown),
        table(points, ["point", "patch", "own patch", "supernodes", "entropy", "effective keys"]),
        table(reads, ["patch read through supernodes", "weight", "distance"]),
        table(blocks, ["block", "attention to supernodes"]),
        _show_masking(result["masking"]) if "masking" in result else "",
    )


def _shares(one: dict[str, Any]) -> list[str]:
    """Return the cells of a summary of attention weights."""
    return [
        percent(one["local_share"]),
        percent(one["global_share"]),
        f"{number(one['entropy'])} bits",
        f"{number(one['effective_keys'])} of {counted(one['num_keys'], 'key')}",
    ]


def _show_masking(masking: dict[str, Any]) -> str:
    where = "in all blocks" if masking["block"] == "all" else f"in block {masking['block']}"
    rows = [
        [
            name,
            number(one["largest_change"]),
            str(one["at_point"]),
            number(one["mean_change_at_points"]),
        ]
        for name, one in masking.items()
        if isinstance(one, dict)
    ]
    coefficients = [
        [name, number(masking[name]), number(masking[f"{name}_change"])]
        for name in ("C_D", "C_L")
        if name in masking
    ]
    return paragraphs(
        f"Patch {masking['patch']} masked ({masking['masked']}) {where}:",
        table(rows, ["field", "largest change", "at point", "mean change at the points"]),
        table(coefficients, ["coefficient", "without mask", "change"]) if coefficients else "",
    )


def find_sample(checkpoint: Checkpoint, name: str) -> Sample:
    """Return the sample of a case by its name, or of a 3-D shape from its file.

    Raises:
        MSPTError: If there is no such case, or the shape cannot be read.
    """
    path = Path(name)
    if path.suffix.lower() in SUFFIXES:
        shape = prepare_shape(read_mesh(path))
        placed = place_mesh(shape.body, shape.guess.best).mesh
        clouds = sample_inputs(checkpoint, placed).clouds[:1]
        return sample_of_clouds(path.stem, clouds, title=path.name, body=placed)
    return load_sample(name, checkpoint)


def describe_effect(seen: Observed, effect: Effect, points: tuple[int, ...]) -> dict[str, Any]:
    """Return what a mask changes, as plain values.

    Args:
        seen: The whole prediction.
        effect: The masked one.
        points: Picked points.
    """
    change = effect.change.double().numpy()
    result: dict[str, Any] = {
        "patch": effect.patch,
        "masked": effect.masked,
        "block": "all" if effect.block is None else effect.block + 1,
    }
    for channel, quantity in enumerate(seen.sample.channels):
        column = np.where(seen.sample.where_defined(quantity.name), change[:, channel], np.nan)
        where = int(np.nanargmax(np.abs(column)))
        at_points = column[list(points)]
        result[quantity.name] = {
            "largest_change": float(column[where]),
            "at_point": where,
            "mean_change_at_points": float(np.nanmean(at_points))
            if np.isfinite(at_points).any()
            else None,
        }
    if effect.before is not None and effect.after is not None:
        for name in ("C_D", "C_L"):
            before, after = getattr(effect.before, name), getattr(effect.after, name)
            result[name] = before
            result[f"{name}_change"] = after - before
    return result


def _effect(seen: Observed, args: argparse.Namespace, block: int) -> Effect | None:
    for flag, masked in FLAGS.items():
        patch = getattr(args, flag)
        if patch is not None:
            return mask_patch(seen, patch, masked=masked, block=block if args.this_block else None)
    return None


def _described(seen: Observed, found: PointAttention) -> dict[str, Any]:
    partition = seen.partition_of(found.block)
    patch_of_point = partition.patch_of_point
    reads = most_read(found.trace, partition, seen.sample.points, head=found.head)
    by_block = summaries_by_block(seen, found.points, head=found.head)
    return {
        "block": found.block + 1,
        "head": "mean" if found.head is None else found.head + 1,
        "points": {
            str(point): {"patch": int(patch_of_point[point]), **vars(one)}
            for point, one in zip(found.points, found.summaries, strict=True)
        },
        "mean": vars(found.summary),
        "most_read_patches": {str(one.patch): {**vars(one)} for one in reads},
        "global_share_by_block": {
            str(block): one.global_share for block, one in enumerate(by_block, start=1)
        },
    }


def _frame(sample: Sample, number: int | None) -> int | None:
    """Return the index of a frame by its number, counted from 1; None for the default."""
    if number is None:
        return None
    time = time_of(sample)
    if time is None:
        raise MSPTError(f"--frame must go with a case in time, got {sample.key}; leave it out")
    return _counted(number, len(time.outputs), "frame")


def _counted(number: int, count: int, name: str) -> int:
    if not 1 <= number <= count:
        raise MSPTError(f"{name} must lie between 1 and {count}, got {number}")
    return number - 1
