"""Scores of checkpoints, comparisons and model cards."""
