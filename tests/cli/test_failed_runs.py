"""Commands whose training meets NaN."""

from dataclasses import replace
from pathlib import Path

import pytest

from mspt.checkpoint import load_checkpoint
from mspt.cli.main import main
from mspt.data.stacked import StackedFiles
from tests.cli.running import run_json

RUN = ["--preset", "tiny", "--device", "cpu"]


@pytest.fixture
def damaged_data(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put NaN into one training case."""
    request.getfixturevalue("made_up_data")
    load = StackedFiles.cases

    def cases(self: StackedFiles, dataset, split: str, *rest):  # noqa: ANN001, ANN002, ANN202
        stack = load(self, dataset, split, *rest)
        fields = stack.fields.clone()
        if split == "train":
            fields[1, 0] = float("nan")
        return replace(stack, fields=fields)

    monkeypatch.setattr(StackedFiles, "cases", cases)


@pytest.mark.usefixtures("damaged_data")
def test_training_on_nan_ends_with_status_1_and_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert main(["train", "elasticity", *RUN, "--out", str(out), "--progress", "off"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "error: training must meet neither NaN nor infinity, got one in normalizer.fields_mean "
        "before step 1; repair or leave out elasticity-0001, whose data hold some\n"
    )
    assert not out.exists()


@pytest.mark.usefixtures("made_up_data")
def test_a_loss_of_nan_keeps_the_state_and_writes_no_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mspt.training import loop

    train = ["train", "elasticity", *RUN, "--out", str(tmp_path), "--progress", "off"]
    real, calls = loop._loss, []

    def loss(*arguments):  # noqa: ANN002, ANN202
        calls.append(0)
        error, found = real(*arguments)
        return error, found * float("nan") if len(calls) == 3 else found  # two steps an epoch

    monkeypatch.setattr(loop, "_loss", loss)
    assert main(train) == 1
    line = capsys.readouterr().err
    assert "got a loss of nan at step 3 of 4; try a lower learning rate; " in line
    assert f"{tmp_path}/state.safetensors keeps the last good state" in line
    assert [path.name for path in tmp_path.iterdir()] == ["state.safetensors"]
    found = run_json(capsys, *train[:-2], "--resume")
    assert found["steps"] == 4
    assert found["complete"]
    load_checkpoint(found["checkpoint"])


@pytest.mark.usefixtures("damaged_data")
def test_an_ablation_that_meets_nan_is_a_row_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ["--out", str(tmp_path / "rows.csv"), "--runs", str(tmp_path / "runs")]
    found = run_json(capsys, "ablate", "elasticity", *RUN, *files)
    assert "before step 1; repair or leave out elasticity-0001" in found["error"]
    _, row = (tmp_path / "rows.csv").read_text(encoding="utf-8").splitlines()
    assert "neither NaN nor infinity" in row
    assert ",nan" not in row
