"""Errors of predicted fields on parts of a case, such as the points near a jump.

Letters: B cases, N points, C channels, R regions.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def region_errors(
    prediction: Float[Tensor, "B N C"],
    target: Float[Tensor, "B N C"],
    regions: Int64[Tensor, "B N"],
    *,
    num_regions: int,
) -> Float[Tensor, "R B"]:
    """Return the error of each region and case, in units that all regions of a case share.

    It is the root of the mean squared error over the points of the region, divided by the root of
    the mean square of the target over *all* points of the case. The squares of these errors,
    weighted with the share of the points that lie in each region, therefore add up to the square of
    the relative L2 of the case (:func:`mspt.metrics.fields.relative_l2`).

    Args:
        prediction: Fields in physical units.
        target: Reference in the same units.
        regions: The region of each point, from 0 to ``num_regions - 1``.
        num_regions: Number of regions R.

    Returns:
        NaN for a region without points.

    Examples:
        >>> target = torch.tensor([[[3.0], [3.0], [3.0], [3.0]]])
        >>> prediction = torch.tensor([[[6.0], [3.0], [3.0], [3.0]]])
        >>> regions = torch.tensor([[0, 1, 1, 1]])
        >>> region_errors(prediction, target, regions, num_regions=3).ravel().tolist()
        [1.0, 0.0, nan]
    """
    squared = (prediction - target).square().sum(-1)
    size = target.square().sum(-1).mean(-1)
    means = [
        torch.where(within := regions == region, squared, 0).sum(-1) / within.sum(-1)
        for region in range(num_regions)
    ]
    return (torch.stack(means) / size).sqrt()
