"""Score a checkpoint for flows: fields, coefficients, and the order of designs.

Letters: M cases, G groups of fields.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from mspt.checkpoint import Checkpoint
from mspt.data.clouds import Cloud, whole_body
from mspt.data.layout import NamedChannels
from mspt.data.sets.car.clouds import FREE_STREAM, cloud_of
from mspt.data.sets.car.flow_case import FlowCase
from mspt.data.sets.car.other_meshes import mean_of_meshes
from mspt.evaluation.cases import CaseScored, rounded
from mspt.inference.flow import predict_stored
from mspt.metrics.fields import relative_l2
from mspt.metrics.forces import Coefficients, coefficients, surface_force
from mspt.metrics.ranking import order_accuracy, r_squared, spearman

WHEEL_MARGIN = 1.2
AXLES = (0.18, 0.805)
ORDER_GAPS = (0.0, 0.01, 0.02, 0.05, 0.1)
ERRORS = (
    "surface_pressure", "surface_pressure_by_area", "body_pressure", "wheel_pressure",
    "wall_shear", "velocity", "velocity_change", "volume_pressure",
)  # fmt: skip
"""Errors of fields in a score."""


@dataclass(frozen=True, kw_only=True)
class FlowScore:
    """Errors of one case; fields as relative L2, coefficients as predicted and true values.

    Attributes:
        name: Of the case.
        family: Of the body.
        surface_pressure: C_p over the faces, each counting the same.
        surface_pressure_by_area: C_p over the faces, weighted with their areas.
        body_pressure: C_p by area, without wheels and arches.
        wheel_pressure: C_p by area on wheels and arches; NaN without wheels.
        wall_shear: C_f over the faces.
        velocity: Velocity in the flow.
        velocity_change: Velocity without the free stream.
        volume_pressure: C_p in the flow.
        C_D: Predicted drag coefficient.
        C_D_true: That of the solver.
        C_L: Predicted lift coefficient.
        C_L_true: That of the solver.
    """

    name: str
    family: str
    surface_pressure: float
    surface_pressure_by_area: float
    body_pressure: float
    wheel_pressure: float
    wall_shear: float
    velocity: float
    velocity_change: float
    volume_pressure: float
    C_D: float
    C_D_true: float
    C_L: float
    C_L_true: float


@dataclass(frozen=True)
class FlowEvaluation:
    """Scores of a checkpoint on a split.

    Attributes:
        scores: One for each case.
        mean_only: Those of predicting the training means.
        against_mean: Those of the checkpoint against the mean over the meshes of each case that
            has been repeated.
        other_meshes: Those of the labels of each other mesh, as if a model had predicted them.
    """

    scores: tuple[FlowScore, ...]
    mean_only: tuple[FlowScore, ...]
    against_mean: tuple[FlowScore, ...] = ()
    other_meshes: Mapping[str, tuple[FlowScore, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.scores)

    def metrics(self) -> dict[str, Any]:
        """Return the numbers of a checkpoint's header; the primary field is C_p on the surface."""
        found, of_mean = summarize(self.scores), summarize(self.mean_only)
        errors = [score.surface_pressure for score in self.scores]
        metrics = {
            "relative_l2": found["surface_pressure"],
            "median": float(np.median(errors)),
            "worst": max(errors),
            "mean_only": of_mean["surface_pressure"],
            **found,
            "mean_only_all": of_mean,
        }
        if self.against_mean:
            metrics["against_mean"] = summarize(self.against_mean)
            metrics["other_meshes"] = {
                mesh: summarize(scores) for mesh, scores in self.other_meshes.items()
            }
        return metrics

    def header(self) -> dict[str, Any]:
        """Return what a checkpoint's header stores of it."""
        found = {"metrics": self.metrics(), "scores": [rounded(asdict(one)) for one in self.scores]}
        if self.against_mean:
            found["scores_against_mean"] = [rounded(asdict(one)) for one in self.against_mean]
        return found


