"""The effect of patches on a prediction: it is repeated with patches masked, and compared.

Attention weights show which keys contribute to a point. They do not show how much the prediction
depends on these keys; masking them does.

Letters: N points, C output channels, H heads, K patches, P picked points.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from mspt.config import require_choice
from mspt.errors import MSPTError
from mspt.inference.flow import cloud_force
from mspt.inference.sample import as_cloud
from mspt.inspection.observation import Observed, PointAttention, share_of_all
from mspt.inspection.recording import Recording, repeat_masked, trace_points
from mspt.inspection.weights import patch_weights
from mspt.metrics.forces import Coefficients, coefficients
from mspt.metrics.ranking import spearman
from mspt.models.blocks import KeyMask
from mspt.partition.ball_tree import Partition

Masked = Literal["supernodes", "points and supernodes", "patch removed"]
"""What is masked of a patch.

``supernodes``: no point of the cloud attends to them. ``points and supernodes``: moreover, the
points of the patch do not attend to each other; they still have a prediction, made without their
own patch. ``patch removed``: as if the points did not exist, in all blocks; they have no prediction
and no change, and contribute to the force on a body as they do without the mask.

Where blocks use two partitions in turn, a patch is one of the partition that the masked block uses.
If no block is named, it is one of the first partition, masked in every block that uses that, and it
cannot be removed.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Effect:
    """The effect of masking a patch on a prediction.

    Attributes:
        patch: The patch.
        masked: What of the patch was masked.
        block: In which block, counted from 0; None for all.
        fields: The prediction with the mask; NaN at removed points.
        change: Prediction with the mask minus prediction without it; NaN at removed points.
        before: Coefficients without the mask; None without a body.
        after: Coefficients with the mask.
    """

    patch: int
    masked: Masked
    block: int | None
    fields: Float[Tensor, "N C"]
    change: Float[Tensor, "N C"]
    before: Coefficients | None
    after: Coefficients | None


