import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy import ndarray
from scipy.spatial import cKDTree

from mspt.data.sets.car import flow_case as flow_module
from mspt.data.sets.car.families import (
    BLOCK,
    CURVED_BLOCK,
    FIRST_CURVED,
    NUM_CASES,
    UNSEEN,
    car_body,
    family_and_split,
)
from mspt.data.sets.car.flow_case import (
    MAX_DRAG,
    MAX_SPREAD,
    PRESSURE_RANGE,
    STAGNATION,
    VOLUME_POINTS,
    FlowCase,
    check_case,
    flow_case,
    interpolate,
    solve_body,
    unsettled_words,
)
from mspt.data.sets.car.store import read_flow, write_flow
from mspt.errors import SolverError
from mspt.geometry.bodies.families import (
    CURVED_FAMILIES,
    FAMILIES,
    VEHICLES,
    Body,
    draw_body,
)
from mspt.geometry.distance import nearest_on
from mspt.geometry.mesh import box
from mspt.metrics.forces import BOTH_HALVES, Force, coefficients, surface_force
from mspt.solvers.openfoam.case import Recipe
from mspt.solvers.openfoam.results import Flow
from mspt.solvers.openfoam.run import SolverProgress

BODY = box((0.0, -0.2, 0.05), (1.0, 0.2, 0.35))
AREA = 0.4 * 0.3
RECIPE = Recipe(iterations=60, average_from=41)
SLOPE = np.array([0.03, -0.05, 0.08])


def pressure_at(points: ndarray) -> ndarray:
    return 0.1 + points @ SLOPE


def velocity_at(points: ndarray) -> ndarray:
    return points @ np.array([[0.2, 0.1, 0.0], [0.0, 0.3, 0.1], [-0.1, 0.0, 0.2]]) + [1, 0, 0]


def made_up_flow(*, seed: int = 0, **changes: Any) -> Flow:  # noqa: ANN401 - any part of it
    """A flow with linear fields in scattered cells, and forces that fit its faces."""
    rng = np.random.default_rng(seed)
    cells = rng.uniform((-1.5, 0, 0), (4, 1.3, 1.3), (30_000, 3))
    right = BODY.mapped(np.diag([1.0, 0.5, 1.0]), np.array([0.0, 0.1, 0.0]))
    pressure = pressure_at(right.centers) + 0.4 * (right.normals[:, 0] < -0.5)
    shear = np.tile([0.002, 0.0, 0.001], (len(pressure), 1))
    half = surface_force(right.area_vectors, pressure, shear=shear)
    history = np.tile(np.stack([half.pressure, half.friction]) * BOTH_HALVES, (60, 1, 1))
    history[:40] *= 5  # before the average
    return replace(
        Flow(
            face_centers=right.centers,
            face_areas=right.area_vectors,
            face_pressure=pressure,
            face_shear=shear,
            cell_centers=cells,
            cell_velocity=velocity_at(cells),
            cell_pressure=pressure_at(cells),
            force_history=history,
            residual_history=np.full((60, 2), 1e-3),
            iterations=60,
            averaged=True,
            wall_distance_units=200.0,
            cpu_seconds=12.0,
            recipe=RECIPE,
        ),
        **changes,
    )


@pytest.fixture(scope="module")
def case() -> FlowCase:
    return flow_case(made_up_flow(), BODY, seed=0)


# From cells to points.


def brute_neighbors(centers: ndarray, points: ndarray) -> ndarray:
    distance = np.linalg.norm(points[:, None] - centers, axis=2)
    return np.argsort(distance, axis=1)[:, :10]


@given(seed=st.integers(0, 1000))
def test_linear_fields_are_met_exactly_up_to_the_values_around(seed: int) -> None:
    rng = np.random.default_rng(seed)
    centers, points = rng.random((300, 3)), rng.uniform(0.1, 0.9, (40, 3))
    slope, shift = rng.normal(size=(3, 2)), rng.normal(size=2)
    values = centers @ slope + shift
    around = values[brute_neighbors(centers, points)]
    exact = points @ slope + shift
    expected = np.clip(exact, around.min(axis=1), around.max(axis=1))
    np.testing.assert_allclose(interpolate(centers, values, points), expected, atol=1e-6)
    # Only few points lie outside the values of the cells around them.
    assert np.mean(expected == exact) > 0.9


