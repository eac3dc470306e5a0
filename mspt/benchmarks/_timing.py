"""One pass of a model over a random cloud, and how long it takes."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from torch import nn

from mspt.benchmarks.cost import Work
from mspt.config import ModelConfig
from mspt.inference.predict import partitions_for, synchronize
from mspt.seeding import generator

MATRIX_SIZE = 2048


@dataclass(frozen=True)
class Pass:
    """One pass over one random cloud, ready to be repeated."""

    model: nn.Module
    inputs: dict[str, Any]
    work: Work

    def __call__(self) -> None:
        """Run it and wait until it is done."""
        if self.work == "forward":
            with torch.inference_mode():
                self.model(**self.inputs)
        else:
            self.model.zero_grad()
            self.model(**self.inputs).square().mean().backward()
        synchronize(self.inputs["points"].device)


def pass_over(
    model: nn.Module, config: ModelConfig, num_points: int, work: Work, device: torch.device
) -> Pass:
    """Return a pass over a cloud of so many points, whose patches are cut beforehand."""
    random = generator(0, "benchmark", num_points)
    points = 2 * torch.rand(1, num_points, config.space_dim, generator=random) - 1
    features = torch.randn(1, num_points, config.in_features, generator=random)
    inputs = {
        "points": points.to(device),
        "features": features.to(device) if config.in_features else None,
        "partitions": partitions_for(config, points),
    }
    return Pass(model, inputs, work)


def timed(run: Callable[[], None]) -> float:
    """Return the seconds that a call takes."""
    start = perf_counter()
    run()
    return perf_counter() - start


def matrix_rate(device: torch.device) -> float:
    """Return the multiplications and additions a second of a large float32 matrix product."""
    matrix = torch.randn(MATRIX_SIZE, MATRIX_SIZE, device=device)

    def multiply() -> None:
        torch.mm(matrix, matrix)
        synchronize(device)

    multiply()
    return 2 * MATRIX_SIZE**3 / statistics.median(timed(multiply) for _ in range(5))
