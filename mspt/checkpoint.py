"""Checkpoints: one safetensors file with weights, normalizer and a JSON header.

Pickle is never read, because unpickling a file runs code from it. The header is read without the
weights, so that a folder of checkpoints is listed in milliseconds.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from mspt.config import ModelConfig
from mspt.errors import CheckpointError
from mspt.header import check_info, parse_header
from mspt.models.normalizer import Normalizer
from mspt.models.registry import build_model
from mspt.reading import shortened
from mspt.writing import write_bytes

FORMAT = "mspt/1"
"""Version of the file format; change it with the meaning of the header or of the tensors' names."""
_NORMALIZER = "normalizer."
"""Begins the names of the normalizer's tensors."""
_MOST_NAMES, _LONGEST_NAME = 4, 80
_AGAIN = "copy it again, or train it anew"
"""Of tensors, in a message."""


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
class RefusedCheckpoint:
    """A file in a folder of checkpoints that cannot be used.

    Attributes:
        path: The file.
        reason: Why not, in words.
    """

    path: Path
    reason: str


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
            would refuse the file: weights of another model than that of the config, NaN, infinity,
            entries of ``info`` that are not of their kind.
        OutputError: If it cannot be written, as on a full disk.
    """
    path = _checked_name(Path(path))
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    tensors |= {f"{_NORMALIZER}{name}": value for name, value in normalizer.state_dict().items()}
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    _check_shapes(shapes, _expected_shapes(config, path.name), path.name)
    _check_finite(tensors, path.name)
    header = {"config": config.to_dict(), "info": dict(info)}
    try:
        check_info(header["info"])
    except ValueError as error:
        raise _unusable(path, error) from error
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
    name = header.path.name
    try:
        _check_sizes(header)  # before anything of these sizes is built
        tensors = load_file(header.path)
    except (SafetensorError, OSError, MemoryError) as error:
        raise _incomplete(header.path) from error
    _check_finite(tensors, name)
    model, normalizer = build_model(header.config), _empty_normalizer(header.config)
    model.load_state_dict(_without(tensors, _NORMALIZER))
    normalizer.load_state_dict(_only(tensors, _NORMALIZER))
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
        config, info = parse_header(metadata.get("info", ""))
    except (TypeError, ValueError) as error:
        raise _unusable(path, error) from error
    return CheckpointInfo(path, config, info)


def _incomplete(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path.name} must be a complete safetensors file, got one that is cut off or damaged; "
        f"{_AGAIN}"
    )


def _unusable(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{path.name} must describe its model in its header, got a header that cannot be used "
        f"({error}); {_AGAIN}"
    )


def list_checkpoints(folder: Path | str) -> tuple[CheckpointInfo, ...]:
    """Return the headers of all checkpoints in a folder, by file name.

    Files that are no checkpoint of this format are left out; see :func:`scan_checkpoints`.
    """
    return scan_checkpoints(folder)[0]


def scan_checkpoints(
    folder: Path | str,
) -> tuple[tuple[CheckpointInfo, ...], tuple[RefusedCheckpoint, ...]]:
    """Return the headers of all checkpoints in a folder, and the files that are none.

    A file is refused for its header, or for tensors that are not those of its config; whether its
    weights are finite is seen only when it is loaded.
    """
    found, refused = [], []
    for path in sorted(Path(folder).glob("*.safetensors")):
        try:
            header = read_info(path)
            _check_sizes(header)
            found.append(header)
        except (CheckpointError, OSError) as error:
            refused.append(RefusedCheckpoint(path, str(error)))
    return tuple(found), tuple(refused)


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


def _only(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return what is named with a prefix, without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _without(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return what is not named with a prefix."""
    return {name: value for name, value in tensors.items() if not name.startswith(prefix)}


def _check_sizes(header: CheckpointInfo) -> None:
    """Raise a CheckpointError unless a file holds exactly the tensors of its config.

    Neither the weights nor a model are in memory then: a file's table of contents is compared with
    a model without weights.
    """
    name = header.path.name
    with safe_open(header.path, framework="pt") as file:
        shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    if header.config.num_blocks > len(shapes):
        raise CheckpointError(
            f"{name} must hold exactly the tensors of its config, got {len(shapes)} of them for "
            f"{header.config.num_blocks:,} blocks; {_AGAIN}"
        )
    _check_shapes(shapes, _expected_shapes(header.config, name), name)


def _expected_shapes(config: ModelConfig, name: str) -> dict[str, tuple[int, ...]]:
    try:
        with torch.device("meta"):  # names and shapes alone
            model, normalizer = build_model(config), _empty_normalizer(config)
    except (RuntimeError, ValueError, OverflowError) as error:
        raise CheckpointError(
            f"{name} must have a config that a model can be built from, got {error}; {_AGAIN}"
        ) from error
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    return shapes | {
        f"{_NORMALIZER}{key}": tuple(value.shape) for key, value in normalizer.state_dict().items()
    }


def _check_shapes(
    found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]], name: str
) -> None:
    missing, extra = sorted(expected.keys() - found), sorted(found.keys() - expected)
    wrong = sorted(key for key in expected.keys() & found if expected[key] != found[key])
    if missing or extra or wrong:
        raise CheckpointError(
            f"{name} must hold exactly the tensors of its config, got missing {_few(missing)}, "
            f"unknown {_few(extra)}, misshapen {_few(wrong)}; {_AGAIN}"
        )


def _few(names: Sequence[str]) -> str:
    """Return the first names of a list, which may be as long as a file says.

    Examples:
        >>> _few(["a", "b"]), _few(list("abcdef"))
        ("['a', 'b']", "['a', 'b', 'c', 'd'] and 2 more")
    """
    shown = [key[:_LONGEST_NAME] for key in names[:_MOST_NAMES]]
    rest = len(names) - len(shown)
    return f"{shown}{f' and {rest} more' if rest else ''}"


def _check_finite(tensors: Mapping[str, Tensor], name: str) -> None:
    for key, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise CheckpointError(
                f"{name} must hold finite weights, got NaN or infinity in {key}; {_AGAIN}"
            )
