"""``--data`` names the one folder that is searched, and every command checks it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mspt.data.files import SHIPPED
from mspt.data.sets.car.store import list_flows, require_flows
from tests.cli.running import fails_with, run_json

Link = Callable[..., Path]
ELASTICITY = "pretrained/elasticity.safetensors"
CAR = "pretrained/car-transolver.safetensors"
COMMANDS = {
    "evaluate": ["evaluate", ELASTICITY],
    "record": ["evaluate", ELASTICITY, "--record"],
    "train": ["train", "elasticity", "--epochs", "1", "--out", "OUT"],
    "ablate": ["ablate", "elasticity", "--epochs", "1", "--out", "OUT/runs.csv", "--runs", "OUT"],
    "ship": ["ship", "elasticity", "--out", "OUT"],
}


@pytest.fixture
def link(tmp_path: Path) -> Link:
    """Return a function that puts data that ship into a folder."""

    def make(*patterns: str) -> Path:
        for pattern in patterns:
            for path in SHIPPED.glob(pattern):
                place = tmp_path / "mine" / path.relative_to(SHIPPED)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(path)
        return tmp_path / "mine"

    return make


@pytest.mark.parametrize("command", COMMANDS)
def test_folders_that_cannot_be_used_are_named(
    command: str, tmp_path: Path, link: Link, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    given = [word.replace("OUT", out) for word in COMMANDS[command]]
    line = fails_with(capsys, *given, "--data", str(tmp_path / "none"))
    assert f"--data must be an existing folder, got '{tmp_path}/none'" in line
    other = link("darcy/*")
    line = fails_with(capsys, *given, "--data", str(other))
    assert f"--data must hold a folder elasticity, got '{other}' with darcy; make it with" in line
    half = link("elasticity/splits.json", "elasticity/validation.npz")
    line = fails_with(capsys, *given, "--data", str(half))
    wanted = "train" if command in ("train", "ablate", "ship") else "test"
    assert "elasticity must hold" in line
    assert wanted in line
    assert f"in '{half}'" in line
    assert not Path(out).exists()


def test_listing_refuses_a_folder_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--data must be an existing folder, got 'none'" in fails_with(
        capsys, "datasets", "--data", "none"
    )
    found = run_json(capsys, "datasets", "elasticity", "--data", str(SHIPPED.parent))
    assert {split["at_hand"] for split in found["elasticity"]["cases"].values()} == {0}


def test_a_folder_with_a_part_of_a_split_is_refused_by_name(
    tmp_path: Path, link: Link, capsys: pytest.CaptureFixture[str]
) -> None:
    there = list_flows("test", root=SHIPPED)
    folder = link("car/left-out.json", *(f"car/*{name[-4:]}.npz" for name in there[1:]))
    line = fails_with(capsys, "evaluate", CAR, "--data", str(folder), "--device", "cpu")
    assert (
        f"must hold the first {len(there)} test cases, got none of {there[0]} in '{folder}'" in line
    )
    shutil.rmtree(folder)
    folder = link("car/left-out.json", f"car/*{there[0][-4:]}.npz")
    few = ["--per-split", "1", "--device", "cpu"]
    assert run_json(capsys, "evaluate", CAR, "--data", str(folder), *few)["cases"] == 1
    line = fails_with(capsys, "evaluate", CAR, "--data", str(folder), "--per-split", "2")
    assert f"must hold the first 2 test cases, got none of {there[1]} in" in line
    line = fails_with(capsys, "train", "car", "--data", str(folder), "--out", str(tmp_path / "o"))
    assert "train cases, got none of car-0003, car-0004, car-0005 and" in line


def test_every_split_of_what_ships_is_whole() -> None:
    for split in ("train", "validation", "test", "unseen"):
        require_flows(split, root=SHIPPED)


def test_a_whole_folder_gives_the_same_scores_as_what_ships(
    link: Link, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["evaluate", ELASTICITY, "--per-split", "3", "--device", "cpu"]
    folder = link("elasticity/*")
    assert run_json(capsys, *given, "--data", str(folder)) == run_json(capsys, *given)
