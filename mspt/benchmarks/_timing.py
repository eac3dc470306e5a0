"""One forward pass or training step of a model on a random cloud, and its time."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from torch import nn

from mspt.config import ModelConfig
from mspt.cost.formulas import Work
from mspt.inference.predict import partitions_for, synchronize
from mspt.seeding import generator

MATRIX_SIZE = 2048
"""Rows of the square matrices whose product measures the machine's arithmetic rate."""

MATRIX_REPEATS = 5


@dataclass(frozen=True)
class Pass:
    """A forward pass or training step on one random cloud, which can be called repeatedly."""

    model: nn.Module
    inputs: dict[str, Any]
    work: Work

    def __call__(self) -> None:
        """Run the pass and wait until the device has finished."""
        if self.work == "forward":
            with torch.inference_mode():
                self.model(**self.inputs)
        else:
            # Any scalar loss will do; its cost is negligible.
            self.model.zero_grad()
            self.model(**self.inputs).square().mean().backward()
        synchronize(self.inputs["points"].device)


def prepare_pass(
    model: nn.Module, config: ModelConfig, num_points: int, work: Work, device: torch.device
) -> Pass:
    """Return a pass over a cloud of ``num_points`` points, whose partition is built beforehand.

    Args:
        model: Model on the device.
        config: Its config.
        num_points: Points N.
        work: ``forward`` or ``train``.
        device: Device of the inputs.
    """
    random = generator(0, "benchmark", num_points)
    # Coordinates from -1 to 1, as a normalizer gives them.
    points = 2 * torch.rand(1, num_points, config.space_dim, generator=random) - 1
    features = torch.randn(1, num_points, config.in_features, generator=random)
    inputs = {
        "points": points.to(device),
        "features": features.to(device) if config.in_features else None,
        "partitions": partitions_for(config, points),
    }
    return Pass(model, inputs, work)


def time_call(run: Callable[[], None]) -> float:
    """Return the seconds that one call takes."""
    start = perf_counter()
    run()
    return perf_counter() - start


def matrix_flops_per_second(device: torch.device) -> float:
    """Return the multiplications and additions per second of a large float32 matrix product."""
    matrix = torch.randn(MATRIX_SIZE, MATRIX_SIZE, device=device)

    def multiply() -> None:
        torch.mm(matrix, matrix)
        synchronize(device)

    multiply()  # warm-up: the first product includes the set-up of the library
    seconds = statistics.median(time_call(multiply) for _ in range(MATRIX_REPEATS))
    return 2 * MATRIX_SIZE**3 / seconds
