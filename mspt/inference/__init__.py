"""From a checkpoint and a case or a shape to predicted fields."""

from mspt.inference.predict import Prediction, pick_device, predict_case, predict_stack

__all__ = ["Prediction", "pick_device", "predict_case", "predict_stack"]
