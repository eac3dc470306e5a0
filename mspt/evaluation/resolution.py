"""The same checkpoint on other numbers of points than in training, against the truth there.

Nothing is interpolated: only points whose truth is stored are taken. Where there are none, there
is no such resolution.

Letters: N points, K patches, L points per patch.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch

from mspt.checkpoint import Checkpoint
from mspt.config import PATCHED
from mspt.data.registry import get_dataset
from mspt.data.sets.car.flow_case import FlowCase
from mspt.evaluation.comparison import primary_error
from mspt.inference.sample import Sample, drawn_cloud, predict_sample

FACTORS = (0.25, 0.5, 1.0, 2.0)
"""Numbers of points, as shares of the N of training."""


@dataclass(frozen=True, kw_only=True)
class AtResolution:
    """Error of a checkpoint on a case that is given at some number of points.

    Attributes:
        factor: Share of the N of training.
        num_points: N.
        num_patches: K, the same as in training, or in proportion to N.
        kept: What stays as in training: ``K``, or ``L``, the points per patch.
        relative_l2: Of the field that scores are about, at these points.
    """

    factor: float
    num_points: int
    num_patches: int | None
    kept: str
    relative_l2: float


def at_factor(sample: Sample, factor: float, *, flow: FlowCase | None = None) -> Sample | None:
    """Return a sample at another number of points, all of which have a stored truth.

    Args:
        sample: The case at the number of points N of training.
        factor: Multiple of N.
        flow: The stored flow of a sample around a body, from which points are drawn.

    Returns:
        The sample; None where no truth is stored at so many points.
    """
    if factor == 1:
        return sample
    if flow is None:
        return _coarser(sample, factor)
    size = sample.num_surface, len(sample.points) - sample.num_surface
    if not has_points(flow, factor, size=size):
        return None
    cloud = drawn_cloud(flow, (round(size[0] * factor), round(size[1] * factor)))
    return replace(
        sample,
        key=f"{sample.key}@{factor:g}N",
        points=cloud.points,
        features=cloud.features,
        truth=cloud.fields,
        num_surface=cloud.num_surface,
    )


def available_factors(sample: Sample, *, flow: FlowCase | None = None) -> tuple[float, ...]:
    """Return the multiples of N at which :func:`at_factor` has a sample, without drawing points."""
    if flow is not None:
        size = sample.num_surface, len(sample.points) - sample.num_surface
        return tuple(factor for factor in FACTORS if has_points(flow, factor, size=size))
    coarsen = None if sample.dataset is None else get_dataset(sample.dataset).coarsen
    return tuple(
        factor
        for factor in FACTORS
        if factor == 1 or (coarsen is not None and coarsen(factor) is not None)
    )


def has_points(flow: FlowCase, factor: float, *, size: tuple[int, int]) -> bool:
    """Return whether a flow has stored ``factor`` times as many points, on both its sides."""
    stored = 2 * len(flow.face_points), 2 * len(flow.points)
    return all(round(factor * wanted) <= there for wanted, there in zip(size, stored, strict=True))


def _coarser(sample: Sample, factor: float) -> Sample | None:
    """Return a sample with the points that its data set keeps of a share of them."""
    coarsen = None if sample.dataset is None else get_dataset(sample.dataset).coarsen
    rows = None if coarsen is None else coarsen(factor)
    if rows is None or sample.features is None or sample.truth is None:
        return None
    index = torch.from_numpy(rows)
    return replace(
        sample,
        key=f"{sample.key}@{factor:g}N",
        points=sample.points[index],
        features=sample.features[index],
        truth=sample.truth[index],
        triangles=None,
    )


def can_keep_patch_size(checkpoint: Checkpoint) -> bool:
    """Return whether a model accepts another number of patches than in training."""
    config = checkpoint.config
    return config.architecture in PATCHED[:2] and config.num_patches is not None


def with_patch_size(checkpoint: Checkpoint, factor: float) -> Checkpoint:
    """Return a checkpoint with ``factor`` times as many patches, so that L stays the same.

    Raises:
        ValueError: If its model does not accept another number of patches.
    """
    if not can_keep_patch_size(checkpoint) or checkpoint.config.num_patches is None:
        raise ValueError(
            "checkpoint must be of a model with a number of patches that can change, got "
            f"{checkpoint.config.architecture!r}"
        )
    patches = max(1, round(checkpoint.config.num_patches * factor))
    return replace(checkpoint, config=replace(checkpoint.config, num_patches=patches))


def resolution_steps(checkpoint: Checkpoint, factors: Iterable[float]) -> list[tuple[float, str]]:
    """Return each factor with what stays: K, and where the model can, L; at N both are the same."""
    kinds = ("K", "L") if can_keep_patch_size(checkpoint) else ("K",)
    return [(factor, kept) for factor in factors for kept in kinds if (factor, kept) != (1, "L")]


def error_at(
    checkpoint: Checkpoint, cloud: Sample, *, factor: float, kept: str, device: str = "auto"
) -> AtResolution:
    """Return the error of a checkpoint on a cloud of ``factor`` times its own N.

    Raises:
        ValueError: If L is to stay and the model does not accept another number of patches.
    """
    used = with_patch_size(checkpoint, factor) if kept == "L" else checkpoint
    patched = used.config.architecture in PATCHED
    return AtResolution(
        factor=factor,
        num_points=len(cloud.points),
        num_patches=used.config.patches_for(len(cloud.points)) if patched else None,
        kept=kept,
        relative_l2=primary_error(cloud, predict_sample(used, cloud, device=device)),
    )
