"""Training: loop, state on disk, optimizers, batches and presets."""

from mspt.training.loop import EpochDone, StepDone, TrainingStopped, prepare, train
from mspt.training.presets import Preset, TrainConfig, get_preset, list_presets

__all__ = [
    "EpochDone",
    "Preset",
    "StepDone",
    "TrainConfig",
    "TrainingStopped",
    "get_preset",
    "list_presets",
    "prepare",
    "train",
]
