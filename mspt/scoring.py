"""One way to load, score and tell apart the cases of any data set."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mspt.batches import Cases
from mspt.checkpoint import Checkpoint
from mspt.data.car import CAR
from mspt.data.clouds import CloudStack, fingerprint_clouds, stack_flows
from mspt.data.flow_store import load_flows
from mspt.data.store import fingerprint, load_split
from mspt.evaluation import evaluate
from mspt.flow_evaluation import FlowEvaluation, evaluate_flows
from mspt.presets import Preset


def load_cases(
    preset: Preset, split: str, *, root: Path | None = None, limit: int | None = None
) -> Cases:
    """Read the cases of a split as a preset looks at them.

    Raises:
        DataError: If there are none, or fewer than asked for.
    """
    if preset.dataset != CAR.name:
        return load_split(preset.dataset, split, root=root, limit=limit)
    return stack_flows(
        CAR.name,
        load_flows(split, root=root)[:limit],
        num_surface=preset.train.surface_points,
        num_volume=preset.train.volume_points,
    )


def fingerprint_of(cases: Cases) -> str:
    """Return 16 hexadecimal digits that tell one set of cases from another."""
    return fingerprint_clouds(cases) if isinstance(cases, CloudStack) else fingerprint(cases)


def training_means(cases: Cases) -> dict[str, float]:
    """Return the mean coefficients of training flows, which the simplest prediction is."""
    if not isinstance(cases, CloudStack):
        return {}
    return {
        "mean_C_D": float(np.mean(cases.drag)),
        "mean_C_L": float(np.mean(cases.lift)),
    }


def score(
    checkpoint: Checkpoint, split: str, *, root: Path | None = None, device: str = "auto"
) -> tuple[dict[str, Any], int]:
    """Return the metrics of a checkpoint on a split of its data set, and the number of cases."""
    if checkpoint.info["dataset"] == CAR.name:
        found = _flows(checkpoint, split, root=root, device=device)
        return found.metrics(), len(found.scores)
    cases = load_split(checkpoint.info["dataset"], split, root=root)
    return evaluate(checkpoint, cases, device=device).metrics(), len(cases)


def final_scores(
    checkpoint: Checkpoint, *, root: Path | None = None, device: str = "auto"
) -> dict[str, Any]:
    """Return what a header keeps of the test split, and of unseen families for flows."""
    if checkpoint.info["dataset"] != CAR.name:
        return {"metrics": score(checkpoint, "test", root=root, device=device)[0]}
    test = _flows(checkpoint, "test", root=root, device=device)
    unseen = _flows(checkpoint, "unseen", root=root, device=device)
    return {
        "metrics": test.metrics(),
        "metrics_unseen": unseen.metrics(),
        "scores": [_rounded(asdict(one)) for one in (*test.scores, *unseen.scores)],
    }


def _flows(checkpoint: Checkpoint, split: str, *, root: Path | None, device: str) -> FlowEvaluation:
    return evaluate_flows(checkpoint, load_flows(split, root=root), device=device)


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: None if value != value else round(value, 5) if isinstance(value, float) else value
        for key, value in row.items()
    }
