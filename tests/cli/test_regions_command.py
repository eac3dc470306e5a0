"""Commands on a data set with regions: a few shock tubes, and how well jumps are predicted."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mspt.cli.ablate import parse_regions
from mspt.config import Preset, TrainConfig
from mspt.data.registry import registered
from mspt.data.sets.shock_tube import SHOCK_TUBE
from tests.cli.running import run_json, run_text


@pytest.fixture
def tubes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[None]:
    """Enter a folder with a few shock tubes of a data set that has no more of them."""
    usual = SHOCK_TUBE.presets["shock_tube"]
    tiny = Preset(
        dataset="tubes",
        model=replace(usual.model, width=16, num_heads=2, num_blocks=2),
        train=TrainConfig(epochs=1),
    )
    splits = {"train": 6, "validation": 4, "test": 2}
    monkeypatch.chdir(tmp_path)
    with registered(replace(SHOCK_TUBE, name="tubes", splits=splits, presets={"tubes": tiny})):
        made = run_json(capsys, "generate", "tubes", "--out", "data")
        assert (made["made"], made["failed"]) == (12, {})
        yield


@pytest.mark.usefixtures("tubes")
def test_errors_near_jumps_are_shown_and_written(capsys: pytest.CaptureFixture[str]) -> None:
    row = run_json(capsys, "ablate", "tubes", "--out", "rows.csv", "--device", "cpu")
    errors = parse_regions(row["region_errors"])
    assert list(errors) == ["jump", "elsewhere"]
    checkpoint = run_json(capsys, "train", "tubes", "--device", "cpu")["checkpoint"]
    # The same training as in the row, scored on the same cases.
    evaluate = "evaluate", checkpoint, "--split", "validation", "--device", "cpu"
    metrics = run_json(capsys, *evaluate)["metrics"]
    assert metrics["relative_l2"] == pytest.approx(row["validation_error"], abs=1e-5)
    assert metrics["by_region"] == pytest.approx(errors, abs=1e-5)
    lines = run_text(capsys, *evaluate).splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("error in region"))
    shown = [line.split()[0] for line in lines[start + 1 : start + 3]]
    assert shown == ["jump", "elsewhere"]
