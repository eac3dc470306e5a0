"""Checkpoints: one safetensors file with weights, normalizer and a JSON header.

Pickle is never read, because unpickling a file runs code from it. The header is read without the
weights, so that a folder of checkpoints is listed in milliseconds.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from mspt.config import ModelConfig
from mspt.errors import CheckpointError
from mspt.models.normalizer import Normalizer
from mspt.models.registry import build_model
from mspt.reading import shortened
from mspt.writing import write_bytes

FORMAT = "mspt/1"
"""Version of the file format; change it with the meaning of the header or of the tensors' names."""
COPY = "copy it again, or train it anew"
MAX_NAMED = 4
"""Tensors that a message names."""


@dataclass(frozen=True)
class CheckpointInfo:
    """The header of a checkpoint.

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
    """A model ready to predict, with its normalizer and its header.

    Attributes:
        model: In evaluation mode.
        config: Its architecture.
        normalizer: Maps physical units to the model's inputs and its output back.
        info: Data set, split, seed, steps, minutes, hardware, versions, metrics and more.
    """

    model: nn.Module
    config: ModelConfig
    normalizer: Normalizer
    info: dict[str, Any]


def save_checkpoint(
    path: Path | str,
    *,
    model: nn.Module,
    config: ModelConfig,
    normalizer: Normalizer,
    info: Mapping[str, Any],
) -> None:
    """Write a checkpoint; the file appears only when it is complete.

    Args:
        path: The file, with the suffix ``.safetensors``.
        model: Weights are taken from it, on any device.
        config: Its architecture.
        normalizer: Of the data that the model was trained on.
        info: Values that JSON can hold; see :class:`CheckpointInfo`.

    Raises:
        CheckpointError: If the name does not end in ``.safetensors``, or :func:`load_checkpoint`
            would refuse the file: weights of another model than that of the config, NaN, infinity.
        OutputError: If it cannot be written, as on a full disk.
    """
    path = _checked_name(Path(path))
    with torch.device("meta"):  # names and shapes alone
        expected = build_model(config)
    weights, statistics = model.state_dict(), normalizer.state_dict()
    _check_tensors(weights, expected.state_dict(), path.name)
    _check_tensors(statistics, _empty_normalizer(config).state_dict(), path.name)
    tensors = {name: tensor.contiguous() for name, tensor in weights.items()}
    tensors |= {f"normalizer.{name}": tensor for name, tensor in statistics.items()}
    header = {"config": config.to_dict(), "info": dict(info)}
    # safetensors holds strings only in its own header, hence JSON in JSON.
    metadata = {"format": FORMAT, "info": json.dumps(header)}
    write_bytes(path, save({name: tensor.cpu() for name, tensor in tensors.items()}, metadata))


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Read a checkpoint with its weights.

    Raises:
        CheckpointError: If the file is absent, truncated, of another format, or does not hold
            exactly the tensors of its config, all finite.
    """
    header = read_info(path)
    _check_sizes(header)
    try:
        tensors = load_file(header.path)
    except (SafetensorError, OSError, MemoryError) as error:
        raise _incomplete(header.path) from error
    try:
        model = build_model(header.config)
        normalizer = _empty_normalizer(header.config)
    except (ValueError, RuntimeError, MemoryError) as error:
        raise CheckpointError(
            f"{header.path.name} must describe a model that can be built, got sizes that do not go "
            f"together; {COPY}"
        ) from error
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
        raise CheckpointError(
            f"checkpoint must be an existing file, got {path.name}; check its path"
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise _incomplete(path) from error
    if (found := metadata.get("format")) != FORMAT:
        raise CheckpointError(
            f"{path.name} must have the format {FORMAT!r}, got {shortened(found)}; "
            "retrain it or convert it with this version"
        )
    try:
        header = json.loads(metadata["info"])
        info = header.get("info", {})
        given = header["config"]
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path.name} must describe its model in its header, got a header that cannot be used; "
            f"{COPY}"
        ) from error
    if not isinstance(info, dict):
        raise CheckpointError(
            f"{path.name} must describe its training by names, got {shortened(info)}; {COPY}"
        )
    try:
        config = ModelConfig.from_dict(given)
    except ValueError as error:
        raise CheckpointError(
            f"{path.name} must describe its model in its header, got a header that cannot be used "
            f"({error}); {COPY}"
        ) from error
    return CheckpointInfo(path, config, info)


def _incomplete(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path.name} must be a complete safetensors file, got one that is cut off or damaged; "
        f"{COPY}"
    )


def _check_sizes(header: CheckpointInfo) -> None:
    """Refuse a config with more parameters than the file has bytes, before a model is built.

    A damaged header may ask for any sizes. The numbers here are parameters that every model has.
    """
    config, most = header.config, header.path.stat().st_size
    needed = {
        "num_blocks, width and mlp_ratio": config.num_blocks * config.mlp_ratio * config.width**2,
        "unified_position": config.unified_position**config.space_dim,
        "in_features": config.in_features * config.width,
        "out_channels": config.out_channels * config.width,
        "num_supernodes": config.num_supernodes,
        "fourier_features": config.fourier_features * config.space_dim,
        "num_slices": config.num_slices if config.architecture == "transolver" else 0,
    }
    if large := [name for name, count in needed.items() if count > most]:
        raise CheckpointError(
            f"{header.path.name} must have sizes that fit its {most:,} bytes, got larger ones of "
            f"{', '.join(large)}; {COPY}"
        )


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
            "pickled weights are not read; convert the authors' weights with "
            "'python -m mspt published'"
        )
    return path


def _empty_normalizer(config: ModelConfig) -> Normalizer:
    return Normalizer(
        space_dim=config.space_dim,
        in_features=config.in_features,
        out_channels=config.out_channels,
    )


def _load_strictly(module: nn.Module, tensors: Mapping[str, Tensor], name: str) -> None:
    _check_tensors(tensors, module.state_dict(), name)
    module.load_state_dict(tensors)


def _check_tensors(
    tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], name: str
) -> None:
    _check_shapes(tensors, expected, name)
    for key, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise CheckpointError(
                f"{name} must hold finite weights, got NaN or infinity in {key}; {COPY}"
            )


def _check_shapes(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], name: str) -> None:
    missing, extra = sorted(expected.keys() - tensors), sorted(tensors.keys() - expected)
    wrong = sorted(k for k in expected.keys() & tensors if expected[k].shape != tensors[k].shape)
    if missing or extra or wrong:
        raise CheckpointError(
            f"{name} must hold exactly the tensors of its config, got missing {_some(missing)}, "
            f"unknown {_some(extra)}, misshapen {_some(wrong)}; {COPY}"
        )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"{names[:MAX_NAMED]}{more}"
