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
from mspt.data.case import Case
from mspt.data.registry import get_dataset
from mspt.data.sets.car.flow_case import FlowCase
from mspt.evaluation.comparison import primary_error
from mspt.inference.sample import Sample, predict_sample, sample_of_case, sample_of_flow

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


def case_at(case: Case, factor: float) -> Sample | None:
    """Return a 2-D case with a part of its points; None where no truth is stored."""
    whole = sample_of_case(case)
    if factor == 1:
        return whole
    coarsen = get_dataset(case.dataset).coarsen
    rows = None if coarsen is None else coarsen(factor)
    if rows is None:
        return None
    index = torch.from_numpy(rows)
    return replace(
        whole,
        key=f"{case.name}@{factor:g}N",
        points=case.points[index],
        features=case.features[index],
        truth=case.fields[index],
        triangles=None,
    )


def has_points(flow: FlowCase, factor: float, *, size: tuple[int, int]) -> bool:
    """Return whether as many points are stored as :func:`flow_at` would draw."""
    stored = 2 * len(flow.face_points), 2 * len(flow.points)
    return all(round(factor * wanted) <= there for wanted, there in zip(size, stored, strict=True))


def flow_at(name: str, flow: FlowCase, factor: float, *, size: tuple[int, int]) -> Sample | None:
    """Return a flow on a cloud drawn from its stored faces and points.

    Args:
        name: Of the case.
        flow: The case.
        factor: Of the size.
        size: Surface and volume points of a cloud in training.

    Returns:
        The cloud; None where more points would be drawn than are stored on both sides.
    """
    if not has_points(flow, factor, size=size):
        return None
    wanted = round(size[0] * factor), round(size[1] * factor)
    drawn = sample_of_flow(name, flow, size=wanted)
    return drawn if factor == 1 else replace(drawn, key=f"{name}@{factor:g}N")


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
