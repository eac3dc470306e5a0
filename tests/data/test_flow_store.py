"""Cases of flows on disk: made, left out, shipped."""

from pathlib import Path

import pytest
from made_up_flows import sphere_flow

from mspt.data.sets.car import generate as flow_generate
from mspt.data.sets.car import store as flow_store
from mspt.data.sets.car.families import FIRST_CURVED, family_and_split
from mspt.data.sets.car.generate import generate_flows, ship_flows
from mspt.data.sets.car.store import left_out, list_flows, write_flow
from mspt.errors import DataError, SolverError

REASON = "C_D must settle within 3%, got 8%"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A solver that gives spheres, and no truth for case 1; the cases that it was asked for."""
    asked = []
    monkeypatch.setattr(flow_store, "SHIPPED", tmp_path / "nothing ships")

    def make(index: int, seed: int, folder: Path, recipe: object) -> tuple[int, float, str | None]:  # noqa: ARG001
        asked.append(index)
        if index == 1:
            return index, 0.1, REASON
        write_flow(folder / f"{index:05d}.npz", sphere_flow(0.4))
        return index, 0.1, None

    monkeypatch.setattr(flow_generate, "require_openfoam", lambda: None)
    monkeypatch.setattr(
        flow_generate,
        "in_processes",
        lambda task, arguments, jobs: (task(*one) for one in arguments),  # noqa: ARG005
    )
    monkeypatch.setattr(flow_generate, "_make", make)
    return asked


def test_case_without_a_truth_is_listed_with_its_reason_and_not_tried_again(
    made: list[int], tmp_path: Path
) -> None:
    events = list(generate_flows(num_cases=3, seed=0, out=tmp_path))
    assert {event.index: event.error for event in events} == {0: None, 1: REASON, 2: None}
    assert left_out(tmp_path)["car-0001"] == REASON
    assert not list(generate_flows(num_cases=3, seed=0, out=tmp_path))
    assert sorted(made) == [0, 1, 2]
    (event,) = generate_flows(num_cases=4, seed=0, out=tmp_path)
    assert (event.index, event.num_done) == (3, 4)


def test_cases_can_begin_with_any_and_are_resumed(made: list[int], tmp_path: Path) -> None:
    events = list(generate_flows(num_cases=2, seed=0, out=tmp_path, first=FIRST_CURVED))
    assert [(event.index, event.num_done, event.num_cases) for event in events] == [
        (520, 1, 2),
        (521, 2, 2),
    ]
    list(generate_flows(num_cases=3, seed=0, out=tmp_path, first=FIRST_CURVED))
    assert made == [520, 521, 522]
    assert list_flows("unseen", root=tmp_path) == ("car-0520",)
    with pytest.raises(DataError, match="first must be from 0 to 2519 for car, got 2520"):
        next(generate_flows(num_cases=1, seed=0, out=tmp_path, first=2520))
    with pytest.raises(
        DataError, match="cases must be from 1 to 2 for car from case 2518 on, got 3"
    ):
        next(generate_flows(num_cases=3, seed=0, out=tmp_path, first=2518))


def test_what_ships_tells_which_cases_were_left_out(made: list[int], tmp_path: Path) -> None:
    list(generate_flows(num_cases=3, seed=0, out=tmp_path / "data"))
    written = ship_flows(root=tmp_path / "data", out=tmp_path / "shipped", max_points=50)
    assert len(made) == 3
    assert sorted(written) == ["00000.npz", "00002.npz"]
    assert family_and_split(0)[1] == "test"
    assert (tmp_path / "shipped" / "car" / "bodies" / "00000.npz").exists()
    assert left_out(tmp_path / "shipped")["car-0001"] == REASON
    assert not ship_flows(root=tmp_path / "data", out=tmp_path / "shipped", max_points=50)


def test_case_made_after_all_is_not_left_out(made: list[int], tmp_path: Path) -> None:
    list(generate_flows(num_cases=2, seed=0, out=tmp_path))
    assert 1 in made
    write_flow(tmp_path / "car" / "00001.npz", sphere_flow(0.4))
    assert "car-0001" not in left_out(tmp_path)


def test_generating_without_openfoam_says_so_before_any_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SolverError, match="OpenFOAM must be on PATH"):
        next(generate_flows(num_cases=2, seed=0, out=tmp_path / "data"))
    assert not (tmp_path / "data").exists()


def test_cases_that_ship_are_listed_by_split() -> None:
    names = [set(list_flows(split)) for split in ("train", "validation", "test", "unseen")]
    assert sum(map(len, names)) == len(set.union(*names))
    assert not set.union(*names) & set(left_out())
