"""Predictions that are repeated with changed points, and by how much C_p changes.

Letters: N surface points, H every second one of them.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from mspt.checkpoint import Checkpoint
from mspt.data.clouds import Cloud
from mspt.inference.flow import predict_cloud


def model_checks(
    checkpoint: Checkpoint, cloud: Cloud, *, device: str = "auto"
) -> Mapping[str, float]:
    """Return by how much C_p changes when the cloud is mirrored, and when half of it is left out.

    Both are relative L2 differences over the same surface points.
    """
    count = cloud.num_surface
    predicted = predict_cloud(checkpoint, cloud, device=device)[:count, 0]
    other = cloud.mirrored(-torch.ones(len(cloud.points)))
    mirrored = predict_cloud(checkpoint, other, device=device)[:count, 0]
    sparse = predict_cloud(checkpoint, half_cloud(cloud), device=device)[: (count + 1) // 2, 0]
    return compared_passes(predicted, mirrored, sparse)


def compared_passes(
    predicted: Float[Tensor, " N"], mirrored: Float[Tensor, " N"], sparse: Float[Tensor, " H"]
) -> Mapping[str, float]:
    """Return the numbers of :func:`model_checks` from C_p at the surface points of three passes.

    Args:
        predicted: The cloud as it is.
        mirrored: The mirrored cloud.
        sparse: Every second point.

    Examples:
        >>> once = torch.tensor([3.0, 0.0, 4.0])
        >>> compared_passes(once, once * 2, once[::2] * 1.5)
        {'symmetry': 1.0, 'resolution': 0.5}
    """
    return {
        "symmetry": ((mirrored - predicted).norm() / predicted.norm()).item(),
        "resolution": ((sparse - predicted[::2]).norm() / predicted[::2].norm()).item(),
    }


def half_cloud(cloud: Cloud) -> Cloud:
    """Return every second point of a cloud, on the surface and in the flow."""
    count = cloud.num_surface
    rows = torch.cat([torch.arange(0, count, 2), torch.arange(count, len(cloud.points), 2)])
    return cloud.picked(rows, num_surface=(count + 1) // 2)
