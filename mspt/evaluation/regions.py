"""The error of predictions region by region, for data sets that have regions.

Letters: B cases, N points, C output channels.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mspt.data.case import CaseStack
from mspt.data.registry import get_dataset
from mspt.metrics.regions import region_errors


def errors_by_region(
    predicted: Float[Tensor, "B N C"], cases: CaseStack
) -> dict[str, float | None]:
    """Return the error of each region by its name; nothing for a data set without regions.

    Errors are those of :func:`mspt.metrics.regions.region_errors`. Each group of fields counts
    alike, and the mean is over the cases that have points in the region; None where none has.

    Args:
        predicted: Predicted fields in physical units.
        cases: The cases with their truth.
    """
    dataset = get_dataset(cases.dataset)
    if (regions := dataset.regions) is None:
        return {}
    of_points = torch.stack(
        [
            regions.of_points(points, features)
            for points, features in zip(cases.points, cases.features, strict=True)
        ]
    )
    errors = torch.stack(
        [
            region_errors(
                predicted[..., columns],
                cases.fields[..., columns],
                of_points,
                num_regions=len(regions.names),
            )
            for columns in (dataset.layout.columns(one.quantity) for one in dataset.layout.groups)
        ]
    )
    means = errors.mean(0).nanmean(-1).tolist()
    return {
        name: None if mean != mean else mean
        for name, mean in zip(regions.names, means, strict=True)
    }
