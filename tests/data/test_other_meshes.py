"""Repeats of flow cases on other meshes: made, stored, shipped, and the noise that they tell."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up_flows import sphere_flow, sphere_velocity

from mspt.data.files import SHIPPED, read_json, write_json
from mspt.data.sets.car import generate as flow_generate
from mspt.data.sets.car import store as flow_store
from mspt.data.sets.car.families import family_and_split
from mspt.data.sets.car.flow_case import FlowCase
from mspt.data.sets.car.generate import generate_flows, ship_flows
from mspt.data.sets.car.other_meshes import (
    REPEATS,
    mean_of_meshes,
    on_points_of,
    read_repeat,
    write_repeat,
)
from mspt.data.sets.car.store import LEFT_OUT, load_flow, load_repeats, write_flow
from mspt.errors import DataError
from mspt.evaluation.flows import compare_labels, label_noise, summarize

CASE = sphere_flow(0.4)
TEST_CASES = [index for index in range(20) if family_and_split(index)[1] == "test"]


def in_other_order(case: FlowCase) -> FlowCase:
    """Return a case with its faces and points shuffled."""
    rng = np.random.default_rng(0)
    faces, points = rng.permutation(len(case.face_points)), rng.permutation(len(case.points))
    shuffled = {
        name: value[faces if name.startswith("face_") else points]
        for name, value in vars(case).items()
        if name not in ("info", "shape")
    }
    return FlowCase(**shuffled, info=case.info | {"C_D": 0.5})


def test_fields_of_another_mesh_come_to_the_places_of_the_case() -> None:
    found = on_points_of(CASE, in_other_order(CASE))
    for name in ("face_pressure", "face_shear", "velocity", "pressure"):
        np.testing.assert_allclose(getattr(found, name), getattr(CASE, name), atol=1e-5)
    assert found.points is CASE.points
    assert found.info["C_D"] == 0.5


def test_fields_are_carried_between_different_faces() -> None:
    turn = np.array([[1, 0, 0], [0, np.cos(0.02), -np.sin(0.02)], [0, np.sin(0.02), np.cos(0.02)]])
    center = np.array([0.5, 0.0, 0.6])
    faces = (center + (CASE.face_points - center) @ turn.T).astype(np.float32)
    at_wall = sphere_velocity(faces, 0.4)
    other = replace(
        CASE,
        face_points=faces,
        face_areas=(CASE.face_areas @ turn.T).astype(np.float32),
        face_pressure=(1 - (at_wall**2).sum(axis=1)).astype(np.float32),
    )
    found = on_points_of(CASE, other).face_pressure
    miss = np.linalg.norm(found - CASE.face_pressure) / np.linalg.norm(CASE.face_pressure)
    assert 1e-4 < miss < 0.05


def test_both_sides_of_a_thin_plate_keep_their_own_pressure() -> None:
    across = np.stack(np.meshgrid(np.arange(20.0), np.arange(20.0)), -1).reshape(-1, 2) / 100
    sides = np.repeat([1.0, -1.0], len(across))
    places = np.concatenate([np.tile(across, (2, 1)), 0.001 * sides[:, None]], 1)
    plate = replace(
        CASE,
        face_points=places.astype(np.float32),
        face_areas=(sides[:, None] * np.array([0, 0, 1e-4])).astype(np.float32),
        face_pressure=sides.astype(np.float32),
        face_shear=np.zeros((len(places), 3), np.float32),
    )
    moved = replace(plate, face_points=plate.face_points + np.float32([0.004, 0.004, 0]))
    np.testing.assert_allclose(on_points_of(plate, moved).face_pressure, sides, atol=0.01)


def test_a_mesh_looked_at_elsewhere_is_refused() -> None:
    other = replace(CASE, points=CASE.points + np.float32(0.01))
    with pytest.raises(DataError, match="repeat must hold all points of its case"):
        on_points_of(CASE, other)


def test_mean_is_that_of_fields_and_coefficients() -> None:
    doubled = replace(
        CASE, velocity=2 * CASE.velocity, face_shear=3 * CASE.face_shear, info={"C_D": 1, "C_L": 2}
    )
    found = mean_of_meshes([CASE, doubled])
    np.testing.assert_allclose(found.velocity, 1.5 * CASE.velocity, rtol=1e-6)
    np.testing.assert_allclose(found.face_shear, 2 * CASE.face_shear, rtol=1e-6)
    np.testing.assert_array_equal(found.face_pressure, CASE.face_pressure)
    assert found.info["C_D"] == pytest.approx((CASE.info["C_D"] + 1) / 2)
    assert found.info["C_L"] == 1
    assert found.info["frontal_area"] == CASE.info["frontal_area"]


def test_repeat_on_disk_holds_its_fields_alone(tmp_path: Path) -> None:
    path = tmp_path / "repeat.npz"
    write_repeat(path, replace(CASE, velocity=-CASE.velocity))
    found = read_repeat(path, CASE)
    np.testing.assert_allclose(found.velocity, -CASE.velocity, atol=1e-4)
    np.testing.assert_array_equal(found.points, CASE.points)
    write_flow(tmp_path / "whole.npz", CASE)
    assert path.stat().st_size < 0.7 * (tmp_path / "whole.npz").stat().st_size
    names = ("points", "offsets", "velocity", "pressure")
    fewer = replace(CASE, **{name: getattr(CASE, name)[1:] for name in names})
    with pytest.raises(DataError, match=r"must have 699 rows of velocity .* got 700"):
        read_repeat(path, fewer)


@pytest.fixture
def solver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A solver whose velocities are a tenth too fast on other meshes; nothing ships."""

    def solve(body: int, *, seed: int, recipe: object) -> FlowCase:  # noqa: ARG001
        if recipe is None:
            return CASE
        other = in_other_order(CASE)
        return replace(other, velocity=other.velocity * np.float32(1.1))

    monkeypatch.setattr(flow_store, "SHIPPED", tmp_path / "nothing ships")
    monkeypatch.setattr(flow_generate, "require_openfoam", lambda: None)
    monkeypatch.setattr(flow_generate, "car_body", lambda index, seed: index)  # noqa: ARG005
    monkeypatch.setattr(flow_generate, "solve_body", solve)
    monkeypatch.setattr(flow_generate, "write_body", lambda index, root: None)  # noqa: ARG005
    monkeypatch.setattr(
        flow_generate,
        "in_processes",
        lambda task, arguments, jobs: (task(*one) for one in arguments),  # noqa: ARG005
    )
    return tmp_path / "data"


