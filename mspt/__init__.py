"""MSPT: the Multi-Scale Patch Transformer (arXiv 2512.01738), exact and fast.

Letters used in shapes throughout: B batch, N points, K patches, L points per patch, Q supernodes
per patch, S = K Q supernodes in all, H heads, D width, E head width, F input features, C output
channels, X space axes.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mspt.checkpoint import list_checkpoints, load_checkpoint, save_checkpoint
    from mspt.config import ModelConfig
    from mspt.data.store import list_cases, load_case, load_split
    from mspt.errors import MSPTError
    from mspt.geometry.files.readers import read_mesh
    from mspt.inference.predict import predict_case
    from mspt.inference.shapes import predict
    from mspt.models.mspt import MSPT
    from mspt.models.published.model import load_published
    from mspt.partition.ball_tree import build_partition

__version__ = "0.1.0"
"""The version of the library; pyproject.toml reads it from here."""

__all__ = [
    "MSPT",
    "MSPTError",
    "ModelConfig",
    "build_partition",
    "list_cases",
    "list_checkpoints",
    "load_case",
    "load_checkpoint",
    "load_published",
    "load_split",
    "predict",
    "predict_case",
    "read_mesh",
    "save_checkpoint",
]

_MODULES = {
    "MSPT": "mspt.models.mspt",
    "MSPTError": "mspt.errors",
    "ModelConfig": "mspt.config",
    "build_partition": "mspt.partition.ball_tree",
    "list_cases": "mspt.data.store",
    "list_checkpoints": "mspt.checkpoint",
    "load_case": "mspt.data.store",
    "load_checkpoint": "mspt.checkpoint",
    "load_published": "mspt.models.published.model",
    "load_split": "mspt.data.store",
    "predict": "mspt.inference.shapes",
    "predict_case": "mspt.inference.predict",
    "read_mesh": "mspt.geometry.files.readers",
    "save_checkpoint": "mspt.checkpoint",
}
"""The module of each public name."""


def __getattr__(name: str) -> object:
    """Import a public name on first use, as PyTorch takes seconds and VTK another one."""
    if name not in _MODULES:
        raise AttributeError(f"module 'mspt' has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value
