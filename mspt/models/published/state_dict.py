"""The authors' state dicts: plain names, and the architecture that follows from them.

Their training scripts save a wrapper whose only child is called ``model``, often compiled and at
times distributed, so one weight may be called ``blocks.0.ln_1.weight``,
``_orig_mod.model.blocks.0.ln_1.weight`` or ``module.model.blocks.0.ln_1.weight``. A state dict does
not determine the number of heads, of patches and of mean- or max-pooled supernodes, the grid's
shape, or how the input channels divide into coordinates and features.
"""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from mspt.config import ModelConfig, Pooling
from mspt.errors import CheckpointError

REFERENCE_POINTS = 8
"""Reference points per axis of the authors' unified position."""

_WRAPPERS = re.compile(r"^(?:module\.|model\.)+")
_MAX_LISTED = 6


def plain_names(state_dict: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors without the prefixes of ``torch.compile``, DDP and the authors' wrapper.

    Raises:
        CheckpointError: If a value is not a tensor, or two names become the same.

    Examples:
        >>> import torch
        >>> list(plain_names({"_orig_mod.module.model.placeholder": torch.zeros(1)}))
        ['placeholder']
    """
    others = [name for name, value in state_dict.items() if not isinstance(value, Tensor)]
    if others:
        raise CheckpointError(
            f"state dict must hold tensors only, got {_listed(others)}; "
            "pass the entry that holds the weights"
        )
    plain = {_WRAPPERS.sub("", name.replace("_orig_mod.", "")): name for name in state_dict}
    if twice := sorted(set(state_dict) - set(plain.values())):
        raise CheckpointError(
            f"state dict must name each tensor once, got {_listed(twice)} under a second name too; "
            "pass one set of weights"
        )
    return {short: state_dict[name] for short, name in plain.items()}


def infer_config(
    state: Mapping[str, Tensor],
    *,
    num_heads: int,
    num_patches: int,
    num_supernodes: int,
    pooling: Pooling,
    structured_shape: tuple[int, int] | None,
    unified_pos: bool,
) -> ModelConfig:
    """Return the config of a state dict with plain names.

    Widths, blocks, channels and time conditioning follow from the shapes. Coordinates and features
    are known by their sum only; as many coordinates as a grid or space can have are assumed, which
    does not change any result, as the two are concatenated.

    Raises:
        CheckpointError: If a tensor is missing, or no model has such shapes.
    """
    width = _size(state, "placeholder", axis=0, rank=1)
    num_blocks = 1 + max(
        (int(match[1]) for name in state if (match := re.match(r"blocks\.(\d+)\.", name))),
        default=0,
    )
    num_inputs = _size(state, "preprocess.linear_pre.0.weight", axis=1, rank=2)
    space_dim, in_features = _divide_inputs(
        num_inputs, max_space_dim=2 if structured_shape else 3, unified_pos=unified_pos
    )
    try:
        return ModelConfig(
            architecture="published",
            partition="sequence",
            space_dim=space_dim,
            in_features=in_features,
            out_channels=_size(state, f"blocks.{num_blocks - 1}.mlp2.weight", axis=0, rank=2),
            width=width,
            num_heads=num_heads,
            num_blocks=num_blocks,
            mlp_ratio=_size(state, "blocks.0.mlp.linear_pre.0.weight", axis=0, rank=2) // width,
            num_patches=num_patches,
            num_supernodes=num_supernodes,
            pooling=pooling,
            time_conditioned="time_fc.0.weight" in state,
            unified_position=REFERENCE_POINTS if unified_pos else 0,
            structured_shape=structured_shape,
        )
    except (ValueError, ZeroDivisionError) as error:
        raise CheckpointError(
            f"state dict must fit the settings, got one that does not fit these settings: {error}; "
            "choose others"
        ) from error


def check_tensors(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Compare names and shapes with those of a model, and look for NaN and infinity.

    Raises:
        CheckpointError: If a tensor is missing, unknown, of another shape or not finite; it names
            them.
    """
    if broken := [name for name, tensor in state.items() if not tensor.isfinite().all()]:
        raise CheckpointError(
            f"state dict must hold finite weights, got NaN or infinity in {_listed(broken)}; "
            "take weights that were saved earlier in the training"
        )
    shapes = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(expected[name].shape)}"
        for name in expected
        if name in state and state[name].shape != expected[name].shape
    ]
    problems = {
        "missing": [name for name in expected if name not in state],
        "unknown": [name for name in state if name not in expected],
        "wrong shape": shapes,
    }
    if found := [f"{problem}: {_listed(names)}" for problem, names in problems.items() if names]:
        raise CheckpointError(
            f"state dict must fit the published model, got one that does not: {'; '.join(found)}; "
            "check pooling, num_supernodes and unified_pos"
        )


def _divide_inputs(num_inputs: int, *, max_space_dim: int, unified_pos: bool) -> tuple[int, int]:
    if not unified_pos:
        space_dim = min(num_inputs, max_space_dim)
        return space_dim, num_inputs - space_dim
    num_references = REFERENCE_POINTS**max_space_dim
    if num_inputs < num_references:
        raise CheckpointError(
            f"unified_pos needs at least {num_references} input channels, got {num_inputs}; "
            "load with unified_pos=False"
        )
    return max_space_dim, num_inputs - num_references


def _size(state: Mapping[str, Tensor], name: str, *, axis: int, rank: int) -> int:
    if name not in state:
        raise CheckpointError(
            f"state dict must hold {name}, got {_listed(list(state))}; "
            "is this a published MSPT of either variant?"
        )
    if state[name].ndim != rank:
        raise CheckpointError(f"{name} must have {rank} axes, got shape {tuple(state[name].shape)}")
    return state[name].shape[axis]


def _listed(names: list[str]) -> str:
    if not names:
        return "nothing"
    more = len(names) - _MAX_LISTED
    return ", ".join(names[:_MAX_LISTED]) + (f" and {more} more" if more > 0 else "")