@given(seed=st.integers(0, 1000))
def test_interpolated_values_stay_within_those_around(seed: int) -> None:
    rng = np.random.default_rng(seed)
    centers, points = rng.random((50, 3)), rng.uniform(-0.5, 1.5, (40, 3))
    values = rng.normal(size=(50, 3))
    around = values[brute_neighbors(centers, points)]
    found = interpolate(centers, values, points)
    assert (found >= around.min(axis=1)).all()
    assert (found <= around.max(axis=1)).all()


def test_gradient_is_a_least_squares_fit_with_weights_of_one_over_the_squared_distance() -> None:
    rng = np.random.default_rng(5)
    centers, points, values = rng.random((300, 3)), rng.uniform(0.2, 0.8, (30, 3)), rng.random(300)
    for point, found in zip(points, interpolate(centers, values[:, None], points), strict=True):
        nearest, *others = np.argsort(np.linalg.norm(centers - point, axis=1))[:10]
        step, rise = centers[others] - centers[nearest], values[others] - values[nearest]
        distance = np.linalg.norm(step, axis=1)
        # Dividing both sides by the distance weighs squared misses by one over its square.
        gradient = np.linalg.lstsq(step / distance[:, None], rise / distance)[0]
        expected = values[nearest] + (point - centers[nearest]) @ gradient
        around = values[[nearest, *others]]
        assert found[0] == pytest.approx(expected.clip(around.min(), around.max()), abs=1e-6)


def test_value_at_the_center_of_a_cell_is_the_cells() -> None:
    rng = np.random.default_rng(1)
    centers, values = rng.random((200, 3)), rng.normal(size=(200, 2))
    np.testing.assert_allclose(interpolate(centers, values, centers), values, atol=1e-12)


def test_interpolation_does_not_depend_on_the_order_of_the_cells() -> None:
    rng = np.random.default_rng(2)
    centers, values, points = rng.random((200, 3)), rng.normal(size=(200, 1)), rng.random((50, 3))
    order = rng.permutation(200)
    np.testing.assert_allclose(
        interpolate(centers[order], values[order], points), interpolate(centers, values, points)
    )


def test_interpolation_is_better_than_the_nearest_cell() -> None:
    rng = np.random.default_rng(3)
    centers, points = rng.random((4000, 3)), rng.uniform(0.1, 0.9, (500, 3))

    def field(places: ndarray) -> ndarray:
        return np.sin(4 * places[:, :1]) * np.cos(3 * places[:, 1:2]) + places[:, 2:] ** 2

    error = np.abs(interpolate(centers, field(centers), points) - field(points)).mean()
    _, nearest = cKDTree(centers).query(points)
    assert error < 0.25 * np.abs(field(centers)[nearest] - field(points)).mean()


def test_cells_in_one_plane_give_finite_values() -> None:
    rng = np.random.default_rng(4)
    centers = rng.random((60, 3)) * [1, 1, 0]
    values = centers @ np.array([[1.0], [2.0], [0.0]])
    above = centers + np.array([0.0, 0.0, 0.1])
    np.testing.assert_allclose(interpolate(centers, values, above), values, atol=1e-6)


# Flow cases.


def test_points_of_a_case_are_outside_the_body_above_the_ground_on_one_side(
    case: FlowCase,
) -> None:
    points = case.points.astype(np.float64)
    assert 0.8 * VOLUME_POINTS < len(points) < VOLUME_POINTS
    assert nearest_on(BODY, points).distance.min() > 0
    assert points[:, 2].min() > 0
    assert points[:, 1].min() >= 0


def test_offsets_lead_from_the_nearest_point_of_the_body(case: FlowCase) -> None:
    points, offsets = case.points.astype(np.float64), case.offsets.astype(np.float64)
    distance = np.linalg.norm(offsets, axis=1)
    np.testing.assert_allclose(distance, nearest_on(BODY, points).distance, atol=1e-6)
    np.testing.assert_allclose(nearest_on(BODY, points - offsets).distance, 0, atol=1e-6)


