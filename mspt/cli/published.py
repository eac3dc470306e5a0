"""The command ``published``: the authors' weights as a checkpoint of this project."""

import argparse
import pickle
import re
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from mspt.checkpoint import save_checkpoint
from mspt.cli._output import counted, facts
from mspt.errors import CheckpointError
from mspt.evaluation.cases import num_parameters
from mspt.models.normalizer import Normalizer
from mspt.models.published.entries import find_weights
from mspt.models.published.model import load_published
from mspt.reading import DAMAGED


def add_published(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``published``."""
    parser.add_argument("state_dict", type=Path, help="the authors' .pt or .pth file")
    parser.add_argument(
        "--entry",
        metavar="NAME",
        help="where the file holds the weights, with dots between nested names, such as "
        "model_state_dict or ema.module; default: searched for",
    )
    parser.add_argument("--out", type=Path, required=True, help="a .safetensors file")
    parser.add_argument("--heads", type=int, default=8, help="attention heads H; default: 8")
    parser.add_argument("--patches", type=int, default=32, help="patches K; default: 32")
    parser.add_argument(
        "--supernodes", type=int, default=1, help="supernodes Q per patch; default: 1"
    )
    parser.add_argument(
        "--pooling", default="mean", choices=["mean", "max", "linear"], help="default: mean"
    )
    parser.add_argument(
        "--grid", type=int, nargs=2, metavar=("ROWS", "COLUMNS"), help="grid of the points"
    )
    parser.add_argument(
        "--unified-position", action="store_true", help="trained with unified_pos=1"
    )


def run_published(args: argparse.Namespace) -> dict[str, Any]:
    """Convert a state dict; inputs and outputs stay in the units the authors trained in."""
    entry, weights = find_weights(read_state_dict(args.state_dict), entry=args.entry)
    model = load_published(
        weights,
        num_heads=args.heads,
        num_patches=args.patches,
        num_supernodes=args.supernodes,
        pooling=args.pooling,
        structured_shape=tuple(args.grid) if args.grid else None,
        unified_pos=args.unified_position,
    )
    config = model.config
    normalizer = Normalizer(
        space_dim=config.space_dim,
        in_features=config.in_features,
        out_channels=config.out_channels,
    )
    info = {
        "source": args.state_dict.name,
        **({"entry": entry} if entry else {}),
        "parameters": num_parameters(model),
        "metrics": {},
    }
    save_checkpoint(args.out, model=model, config=config, normalizer=normalizer, info=info)
    return {"checkpoint": str(args.out), "config": config.to_dict(), **info}


def show_published(result: dict[str, Any]) -> str:
    """Return the architecture that was found and the file written."""
    config = result["config"]
    return facts(
        {
            "source": f"{result['source']}{f', {entry}' if (entry := result.get('entry')) else ''}",
            "model": f"{counted(result['parameters'], 'parameter')}, "
            f"{counted(config['num_blocks'], 'block')}, width {config['width']}, "
            f"{counted(config['num_heads'], 'head')}, K = {config['num_patches']}, "
            f"Q = {config['num_supernodes']}, {config['pooling']} pooling",
            "written": result["checkpoint"],
        }
    )


def read_state_dict(path: Path) -> Mapping[Any, Any]:
    """Read a table of tensors; a pickle is read as plain values only, no code in it is run.

    Raises:
        CheckpointError: If the file is absent or holds anything but tensors and plain values.
    """
    if not path.is_file():
        raise CheckpointError(f"state_dict must be a file, got nothing at '{path}'; check its path")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        _check_archive(path)
        with warnings.catch_warnings():  # of odd files that it refuses all the same
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        unknown = re.search(r"GLOBAL (\S+)", str(error))
        raise CheckpointError(
            f"state_dict must be a file of tensors and plain values, got {path.name} with "
            f"{f'an object of {unknown[1]}' if unknown else 'other things'}; "
            "save model.state_dict() alone"
        ) from error
    except (*DAMAGED, SafetensorError, RecursionError, AssertionError, struct.error) as error:
        raise CheckpointError(
            f"state_dict must be a file of tensors, got {path.name}, which is "
            f"{'empty' if path.stat().st_size == 0 else 'damaged or of another kind'}; "
            "save model.state_dict() with torch.save again"
        ) from error
    if not isinstance(state, Mapping):
        raise CheckpointError(
            f"state_dict must be a table of tensors by name, got {type(state).__name__}; "
            "save model.state_dict() with torch.save"
        )
    return state


def _check_archive(path: Path) -> None:
    """Refuse an archive whose members are far larger than itself: torch.save packs nothing."""
    if not is_zipfile(path):  # the format of old versions of torch
        return
    with ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > path.stat().st_size:
        raise CheckpointError(
            f"state_dict must be a file as torch.save writes it, got {path.name}, which claims to "
            f"hold {size:,} bytes; save model.state_dict() with torch.save again"
        )
