"""Inside a forward pass: attention weights, and the effect of masking patches."""

from mspt.inspection.masking import Effect, Masked, mask_each_patch, mask_patch
from mspt.inspection.observation import Observed, PointAttention, attend_from, observe
from mspt.inspection.recording import Recording, record, repeat_masked, trace_points

__all__ = [
    "Effect",
    "Masked",
    "Observed",
    "PointAttention",
    "Recording",
    "attend_from",
    "mask_each_patch",
    "mask_patch",
    "observe",
    "record",
    "repeat_masked",
    "trace_points",
]
