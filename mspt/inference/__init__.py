"""From a checkpoint and a case, a sample or a shape to predicted fields.

What needs the geometry libraries is imported when it is first used, so that ``import mspt`` is
fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from mspt.inference.predict import (
    EncodedInputs,
    Prediction,
    available_devices,
    encode_inputs,
    pick_device,
    predict_case,
    predict_cases,
)

if TYPE_CHECKING:
    from mspt.inference.flow import (
        CloudsDone,
        FlowPrediction,
        predict_cloud,
        predict_flow,
        predict_stored,
    )
    from mspt.inference.sample import Sample, predict_sample
    from mspt.inference.sampling import FlowInputs, sample_inputs
    from mspt.inference.shapes import ShapeResult, StageStarted, predict_shape
    from mspt.inference.trust import TrustReport, trust_report

__all__ = [
    "CloudsDone",
    "EncodedInputs",
    "FlowInputs",
    "FlowPrediction",
    "Prediction",
    "Sample",
    "ShapeResult",
    "StageStarted",
    "TrustReport",
    "available_devices",
    "encode_inputs",
    "pick_device",
    "predict_case",
    "predict_cases",
    "predict_cloud",
    "predict_flow",
    "predict_sample",
    "predict_shape",
    "predict_stored",
    "sample_inputs",
    "trust_report",
]

_MODULE_OF = {
    "CloudsDone": "flow",
    "FlowInputs": "sampling",
    "FlowPrediction": "flow",
    "Sample": "sample",
    "ShapeResult": "shapes",
    "StageStarted": "shapes",
    "TrustReport": "trust",
    "predict_cloud": "flow",
    "predict_flow": "flow",
    "predict_sample": "sample",
    "predict_shape": "shapes",
    "predict_stored": "flow",
    "sample_inputs": "sampling",
    "trust_report": "trust",
}


def __getattr__(name: str) -> object:
    """Import a public name from its module when it is first used."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
