"""MSPT: the Multi-Scale Patch Transformer (arXiv 2512.01738), exact and fast.

Letters used in shapes throughout: B batch, N points, K patches, L points per patch, Q supernodes
per patch, S = K Q supernodes in all, H heads, D width, E head width, F input features, C output
channels, X space axes.
"""

from typing import TYPE_CHECKING

from mspt.checkpoint import list_checkpoints, load_checkpoint, save_checkpoint
from mspt.config import ModelConfig
from mspt.data.store import list_cases, load_case, load_split
from mspt.errors import MSPTError
from mspt.inference.predict import predict_case
from mspt.models.mspt import MSPT
from mspt.models.published.model import load_published
from mspt.partition.ball_tree import build_partition

if TYPE_CHECKING:
    from mspt.geometry.files.readers import read_mesh
    from mspt.inference.shapes import predict

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


def __getattr__(name: str) -> object:
    """Import on first use what loads VTK and the geometry libraries, which takes a second."""
    if name == "read_mesh":
        from mspt.geometry.files.readers import read_mesh

        return read_mesh
    if name == "predict":
        from mspt.inference.shapes import predict

        return predict
    raise AttributeError(f"module 'mspt' has no attribute {name!r}")
