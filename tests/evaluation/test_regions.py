"""Errors of regions in evaluations, for shock tubes and for data sets registered here."""

from dataclasses import replace

import pytest
import torch
from helpers import made_up_cases
from made_up_datasets import TOY

from mspt.checkpoint import Checkpoint
from mspt.data.capabilities import Regions
from mspt.data.case import CaseStack
from mspt.data.dataset import Request
from mspt.data.registry import registered
from mspt.data.sets.shock_tube import SHOCK_TUBE, solution_of
from mspt.evaluation.cases import evaluate
from mspt.evaluation.regions import errors_by_region
from mspt.models.normalizer import Normalizer
from mspt.models.registry import build_model
from mspt.progress import last_event


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> CaseStack:
    out = tmp_path_factory.mktemp("tubes")
    events = list(SHOCK_TUBE.source.generate(SHOCK_TUBE, Request(out=out, per_split=3)))
    assert [event.error for event in events] == [None] * 9
    return SHOCK_TUBE.cases("test", root=out, limit=3)


def jumps_of(cases: CaseStack, row: int) -> torch.Tensor:
    """Return the distance of each point from the nearest contact or shock, in x."""
    x, t = cases.points[row].double().unbind(-1)
    speeds = solution_of(cases.features[row]).jumps()
    return torch.stack([(x - speed * t).abs() for speed in speeds]).amin(0)


def test_smeared_jumps_are_errors_near_a_jump_only(cases: CaseStack) -> None:
    smeared = cases.fields.clone()
    for row in range(len(cases)):
        smeared[row] += 0.1 * (jumps_of(cases, row) < 0.01)[:, None]
    found = errors_by_region(smeared, cases)
    assert found["elsewhere"] == 0
    assert found["jump"] > 0.03
    away = cases.fields.clone()
    for row in range(len(cases)):
        away[row] += 0.1 * (jumps_of(cases, row) > 0.03)[:, None]
    found = errors_by_region(away, cases)
    assert found["jump"] == 0
    assert found["elsewhere"] > 0.03


def test_an_evaluation_has_the_errors_of_the_regions(cases: CaseStack) -> None:
    config = SHOCK_TUBE.presets["shock_tube"].model
    config = replace(config, width=16, num_heads=2, num_blocks=2)
    normalizer = Normalizer.fit(cases.points, cases.features, cases.fields)
    model = build_model(config).eval()
    checkpoint = Checkpoint(model, config, normalizer, {"dataset": "shock_tube"})
    found = last_event(evaluate(checkpoint, cases))
    assert list(found.by_region) == ["jump", "elsewhere"]
    assert found.metrics()["by_region"] == found.by_region
    # Both are of the size of the whole error, between them.
    low, high = sorted(found.by_region.values())
    assert 0.9 * low < found.relative_l2.mean().item() < 1.1 * high


def halves(points: torch.Tensor, features: torch.Tensor) -> torch.Tensor:  # noqa: ARG001
    return (points[:, 0] > 0.5).long() * 2


def test_groups_of_fields_count_alike_and_empty_regions_have_no_error() -> None:
    regions = Regions(names=("left", "none", "right"), description="", of_points=halves)
    with registered(replace(TOY, name="halved", regions=regions)):
        made = [TOY.make_case(seed) for seed in range(4)]
        cases = CaseStack(
            dataset="halved",
            names=tuple("abcd"),
            **{
                part: torch.stack([getattr(case, part) for case in made])
                for part in ("points", "features", "fields")
            },
        )
        predicted = cases.fields.clone()
        right = cases.points[..., 0] > 0.5
        predicted[..., 0] *= 1.1  # the first group: temperature
        predicted[..., 1:] += 3 * right[..., None]  # the second one: flux
        found = errors_by_region(predicted, cases)
    heat, flux = cases.fields[..., 0], cases.fields[..., 1:]
    heat_size = heat.square().mean(-1).sqrt()
    flux_size = flux.square().sum(-1).mean(-1).sqrt()
    expected = []
    for side, extra in ((~right, 0.0), (right, (2 * 3**2) ** 0.5)):
        rows = [heat[case][side[case]].square().mean().sqrt() for case in range(4)]
        heats = 0.1 * torch.stack(rows) / heat_size
        expected.append(((heats + extra / flux_size) / 2).mean().item())
    assert found["none"] is None
    assert found["left"] == pytest.approx(expected[0], rel=1e-4)
    assert found["right"] == pytest.approx(expected[1], rel=1e-4)


def test_data_sets_without_regions_have_no_such_errors() -> None:
    cases = made_up_cases(2)
    assert errors_by_region(cases.fields, cases) == {}
