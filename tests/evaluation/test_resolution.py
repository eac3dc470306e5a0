from pathlib import Path

import numpy as np
import pytest
import torch

from mspt.checkpoint import Checkpoint, load_checkpoint
from mspt.data.sets.car.store import list_flows, load_flow
from mspt.data.store import list_cases, load_case
from mspt.evaluation.comparison import patches_of
from mspt.evaluation.resolution import (
    FACTORS,
    AtResolution,
    at_factor,
    error_at,
    resolution_steps,
    with_patch_size,
)
from mspt.figures.charts.resolution import resolution_figure
from mspt.inference.sample import Sample, predict_sample, sample_of_case, sample_of_flow
from mspt.inference.sampling import cloud_size

PRETRAINED = Path("pretrained")
NAME = list_flows("test")[0]


@pytest.mark.parametrize("dataset", ["darcy", "elasticity"])
@pytest.mark.parametrize("factor", [0.25, 0.5])
def test_coarser_case_keeps_points_with_their_own_truth(dataset: str, factor: float) -> None:
    case = load_case(dataset, list_cases(dataset)[0])
    seen = at_factor(sample_of_case(case), factor)
    assert len(seen.points) == pytest.approx(factor * len(case.points), rel=0.05)
    rows = {tuple(point): index for index, point in enumerate(case.points.tolist())}
    index = [rows[tuple(point)] for point in seen.points.tolist()]
    assert len(set(index)) == len(index)
    torch.testing.assert_close(seen.truth, case.fields[index])
    torch.testing.assert_close(seen.features, case.features[index])


@pytest.mark.parametrize("dataset", ["darcy", "elasticity"])
def test_coarser_case_is_as_coarse_everywhere(dataset: str) -> None:
    """The distance to the nearest kept point grows by about the same factor at all points."""
    case = load_case(dataset, list_cases(dataset)[0])
    whole, half = case.points.double(), at_factor(sample_of_case(case), 0.5).points.double()
    fine = torch.cdist(half, whole).topk(2, largest=False).values[:, 1]
    coarse = torch.cdist(half, half).topk(2, largest=False).values[:, 1]
    assert (coarse / fine).min() > 1.05
    assert (coarse / fine).max() < 3


@pytest.mark.parametrize("dataset", ["darcy", "elasticity"])
def test_no_resolution_is_made_up(dataset: str) -> None:
    assert at_factor(sample_of_case(load_case(dataset, list_cases(dataset)[0])), 2.0) is None
    flow = load_flow(NAME)
    assert (
        at_factor(sample_of_flow(NAME, flow, size=(len(flow.face_points) + 1, 10)), 2.0, flow=flow)
        is None
    )
    assert (
        at_factor(sample_of_flow(NAME, flow, size=(10, len(flow.points) + 1)), 2.0, flow=flow)
        is None
    )


@pytest.mark.parametrize("factor", FACTORS)
def test_flow_is_drawn_in_proportion_from_stored_points(factor: float) -> None:
    flow = load_flow(NAME)
    seen = at_factor(sample_of_flow(NAME, flow, size=(400, 200)), factor, flow=flow)
    assert (seen.num_surface, len(seen.points)) == (400 * factor, 600 * factor)
    folded = np.array([1, -1, 1], dtype=np.float32)
    stored = {tuple(point) for point in flow.face_points.tolist()}
    stored |= {tuple(point) for point in (flow.face_points * folded).tolist()}
    assert {tuple(point) for point in seen.points[: seen.num_surface].tolist()} <= stored


def test_same_points_per_patch_means_patches_in_proportion() -> None:
    checkpoint = load_checkpoint(PRETRAINED / "darcy.safetensors")
    seen = at_factor(sample_of_case(load_case("darcy", list_cases("darcy")[0])), 0.25)
    kept, scaled = (
        np.bincount(patches_of(one, seen))
        for one in (checkpoint, with_patch_size(checkpoint, 0.25))
    )
    assert (len(kept), len(scaled)) == (64, 16)
    full = 85 * 85 / 64
    assert abs(scaled.mean() - full) < 0.05 * full
    assert abs(kept.mean() - full / 4) < 0.05 * full


def test_model_without_patches_cannot_keep_their_size() -> None:
    checkpoint = load_checkpoint(PRETRAINED / "darcy-transolver.safetensors")
    with pytest.raises(ValueError, match="number of patches that can change, got 'transolver'"):
        with_patch_size(checkpoint, 0.5)


def errors(checkpoint: Checkpoint, clouds: dict[float, Sample]) -> list[AtResolution]:
    return [
        error_at(checkpoint, clouds[factor], factor=factor, kept=kept, device="cpu")
        for factor, kept in resolution_steps(checkpoint, clouds)
    ]


def test_errors_are_those_of_the_model_at_those_points() -> None:
    checkpoint = load_checkpoint(PRETRAINED / "elasticity.safetensors")
    case = load_case("elasticity", list_cases("elasticity")[0])
    clouds = {factor: at_factor(sample_of_case(case), factor) for factor in (0.5, 1.0)}
    rows = errors(checkpoint, clouds)
    assert [(row.factor, row.kept, row.num_patches) for row in rows] == [
        (0.5, "K", 4),
        (0.5, "L", 2),
        (1.0, "K", 4),
    ]
    for row, asked in zip(
        rows, (checkpoint, with_patch_size(checkpoint, 0.5), checkpoint), strict=True
    ):
        seen = clouds[row.factor]
        miss = (predict_sample(asked, seen, device="cpu") - seen.truth).double().norm()
        assert row.relative_l2 == pytest.approx(float(miss / seen.truth.double().norm()), rel=1e-6)
        assert row.num_points == len(seen.points)
    assert rows[0].relative_l2 != rows[1].relative_l2


def test_figure_shows_each_error_at_its_number_of_points() -> None:
    checkpoint = load_checkpoint(PRETRAINED / "car.safetensors")
    flow, size = load_flow(NAME), cloud_size(checkpoint)
    small = {
        f: at_factor(sample_of_flow(NAME, flow, size=(size[0] // 16, size[1] // 16)), f, flow=flow)
        for f in (0.5, 1.0, 2.0)
    }
    rows = errors(checkpoint, small)
    figure = resolution_figure(rows, dark=False)
    (mark,) = figure.layout.annotations
    trained = next(row.num_points for row in rows if row.factor == 1)
    assert (mark.text, mark.x) == ("trained at N", pytest.approx(np.log10(trained)))
    curves = figure.data
    assert [curve.name for curve in curves] == [
        "as many patches as in training",
        "as many points in each patch",
    ]
    for curve, kept in zip(curves, "KL", strict=True):
        shown = dict(zip(curve.x, curve.y, strict=True))
        expected = {r.num_points: r.relative_l2 for r in rows if r.kept == kept or r.factor == 1}
        assert shown == expected
