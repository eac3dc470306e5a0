"""Predicting frames in time one after the other, from those that were predicted before.

Letters: B batch, N points, F input features, C output channels of one pass.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from mspt.config import ModelConfig


def roll_out(
    forward: Callable[[Float[Tensor, "B N F"]], Float[Tensor, "B N C"]],
    features: Float[Tensor, "B N F"],
    config: ModelConfig,
) -> Float[Tensor, "B N _"]:
    """Return the frames of all passes side by side; a model of one pass is called once.

    Args:
        forward: Return the next frames from features.
        features: Encoded features; the last ``config.input_frames`` are frames. Their means and
            scales must be those of the fields, see :func:`~mspt.training.batches.fit_normalizer`.
        config: Of the model.

    Examples:
        >>> config = ModelConfig(space_dim=2, in_features=2, input_frames=2, rollout=3,
        ...     num_patches=1)
        >>> add = lambda frames: frames.sum(-1, keepdim=True)
        >>> roll_out(add, torch.tensor([[[1.0, 1.0]]]), config).tolist()
        [[[2.0, 3.0, 5.0]]]
    """
    found = []
    for _ in range(config.rollout):
        found.append(forward(features))
        features = _moved_on(features, found[-1], config.input_frames)
    return torch.cat(found, dim=-1)


def features_of_pass(
    forward: Callable[[Float[Tensor, "B N F"]], Float[Tensor, "B N C"]],
    features: Float[Tensor, "B N F"],
    config: ModelConfig,
    index: int,
) -> Float[Tensor, "B N F"]:
    """Return what a pass of a roll-out reads, after all passes before it.

    Args:
        forward: Return the next frames from features.
        features: Encoded features of the first pass.
        config: Of the model.
        index: Of the pass, counted from 0.

    Raises:
        ValueError: If the model has no such pass.

    Examples:
        >>> config = ModelConfig(space_dim=2, in_features=2, input_frames=2, rollout=3,
        ...     num_patches=1)
        >>> add = lambda frames: frames.sum(-1, keepdim=True)
        >>> features_of_pass(add, torch.tensor([[[1.0, 1.0]]]), config, 2).tolist()
        [[[2.0, 3.0]]]
    """
    if not 0 <= index < config.rollout:
        raise ValueError(f"index must lie between 0 and {config.rollout - 1}, got {index}")
    for _ in range(index):
        features = _moved_on(features, forward(features), config.input_frames)
    return features


def _moved_on(
    features: Float[Tensor, "B N F"], frames: Float[Tensor, "B N C"], num_frames: int
) -> Float[Tensor, "B N F"]:
    """Return features with the latest frames; features that are no frames stay."""
    if num_frames == 0:
        return features
    first = features.shape[-1] - num_frames
    latest = torch.cat([features[..., first:], frames], dim=-1)[..., -num_frames:]
    return torch.cat([features[..., :first], latest], dim=-1)
