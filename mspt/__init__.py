"""MSPT: the Multi-Scale Patch Transformer (arXiv 2512.01738), exact and fast.

Letters used in shapes throughout: B batch, N points, K patches, L points per patch, Q supernodes
per patch, S = K Q supernodes in all, H heads, D width, E head width, F input features, C output
channels, X space axes.
"""

from mspt.checkpoint import list_checkpoints, load_checkpoint, save_checkpoint
from mspt.config import ModelConfig
from mspt.data.store import list_cases, load_case, load_split
from mspt.errors import MSPTError
from mspt.inference import predict_case
from mspt.model import MSPT
from mspt.partition import build_partition
from mspt.published import load_published

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
    "predict_case",
    "save_checkpoint",
]
