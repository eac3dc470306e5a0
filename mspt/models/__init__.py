"""MSPT (:mod:`mspt.models.mspt`) and the models that it is compared with."""

from mspt.models.baselines import FullAttention, Transolver
from mspt.models.blocks import BlockPooled, KeyMask, OutputDone, walk_blocks
from mspt.models.branched import BranchedMSPT, SplitPartition, split_partition
from mspt.models.mspt import MSPT, ModelTrace, partition_points
from mspt.models.normalizer import Normalizer
from mspt.models.published import PublishedMSPT, load_published
from mspt.models.registry import MODELS, build_model

__all__ = [
    "MODELS",
    "MSPT",
    "BlockPooled",
    "BranchedMSPT",
    "FullAttention",
    "KeyMask",
    "ModelTrace",
    "Normalizer",
    "OutputDone",
    "PublishedMSPT",
    "SplitPartition",
    "Transolver",
    "build_model",
    "load_published",
    "partition_points",
    "split_partition",
    "walk_blocks",
]
