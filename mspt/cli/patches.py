"""The command ``patches``: partition a cloud and measure its patches."""

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import torch

from mspt.checkpoint import Checkpoint, load_checkpoint
from mspt.cli._arguments import checkpoint_path
from mspt.cli._output import counted, duration, facts, number, percent
from mspt.config import PATCHED
from mspt.cost.formulas import forward_flops, recommended_patches
from mspt.data.registry import datasets
from mspt.data.stress_clouds import STRESS_CLOUDS, stress_cloud
from mspt.errors import MSPTError
from mspt.evaluation.other_patches import error_at_patches, other_method
from mspt.geometry.files.readers import SUFFIXES, read_mesh
from mspt.geometry.placement import place_mesh
from mspt.geometry.preparation import prepare_shape
from mspt.inference.sample import (
    Sample,
    load_sample,
    predict_sample,
    sample_of_clouds,
    sample_of_points,
)
from mspt.inference.sampling import sample_inputs
from mspt.partition.alternatives import PARTITION_METHODS, PartitionMethod, divide_points
from mspt.partition.patches import (
    attention_flops,
    compactness,
    measure_patches,
    nearest_points,
    patch_table,
    supernode_centers,
)
from mspt.writing import write_text

DEFAULT_CHECKPOINT = "pretrained/{}.safetensors"
PARTS = ("body", "flow", "both")


