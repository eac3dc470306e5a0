"""Score a checkpoint for flows: fields, coefficients, and the order of designs.

Letters: M cases, G groups of fields.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from mspt.aero import Coefficients, coefficients, surface_force
from mspt.checkpoint import Checkpoint
from mspt.data.clouds import FREE_STREAM, GROUPS, Cloud, cloud_of, whole_body
from mspt.data.flow import FlowCase
from mspt.design_metrics import order_accuracy, r_squared, spearman
from mspt.flow_inference import predict_stored
from mspt.metrics import relative_l2
from mspt.progress import Told, quiet

WHEEL_MARGIN = 1.2
AXLES = (0.18, 0.805)
ORDER_GAPS = (0.0, 0.01, 0.02, 0.05, 0.1)


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
    """

    scores: tuple[FlowScore, ...]
    mean_only: tuple[FlowScore, ...]

    def metrics(self) -> dict[str, Any]:
        """Return the numbers of a checkpoint's header; the primary field is C_p on the surface."""
        found, plain = summarize(self.scores), summarize(self.mean_only)
        errors = [score.surface_pressure for score in self.scores]
        return {
            "relative_l2": found["surface_pressure"],
            "median": float(np.median(errors)),
            "worst": max(errors),
            "mean_only": plain["surface_pressure"],
            **found,
            "mean_only_all": plain,
        }


def evaluate_flows(
    checkpoint: Checkpoint,
    cases: Sequence[tuple[str, FlowCase]],
    *,
    device: str = "auto",
    told: Told = quiet,
) -> FlowEvaluation:
    """Score a checkpoint, and the prediction of training means, on cases of a split."""
    scores = []
    for name, case in cases:
        scores.append(score_flow(checkpoint, name, case, device=device))
        told(len(scores), len(cases))
    mean = checkpoint.normalizer.fields_mean.cpu()
    plain = {"drag": checkpoint.info["mean_C_D"], "lift": checkpoint.info["mean_C_L"]}
    return FlowEvaluation(
        scores=tuple(scores),
        mean_only=tuple(mean_field_score(name, case, mean, **plain) for name, case in cases),
    )


def score_flow(
    checkpoint: Checkpoint, name: str, case: FlowCase, *, device: str = "auto"
) -> FlowScore:
    """Predict every stored point of a case and compare with its truth."""
    cloud = cloud_of(case)
    body = whole_body(cloud) if case.is_half else cloud
    return compare(name, case, body, predict_stored(checkpoint, body, device=device))


def compare(name: str, case: FlowCase, body: Cloud, predicted: Float[Tensor, "N C"]) -> FlowScore:
    """Score fields that were predicted on both sides of a stored case."""
    count = body.num_surface
    by_group = {
        group.name: _error(predicted, body.fields, group.rows(count), group.channels)
        for group in GROUPS
    }
    stream = torch.tensor(FREE_STREAM)
    velocity = body.fields[count:, 4:7] + stream
    area = np.linalg.norm(_face_areas(case), axis=1)
    miss = (predicted[:count, 0] - body.fields[:count, 0]).double().numpy()
    truth = body.fields[:count, 0].double().numpy()
    wheels = on_wheels(case, body.points[:count].numpy())
    found = predicted_coefficients(case, predicted[:count])
    return FlowScore(
        name=name,
        family=case.info["family"],
        **by_group,
        surface_pressure_by_area=_weighted(miss, truth, area),
        body_pressure=_weighted(miss[~wheels], truth[~wheels], area[~wheels]),
        wheel_pressure=_weighted(miss[wheels], truth[wheels], area[wheels]),
        velocity=_error(predicted[count:, 4:7] + stream, velocity, slice(None), (0, 1, 2)),
        C_D=found.C_D,
        C_D_true=case.info["C_D"],
        C_L=found.C_L,
        C_L_true=case.info["C_L"],
    )


def predicted_coefficients(case: FlowCase, surface: Float[Tensor, "S C"]) -> Coefficients:
    """Return coefficients of fields on the stored faces and then on their mirror images."""
    values = surface.double().numpy()
    force = surface_force(_face_areas(case), values[:, 0], shear=values[:, 1:4])
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
    names = [field.name for field in fields(FlowScore) if field.name not in ("name", "family")]
    values = {name: np.array([getattr(score, name) for score in scores]) for name in names}
    summary: dict[str, Any] = {"cases": len(scores)}
    for name in names[:8]:
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


def mean_field_score(
    name: str, case: FlowCase, mean: Float[Tensor, " C"], *, drag: float, lift: float
) -> FlowScore:
    """Score the prediction of training means: of each field everywhere, and of C_D and C_L."""
    body = whole_body(cloud_of(case))
    predicted = mean.expand(len(body.points), -1)
    score = compare(name, case, body, predicted)
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


def _error(predicted: Tensor, truth: Tensor, rows: slice, channels: tuple[int, ...]) -> float:
    picked = [values[rows][:, list(channels)][None] for values in (predicted, truth)]
    return relative_l2(*picked).item()


def _weighted(miss: ndarray, truth: ndarray, area: ndarray) -> float:
    whole = (area * truth**2).sum()
    return float(np.sqrt((area * miss**2).sum() / whole)) if whole > 0 else float("nan")
