"""One way to score a checkpoint on the cases of any data set."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mspt.checkpoint import Checkpoint
from mspt.data.case import CaseStack
from mspt.data.clouds import Cloud, CloudStack
from mspt.data.dataset import Cases, Dataset
from mspt.data.registry import get_dataset
from mspt.data.sets._public import PublicCase
from mspt.errors import DataError
from mspt.evaluation.cases import CaseScored, Evaluation, evaluate, rounded
from mspt.evaluation.flows import FlowEvaluation, evaluate_flows
from mspt.inference.flow import predict_cloud
from mspt.inference.repeated import model_checks
from mspt.inference.sampling import cloud_size
from mspt.metrics.ranking import spearman


def usual_checks(checkpoint: Checkpoint, cases: Cases) -> dict[str, list[float]]:
    """Return the numbers of the trust checks on some cases, in ascending order.

    Data without a mirror image have none: shapes that people bring are not predicted from them.
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
) -> "Iterator[CaseScored | Evaluation | FlowEvaluation | CloudEvaluation]":
    """Score a checkpoint on a split of its data set; the evaluation is the last event.

    Args:
        checkpoint: The model.
        split: One of the data set's splits.
        root: Folder of the data, the only one that is searched; default: ``data``, then what ships.
        limit: Score the first cases only.
        symmetries: For cases of one size: score the mean over all symmetries of the data set too.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.

    Raises:
        DataError: If the cases are not there.
    """
    dataset = get_dataset(checkpoint.info["dataset"])
    dataset.check_split(split)
    if dataset.body is not None:
        names = _names(dataset, split, root)[:limit]
        cases = [(name, dataset.load(name, root=root)) for name in names]
        repeats = {name: dataset.body.repeats(name, root) for name in names}
        yield from evaluate_flows(checkpoint, cases, repeats=repeats, device=device)
    elif dataset.layout.has_surface:
        names = _names(dataset, split, root)[:limit]
        yield from _evaluate_clouds(checkpoint, dataset, names, root=root, device=device)
    else:
        stack = dataset.cases(split, root=root, limit=limit)
        if not isinstance(stack, CaseStack):
            raise TypeError(f"cases must be of one size, got {type(stack).__name__}")
        yield from evaluate(checkpoint, stack, symmetries=symmetries, device=device)


def final_scores(
    checkpoint: Checkpoint,
    *,
    root: Path | None = None,
    limit: int | None = None,
    device: str = "auto",
) -> Iterator[CaseScored | dict[str, Any]]:
    """Score the test split, and further held-out splits; the header's entries come last.

    ``limit`` scores the first cases of each split only.
    """
    dataset = get_dataset(checkpoint.info["dataset"])
    entries: dict[str, Any] = {}
    for split in held_out(dataset):
        events = score(checkpoint, split, root=root, limit=limit, symmetries=True, device=device)
        for event in events:
            if isinstance(event, CaseScored):
                yield event
            else:
                entries = _with_split(entries, event.header(), split)
    yield entries


def held_out(dataset: Dataset) -> tuple[str, ...]:
    """Return the splits that a finished training is scored on."""
    return ("test",) if dataset.body is None else dataset.body.held_out


def _with_split(entries: dict[str, Any], found: dict[str, Any], split: str) -> dict[str, Any]:
    """Add the entries of a split; those of the test split have plain names."""
    if split == "test":
        return entries | found
    scores = [*entries.get("scores", []), *found["scores"]]
    return entries | {f"metrics_{split}": found["metrics"], "scores": scores}


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


def score_cloud(checkpoint: Checkpoint, case: PublicCase, *, device: str = "auto") -> CloudScore:
    """Predict every point of a case and compare with its truth."""
    cloud = case.cloud
    predicted = predict_every_point(checkpoint, cloud, device=device)
    mean = checkpoint.normalizer.fields_mean.cpu().expand_as(cloud.fields)
    drag = true_drag = float("nan")
    if case.surface is not None:
        drag, true_drag = (
            case.surface.drag(cloud.layout.named(fields[: cloud.num_surface])["pressure"].numpy())
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
    """Predict each point of a cloud once, in clouds no larger than those of training."""
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


def _group_errors(cloud: Cloud, predicted: Float[Tensor, "N C"]) -> dict[str, float]:
    layout = cloud.layout
    errors = layout.errors(predicted[None], cloud.fields[None], num_surface=cloud.num_surface)
    names = [group.name for group in layout.groups]
    return dict(zip(names, errors[:, 0].tolist(), strict=True))


def _names(dataset: Dataset, split: str, root: Path | None) -> tuple[str, ...]:
    if names := dataset.names(split, root=root):
        return names
    raise DataError(
        f"{dataset.name} must have {split} cases, found none; make them with "
        f"`python -m mspt generate {dataset.name} --out data`"
    )


@dataclass(frozen=True)
class CloudEvaluation:
    """Scores of a checkpoint on a split of clouds that are predicted at every point.

    Attributes:
        scores: One for each case.
    """

    scores: tuple[CloudScore, ...]

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.scores)

    def metrics(self) -> dict[str, Any]:
        """Return the numbers of a header: means over cases; the primary group comes first."""
        primary, *_ = names = list(self.scores[0].errors)
        found = {name: float(np.mean([one.errors[name] for one in self.scores])) for name in names}
        of_mean = {
            name: float(np.mean([one.mean_errors[name] for one in self.scores])) for name in names
        }
        errors = [one.errors[primary] for one in self.scores]
        metrics: dict[str, Any] = {
            "relative_l2": found[primary],
            "median": float(np.median(errors)),
            "worst": max(errors),
            "mean_only": of_mean[primary],
            "cases": len(self.scores),
            **found,
            "mean_only_all": of_mean,
        }
        return metrics | self._drag()

    def _drag(self) -> dict[str, Any]:
        drag, truth = (
            np.array([getattr(one, key) for one in self.scores]) for key in ("drag", "true_drag")
        )
        if not (np.isfinite(truth).all() and truth.all()):
            return {}
        rank = spearman(drag, truth)
        return {
            "C_D_pressure_relative": float(np.mean(np.abs(drag - truth) / np.abs(truth))),
            "C_D_pressure_spearman": rank if np.isfinite(rank) else None,
        }

    def header(self) -> dict[str, Any]:
        """Return what a checkpoint's header stores of it."""
        scores = [
            rounded({"name": one.name, **one.errors, "C_D": one.drag, "C_D_true": one.true_drag})
            for one in self.scores
        ]
        return {"metrics": self.metrics(), "scores": scores}


def _evaluate_clouds(
    checkpoint: Checkpoint,
    dataset: Dataset,
    names: tuple[str, ...],
    *,
    root: Path | None,
    device: str,
) -> Iterator[CaseScored | CloudEvaluation]:
    scores = []
    for name in names:
        scores.append(score_cloud(checkpoint, dataset.load(name, root=root), device=device))
        yield CaseScored(done=len(scores), total=len(names))
    yield CloudEvaluation(tuple(scores))
