"""The data set of shock tubes: its states, its points, and what is near a jump."""

import time
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mspt.data.case import Case
from mspt.data.codec import decode, encode
from mspt.data.sets.shock_tube import (
    NEAR,
    SHOCK_TUBE,
    region_of_points,
    sample_states,
    solution_of,
)
from mspt.evaluation.cases import num_parameters
from mspt.models.registry import build_model

SOD = torch.tensor([1.0, 0.0, 1.0, 0.125, 0.0, 0.1])


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [SHOCK_TUBE.make_case(seed) for seed in range(200)]


def test_all_four_patterns_of_waves_occur_often(cases: list[Case]) -> None:
    patterns = Counter(solution_of(case.features).pattern for case in cases)
    assert set(patterns) == {"SS", "SR", "RS", "RR"}
    assert min(patterns.values()) > len(cases) / 8


def test_every_contact_and_shock_is_one_to_be_seen(cases: list[Case]) -> None:
    for case in cases:
        solution = solution_of(case.features)
        pairs = [(solution.left.inside, solution.right.inside)]
        pairs += [(w.outside, w.inside) for w in (solution.left, solution.right) if w.is_shock]
        for one, other in pairs:
            low, high = sorted((one.density, other.density))
            assert low < 0.9 * high


def test_states_are_in_the_stated_ranges_and_the_same_at_all_points(cases: list[Case]) -> None:
    states = torch.stack([case.features[0] for case in cases])
    assert all((case.features == case.features[0]).all() for case in cases)
    density, velocity, pressure = states.reshape(-1, 2, 3).flatten(0, 1).T
    for values, low, high in (
        (density, 0.125, 1),
        (velocity, -1, 1),
        (pressure / density, 0.5, 2),
    ):
        assert low <= values.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < values.max() <= high * (1 + 1e-6)


def test_points_are_scattered_all_over_the_tube_and_the_time(cases: list[Case]) -> None:
    points = torch.stack([case.points for case in cases])
    assert points.shape == (200, 1024, 2)
    x, t = points.unbind(-1)
    assert t.min() > 0
    for values, low, high in ((x, -0.5, 0.5), (t, 0, 0.25)):
        counts = torch.histc(values, bins=10, min=low, max=high)
        assert counts.sum() == values.numel()
        assert (counts / counts.mean() - 1).abs().max() < 0.05
    assert abs(np.corrcoef(x.flatten(), t.flatten())[0, 1]) < 0.01


def test_fields_are_those_of_the_states_at_x_over_t(cases: list[Case]) -> None:
    for case in cases[:20]:
        solution = solution_of(case.features)
        x, t = case.points.double().unbind(-1)
        for speed in (solution.left.head, solution.right.head):
            assert abs(speed) < 4
        before = (x < solution.left.head * t) & (x < 0)
        after = (x > solution.right.head * t) & (x > 0)
        assert (case.fields[before] == case.features[0, :3]).all()
        assert (case.fields[after] == case.features[0, 3:]).all()
        middle = (x > solution.left.tail * t + 1e-6) & (x < solution.right.tail * t - 1e-6)
        star = torch.tensor([solution.velocity, solution.pressure])
        assert (case.fields[middle][:, 1:] - star).abs().max() < 1e-6
        assert (before | after).any()
        assert middle.any()


def test_a_case_takes_a_few_milliseconds() -> None:
    SHOCK_TUBE.make_case(0)
    start = time.process_time()
    for seed in range(20):
        SHOCK_TUBE.make_case(seed)
    # The types of all arguments are checked in tests, which takes several times as long.
    assert (time.process_time() - start) / 20 < 0.02


def test_states_of_one_generator_differ() -> None:
    rng = np.random.default_rng(3)
    assert sample_states(rng) != sample_states(rng)


def test_storing_a_case_keeps_its_states_exactly() -> None:
    made = [SHOCK_TUBE.make_case(seed) for seed in (3, 4)]
    stored = decode(SHOCK_TUBE, encode(SHOCK_TUBE, made, [0, 1]), [0, 1])
    for index, case in enumerate(made):
        assert torch.equal(stored.features[index], case.features)
        assert (stored.points[index] - case.points).abs().max() < 1e-5
        assert (stored.fields[index] - case.fields).norm() < 1e-4 * case.fields.norm()


# ---- near a jump


def test_near_are_points_beside_the_contact_and_the_shock_of_sods_tube() -> None:
    t, contact, shock = 0.2, 0.92745, 1.75216
    x = torch.linspace(-0.5, 0.5, 2001, dtype=torch.float64)
    points = torch.stack([x, torch.full_like(x, t)], dim=-1).float()
    found = region_of_points(points, SOD.expand(len(points), 6))
    distance = torch.minimum((x - contact * t).abs(), (x - shock * t).abs())
    clear = (distance - NEAR).abs() > 1e-4
    assert torch.equal(found[clear] == 0, distance[clear] < NEAR)
    assert (found == 0).sum().item() == pytest.approx(2 * 2 * NEAR * 2000, abs=4)


def test_the_fields_change_little_away_from_the_jumps(cases: list[Case]) -> None:
    # Across a step of NEAR / 2 in x a point that is not near a jump sees no jump.
    for case in cases[:40]:
        solution = solution_of(case.features)
        far = region_of_points(case.points, case.features) == 1
        x, t = case.points[far & (case.points[:, 1] > 0.1)].double().T.numpy()
        density = [solution.at((x + step) / t)[:, 0] for step in (-NEAR / 2, NEAR / 2)]
        # Through a rarefaction the slope of the density is at most 5/6 rho / (a t).
        steepest = max(
            state.density / state.sound_speed
            for state in (solution.left.outside, solution.right.outside)
        )
        assert np.abs(density[0] - density[1]).max() <= 5 / 6 * steepest / 0.1 * NEAR + 1e-9


@given(seed=st.integers(0, 2**32))
def test_every_case_has_points_in_both_regions(seed: int) -> None:
    case = SHOCK_TUBE.make_case(seed)
    near = (region_of_points(case.points, case.features) == 0).float().mean()
    assert 0.005 < near < 0.25


# ---- its place among the data sets


def test_the_preset_has_about_two_hundred_thousand_parameters() -> None:
    assert 190_000 < num_parameters(build_model(SHOCK_TUBE.presets["shock_tube"].model)) < 220_000


def test_regions_have_a_name_each() -> None:
    assert SHOCK_TUBE.regions.names == ("jump", "elsewhere")
    case = SHOCK_TUBE.make_case(0)
    found = SHOCK_TUBE.regions.of_points(case.points, case.features)
    assert set(found.tolist()) == {0, 1}
