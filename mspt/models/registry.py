"""Models by the name of their architecture."""

from collections.abc import Callable

from torch import nn

from mspt.config import Architecture, ModelConfig
from mspt.models.baselines import FullAttention, Transolver
from mspt.models.branched import BranchedMSPT
from mspt.models.mspt import MSPT
from mspt.models.published.model import PublishedMSPT
from mspt.seeding import seeded

MODELS: dict[Architecture, Callable[[ModelConfig], nn.Module]] = {
    "mspt": MSPT,
    "branched": BranchedMSPT,
    "published": PublishedMSPT,
    "transolver": Transolver,
    "full_attention": FullAttention,
}


def build_model(config: ModelConfig, *, seed: int = 0) -> nn.Module:
    """Return a freshly initialized model; the same seed gives the same weights."""
    with seeded(seed, "weights"):
        return MODELS[config.architecture](config)
