"""What a model makes of a whole cloud: its hidden features before the task head, pooled.

Letters: N points, C output channels, D model width.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Float64
from numpy import ndarray
from torch import Tensor, nn

from mspt.checkpoint import Checkpoint
from mspt.data.clouds import Cloud
from mspt.inference.flow import predict_cloud


def predict_with_latent(
    checkpoint: Checkpoint, cloud: Cloud, *, device: str = "auto"
) -> tuple[Float[Tensor, "N C"], Float64[ndarray, " _D"]]:
    """Predict a cloud; return its fields, and mean and deviation over all points of each feature.

    The features are those before the last LayerNorm, from which the task head makes the fields:
    clouds that the model takes for alike have similar ones.
    """
    with _recorded(checkpoint.model) as pieces:
        fields = predict_cloud(checkpoint, cloud, device=device)
    hidden = torch.cat(pieces)
    return fields, torch.cat([hidden.mean(dim=0), hidden.std(dim=0)]).numpy()


@contextmanager
def _recorded(model: nn.Module) -> Iterator[list[Tensor]]:
    """Collect the rows that reach the last LayerNorm, in this thread alone.

    Others may use the same model at the same time, as visitors of the app do.
    """
    last = [module for module in model.modules() if isinstance(module, nn.LayerNorm)][-1]
    own, pieces = threading.get_ident(), []

    def record(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if threading.get_ident() == own:
            pieces.append(inputs[0].detach().flatten(0, -2).double().cpu().clone())

    handle = last.register_forward_pre_hook(record)
    try:
        yield pieces
    finally:
        handle.remove()