def test_test_cases_are_repeated_and_shipped(solver: Path, tmp_path: Path) -> None:
    list(generate_flows(num_cases=20, seed=0, out=solver))
    events = list(generate_flows(num_cases=20, seed=0, out=solver, mesh="larger"))
    assert sorted(event.index for event in events) == TEST_CASES
    assert events[-1].num_done == events[-1].num_cases == len(TEST_CASES)
    assert not list(generate_flows(num_cases=20, seed=0, out=solver, mesh="larger"))
    name = f"car-{TEST_CASES[0]:04d}"
    shipped = tmp_path / "shipped"
    write_json(solver / "car" / "larger" / LEFT_OUT, {"car-0007": "no truth"})
    sizes = ship_flows(root=solver, out=shipped, max_points=50)
    assert read_json(shipped / "car" / "larger" / LEFT_OUT) == {"car-0007": "no truth"}
    assert f"larger/{TEST_CASES[0]:05d}.npz" in sizes
    for root, count in ((solver, 700), (shipped, 50)):
        case, repeats = load_flow(name, root=root), load_repeats(name, root=root)
        assert list(repeats) == ["larger"]
        assert len(case.points) == len(repeats["larger"].velocity) == count
        # Stored in 16 bits, twice where it ships.
        np.testing.assert_allclose(repeats["larger"].velocity, 1.1 * case.velocity, atol=2e-4)
        np.testing.assert_allclose(repeats["larger"].face_shear, case.face_shear, atol=1e-4)


def test_cases_are_computed_before_their_repeats(solver: Path) -> None:
    with pytest.raises(DataError, match=r"mesh smaller must repeat test cases, found none; make"):
        list(generate_flows(num_cases=20, seed=0, out=solver, mesh="smaller"))
    assert not solver.exists()  # nothing is left behind
    with pytest.raises(DataError, match="mesh must be one of finer, larger, smaller, got 'huge'"):
        list(generate_flows(num_cases=20, seed=0, out=solver, mesh="huge"))


def test_labels_of_another_mesh_are_scored_like_a_prediction() -> None:
    other = replace(
        CASE, velocity=CASE.velocity * np.float32(1.2), info=CASE.info | {"C_D": 0.008, "C_L": 0.1}
    )
    score = compare_labels("car-0000", CASE, other)
    assert score.velocity == pytest.approx(0.2, rel=1e-5)
    assert score.surface_pressure == score.wall_shear == 0
    assert (score.C_D, score.C_D_true) == (0.008, pytest.approx(0.004))
    assert score.C_L == 0.1
    mesh = summarize([score, score])
    noise = label_noise({"other_meshes": {"larger": mesh, "smaller": {**mesh, "velocity": 0.4}}})
    assert noise["velocity"] == pytest.approx(0.3)
    assert noise["C_D_relative"] == pytest.approx(1)
    assert "wheel_pressure" not in noise  # a sphere has none
    assert label_noise({}) == {}


def test_mean_over_three_meshes_is_that_of_each_field_and_coefficient() -> None:
    case = sphere_flow(0.4)
    meshes = [
        replace(
            case,
            face_pressure=case.face_pressure + np.float32(shift),
            velocity=case.velocity - np.float32(shift),
            info=case.info | {"C_D": 0.1 * shift, "C_L": -1.0 * shift},
        )
        for shift in (0, 1, 5)
    ]
    mean = mean_of_meshes(meshes)
    np.testing.assert_allclose(mean.face_pressure, case.face_pressure + 2, atol=1e-6)
    np.testing.assert_allclose(mean.velocity, case.velocity - 2, atol=1e-6)
    assert (mean.info["C_D"], mean.info["C_L"]) == (pytest.approx(0.2), pytest.approx(-2))


def test_what_ships_repeats_every_test_case_on_every_mesh() -> None:
    names = flow_store.list_flows("test")
    assert len(names) >= 50
    for name in names:
        case, repeats = load_flow(name), load_repeats(name)
        missing = REPEATS.keys() - repeats
        assert all(name in read_json(SHIPPED / "car" / mesh / LEFT_OUT) for mesh in missing)
        assert repeats
        for mesh, repeat in repeats.items():
            assert repeat.info["cell"] == REPEATS[mesh].cell
            assert repeat.info["family"] == case.info["family"]
