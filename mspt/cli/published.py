"""The command ``published``: the authors' weights as a checkpoint of this project."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from mspt.checkpoint import read_info, save_checkpoint
from mspt.cli._output import counted, facts
from mspt.data.dataset import Dataset
from mspt.data.registry import get_dataset
from mspt.errors import MSPTError
from mspt.evaluation.cases import num_parameters
from mspt.inference.brought import convert_published, read_state_dict, usual_settings
from mspt.models.normalizer import Normalizer
from mspt.models.published.entries import find_weights
from mspt.models.published.model import load_published


def add_published(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``published``."""
    parser.add_argument("state_dict", type=Path, help="the authors' .pt or .pth file")
    parser.add_argument(
        "--entry",
        metavar="NAME",
        help="where the file holds the weights, with dots between nested names, such as "
        "model_state_dict or ema.module; default: searched for",
    )
    parser.add_argument(
        "--dataset",
        help="predict cases of this data set: means and scales come from its training cases, and "
        "all settings that are not given from the authors' script for it",
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="with --dataset: folder of the data; default: data/, then what ships",
    )
    parser.add_argument("--out", type=Path, required=True, help="a .safetensors file")
    parser.add_argument("--heads", type=int, help="attention heads H; default: 8")
    parser.add_argument("--patches", type=int, help="patches K; default: 32")
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
    """Convert a state dict; without a data set in the units the authors trained in."""
    if args.dataset is not None:
        return _run_for(get_dataset(args.dataset), args)
    entry, weights = find_weights(read_state_dict(args.state_dict), entry=args.entry)
    model = load_published(
        weights,
        num_heads=args.heads or 8,
        num_patches=args.patches or 32,
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


def _run_for(dataset: Dataset, args: argparse.Namespace) -> dict[str, Any]:
    """Convert a state dict for a data set; settings that are given replace the usual ones."""
    if args.entry is not None:
        raise MSPTError(
            f"--entry must be absent with --dataset, got {args.entry!r}; save that entry by itself"
        )
    usual = usual_settings(dataset)
    settings = replace(
        usual,
        num_heads=args.heads or usual.num_heads,
        num_patches=args.patches or usual.num_patches,
        num_supernodes=args.supernodes,
        pooling=args.pooling,
        grid=tuple(args.grid) if args.grid else usual.grid,
        unified_position=args.unified_position or usual.unified_position,
    )
    convert_published(args.state_dict, args.out, dataset=dataset, settings=settings, root=args.data)
    found = read_info(args.out)
    return {"checkpoint": str(args.out), "config": found.config.to_dict(), **found.info}


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
