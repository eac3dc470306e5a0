"""Small made-up cases and models that several test files use."""

from typing import Any

import torch

from mspt.config import ModelConfig
from mspt.data.case import CaseStack
from mspt.seeding import generator
from mspt.training.presets import Preset, TrainConfig

NUM_POINTS = 60


def made_up_cases(count: int, *, seed: int = 0, dataset: str = "elasticity") -> CaseStack:
    """Return clouds whose field is a bump at a random center: learnable, and no solver needed."""
    random = generator(seed, "cases")
    points = torch.rand(count, NUM_POINTS, 2, generator=random)
    center = torch.rand(count, 1, 2, generator=random)
    fields = 200 + 100 * torch.exp(-4 * (points - center).square().sum(-1, keepdim=True))
    return CaseStack(
        dataset=dataset,
        names=tuple(f"{dataset}-{index:04d}" for index in range(count)),
        points=points,
        features=center.expand(-1, NUM_POINTS, -1).clone(),
        fields=fields,
    )


def tiny_config(**changes: Any) -> ModelConfig:  # noqa: ANN401 - any setting
    return ModelConfig(
        **{
            "space_dim": 2,
            "in_features": 2,
            "width": 16,
            "num_heads": 2,
            "num_blocks": 2,
            "num_patches": 6,
            **changes,
        }
    )


def tiny_preset(*, model: dict[str, Any] | None = None, **train: Any) -> Preset:  # noqa: ANN401
    settings = {"epochs": 3, "batch_size": 4, "learning_rate": 5e-3, **train}
    return Preset(
        dataset="elasticity", model=tiny_config(**(model or {})), train=TrainConfig(**settings)
    )
