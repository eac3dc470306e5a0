"""One way to load, score and tell apart the cases of any data set."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mspt.checkpoint import Checkpoint
from mspt.data.clouds import Cloud, CloudStack, fingerprint_clouds, stack_flows
from mspt.data.sets._public import (
    AdaptedCase,
    PointsKept,
    case_names,
    keep_points,
    read_cases,
    stack_cases,
)
from mspt.data.sets.adapters import ADAPTERS
from mspt.data.sets.car.dataset import CAR, family_and_split
from mspt.data.sets.car.store import flow_index, load_flows, load_repeats
from mspt.data.store import fingerprint, load_split
from mspt.evaluation.cases import evaluate
from mspt.evaluation.flows import FlowEvaluation, evaluate_flows
from mspt.geometry.outline import describe_outline
from mspt.inference.flow import predict_cloud
from mspt.inference.sampling import cloud_size
from mspt.inference.trust import model_checks
from mspt.metrics.fields import relative_l2
from mspt.metrics.ranking import spearman
from mspt.progress import OnProgress, quiet
from mspt.training.batches import Cases
from mspt.training.presets import Preset


def load_cases(
    preset: Preset, split: str, *, root: Path | None = None, limit: int | None = None
) -> Cases:
    """Read the cases of a split as a preset looks at them.

    Raises:
        DataError: If there are none, or fewer than asked for.
    """
    if adapter := ADAPTERS.get(preset.dataset):
        return stack_cases(
            adapter,
            read_cases(adapter, split, root=root, limit=limit),
            num_surface=preset.train.surface_points,
            num_volume=preset.train.volume_points,
        )
    if preset.dataset != CAR.name:
        return load_split(preset.dataset, split, root=root, limit=limit)
    return stack_flows(
        CAR.name,
        load_flows(split, root=root)[:limit],
        num_surface=preset.train.surface_points,
        num_volume=preset.train.volume_points,
    )


def prepare_cases(
    dataset: str, split: str, *, root: Path | None = None, limit: int | None = None
) -> Iterator[PointsKept]:
    """Do once what would make reading a public data set slow; nothing for most sets.

    Raises:
        DataError: If its files are absent, incomplete or damaged.
    """
    if adapter := ADAPTERS.get(dataset):
        yield from keep_points(adapter, split, root=root, limit=limit)


def fingerprint_of(cases: Cases) -> str:
    """Return 16 hexadecimal digits that tell one set of cases from another."""
    return fingerprint_clouds(cases) if isinstance(cases, CloudStack) else fingerprint(cases)


def training_facts(cases: Cases) -> dict[str, Any]:
    """Return what a header keeps of training flows: mean coefficients and the bodies' outlines."""
    if adapter := ADAPTERS.get(cases.dataset):
        return dict(adapter.facts)
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


def usual_checks(checkpoint: Checkpoint, cases: Cases) -> dict[str, list[float]]:
    """Return the numbers of the trust checks on some cases, in ascending order.

    Data without a mirror have none: no shape of a person's is predicted from them.
    """
    if not isinstance(cases, CloudStack) or cases.layout.mirror is None:
        return {}
    found = [model_checks(checkpoint, cases.draw(row, seed=row)) for row in range(len(cases))]
    return {key: sorted(round(one[key], 5) for one in found) for key in found[0]}


def score(
    checkpoint: Checkpoint,
    split: str,
    *,
    root: Path | None = None,
    limit: int | None = None,
    symmetries: bool = False,
    device: str = "auto",
    on_progress: OnProgress = quiet,
) -> tuple[dict[str, Any], int]:
    """Return the metrics of a checkpoint on a split of its data set, and the number of cases.

    ``limit`` scores the first cases of the split only.
    ``symmetries`` is about 2-D cases: whether to score the mean over all symmetries too.
    ``on_progress`` is called after each case.
    """
    if checkpoint.info["dataset"] in ADAPTERS:
        scores = _adapted(
            checkpoint, split, root=root, limit=limit, device=device, on_progress=on_progress
        )
        return cloud_metrics(scores), len(scores)
    if checkpoint.info["dataset"] == CAR.name:
        found = _flows(
            checkpoint, split, root=root, limit=limit, device=device, on_progress=on_progress
        )
        return found.metrics(), len(found.scores)
    cases = load_split(checkpoint.info["dataset"], split, root=root, limit=limit)
    found = evaluate(
        checkpoint, cases, symmetries=symmetries, device=device, on_progress=on_progress
    )
    return found.metrics(), len(cases)


def final_scores(
    checkpoint: Checkpoint,
    *,
    root: Path | None = None,
    limit: int | None = None,
    device: str = "auto",
    on_progress: OnProgress = quiet,
) -> dict[str, Any]:
    """Return what a header keeps of the test split, and of unseen families for flows.

    ``limit`` scores the first cases of each split only.
    """
    if checkpoint.info["dataset"] in ADAPTERS:
        scores = _adapted(
            checkpoint, "test", root=root, limit=limit, device=device, on_progress=on_progress
        )
        kept = [
            _rounded({"name": one.name, **one.errors, "C_D": one.drag, "C_D_true": one.true_drag})
            for one in scores
        ]
        return {"metrics": cloud_metrics(scores), "scores": kept}
    if checkpoint.info["dataset"] != CAR.name:
        cases = load_split(checkpoint.info["dataset"], "test", root=root, limit=limit)
        found = evaluate(checkpoint, cases, symmetries=True, device=device, on_progress=on_progress)
        return {"metrics": found.metrics(), "scores": found.scores()}
    test = _flows(
        checkpoint, "test", root=root, limit=limit, device=device, on_progress=on_progress
    )
    unseen = _flows(
        checkpoint, "unseen", root=root, limit=limit, device=device, on_progress=on_progress
    )
    return {
        "metrics": test.metrics(),
        "metrics_unseen": unseen.metrics(),
        "scores": [_rounded(asdict(one)) for one in (*test.scores, *unseen.scores)],
        "scores_against_mean": [_rounded(asdict(one)) for one in test.against_mean],
    }