def test_pressures_and_shear_become_coefficients(case: FlowCase) -> None:
    flow = made_up_flow()
    np.testing.assert_allclose(case.face_pressure, 2 * flow.face_pressure, rtol=1e-6)
    np.testing.assert_allclose(case.face_shear, 2 * flow.face_shear, rtol=1e-6)
    np.testing.assert_allclose(case.face_points, flow.face_centers, rtol=1e-6)
    np.testing.assert_allclose(case.face_areas, flow.face_areas, rtol=1e-6)


def test_fields_of_the_flow_are_looked_at_where_the_points_are(case: FlowCase) -> None:
    points = case.points.astype(np.float64)
    inner = (np.abs(points - [1.0, 0.6, 0.6]) < [1.9, 0.5, 0.5]).all(axis=1)
    off_pressure = np.abs(case.pressure - 2 * pressure_at(points))[inner]
    off_velocity = np.abs(case.velocity - velocity_at(points))[inner].max(axis=1)
    # Exact but where it had to stay within the values around.
    for off in (off_pressure, off_velocity):
        assert np.median(off) < 1e-6
        assert off.max() < 0.03


def test_pressures_out_of_range_are_cut_off() -> None:
    plain = made_up_flow()
    extreme = plain.face_pressure.copy()
    extreme[:2] = -5.0, 3.0
    cells = np.where(np.arange(30_000) % 2, -9.0, 9.0)
    case = flow_case(replace(plain, face_pressure=extreme, cell_pressure=cells), BODY, seed=0)
    assert case.face_pressure[:2].tolist() == pytest.approx(list(PRESSURE_RANGE))
    assert (case.pressure.min(), case.pressure.max()) == pytest.approx(PRESSURE_RANGE)
    assert case.info["pressure_max"] == 6.0  # what the check sees


def test_points_depend_on_the_seed_and_not_on_the_solvers_mesh(case: FlowCase) -> None:
    other_mesh = flow_case(made_up_flow(seed=1), BODY, seed=0)
    np.testing.assert_array_equal(other_mesh.points, case.points)
    assert not np.array_equal(other_mesh.pressure, case.pressure)
    other_seed = flow_case(made_up_flow(), BODY, seed=1)
    assert not np.array_equal(other_seed.points[:100], case.points[:100])


def test_coefficients_of_a_case_are_those_of_its_faces(case: FlowCase) -> None:
    half = surface_force(case.face_areas, case.face_pressure, shear=case.face_shear)
    whole = Force(half.pressure * BOTH_HALVES, half.friction * BOTH_HALVES)
    found = coefficients(whole, reference_area=AREA)
    for name in ("C_D", "C_L", "C_D_pressure", "C_D_friction"):
        assert case.info[name] == pytest.approx(getattr(found, name), rel=1e-5), name
    assert case.info["frontal_area"] == pytest.approx(AREA, rel=1e-6)
    assert case.info["C_D"] == pytest.approx(case.info["C_D_pressure"] + case.info["C_D_friction"])


def test_spread_is_that_of_the_averaged_iterations() -> None:
    flow = made_up_flow()
    history = flow.force_history.copy()
    history[40:, 0, 0] = 0.06 * np.tile([0.9, 1.1], 10)
    history[40:, 1, 0] = 0.0
    info = flow_case(replace(flow, force_history=history), BODY, seed=0).info
    assert info["C_D"] == pytest.approx(2 * 0.06 / AREA)
    assert info["C_D_spread"] == pytest.approx(0.1 * info["C_D"])
    assert not info["settled"]
    assert unsettled_words(info).startswith("not settled: C_D varies by ±")
    assert "(10.0%)" in unsettled_words(info)
    history[40:, 0, 0] = 0.06 * np.tile([0.99, 1.01], 10)
    history[40:, 0, 2] = 0.06 * np.tile([0.5, 1.5], 10)
    settled = flow_case(replace(flow, force_history=history), BODY, seed=0).info
    assert settled["settled"]
    assert unsettled_words(settled) == ""
    assert settled["C_L_spread"] == pytest.approx(2 * 0.03 / AREA)


def test_case_says_how_it_was_computed(case: FlowCase) -> None:
    expected = {
        "cells": 30_000, "faces": 12, "iterations": 60, "averaged": True, "wall_units": 200.0,
        "cell": 0.08, "cpu_seconds": 12.0,
    }  # fmt: skip
    assert {name: case.info[name] for name in expected} == expected


