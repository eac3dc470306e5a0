"""The same checkpoint with other numbers of patches or supernodes than in training.

The ball tree partitions a cloud for any K, and the weights of a model with patches do not depend on
it, so such a model runs at any K. Poolings without weights for each supernode run at any Q as well.
A model has never seen other sizes than those of its training: its error there is that of this
model, and not of one that is trained at those sizes.

Letters: N points, K patches, Q supernodes per patch.
"""

from dataclasses import dataclass, replace

from mspt.checkpoint import Checkpoint
from mspt.config import ModelConfig
from mspt.errors import MSPTError
from mspt.evaluation.comparison import primary_error
from mspt.inference.predict import predict_case
from mspt.inference.sample import Sample, features_for, predict_sample
from mspt.models.registry import build_model
from mspt.partition.alternatives import PartitionMethod, divide_points

ANY_PATCHES = ("mspt", "branched")
"""Architectures that run at any K."""

ANY_SUPERNODES = ("mean", "max", "mean_std", "mean_max")
"""Poolings whose weights do not depend on Q."""


@dataclass(frozen=True, kw_only=True)
class AtPatches:
    """Error of a checkpoint on a case at some numbers of patches and supernodes.

    Attributes:
        num_patches: K.
        num_supernodes: Q.
        num_points: N of the case.
        relative_l2: Of the field that scores are about.
    """

    num_patches: int
    num_supernodes: int
    num_points: int
    relative_l2: float


def runs_at_any_patches(config: ModelConfig) -> bool:
    """Return whether a model runs at other numbers of patches than in training.

    Examples:
        >>> runs_at_any_patches(ModelConfig(space_dim=2, num_patches=4))
        True
    """
    return config.architecture in ANY_PATCHES


def runs_at_any_supernodes(config: ModelConfig) -> bool:
    """Return whether a model runs at other numbers of supernodes than in training.

    Examples:
        >>> runs_at_any_supernodes(ModelConfig(space_dim=2, num_patches=4, pooling="linear"))
        False
    """
    return runs_at_any_patches(config) and config.pooling in ANY_SUPERNODES


def other_method(
    config: ModelConfig, method: PartitionMethod, *, num_surface: int = 0
) -> PartitionMethod | None:
    """Return a method of partitioning if a model is to be run with another than its own, or None.

    Clouds around bodies keep that of the model, as do models that need a ball tree.

    Args:
        config: Of the model.
        method: The method.
        num_surface: Points of the cloud that lie on a body.

    Examples:
        >>> config = ModelConfig(space_dim=2, num_patches=4)
        >>> other_method(config, "random"), other_method(config, "ball_tree")
        ('random', None)
    """
    is_own = method == config.partition or (method, config.partition) == (
        "ball_tree",
        "alternating_trees",
    )
    return None if num_surface or is_own or config.keys_per_level else method


def with_other_patches(
    checkpoint: Checkpoint,
    *,
    num_patches: int,
    num_supernodes: int,
    method: PartitionMethod | None = None,
) -> Checkpoint:
    """Return a checkpoint with the same weights and other numbers of patches and supernodes.

    Args:
        checkpoint: The model.
        num_patches: K.
        num_supernodes: Q.
        method: How clouds will be partitioned for it; None as in its training.

    Raises:
        MSPTError: If its model cannot run at these numbers, or with this partition.
    """
    config = checkpoint.config
    if not runs_at_any_patches(config):
        raise MSPTError(
            f"checkpoint must be of a model that runs at any number of patches, one of "
            f"{', '.join(ANY_PATCHES)}, got {config.architecture}"
        )
    if num_supernodes != config.num_supernodes and not runs_at_any_supernodes(config):
        raise MSPTError(
            f"num_supernodes must be {config.num_supernodes} for a model with the pooling "
            f"{config.pooling}, whose weights are one set for each supernode, got {num_supernodes}"
        )
    other = replace(config, num_patches=num_patches, patch_size=None, num_supernodes=num_supernodes)
    if method is not None:
        if config.keys_per_level and method != "ball_tree":
            raise MSPTError(
                "method must be ball_tree for a model whose points attend to levels of the tree, "
                f"got {method}"
            )
        other = replace(other, partition="ball_tree")  # whatever it is called, it will be given
    model = build_model(other).eval()
    model.load_state_dict(checkpoint.model.state_dict())
    return replace(checkpoint, model=model, config=other)


def error_at_patches(
    checkpoint: Checkpoint,
    sample: Sample,
    *,
    num_patches: int,
    num_supernodes: int,
    method: PartitionMethod | None = None,
    device: str = "auto",
) -> AtPatches:
    """Return the error of a checkpoint on a case with other numbers of patches and supernodes.

    Args:
        checkpoint: The model.
        sample: The case, with its truth.
        num_patches: K.
        num_supernodes: Q.
        method: How the case is partitioned; None as in training, and always so around bodies.
        device: Where to predict.

    Raises:
        MSPTError: If its model cannot run at these numbers, or with this partition.
        ValueError: If the truth of the sample is not known, or a patch has fewer points than
            supernodes.
    """
    given = None if sample.num_surface else method
    other = with_other_patches(
        checkpoint, num_patches=num_patches, num_supernodes=num_supernodes, method=given
    )
    if given is None:
        predicted = predict_sample(other, sample, device=device)
    else:
        partition = divide_points(sample.points, num_patches, method=given)
        features = features_for(sample, other.config)
        predicted = predict_case(
            other, sample.points, features, partition=partition, device=device
        ).fields
    return AtPatches(
        num_patches=num_patches,
        num_supernodes=num_supernodes,
        num_points=len(sample.points),
        relative_l2=primary_error(sample, predicted),
    )