def add_patches(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``patches``."""
    clouds = ", ".join(STRESS_CLOUDS)
    parser.add_argument(
        "cloud",
        help="a case, such as car-0021 or elasticity-1107, a 3-D shape, or one of the made-up "
        f"clouds {clouds}",
    )
    parser.add_argument("--patches", type=int, help="K; default: the checkpoint's, or sqrt(N / Q)")
    parser.add_argument("--supernodes", type=int, default=1, help="Q per patch")
    parser.add_argument(
        "--partition", choices=PARTITION_METHODS, default="ball_tree", help="kind of partition"
    )
    parser.add_argument(
        "--part",
        choices=PARTS,
        default="both",
        help="partition points of the body, the flow or both",
    )
    parser.add_argument("--points", type=int, default=32_768, help="N of a made-up cloud")
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of a made-up cloud and of the partition at random"
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        help="model whose sizes and errors are used; default: that of the data set in pretrained/",
    )
    parser.add_argument(
        "--error",
        action="store_true",
        help="predict the case with these K and Q, and print the error beside that at those of the "
        "training",
    )
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    parser.add_argument("--out", type=Path, help="a .csv file with one row for each patch")


def run_patches(args: argparse.Namespace) -> dict[str, Any]:
    """Partition a cloud into patches and measure them.

    Raises:
        MSPTError: If the cloud is not known, or the output is no ``.csv`` file.
    """
    if args.out is not None and args.out.suffix != ".csv":
        raise MSPTError(f"--out must be a .csv file, got {args.out.name}")
    checkpoint = load_checkpoint(
        checkpoint_path(args.checkpoint, Path(DEFAULT_CHECKPOINT.format(_dataset(args.cloud))))
    )
    sample = _sample(args, checkpoint)
    rows = _rows(sample, args.part)
    points = sample.points[rows]
    num_patches = args.patches or _default_patches(checkpoint, sample, len(points), args)
    start = perf_counter()
    partition = divide_points(points, num_patches, method=args.partition, seed=args.seed)
    seconds = perf_counter() - start
    supernodes = supernode_centers(points, partition, args.supernodes)
    config = replace(
        checkpoint.config,
        architecture="mspt",
        num_patches=num_patches,
        patch_size=None,
        num_supernodes=args.supernodes,
        structured_shape=None,
    )
    shapes = measure_patches(points, partition)
    if args.out:
        error = _error(args, checkpoint, sample)
        table = patch_table(
            points,
            partition,
            nearest=nearest_points(points),
            error=None if error is None else error[rows],
        )
        write_text(args.out, pd.DataFrame(table).to_csv(index=False, float_format="%.7g"))
    errors = _errors(args, checkpoint, num_patches) if args.error else {}
    return {
        "cloud": args.cloud,
        "points": len(points),
        "partition": args.partition,
        "patches": num_patches,
        "points_per_patch": {"min": int(shapes.size.min()), "max": int(shapes.size.max())},
        "supernodes": len(supernodes),
        "median_radius": float(np.median(shapes.radius)),
        "dispersion": asdict(compactness(shapes)),
        "recommended_patches": recommended_patches(len(points), num_supernodes=args.supernodes),
        "attention_flops": attention_flops(config, len(points)),
        "forward_flops": forward_flops(config, len(points)),
        "seconds": seconds,
    } | (errors | ({"out": str(args.out)} if args.out else {}))


def show_patches(result: dict[str, Any]) -> str:
    """Return sizes, compactness and cost of a partition."""
    size, spread = result["points_per_patch"], result["dispersion"]
    sizes = (
        f"{size['min']:,} to {size['max']:,}" if size["min"] < size["max"] else f"{size['min']:,}"
    )
    shown = {
        "cloud": f"{result['cloud']}, {counted(result['points'], 'point')}",
        "partition": f"{result['partition'].replace('_', ' ')}, made in "
        f"{duration(result['seconds'])}",
        "patches": f"K = {result['patches']:,}, {sizes} points each; "
        f"K = {result['recommended_patches']:,} needs the fewest operations",
        "supernodes": f"{result['supernodes']:,} in all",
        "radius": f"{number(result['median_radius'])} in the median, in units of the coordinates",
        "dispersion": f"median {number(spread['median'])}, 90 % below {number(spread['p90'])}, "
        f"largest {number(spread['max'])}, in squared units; {percent(spread['share'])} of that "
        "of the cloud",
        "operations": f"{number(result['attention_flops'] / 1e9)} GFLOP for attention, "
        f"{number(result['forward_flops'] / 1e9)} GFLOP for the whole forward pass",
    }
    if "errors" in result:
        own, trained = result["errors"]
        shown["error"] = f"{_error_words(own)}; {_error_words(trained)}, those of the training"
    if "out" in result:
        shown["written"] = result["out"]
    return facts(shown)


def _error_words(found: dict[str, Any]) -> str:
    return (
        f"{percent(found['relative_l2'])} relative L2 at K = {found['num_patches']:,}, "
        f"Q = {found['num_supernodes']}"
    )


def _dataset(cloud: str) -> str:
    """Return the data set whose checkpoint is used for a cloud; that of flows for a shape."""
    name = cloud.rsplit("-", 1)[0]
    known = [dataset.name for dataset in datasets()]
    return name if name in known else next(one.name for one in datasets() if one.body)


def _sample(args: argparse.Namespace, checkpoint: Checkpoint) -> Sample:
    cloud, dataset = args.cloud, args.cloud.rsplit("-", 1)[0]
    if cloud in STRESS_CLOUDS:
        points = stress_cloud(cloud, args.points, seed=args.seed)
        return sample_of_points(cloud, points, title=cloud)
    if Path(cloud).suffix.lower() in SUFFIXES:
        shape = prepare_shape(read_mesh(Path(cloud)))
        placed = place_mesh(shape.body, shape.guess.best).mesh
        inputs = sample_inputs(checkpoint, placed)
        return sample_of_clouds(cloud, inputs.clouds, title=cloud, body=placed)
    if any(one.name == dataset for one in datasets()):
        return load_sample(cloud)
    raise MSPTError(
        f"cloud must be a case, a 3-D shape or one of {', '.join(STRESS_CLOUDS)}, got {cloud!r}"
    )


def _rows(sample: Sample, part: str) -> slice:
    """Return the rows of the points to partition."""
    count = sample.num_surface
    if part == "both":
        return slice(None)
    if not count:
        raise MSPTError(f"--part must be both for a cloud without a body, got {part}")
    return slice(count) if part == "body" else slice(count, None)


def _default_patches(
    checkpoint: Checkpoint, sample: Sample, num_points: int, args: argparse.Namespace
) -> int:
    if sample.dataset is None or checkpoint.config.architecture not in PATCHED:
        return recommended_patches(num_points, num_supernodes=args.supernodes)
    return min(checkpoint.config.patches_for(len(sample.points)), num_points)


def _errors(
    args: argparse.Namespace, checkpoint: Checkpoint, num_patches: int
) -> dict[str, list[dict[str, Any]]]:
    """Return the error at K, Q and partition and at those of the training, at as many points."""
    sample = load_sample(args.cloud, checkpoint)
    config = checkpoint.config
    trained = config.patches_for(len(sample.points)), config.num_supernodes
    method = other_method(config, args.partition, num_surface=sample.num_surface)
    kinds: tuple[tuple[tuple[int, int], PartitionMethod | None], ...]
    kinds = ((num_patches, args.supernodes), method), (trained, None)
    found = [
        error_at_patches(
            checkpoint,
            sample,
            num_patches=k,
            num_supernodes=q,
            method=kind,
            device=args.device,
        )
        for (k, q), kind in kinds
    ]
    return {"errors": [asdict(one) for one in found]}


def _error(args: argparse.Namespace, checkpoint: Checkpoint, sample: Sample) -> np.ndarray | None:
    """Return the error of the first channel at each point, NaN where it is not defined."""
    if sample.truth is None:
        return None
    error = (predict_sample(checkpoint, sample, device=args.device) - sample.truth)[:, 0]
    defined = torch.from_numpy(sample.where_defined(sample.channels[0].name))
    return torch.where(defined, error.double(), torch.nan).numpy()
