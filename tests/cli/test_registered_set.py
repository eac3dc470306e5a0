"""A data set that a test registers is accepted by every command."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from made_up_datasets import TOY, TOY_TIME

from mspt.cli.evaluate import show_evaluate
from mspt.cli.main import main
from mspt.data.dataset import Dataset
from mspt.data.registry import registered

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> dict[str, Any]:
        assert main([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    with registered(TOY), registered(TOY_TIME):
        yield command


@pytest.mark.parametrize("dataset", [TOY, TOY_TIME], ids=lambda one: one.name)
def test_every_command_takes_a_registered_set(dataset: Dataset, run: Run, tmp_path: Path) -> None:
    name, case = dataset.name, dataset.case_name(8)
    made = run("generate", name, "--out", "data")
    assert (made["made"], made["failed"]) == (11, {})
    listed = run("datasets")[name]
    assert listed["cases"]["test"] == {"at_hand": 3, "total": 3}
    trained = run("train", name, "--device", "cpu")
    assert trained["complete"]
    assert trained["epochs"] == 2
    checkpoint = trained["checkpoint"]
    scored = run("evaluate", checkpoint, "--device", "cpu")
    assert scored["metrics"]["relative_l2"] == pytest.approx(trained["metrics"]["relative_l2"])
    solved = run("solve", case, "--checkpoint", checkpoint, "--out", "case.vtp")
    assert solved["relative_l2"] > 0
    assert (tmp_path / "case.vtp").exists()
    cut = run("patches", case, "--checkpoint", checkpoint, "--patches", "5", "--out", "patches.csv")
    assert cut["patches"] == 5
    seen = run("attention", case, "--checkpoint", checkpoint, "--points", "3")
    assert set(seen["points"]) == {"3"}
    assert ("pass" in seen) == (dataset.time is not None)
    row = run("ablate", name, "--set", "num_patches=3", "--out", "rows.csv")
    assert 0 < row["validation_error"] < 2
    (tmp_path / "cards").mkdir()
    Path(checkpoint).rename(tmp_path / "cards" / f"{name}.safetensors")
    run("cards", "--folder", "cards", "--out", "cards/README.md")
    card = (tmp_path / "cards/README.md").read_text()
    assert f"## {dataset.title} (`{name}`)" in card
    assert "symmetries of the problem" not in card  # the identity is the only one
    run("ship", name, "--data", "data", "--out", "shipped", "--train", "2")
    assert (tmp_path / "shipped" / name / "test.npz").exists()


def test_a_registered_set_is_drawn(run: Run, tmp_path: Path) -> None:
    drawing = {"dataset": "toy", "polygon": [[0.2, 0.2], [0.8, 0.2], [0.5, 0.9]]}
    (tmp_path / "drawing.json").write_text(json.dumps(drawing))
    solved = run("solve", "drawing.json", "--out", "drawing.csv")
    assert (solved["case"], solved["points"]) == ("drawing", 80)


@pytest.mark.usefixtures("run")
def test_errors_of_a_case_in_time_are_listed_time_by_time() -> None:
    metrics = {"relative_l2": 0.25, "median": 0.25, "worst": 0.5, "mean_only": 0.9}
    metrics |= {"height_2": 0.1, "height_3": 0.2, "height_4": 0.3}
    shown = {"checkpoint": "c", "dataset": "toy_time", "split": "test", "cases": 3}
    text = show_evaluate({**shown, "metrics": metrics})
    rows = [line.split() for line in text.splitlines() if line.startswith("t =")]
    assert rows == [
        ["t", "=", "0.2", "s", "10.0", "%"],
        ["t", "=", "0.3", "s", "20.0", "%"],
        ["t", "=", "0.4", "s", "30.0", "%"],
    ]
    assert "height 2" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("predict", "pipe-1100"), "shape must be a file, got the case pipe-1100; use `python -m"),
        (
            ("attention", "elasticity-1107", "--checkpoint", "{checkpoint}", "--frame", "2"),
            "--frame must go with a case in time, got elasticity-1107; leave it out",
        ),
    ],
    ids=["predict", "attention"],
)
def test_what_a_case_cannot_do_is_said_in_one_line(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = Path(__file__).parents[2] / "pretrained" / "elasticity.safetensors"
    assert main([one.format(checkpoint=checkpoint) for one in arguments]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line
