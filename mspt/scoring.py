"""One way to load, score and tell apart the cases of any data set."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mspt.batches import Cases
from mspt.checkpoint import Checkpoint
from mspt.data.car import CAR, family_and_split
from mspt.data.clouds import CloudStack, fingerprint_clouds, stack_flows
from mspt.data.flow_store import flow_index, load_flows
from mspt.data.store import fingerprint, load_split
from mspt.evaluation import evaluate
from mspt.flow_evaluation import FlowEvaluation, evaluate_flows
from mspt.geometry.descriptor import describe_outline
from mspt.presets import Preset
from mspt.trust import model_checks


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


def training_facts(cases: Cases) -> dict[str, Any]:
    """Return what a header keeps of training flows: mean coefficients and the bodies' outlines."""
    if not isinstance(cases, CloudStack):
        return {}
    bodies = [half.points[: half.num_surface].double().numpy() for half in cases.halves]
    return {
        "mean_C_D": float(np.mean(cases.drag)),
        "mean_C_L": float(np.mean(cases.lift)),
        "library": {
            "names": list(cases.names),
            "families": [family_and_split(flow_index(name))[0] for name in cases.names],
            "outlines": [describe_outline(body).round(4).tolist() for body in bodies],
        },
    }


def usual_checks(checkpoint: Checkpoint, cases: CloudStack) -> dict[str, list[float]]:
    """Return the numbers of the trust checks on some cases, in ascending order."""
    found = [model_checks(checkpoint, cases.draw(row, seed=row)) for row in range(len(cases))]
    return {key: sorted(round(one[key], 5) for one in found) for key in found[0]}


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
