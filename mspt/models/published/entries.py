"""Where a file of training holds the weights: in a nested table, under prefixes of wrappers."""

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from mspt.errors import CheckpointError

MARK = "placeholder"
"""A parameter of every published model, on its top level, by which its weights are found."""
MAX_DEPTH = 6
MAX_LISTED = 8
Weights = dict[str, Tensor]


def find_weights(stored: Mapping[Any, Any], *, entry: str | None = None) -> tuple[str, Weights]:
    """Return where the weights lie, and the weights with the names that the model gives them.

    Training code saves weights beside other things (``{"epoch": 3, "model_state_dict": {...}}``)
    and under prefixes of wrappers (``module.`` of DataParallel, ``_orig_mod.`` of torch.compile).

    Args:
        stored: What a file holds.
        entry: Path of the weights with dots between names, such as ``ema.model``; a prefix of names
            is a part of the path as well. None to search everywhere.

    Returns:
        The path, empty for the top level, and the tensors by name.

    Raises:
        CheckpointError: If there is no such entry, or none or several sets of weights in it.

    Examples:
        >>> import torch
        >>> state = {"module.placeholder": torch.zeros(1)}
        >>> where, weights = find_weights({"epoch": 3, "net": state})
        >>> where, list(weights)
        ('net.module', ['placeholder'])
    """
    start = "" if entry is None else entry.strip(".")
    found = dict(_sets_of_weights(_descend(stored, start), start))
    if not found:
        raise CheckpointError(
            f"file must hold the weights of a published MSPT, got {_outline(stored)}"
            f"{f' and none in the entry {start!r}' if start else ''}; "
            "save model.state_dict(), or name the entry with --entry"
        )
    if len(found) > 1:
        named = ", ".join(path or "(top level)" for path in found)
        raise CheckpointError(
            f"entry must be one of several sets of weights, got none named; choose one of {named} "
            "with --entry"
        )
    return next(iter(found.items()))


def _descend(stored: Mapping[Any, Any], path: str) -> Mapping[Any, Any]:
    """Return what lies at a path; names on the way may themselves contain dots."""
    if not path:
        return stored
    for key, value in stored.items():
        name = str(key)
        inside = path == name or path.startswith(f"{name}.")
        if inside and isinstance(value, Mapping):
            return _descend(value, path[len(name) + 1 :])
    below = {
        key[len(path) + 1 :]: value
        for key, value in stored.items()
        if isinstance(key, str) and key.startswith(f"{path}.")
    }
    if not below:
        raise CheckpointError(f"entry must be in the file, got {path!r}; it has {_outline(stored)}")
    return below


def _sets_of_weights(
    stored: Mapping[Any, Any], path: str, depth: int = 0
) -> Iterator[tuple[str, Weights]]:
    """Yield every set of weights with its path: the prefix of the mark and all names below it."""
    tensors = {
        key.replace("_orig_mod.", ""): value
        for key, value in stored.items()
        if isinstance(key, str) and isinstance(value, Tensor)
    }
    for name in tensors:
        if name == MARK or name.endswith(f".{MARK}"):
            prefix = name.removesuffix(MARK)
            weights = {
                key.removeprefix(prefix): tensor
                for key, tensor in tensors.items()
                if key.startswith(prefix)
            }
            yield _joined(path, prefix.strip(".")), weights
    if depth < MAX_DEPTH:
        for key, value in stored.items():
            if isinstance(value, Mapping):
                yield from _sets_of_weights(value, _joined(path, str(key)), depth + 1)


def _joined(path: str, name: str) -> str:
    return ".".join(part for part in (path, name) if part)


def _outline(stored: Mapping[Any, Any]) -> str:
    names = [str(key) for key in stored]
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + more if names else "nothing"