# Checks.


def with_info(case: FlowCase, **changes: float) -> FlowCase:
    sound = {"C_D": 0.3, "C_D_spread": 0.001, "pressure_max": 1.0}
    return replace(case, info=sound | changes)


def test_sound_flows_pass(case: FlowCase) -> None:
    check_case(case)
    low, high = STAGNATION
    for changes in ({"C_D": -0.3}, {"pressure_max": low}, {"pressure_max": high}):
        check_case(with_info(case, **changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"C_D": MAX_DRAG * 1.25}, f"C_D must be within {MAX_DRAG}, got {MAX_DRAG * 1.25:.3g}"),
        ({"C_D": -31.4}, f"C_D must be within {MAX_DRAG}, got -31.4"),
        ({"C_D": float("nan")}, f"C_D must be within {MAX_DRAG}, got nan"),
        ({"C_D_spread": 0.06}, f"C_D must settle within {MAX_SPREAD:.0%}, got 20.0%"),
        (
            {"C_D": -0.3, "C_D_spread": 0.06},
            f"C_D must settle within {MAX_SPREAD:.0%}, got 20.0%",
        ),
        (
            {"pressure_max": 0.123},
            f"largest C_p must be {STAGNATION[0]} to {STAGNATION[1]}, got 0.123",
        ),
        (
            {"pressure_max": 4.5},
            f"largest C_p must be {STAGNATION[0]} to {STAGNATION[1]}, got 4.5",
        ),
    ],
)
def test_flows_that_are_no_truth_are_refused(
    case: FlowCase, changes: dict[str, float], message: str
) -> None:
    with pytest.raises(SolverError, match=f"^{re.escape(message)}$"):
        check_case(with_info(case, **changes))


def fake_solver(monkeypatch: pytest.MonkeyPatch, flow: Flow) -> list[tuple[Any, ...]]:
    calls = []

    def solve(*arguments: object) -> Iterator[SolverProgress | Flow]:
        calls.append(arguments)
        yield SolverProgress(stage="blockMesh", iteration=0, iterations=60)
        yield flow

    monkeypatch.setattr(flow_module, "solve_flow", solve)
    return calls


@pytest.fixture(scope="module")
def block() -> Body:
    return draw_body("block", 0)


def test_solved_body_is_described_in_its_case(monkeypatch: pytest.MonkeyPatch, block: Body) -> None:
    calls = fake_solver(monkeypatch, made_up_flow())
    case = solve_body(block, seed=3, recipe=RECIPE)
    assert calls == [(block.mesh, RECIPE)]
    described = block.describe()
    assert {name: case.info[name] for name in described} == described
    assert case.info["wheels"] is False
    assert case.info["C_D"] > 0  # neither overwrites the other


def test_body_whose_flow_is_no_truth_has_no_case(
    monkeypatch: pytest.MonkeyPatch, block: Body
) -> None:
    flow = made_up_flow()
    fake_solver(monkeypatch, replace(flow, force_history=flow.force_history * 1e3))
    with pytest.raises(SolverError, match="C_D must be within"):
        solve_body(block, seed=3)


# Files.


def test_stored_case_is_the_case_up_to_order_and_rounding(case: FlowCase, tmp_path: Path) -> None:
    info = case.info | draw_body("blob", 0).describe()
    write_flow(tmp_path / "00000.npz", replace(case, info=info))
    back = read_flow(tmp_path / "00000.npz")
    for names in (
        ("face_points", "face_areas", "face_pressure", "face_shear"),
        ("points", "offsets", "velocity", "pressure"),
    ):
        here, there = getattr(case, names[0]), getattr(back, names[0])
        distance, row = cKDTree(there).query(here)
        assert distance.max() < 1e-3
        assert sorted(row) == list(range(len(here)))
        for name in names:
            values = getattr(case, name)
            tolerance = 2e-5 * max(np.ptp(values, axis=0).max(), 1e-6)
            np.testing.assert_allclose(getattr(back, name)[row], values, atol=tolerance)
    assert back.info == info | {"balls": [list(ball) for ball in info["balls"]]}
    assert [path.name for path in tmp_path.iterdir()] == ["00000.npz"]