@dataclass(frozen=True, kw_only=True)
class CloudScore:
    """Errors of one case of a public data set.

    Attributes:
        name: Of the case.
        errors: Relative L2 of each group of fields, in physical units.
        mean_errors: The same for predicting the training means.
        drag: Predicted C_D by pressure alone; NaN where the surface has no areas.
        true_drag: That of the true pressure.
    """

    name: str
    errors: dict[str, float]
    mean_errors: dict[str, float]
    drag: float
    true_drag: float


def score_cloud(checkpoint: Checkpoint, case: AdaptedCase, *, device: str = "auto") -> CloudScore:
    """Predict every point of a case and compare with its truth."""
    cloud = case.cloud
    predicted = predict_every_point(checkpoint, cloud, device=device)
    mean = checkpoint.normalizer.fields_mean.cpu().expand_as(cloud.fields)
    drag = true_drag = float("nan")
    if case.surface is not None:
        column = cloud.layout.fields.index("pressure")
        drag, true_drag = (
            case.surface.drag(fields[: cloud.num_surface, column].numpy())
            for fields in (predicted, cloud.fields)
        )
    return CloudScore(
        name=case.name,
        errors=_group_errors(cloud, predicted),
        mean_errors=_group_errors(cloud, mean),
        drag=drag,
        true_drag=true_drag,
    )


def predict_every_point(
    checkpoint: Checkpoint, cloud: Cloud, *, device: str = "auto", seed: int = 0
) -> Float[Tensor, "N C"]:
    """Predict each point of a cloud once, in clouds no larger than those learned on."""
    limits, rng = cloud_size(checkpoint), np.random.default_rng(seed)
    sizes = (cloud.num_surface, len(cloud.points) - cloud.num_surface)
    count = max(-(-size // limit) for size, limit in zip(sizes, limits, strict=True))
    surface, volume = (np.array_split(rng.permutation(size), count) for size in sizes)
    predicted = torch.empty_like(cloud.fields)
    for faces, others in zip(surface, volume, strict=True):
        rows = np.concatenate([np.sort(faces), cloud.num_surface + np.sort(others)])
        part = cloud.picked(torch.from_numpy(rows), num_surface=len(faces))
        predicted[rows] = predict_cloud(checkpoint, part, device=device)
    return predicted


def cloud_metrics(scores: Sequence[CloudScore]) -> dict[str, Any]:
    """Return the numbers of a header: means over cases; the primary field is surface pressure."""
    names = list(scores[0].errors)
    found = {name: float(np.mean([one.errors[name] for one in scores])) for name in names}
    plain = {name: float(np.mean([one.mean_errors[name] for one in scores])) for name in names}
    primary = [one.errors["surface_pressure"] for one in scores]
    metrics: dict[str, Any] = {
        "relative_l2": found["surface_pressure"],
        "median": float(np.median(primary)),
        "worst": max(primary),
        "mean_only": plain["surface_pressure"],
        "cases": len(scores),
        **found,
        "mean_only_all": plain,
    }
    drag, truth = (np.array([getattr(one, key) for one in scores]) for key in ("drag", "true_drag"))
    if np.isfinite(truth).all() and truth.all():
        rank = spearman(drag, truth)
        metrics["C_D_pressure_relative"] = float(np.mean(np.abs(drag - truth) / np.abs(truth)))
        metrics["C_D_pressure_spearman"] = rank if np.isfinite(rank) else None
    return metrics


def _group_errors(cloud: Cloud, predicted: Float[Tensor, "N C"]) -> dict[str, float]:
    errors = {}
    for group in cloud.layout.groups:
        rows, channels = group.rows(cloud.num_surface), list(group.channels)
        pair = [fields[rows][:, channels][None] for fields in (predicted, cloud.fields)]
        errors[group.name] = relative_l2(*pair).item()
    return errors


def _adapted(
    checkpoint: Checkpoint,
    split: str,
    *,
    root: Path | None,
    limit: int | None,
    device: str,
    on_progress: OnProgress,
) -> list[CloudScore]:
    adapter = ADAPTERS[checkpoint.info["dataset"]]
    folder, names = case_names(adapter, split, root=root, limit=limit)
    scores = []
    for name in names:
        scores.append(score_cloud(checkpoint, adapter.read(folder, name), device=device))
        on_progress(len(scores), len(names))
    return scores


def _flows(
    checkpoint: Checkpoint,
    split: str,
    *,
    root: Path | None,
    limit: int | None,
    device: str,
    on_progress: OnProgress,
) -> FlowEvaluation:
    cases = load_flows(split, root=root)[:limit]
    repeats = {name: load_repeats(name, root=root) for name, _ in cases}
    return evaluate_flows(
        checkpoint, cases, repeats=repeats, device=device, on_progress=on_progress
    )


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: None if value != value else round(value, 5) if isinstance(value, float) else value
        for key, value in row.items()
    }
