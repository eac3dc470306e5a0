"""Training runs by name; each data set lists its own."""

from mspt.config import Preset, TrainConfig
from mspt.data.registry import datasets
from mspt.errors import MSPTError

__all__ = ["Preset", "TrainConfig", "get_preset", "list_presets"]


def list_presets() -> dict[str, Preset]:
    """Return the training runs of all data sets by name."""
    return {name: preset for one in datasets() for name, preset in one.presets.items()}


def get_preset(name: str) -> Preset:
    """Return a training run by its name, which is that of a data set for its default run.

    Raises:
        MSPTError: If there is no such preset.
    """
    known = list_presets()
    if name not in known:
        raise MSPTError(f"preset must be one of {', '.join(known)}, got {name!r}")
    return known[name]
