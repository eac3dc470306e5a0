import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mspt.data import codec, files
from mspt.data.case import Case
from mspt.data.codec import decode, encode, quantize
from mspt.data.dataset import CaseDone, Request
from mspt.data.files import read_arrays
from mspt.data.grids import grid_points, grid_triangles
from mspt.data.registry import get_dataset
from mspt.data.store import list_cases, load_case, load_split, ship
from mspt.errors import DataError, SolverError

NUM_POINTS = {"darcy": 7225, "elasticity": 972}
NAMES = list(NUM_POINTS)
"""Sets with properties of their own; what every set promises is in test_contract.py."""


def make(name: str, *, num_cases: int, out: Path, seed: int = 0, jobs: int = 1) -> list[CaseDone]:
    dataset = get_dataset(name)
    request = Request(num_cases=num_cases, seed=seed, out=out, jobs=jobs)
    return list(dataset.source.generate(dataset, request))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three elasticity cases made by one process."""
    out = tmp_path_factory.mktemp("data")
    make("elasticity", num_cases=3, out=out)
    return out


# ---- contracts of every data set


@pytest.mark.parametrize("name", NAMES)
def test_the_entry_says_what_the_cases_are(name: str) -> None:
    dataset, case = get_dataset(name), load_case(name, f"{name}-1100")
    num_points = NUM_POINTS[name]
    assert case.points.shape == (num_points, dataset.space_dim)
    assert case.features.shape == (num_points, len(dataset.features))
    assert case.fields.shape == (num_points, len(dataset.fields))
    assert dataset.grid_shape is None or np.prod(dataset.grid_shape) == num_points
    assert dataset.num_cases == 1300
    assert dataset.licence.startswith("MIT")
    assert dataset.seconds_per_case > 0
    assert all(len(text) > 3 for text in (dataset.title, dataset.equation))
    assert all(len(text) > 60 for text in (dataset.geometry, dataset.solver))


@pytest.mark.parametrize("name", NAMES)
def test_splits_are_disjoint_and_cover_all_cases(name: str) -> None:
    dataset = get_dataset(name)
    listed = [index for split in dataset.splits for index in dataset.indices(split)]
    kept = json.loads((files.SHIPPED / name / "splits.json").read_text())["splits"]
    assert listed == list(range(1300))
    assert kept == {split: list(dataset.indices(split)) for split in dataset.splits}


@pytest.mark.parametrize("name", NAMES)
def test_names_of_shipped_cases_come_back(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    names = list_cases(name)
    stack = load_split(name, "test")
    assert names == stack.names
    assert len(stack) == len(names) == 200
    case = load_case(name, names[7])
    assert case.name == names[7]
    assert torch.equal(case.fields, stack.case(7).fields)
    assert torch.equal(case.points, stack.case(7).points)
    assert torch.equal(case.features, stack.case(7).features)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_shipped_cases_are_finite_and_differ(name: str, split: str) -> None:
    stack = load_split(name, split, limit=100)
    assert len({field.numpy().tobytes() for field in stack.fields}) == 100
    for values in (stack.points, stack.features, stack.fields):
        assert values.dtype == torch.float32
        assert values.isfinite().all()
    assert (stack.points >= 0).all()
    assert (stack.points <= 1).all()
    assert (stack.fields >= 0).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("index", [1100, 1299])
def test_shipped_test_cases_are_what_the_solver_gives(name: str, index: int) -> None:
    stored = load_case(name, get_dataset(name).case_name(index))
    made = get_dataset(name).make_case(get_dataset(name).case_seed(index))
    assert (stored.points - made.points).norm() < 1e-4 * made.points.norm()
    assert (stored.fields - made.fields).norm() < 1e-3 * made.fields.norm()
    assert torch.equal(stored.features, made.features)
    assert torch.equal(stored.triangles, made.triangles)


@pytest.mark.parametrize("name", NAMES)
def test_triangles_turn_counter_clockwise(name: str) -> None:
    case = load_case(name, f"{name}-1100")
    a, b, c = case.points[case.triangles].unbind(dim=1)
    areas = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    assert (areas > 0).all()


def test_grid_points_are_where_the_solver_puts_rows_and_columns() -> None:
    points = grid_points((3, 5)).reshape(3, 5, 2)
    assert points[2, 1].tolist() == [0.25, 1.0]
    assert grid_triangles((3, 5)).shape == (16, 3)


def test_darcy_features_are_the_two_levels() -> None:
    features = load_split("darcy", "test", limit=5).features
    assert features.unique().tolist() == [3.0, 12.0]


# ---- storing


@pytest.mark.parametrize("name", NAMES)
def test_storing_changes_values_by_less_than_a_thousandth(name: str) -> None:
    dataset = get_dataset(name)
    case = dataset.make_case(3)
    stored = decode(dataset, encode(dataset, [case], [3]), [3]).case(0)
    error = (stored.fields - case.fields).norm() / case.fields.norm()
    assert error < 1e-4
    assert torch.equal(stored.features, case.features)
    assert (stored.points - case.points).abs().max() < 1e-5


def test_codes_and_steps_come_from_the_range_of_each_row() -> None:
    values = np.random.default_rng(0).normal(size=(4, 1000)).astype(np.float32) * [
        [1e-6],
        [1],
        [10],
        [1e6],
    ]
    values = values.astype(np.float32)
    codes, offset, step = quantize(values)
    back = offset[:, None] + step[:, None] * codes.astype(np.float32)
    span = values.max(axis=1) - values.min(axis=1)
    assert (np.abs(back - values).max(axis=1) <= 0.51 * span / 65535 + 1e-6 * np.abs(offset)).all()
    assert (codes.min(axis=1) == 0).all()
    assert (codes.max(axis=1) == 65535).all()


def test_a_constant_row_is_stored_exactly() -> None:
    codes, offset, step = quantize(np.full((1, 3), 2.5, dtype=np.float32))
    assert (codes == 0).all()
    assert offset.tolist() == [2.5]
    assert step.tolist() == [1.0]


def test_bytes_apart_and_together_again_are_the_same_codes() -> None:
    codes = np.random.default_rng(0).integers(0, 65536, (3, 50)).astype(np.uint16)
    assert np.array_equal(codec.join_bytes(codec.split_bytes(codes)), codes)


def test_the_fingerprint_tells_cases_apart() -> None:
    stack = load_split("darcy", "test", limit=2)
    assert stack.fingerprint() == load_split("darcy", "test", limit=2).fingerprint()
    assert stack.fingerprint() != load_split("darcy", "test", limit=1).fingerprint()
    assert stack.fingerprint() != load_split("darcy", "validation", limit=2).fingerprint()


# ---- generating


def test_every_case_is_an_event(tmp_path: Path) -> None:
    events = make("elasticity", num_cases=2, out=tmp_path)
    assert [(e.index, e.num_done, e.num_cases, e.error) for e in events] == [
        (0, 1, 2, None),
        (1, 2, 2, None),
    ]
    assert all(event.seconds > 0 for event in events)
    assert not (tmp_path / "elasticity" / "parts").exists()


@pytest.mark.slow
def test_two_processes_make_the_same_bytes_as_one(folder: Path, tmp_path: Path) -> None:
    make("elasticity", num_cases=3, out=tmp_path, jobs=2)
    assert contents(tmp_path / "elasticity") == contents(folder / "elasticity")


def test_a_stopped_run_goes_on_where_it_stopped(folder: Path, tmp_path: Path) -> None:
    dataset = get_dataset("elasticity")
    first = dataset.source.generate(dataset, Request(num_cases=3, out=tmp_path))
    next(first)
    first.close()
    events = make("elasticity", num_cases=3, out=tmp_path)
    assert [(event.index, event.num_done) for event in events] == [(1, 2), (2, 3)]
    assert contents(tmp_path / "elasticity") == contents(folder / "elasticity")


def test_a_finished_set_is_made_larger_without_making_it_again(
    folder: Path, tmp_path: Path
) -> None:
    make("elasticity", num_cases=2, out=tmp_path)
    events = make("elasticity", num_cases=3, out=tmp_path)
    assert [(event.index, event.num_done) for event in events] == [(2, 3)]
    assert contents(tmp_path / "elasticity") == contents(folder / "elasticity")
    assert make("elasticity", num_cases=3, out=tmp_path) == []


def test_a_run_stopped_while_packing_leaves_no_case_twice(folder: Path, tmp_path: Path) -> None:
    make("elasticity", num_cases=2, out=tmp_path)
    packed = read_arrays(tmp_path / "elasticity" / "train.npz")
    (tmp_path / "elasticity" / "parts").mkdir()
    part = {key: values[1:] for key, values in packed.items()}
    files.write_arrays(tmp_path / "elasticity" / "parts" / "00001.npz", part)
    make("elasticity", num_cases=3, out=tmp_path)
    assert contents(tmp_path / "elasticity") == contents(folder / "elasticity")


def test_another_seed_makes_other_cases(folder: Path, tmp_path: Path) -> None:
    make("elasticity", num_cases=1, out=tmp_path, seed=1)
    first = load_split("elasticity", "train", root=folder, limit=1)
    other = load_split("elasticity", "train", root=tmp_path, limit=1)
    assert not torch.equal(first.fields, other.fields)


def test_a_folder_made_with_another_seed_is_refused(folder: Path) -> None:
    with pytest.raises(
        DataError, match=r"seed must be 0 as for the cases in elasticity, got 3; choose another"
    ):
        make("elasticity", num_cases=1, out=folder, seed=3)


def test_a_failed_case_is_an_event_and_left_out(tmp_path: Path) -> None:
    dataset = get_dataset("elasticity")
    bad = dataset.case_seed(1)

    def make_case(seed: int) -> Case:
        if seed == bad:
            raise SolverError("hole must be kind, got a bad one")
        return dataset.make_case(seed)

    request = Request(num_cases=3, out=tmp_path)
    events = list(dataset.source.generate(replace(dataset, make_case=make_case), request))
    assert [event.error for event in events] == [None, "hole must be kind, got a bad one", None]
    assert events[-1].num_done == 3
    stack = load_split("elasticity", "train", root=tmp_path, limit=3)
    assert stack.names == ("elasticity-0000", "elasticity-0002")
    kept = json.loads((tmp_path / "elasticity" / "splits.json").read_text())
    assert kept["splits"]["train"] == [0, 2]
    assert kept["failed"]["train"] == {"1": "hole must be kind, got a bad one"}


@pytest.mark.parametrize(
    ("num_cases", "jobs", "message"),
    [
        (0, 1, "cases must be from 1 to 1300 for darcy, got 0"),
        (1301, 1, "cases must be from 1 to 1300 for darcy, got 1301"),
        (1, 0, "jobs must be at least 1, got 0"),
    ],
)
def test_impossible_requests_are_refused(
    num_cases: int, jobs: int, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        make("darcy", num_cases=num_cases, out=tmp_path, jobs=jobs)


def test_only_flows_can_begin_with_another_case(tmp_path: Path) -> None:
    dataset = get_dataset("darcy")
    with pytest.raises(DataError, match="first must be absent for darcy, got 3"):
        next(iter(dataset.source.generate(dataset, Request(num_cases=1, first=3, out=tmp_path))))


# ---- loading


def test_own_data_come_before_what_ships(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make("elasticity", num_cases=2, out=tmp_path / "data", seed=9)
    own = load_split("elasticity", "train", limit=2)
    shipped = load_split("elasticity", "train", limit=3)
    assert torch.equal(
        shipped.fields, load_split("elasticity", "train", root=folder, limit=3).fields
    )
    assert not torch.equal(own.fields, shipped.fields[:2])


def test_a_named_folder_is_never_replaced_by_what_ships(tmp_path: Path) -> None:
    make("elasticity", num_cases=2, out=tmp_path)
    assert list_cases("elasticity", split="train", root=tmp_path) == (
        "elasticity-0000",
        "elasticity-0001",
    )
    for name in ("elasticity", "darcy", "car"):
        assert list_cases(name, root=tmp_path) == ()
    message = (
        rf"elasticity must hold the first 3 train cases, found 0 of them in '{tmp_path}'; make "
        rf"them with `python -m mspt generate elasticity --out {tmp_path}`"
    )
    with pytest.raises(DataError, match=message):
        load_split("elasticity", "train", root=tmp_path, limit=3)
    with pytest.raises(DataError, match="must hold the case elasticity-0002, found none in"):
        load_case("elasticity", "elasticity-0002", root=tmp_path)
    with pytest.raises(DataError, match="car-0000 must be generated first"):
        load_case("car", "car-0000", root=tmp_path)


def test_cases_that_do_not_ship_say_which_command_makes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # there is no folder data
    command = "make them with `python -m mspt generate darcy --out data`"
    with pytest.raises(
        DataError, match="darcy must hold the case darcy-0800, found none; " + command
    ):
        load_case("darcy", "darcy-0800")
    with pytest.raises(
        DataError, match="darcy must hold the first 1000 train cases, found 256 of them; " + command
    ):
        load_split("darcy", "train")


def test_a_limit_reads_the_first_cases() -> None:
    stack = load_split("darcy", "train", root=files.SHIPPED, limit=256)
    assert stack.names[0] == "darcy-0000"
    assert stack.names[-1] == "darcy-0255"
    assert list_cases("darcy", split="train", root=files.SHIPPED) == stack.names


@pytest.mark.parametrize("case", ["darcy-1300", "elasticity-1100", "darcy-x", "1100", "darcy--1"])
def test_unknown_cases_are_refused(case: str) -> None:
    with pytest.raises(
        DataError, match=f"case must be one of darcy-0000 to darcy-1299, got '{case}'"
    ):
        load_case("darcy", case)


def test_unknown_sets_splits_and_limits_are_refused() -> None:
    with pytest.raises(
        DataError,
        match=r"data set must be one of car, .*, darcy, .*, ahmedml, got 'wave'",
    ):
        load_split("wave", "test")
    with pytest.raises(DataError, match="split must be one of train, validation, test, got 'all'"):
        list_cases("darcy", split="all")
    with pytest.raises(DataError, match="limit must be at least 1, got 0"):
        load_split("darcy", "test", limit=0)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    make("elasticity", num_cases=1, out=tmp_path)
    (tmp_path / "elasticity" / "train.npz").write_bytes(b"PK\x03\x04 not an archive")
    with pytest.raises(
        DataError, match=r"train.npz must be a file of arrays, got one that is empty or"
    ):
        load_split("elasticity", "train", root=tmp_path, limit=1)


def test_a_file_of_pickled_objects_is_refused(tmp_path: Path) -> None:
    make("elasticity", num_cases=1, out=tmp_path)
    with (tmp_path / "elasticity" / "train.npz").open("wb") as file:
        np.savez(file, case=np.array([{}], dtype=object))
    with pytest.raises(DataError, match=r"train.npz must be a file of arrays"):
        load_split("elasticity", "train", root=tmp_path, limit=1)


# ---- shipping


def test_shipping_keeps_the_first_training_cases_and_all_others(tmp_path: Path) -> None:
    shipped = files.SHIPPED / "darcy"
    sizes = ship("darcy", root=files.SHIPPED, limits={"train": 3, "validation": 2}, out=tmp_path)
    assert sizes["test.npz"] == (tmp_path / "darcy" / "test.npz").stat().st_size
    assert read_arrays(tmp_path / "darcy" / "train.npz")["case"].tolist() == [0, 1, 2]
    assert read_arrays(tmp_path / "darcy" / "validation.npz")["case"].tolist() == [1000, 1001]
    assert (tmp_path / "darcy" / "test.npz").read_bytes() == (shipped / "test.npz").read_bytes()
    assert (tmp_path / "darcy" / "splits.json").read_text() == (shipped / "splits.json").read_text()


def test_shipping_what_was_not_made_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"elasticity must hold validation.npz, found none in .*; make"
    ):
        ship("elasticity", root=folder, out=tmp_path)


def test_what_ships_is_small() -> None:
    sizes = {
        name: sum(p.stat().st_size for p in (files.SHIPPED / name).iterdir()) for name in NAMES
    }
    assert all(size < 9e6 for size in sizes.values()), sizes
