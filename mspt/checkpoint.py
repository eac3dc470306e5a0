"""Checkpoints: one safetensors file with weights, normalizer and a JSON header; no pickle.

The header is read without the weights, so that a folder can be listed at once.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mspt.config import Architecture, ModelConfig
from mspt.errors import CheckpointError
from mspt.models.baselines import FullAttention, Transolver
from mspt.models.branched import BranchedMSPT
from mspt.models.mspt import MSPT
from mspt.models.normalizer import Normalizer
from mspt.models.published.model import PublishedMSPT
from mspt.seeding import seeded

FORMAT = "mspt/1"
MODELS: dict[Architecture, Callable[[ModelConfig], nn.Module]] = {
    "mspt": MSPT,
    "branched": BranchedMSPT,
    "published": PublishedMSPT,
    "transolver": Transolver,
    "full_attention": FullAttention,
}


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint's header says.

    Attributes:
        path: The file.
        config: Architecture of the model.
        info: Data set, split, seed, steps, minutes, hardware, versions, metrics and more.
    """

    path: Path
    config: ModelConfig
    info: dict[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """A model ready to predict, with all that is known of it."""

    model: nn.Module
    config: ModelConfig
    normalizer: Normalizer
    info: dict[str, Any]


def build_model(config: ModelConfig, *, seed: int = 0) -> nn.Module:
    """Return a freshly initialized model; the same seed gives the same weights."""
    with seeded(seed, "weights"):
        return MODELS[config.architecture](config)


def save_checkpoint(
    path: Path | str,
    *,
    model: nn.Module,
    config: ModelConfig,
    normalizer: Normalizer,
    info: Mapping[str, Any],
) -> None:
    """Write a checkpoint; the file appears only when it is complete.

    Raises:
        CheckpointError: If the name does not end in ``.safetensors``.
    """
    path = _checked_name(Path(path))
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    tensors |= {f"normalizer.{name}": tensor for name, tensor in normalizer.state_dict().items()}
    header = {"config": config.to_dict(), "info": dict(info)}
    metadata = {"format": FORMAT, "info": json.dumps(header)}
    partial = path.with_suffix(".partial")
    save_file({name: tensor.cpu() for name, tensor in tensors.items()}, partial, metadata)
    partial.replace(path)


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Read a checkpoint whole, strictly.

    Raises:
        CheckpointError: If the file is absent, truncated, of another format, or does not hold
            exactly the tensors its config asks for.
    """
    header = read_info(path)
    try:
        tensors = load_file(header.path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{header.path.name} cannot be read: {error}") from error
    model = build_model(header.config)
    normalizer = Normalizer(
        space_dim=header.config.space_dim,
        in_features=header.config.in_features,
        out_channels=header.config.out_channels,
    )
    prefix = "normalizer."
    statistics = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    weights = {name: v for name, v in tensors.items() if not name.startswith(prefix)}
    _load_strictly(model, weights, header.path.name)
    _load_strictly(normalizer, statistics, header.path.name)
    return Checkpoint(model.eval(), header.config, normalizer, header.info)


def read_info(path: Path | str) -> CheckpointInfo:
    """Read a checkpoint's header without its weights.

    Raises:
        CheckpointError: If the file is absent, no safetensors file, or of another format.
    """
    path = _checked_name(Path(path))
    if not path.is_file():
        raise CheckpointError(f"checkpoint must be an existing file, got {path.name}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path.name} must be a complete safetensors file, got: {error}; copy it again"
        ) from error
    if (found := metadata.get("format")) != FORMAT:
        raise CheckpointError(
            f"{path.name} must have the format {FORMAT!r}, got {found!r}; "
            "retrain it or convert it with this version"
        )
    try:
        header = json.loads(metadata["info"])
        config = ModelConfig.from_dict(header["config"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path.name} has a header that cannot be used: {error}") from error
    return CheckpointInfo(path, config, header.get("info", {}))


def list_checkpoints(folder: Path | str) -> tuple[CheckpointInfo, ...]:
    """Return the headers of all checkpoints in a folder, by file name.

    Files that are no checkpoint of this format are left out.
    """
    found = []
    for path in sorted(Path(folder).glob("*.safetensors")):
        try:
            found.append(read_info(path))
        except CheckpointError:
            continue
    return tuple(found)


def _checked_name(path: Path) -> Path:
    if path.suffix != ".safetensors":
        raise CheckpointError(
            f"checkpoint must be a .safetensors file, got {path.name}; "
            "pickled weights are not read, convert the authors' with 'python -m mspt published'"
        )
    return path


def _load_strictly(module: nn.Module, tensors: dict[str, Tensor], name: str) -> None:
    expected = module.state_dict()
    missing, extra = sorted(expected.keys() - tensors), sorted(tensors.keys() - expected)
    wrong = sorted(k for k in expected.keys() & tensors if expected[k].shape != tensors[k].shape)
    if missing or extra or wrong:
        raise CheckpointError(
            f"{name} must hold exactly the tensors of its config, got missing {missing}, "
            f"unknown {extra}, misshapen {wrong}"
        )
    if any(not torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise CheckpointError(f"{name} must hold finite weights, got NaN or infinity")
    module.load_state_dict(tensors)