def evaluate_flows(
    checkpoint: Checkpoint,
    cases: Sequence[tuple[str, FlowCase]],
    *,
    repeats: Mapping[str, Mapping[str, FlowCase]] | None = None,
    device: str = "auto",
) -> Iterator[CaseScored | FlowEvaluation]:
    """Score a checkpoint, and the prediction of training means; the evaluation comes last.

    Args:
        checkpoint: One for flows.
        cases: Names and cases.
        repeats: Of each case by its name, the same on other meshes by the name of the mesh.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
    """
    scores, against_mean = [], []
    other_meshes: dict[str, list[FlowScore]] = {}
    for name, case in cases:
        body = body_of(case)
        predicted = predict_stored(checkpoint, body, device=device)
        scores.append(score_prediction(name, case, body, predicted))
        if others := (repeats or {}).get(name):
            mean = mean_of_meshes([case, *others.values()])
            against_mean.append(score_prediction(name, mean, body_of(mean), predicted))
        for mesh, other in (others or {}).items():
            other_meshes.setdefault(mesh, []).append(compare_labels(name, case, other))
        yield CaseScored(done=len(scores), total=len(cases))
    mean_fields = checkpoint.normalizer.fields_mean.cpu()
    means = {"drag": checkpoint.info["mean_C_D"], "lift": checkpoint.info["mean_C_L"]}
    yield FlowEvaluation(
        scores=tuple(scores),
        mean_only=tuple(mean_field_score(name, case, mean_fields, **means) for name, case in cases),
        against_mean=tuple(against_mean),
        other_meshes={mesh: tuple(found) for mesh, found in other_meshes.items()},
    )


def body_of(case: FlowCase) -> Cloud:
    """Return all stored points of a case, on both sides of the body."""
    cloud = cloud_of(case)
    return whole_body(cloud) if case.is_half else cloud


def score_flow(
    checkpoint: Checkpoint, name: str, case: FlowCase, *, device: str = "auto"
) -> FlowScore:
    """Predict every stored point of a case and compare with its truth."""
    body = body_of(case)
    return score_prediction(name, case, body, predict_stored(checkpoint, body, device=device))


def compare_labels(name: str, case: FlowCase, other: FlowCase) -> FlowScore:
    """Score the labels of another mesh against those of a case, as if they were a prediction."""
    score = score_prediction(name, case, body_of(case), body_of(other).fields)
    return replace(score, C_D=other.info["C_D"], C_L=other.info["C_L"])


def score_prediction(
    name: str, case: FlowCase, body: Cloud, predicted: Float[Tensor, "N C"]
) -> FlowScore:
    """Score fields that were predicted on both sides of a stored case."""
    count, layout = body.num_surface, body.layout
    errors = layout.errors(predicted[None], body.fields[None], num_surface=count)[:, 0]
    by_group = {
        group.name: error for group, error in zip(layout.groups, errors.tolist(), strict=True)
    }
    stream = torch.tensor(FREE_STREAM)
    on_body = [layout.named(values[:count]) for values in (predicted, body.fields)]
    in_flow = [layout.named(values[count:]) for values in (predicted, body.fields)]
    area = np.linalg.norm(_face_areas(case), axis=1)
    truth = on_body[1]["C_p"].double().numpy()
    miss = (on_body[0]["C_p"] - on_body[1]["C_p"]).double().numpy()
    wheels = on_wheels(case, body.points[:count].numpy())
    force = predicted_coefficients(case, on_body[0])
    return FlowScore(
        name=name,
        family=case.info["family"],
        **by_group,
        surface_pressure_by_area=_weighted(miss, truth, area),
        body_pressure=_weighted(miss[~wheels], truth[~wheels], area[~wheels]),
        wheel_pressure=_weighted(miss[wheels], truth[wheels], area[wheels]),
        velocity=relative_l2(
            *(fields["velocity_change"][None] + stream for fields in in_flow)
        ).item(),
        C_D=force.C_D,
        C_D_true=case.info["C_D"],
        C_L=force.C_L,
        C_L_true=case.info["C_L"],
    )


