"""How far a prediction is from the truth.

Letters: B cases, N points, C channels.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def relative_l2(
    prediction: Float[Tensor, "B N C"], target: Float[Tensor, "B N C"]
) -> Float[Tensor, " B"]:
    """Return ``||prediction - target|| / ||target||`` of each case, over all points and channels.

    Both are in physical units: a shift of the target changes the value.

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
    """Return the largest absolute error of each case, in the field's unit."""
    return (prediction - target).abs().amax(dim=(1, 2))


def field_metrics(
    prediction: Float[Tensor, "B N C"], target: Float[Tensor, "B N C"], *, names: tuple[str, ...]
) -> dict[str, float]:
    """Return the mean relative L2 over cases of each field, by name."""
    return {
        name: relative_l2(prediction[..., [index]], target[..., [index]]).mean().item()
        for index, name in enumerate(names)
    }