@dataclass(frozen=True, kw_only=True)
class PatchMasked:
    """Progress of masking every patch in turn.

    Attributes:
        patch: The patch just masked.
        total: Patches in all.
        effect: Root mean square change of one channel at the picked points.
    """

    patch: int
    total: int
    effect: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Attention of picked points to each patch's supernodes beside the effect of masking them.

    Attributes:
        attention: Mean weight over picks and heads; over blocks, if all were masked.
        effect: Root mean square change at the picked points, in the channel's unit.
        rank_correlation: Spearman's, over patches; NaN if one of the two is constant.
    """

    attention: Float[ndarray, " K"]
    effect: Float[ndarray, " K"]
    rank_correlation: float


def mask_of_patch(
    partition: Partition,
    patch: int,
    *,
    num_supernodes: int,
    masked: Masked = "supernodes",
    block: int | None = None,
) -> KeyMask:
    """Return the mask of one patch.

    Args:
        partition: The cloud's partition.
        patch: Number of the patch.
        num_supernodes: Supernodes Q of a patch.
        masked: What of the patch is masked.
        block: In which block, counted from 0; None for all.

    Raises:
        ValueError: If there is no such patch, or a patch is to be removed in one block only.

    Examples:
        >>> from mspt.partition.ball_tree import sequence_partition
        >>> mask = mask_of_patch(sequence_partition(4, num_patches=2), 1, num_supernodes=1)
        >>> mask.supernodes.tolist(), mask.points.tolist()
        ([False, True], [False, False, False, False])
    """
    require_choice("masked", masked, get_args(Masked))
    num_patches = len(partition.offsets) - 1
    if not 0 <= patch < num_patches:
        raise ValueError(f"patch must lie between 0 and {num_patches - 1}, got {patch}")
    if masked == "patch removed" and block is not None:
        raise ValueError(f"block must be None to remove a patch, got {block}")
    nodes = torch.zeros(num_patches * num_supernodes, dtype=torch.bool)
    nodes[patch * num_supernodes : (patch + 1) * num_supernodes] = True
    points = torch.zeros(len(partition.order), dtype=torch.bool)
    if masked == "points and supernodes":
        points[partition.offsets[patch] : partition.offsets[patch + 1]] = True
    return KeyMask(points=points, supernodes=nodes, blocks=None if block is None else (block,))


def mask_patch(
    observed: Observed, patch: int, *, masked: Masked = "supernodes", block: int | None = None
) -> Effect:
    """Repeat a prediction with a patch masked, and compare.

    Args:
        observed: The recorded prediction.
        patch: Number of the patch.
        masked: What of the patch is masked; see ``Masked``.
        block: In which block, counted from 0; None for all.

    Raises:
        MSPTError: If the model carries supernodes, or a patch is to be removed from a model whose
            blocks use two partitions.
        ValueError: If there is no such patch or block.
    """
    if masked == "patch removed" and observed.partition.turned is not None:
        raise MSPTError(
            "masked must be 'supernodes' or 'points and supernodes' for a model whose blocks use "
            "two partitions in turn, got 'patch removed'; it is a patch of one of them only"
        )
    fields = _masked_fields(observed, patch, masked=masked, block=block)
    forced = fields
    if masked == "patch removed":
        # Points of other patches attend to a patch through its supernodes alone, so that masking
        # these in all blocks is the same as leaving out its points.
        gone = observed.partition.patch_of_point == patch
        forced = torch.where(gone[:, None], observed.fields, fields)
        fields = fields.masked_fill(gone[:, None], torch.nan)
    return Effect(
        patch=patch,
        masked=masked,
        block=block,
        fields=fields,
        change=fields - observed.fields,
        before=body_coefficients(observed, observed.fields),
        after=body_coefficients(observed, forced),
    )


def body_coefficients(observed: Observed, fields: Float[Tensor, "N C"]) -> Coefficients | None:
    """Return the coefficients of the body that a sample is around; None without a body."""
    sample = observed.sample
    if sample.body is None:
        return None
    force = cloud_force(as_cloud(sample), fields, sample.body_area)
    return coefficients(force, reference_area=sample.frontal_area)


def mask_each_patch(
    observed: Observed,
    points: Sequence[int],
    *,
    channel: int,
    block: int | None = None,
    first: int = 0,
) -> Iterator[PatchMasked]:
    """Mask the supernodes of every patch in turn, yielding the change at picked points.

    Args:
        observed: The recorded prediction.
        points: Picked points.
        channel: Output channel whose change is measured.
        block: In which block, counted from 0; None for all.
        first: Patch to start from, to continue after an interruption.
    """
    for patch in range(first, observed.recording.num_patches):
        masked = _masked_fields(observed, patch, masked="supernodes", block=block)
        change = (masked - observed.fields)[list(points), channel].double()
        yield PatchMasked(
            patch=patch,
            total=observed.recording.num_patches,
            effect=float(change.square().mean().sqrt()),
        )


def compare_with_attention(
    observed: Observed,
    points: Sequence[int],
    effects: Sequence[PatchMasked],
    *,
    block: int | None = None,
) -> Comparison:
    """Compare the attention of picked points to each patch with the effect of masking the patch.

    Args:
        observed: The recorded prediction.
        points: Picked points.
        effects: All events of :func:`mask_each_patch` for the same points and block.
        block: Block that was masked, counted from 0; None for all.
    """
    recording = observed.recording
    blocks = _masked_blocks(recording) if block is None else (block,)
    weights = [
        patch_weights(
            trace_points(recording, torch.tensor(list(points)), block=index), recording.num_patches
        )
        for index in blocks
    ]
    attention = torch.stack(weights).double().mean(dim=(0, 1, 2)).numpy()
    effect = np.array([one.effect for one in effects])
    return Comparison(
        attention=attention, effect=effect, rank_correlation=spearman(attention, effect)
    )


def _masked_fields(
    observed: Observed, patch: int, *, masked: Masked, block: int | None
) -> Float[Tensor, "N C"]:
    recording = observed.recording
    mask = mask_of_patch(
        recording.partition,
        patch,
        num_supernodes=recording.num_supernodes,
        masked=masked,
        block=block,
    )
    if block is None:
        mask = replace(mask, blocks=_masked_blocks(recording))
    output = repeat_masked(recording, mask)
    return observed.decode(output)


def _masked_blocks(recording: Recording) -> tuple[int, ...]:
    """Return the blocks that a patch of the first partition is a patch of."""
    step = 1 if recording.partition.turned is None else 2
    return tuple(range(0, recording.num_blocks, step))


def attention_table(
    observed: Observed, found: PointAttention, effect: Effect | None = None
) -> pd.DataFrame:
    """Return a row for each point: place, patch, weights of the picked points on it, and changes.

    Args:
        observed: The recorded prediction.
        found: Attention of picked points, whose weights are in ``local`` and
            ``through_supernodes``.
        effect: The effect of a mask; each field has a column with its change, in its unit.
    """
    shares = share_of_all(observed)[found.block]
    share = shares.mean(0) if found.head is None else shares[found.head]
    columns = dict(zip("xyz", observed.sample.points.T.numpy(), strict=False))
    columns |= {
        "patch": observed.partition_of(found.block).patch_of_point.numpy(),
        "local": found.local.numpy(),
        "through_supernodes": found.through_supernodes.numpy(),
        "own_global_share": share.numpy(),
    }
    if effect is not None:
        for quantity, change in zip(observed.sample.channels, effect.change.T, strict=True):
            columns[f"change_{quantity.name}"] = change.numpy()
    return pd.DataFrame(columns)
