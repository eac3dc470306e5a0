"""Training: loop, state on disk, optimizers, batches and presets."""

from mspt.training.loop import EpochDone, StepDone, TrainingStopped, prepare, train
from mspt.training.presets import PRESETS, Preset, TrainConfig, get_preset

__all__ = [
    "PRESETS",
    "EpochDone",
    "Preset",
    "StepDone",
    "TrainConfig",
    "TrainingStopped",
    "get_preset",
    "prepare",
    "train",
]
