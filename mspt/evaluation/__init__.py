"""Scores of checkpoints, comparisons and model cards."""

from mspt.evaluation.cases import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
