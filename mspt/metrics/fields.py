"""Errors of predicted fields against a reference, usually a solver.

Letters: B cases, N points, C channels.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def relative_l2(
    prediction: Float[Tensor, "B N C"], target: Float[Tensor, "B N C"]
) -> Float[Tensor, " B"]:
    """Return the relative L2 error of each case: ``||prediction - target|| / ||target||``.

    The norms run over all points and channels. Both fields must be in physical units: subtracting
    a mean, as a normalizer does, changes the value. The paper's error for the PDE benchmarks is the
    mean of these over the test cases.

    Examples:
        >>> target = torch.tensor([[[3.0], [4.0]], [[30.0], [40.0]]])
        >>> relative_l2(target * torch.tensor([[[1.5]], [[2.0]]]), target).tolist()
        [0.5, 1.0]
    """
    # Rows of their own, as the norm of a strided slice is summed in another order: the same values
    # must give the same bits whether they are some channels of many or all there are.
    prediction, target = prediction.contiguous(), target.contiguous()
    error = torch.linalg.vector_norm(prediction - target, dim=(1, 2))
    return error / torch.linalg.vector_norm(target, dim=(1, 2))


def max_error(
    prediction: Float[Tensor, "B N C"], target: Float[Tensor, "B N C"]
) -> Float[Tensor, " B"]:
    """Return the largest absolute error of each case, over points and channels.

    The value is in the unit of the field.

    Examples:
        >>> max_error(torch.tensor([[[1.0], [5.0]]]), torch.tensor([[[2.0], [2.0]]])).tolist()
        [3.0]
    """
    return (prediction - target).abs().amax(dim=(1, 2))


def field_metrics(
    prediction: Float[Tensor, "B N C"], target: Float[Tensor, "B N C"], *, names: tuple[str, ...]
) -> dict[str, float]:
    """Return the relative L2 error of each field, averaged over cases, by name.

    Args:
        prediction: Fields in physical units.
        target: Reference in the same units.
        names: Name of each channel.

    Examples:
        >>> target = torch.tensor([[[1.0, 4.0]]])
        >>> field_metrics(1.5 * target, target, names=("pressure", "speed"))
        {'pressure': 0.5, 'speed': 0.5}
    """
    return {
        name: relative_l2(prediction[..., [index]], target[..., [index]]).mean().item()
        for index, name in enumerate(names)
    }
