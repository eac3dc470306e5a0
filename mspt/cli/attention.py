"""The command ``attention``: what points of a cloud read, and what masking a patch changes."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from mspt.checkpoint import Checkpoint, load_checkpoint
from mspt.data.sets.car.dataset import CAR
from mspt.data.sets.car.store import load_flow
from mspt.data.store import load_case
from mspt.errors import MSPTError
from mspt.geometry.files.readers import SUFFIXES, read_mesh
from mspt.geometry.placement import guess_placement, place_mesh
from mspt.inference.sample import Sample, sample_of_case, sample_of_clouds, sample_of_flow
from mspt.inference.sampling import cloud_size, sample_inputs
from mspt.inspection.masking import Effect, Masked, attention_table, mask_patch
from mspt.inspection.observe import (
    Observed,
    PointAttention,
    attend_from,
    observe,
    peak_point,
    summaries_by_block,
)
from mspt.inspection.weights import most_read

FLAGS: dict[str, Masked] = {
    "mask_supernodes": "supernodes",
    "mask_patch": "points and supernodes",
    "remove_patch": "patch removed",
}


def add_attention(parser: argparse.ArgumentParser) -> None:
    """Describe ``attention``."""
    parser.add_argument("case", help="a case, such as car-0000 or darcy-1100, or a 3-D shape")
    parser.add_argument("--checkpoint", type=Path, required=True, help="an MSPT checkpoint")
    parser.add_argument("--points", type=int, nargs="+", help="default: where field 1 is largest")
    parser.add_argument("--block", type=int, default=1, help="counted from 1; default: 1")
    parser.add_argument("--head", type=int, help="counted from 1; default: mean over heads")
    masks = parser.add_mutually_exclusive_group()
    masks.add_argument("--mask-supernodes", type=int, metavar="P", help="nobody reads them")
    masks.add_argument("--mask-patch", type=int, metavar="P", help="its points are masked, too")
    masks.add_argument("--remove-patch", type=int, metavar="P", help="as if it were not there")
    parser.add_argument("--this-block", action="store_true", help="mask in --block only")
    parser.add_argument("--out", type=Path, help="a .csv file with a row for each point")
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")


def run_attention(args: argparse.Namespace) -> dict[str, Any]:
    """Tell what picked points read and, with a mask, what it changes."""
    if args.out and args.out.suffix != ".csv":
        raise MSPTError(f"--out must be a .csv file, got {args.out.name}")
    checkpoint = load_checkpoint(args.checkpoint)
    seen = observe(checkpoint, find_sample(checkpoint, args.case), device=args.device)
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
    if args.out:
        attention_table(seen, found, effect).to_csv(args.out, index=False, float_format="%.7g")
        result["out"] = str(args.out)
    return result


def find_sample(checkpoint: Checkpoint, name: str) -> Sample:
    """Return a case by its name, or a 3-D shape from its file, as a checkpoint takes it.

    Raises:
        MSPTError: If there is no such case, or the shape cannot be read.
    """
    path = Path(name)
    if path.suffix.lower() in SUFFIXES:
        mesh = read_mesh(path)
        placed = place_mesh(mesh, guess_placement(mesh, suffix=path.suffix)).mesh
        clouds = sample_inputs(checkpoint, placed).clouds[:1]
        return sample_of_clouds(path.stem, clouds, title=path.name, body=placed)
    if name.startswith(f"{CAR.name}-"):
        return sample_of_flow(name, load_flow(name), size=cloud_size(checkpoint))
    return sample_of_case(load_case(name.rpartition("-")[0], name))


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
    patch_of_point = seen.partition.patch_of_point
    reads = most_read(found.trace, seen.partition, seen.sample.points, head=found.head)
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


def _counted(number: int, count: int, name: str) -> int:
    if not 1 <= number <= count:
        raise MSPTError(f"{name} must lie between 1 and {count}, got {number}")
    return number - 1
