"""A tiny prediction, which shows that models and libraries work."""

from functools import cache
from pathlib import Path
from time import perf_counter

import torch

from mspt.checkpoint import Checkpoint, load_checkpoint, scan_checkpoints
from mspt.data.registry import datasets
from mspt.errors import MSPTError
from mspt.inference.predict import predict_case

NUM_POINTS = 256


def predict_tiny(folder: Path) -> float:
    """Predict some points by the smallest checkpoint that takes any, and return the seconds.

    Raises:
        MSPTError: If there is no such checkpoint, or the prediction is not finite.
    """
    checkpoint, (points, features) = _smallest(folder)
    begin = perf_counter()
    fields = predict_case(checkpoint, points, features, device="cpu").fields
    if not torch.isfinite(torch.as_tensor(fields)).all():
        raise MSPTError("the prediction must be finite, got NaN or infinite; see the checkpoint")
    return perf_counter() - begin


@cache
def _smallest(folder: Path) -> tuple[Checkpoint, tuple[torch.Tensor, torch.Tensor]]:
    """Return a checkpoint, and a cloud for it; kept, as a container asks all the time."""
    steady = {one.name for one in datasets() if one.body is None}
    usable = [
        one
        for one in scan_checkpoints(folder)[0]
        if one.info.get("dataset") in steady and one.config.structured_shape is None
    ]
    if not usable:
        raise MSPTError(f"{folder} must hold a checkpoint of a case in one piece, got none")
    found = load_checkpoint(min(usable, key=lambda one: one.path.stat().st_size).path)
    points = torch.rand(
        NUM_POINTS, found.config.space_dim, generator=torch.Generator().manual_seed(0)
    )
    return found, (points, torch.zeros(NUM_POINTS, found.config.in_features))