# Which body each case is.


def table() -> list[tuple[str, str]]:
    return [family_and_split(index) for index in range(NUM_CASES)]


def blocks() -> list[tuple[Sequence[str], list[tuple[str, str]]]]:
    """Families that each block of cases must have, and families and splits of its cases."""
    rows = table()
    straight = [
        (BLOCK, rows[start : start + len(BLOCK)]) for start in range(0, FIRST_CURVED, len(BLOCK))
    ]
    size = len(CURVED_BLOCK)
    starts = range(FIRST_CURVED, NUM_CASES, size)
    return straight + [(CURVED_BLOCK, rows[start : start + size]) for start in starts]


def test_families_have_their_shares_in_every_block() -> None:
    for expected, cases in blocks():
        assert Counter(family for family, _ in cases) == Counter(expected)
    counts = Counter(family for family, _ in table()[:FIRST_CURVED])
    cars = sum(counts[name] for name in ("notchback", "fastback", "estate", "van", "pickup"))
    assert (cars, counts["block"]) == (FIRST_CURVED * 11 // 20, FIRST_CURVED * 4 // 20)
    assert set(counts) == set(FAMILIES)
    later = Counter(family for family, _ in table()[FIRST_CURVED:])
    assert set(later) == {*VEHICLES, *CURVED_FAMILIES} - {"curved pickup"}
    assert sum(later[name] for name in VEHICLES) == 0.8 * later.total()


def test_unseen_families_are_the_unseen_split() -> None:
    for family, split in table():
        assert (family in UNSEEN) == (split == "unseen")
    learned = {family for family, split in table() if split in ("train", "validation")}
    assert not learned & {"pickup", "cylinder", "curved pickup", "curved cylinder", "crew-cab"}
    assert "lorry" not in learned


def test_each_block_has_its_test_cases_and_those_for_validation() -> None:
    for families, cases in blocks():
        shares = {"train": 15, "test": 2, "validation": 1, "unseen": 2}
        if families is CURVED_BLOCK:
            shares = {"train": 39, "test": 5, "validation": 2, "unseen": 4}
        assert Counter(split for _, split in cases) == shares


def test_every_family_that_is_learned_is_tested_too() -> None:
    rows = Counter(table())
    for family in {*FAMILIES, *VEHICLES, *CURVED_FAMILIES} - UNSEEN:
        assert rows[family, "test"] >= 1
        assert rows[family, "train"] >= 10


def test_order_of_the_families_differs_from_block_to_block() -> None:
    orders = [tuple(family for family, _ in cases) for _, cases in blocks()]
    assert len(set(orders)) == len(orders)
    assert all(one != other for one, other in pairwise(orders))


def test_cases_are_those_that_were_computed_once() -> None:
    """Stored flows are found by their index: it must never mean another body."""
    assert [family_and_split(index) for index in (0, 1, 2, 3, 6, 20, 123, 399)] == [
        ("block", "test"),
        ("fastback", "test"),
        ("notchback", "validation"),
        ("wing", "train"),
        ("cylinder", "unseen"),
        ("blob", "test"),
        ("cylinder", "unseen"),
        ("fastback", "train"),
    ]
    assert [family_and_split(index) for index in (520, 521, 526, 538, 569, 2519)] == [
        ("crew-cab", "unseen"),
        ("bus", "test"),
        ("saloon", "validation"),
        ("lorry", "unseen"),
        ("saloon", "train"),
        ("suv", "train"),
    ]
    body = car_body(0)
    described = {name: value for name, value in body.describe().items() if name != "family"}
    assert described["width"] == pytest.approx(0.4417654715234789)
    assert described["slant_angle"] == pytest.approx(43.741928785336604)


def test_bodies_belong_to_their_family_and_depend_on_the_seed() -> None:
    blocks = [index for index in range(20) if family_and_split(index)[0] == "block"]
    first, second = (car_body(index) for index in blocks[:2])
    assert first.family == second.family == "block"
    assert first.parameters != second.parameters
    assert car_body(blocks[0], seed=1).parameters != first.parameters
    assert car_body(blocks[0]) is first  # kept: drawing it takes most of a second