def predicted_coefficients(case: FlowCase, surface: NamedChannels) -> Coefficients:
    """Return coefficients of fields on the stored faces and then on their mirror images."""
    pressure, shear = (surface[name].double().numpy() for name in ("C_p", "C_f"))
    force = surface_force(_face_areas(case), pressure, shear=shear)
    return coefficients(force, reference_area=case.info["frontal_area"])


def _face_areas(case: FlowCase) -> Float[ndarray, "S 3"]:
    """Return area vectors of the whole body."""
    if not case.is_half:
        return case.face_areas
    return np.concatenate([case.face_areas, case.face_areas * np.array([1, -1, 1], np.float32)])


def on_wheels(case: FlowCase, points: Float[ndarray, "S 3"]) -> Bool[ndarray, " S"]:
    """Tell which points lie on wheels or arches."""
    radius = case.info.get("wheel", 0.0) * WHEEL_MARGIN
    near = [np.hypot(points[:, 0] - x, points[:, 2] - radius / WHEEL_MARGIN) for x in AXLES]
    return np.min(near, axis=0) < radius


def summarize(scores: Sequence[FlowScore]) -> dict[str, Any]:
    """Return means over cases, and how well coefficients and the order of designs are met."""
    names = (*ERRORS, "C_D", "C_D_true", "C_L", "C_L_true")
    values = {name: np.array([getattr(score, name) for score in scores]) for name in names}
    summary: dict[str, Any] = {"cases": len(scores)}
    for name in ERRORS:
        present = values[name][np.isfinite(values[name])]
        summary[name] = float(present.mean()) if len(present) else None
    for letter in ("C_D", "C_L"):
        found, truth = values[letter], values[f"{letter}_true"]
        summary |= _coefficient_errors(letter, found, truth)
    if len(scores) > 2:
        order = order_accuracy(values["C_D"], values["C_D_true"], gaps=np.array(ORDER_GAPS))
        summary["order"] = [
            [float(gap), None if np.isnan(share) else float(share), int(pairs)]
            for gap, share, pairs in zip(order.gap, order.share, order.num_pairs, strict=True)
        ]
    return summary


def label_noise(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return by how much labels differ between meshes that are as good, from a header's metrics.

    Means over bodies and meshes of the errors that labels of one mesh have against those of
    another; nothing where no case was repeated.

    Examples:
        >>> label_noise({"other_meshes": {"a": {"velocity": 0.25}, "b": {"velocity": 0.75}}})
        {'velocity': 0.5}
    """
    meshes = list(metrics.get("other_meshes", {}).values())
    found = {name: [mesh.get(name) for mesh in meshes] for name in (*ERRORS, "C_D_relative")}
    return {name: float(np.mean(each)) for name, each in found.items() if each and None not in each}


def mean_field_score(
    name: str, case: FlowCase, mean: Float[Tensor, " C"], *, drag: float, lift: float
) -> FlowScore:
    """Score the prediction of training means: of each field everywhere, and of C_D and C_L."""
    body = body_of(case)
    predicted = mean.expand(len(body.points), -1)
    score = score_prediction(name, case, body, predicted)
    return FlowScore(**{**asdict(score), "C_D": drag, "C_L": lift})


def _coefficient_errors(letter: str, found: ndarray, truth: ndarray) -> dict[str, float | None]:
    miss = np.abs(found - truth)
    errors: dict[str, float | None] = {
        f"{letter}_counts": float(1e4 * miss.mean()),
        f"{letter}_counts_max": float(1e4 * miss.max()),
    }
    if letter == "C_D":
        errors["C_D_relative"] = float((miss / np.abs(truth)).mean())
        errors["C_D_relative_max"] = float((miss / np.abs(truth)).max())
    if len(found) > 2 and np.ptp(truth) > 0:
        varies = np.ptp(found) > 0
        errors[f"{letter}_spearman"] = spearman(found, truth) if varies else None
        errors[f"{letter}_r2"] = r_squared(found, truth)
    return errors


def _weighted(miss: ndarray, truth: ndarray, area: ndarray) -> float:
    whole = (area * truth**2).sum()
    return float(np.sqrt((area * miss**2).sum() / whole)) if whole > 0 else float("nan")
