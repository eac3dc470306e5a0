"""Times of passes: of a tiny checkpoint, and those that ship."""

from pathlib import Path

import pandas as pd
import pytest

from mspt.benchmarks.passes import (
    PassRow,
    RoundDone,
    measure_passes,
    passes_table,
    read_passes,
)
from mspt.checkpoint import build_model, list_checkpoints, read_info, save_checkpoint
from mspt.cli.main import main
from mspt.config import ModelConfig
from mspt.errors import MSPTError
from mspt.models.normalizer import Normalizer

ROOT = Path(__file__).parents[2]
STORED = ROOT / "assets" / "benchmarks" / "passes.csv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = ModelConfig(space_dim=2, width=8, num_heads=2, num_blocks=1, num_patches=3)
    for name, dataset in (("small", "elasticity"), ("far", "shapenet_car")):
        save_checkpoint(
            tmp_path / f"{name}.safetensors",
            model=build_model(config),
            config=config,
            normalizer=Normalizer(space_dim=2, in_features=0, out_channels=1),
            info={"dataset": dataset, "parameters": 77},
        )
    return tmp_path


def test_every_checkpoint_with_test_cases_runs_once_in_each_round(folder: Path) -> None:
    *progress, rows = measure_passes(list_checkpoints(folder), rounds=3, threads=1)
    assert [one.done for one in progress] == [1, 2, 3, 4]  # one round warms up
    assert {(one.total, one.checkpoint) for one in progress if isinstance(one, RoundDone)} == {
        (4, "small")
    }
    (row,) = rows
    assert (row.checkpoint, row.case, row.num_points) == ("small", "elasticity-1100", 972)
    assert 0 < row.fastest <= row.seconds <= row.slowest
    assert (row.threads, row.device, row.parameters) == (1, "cpu", 77)


def test_command_writes_what_the_page_reads(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "passes.csv"
    words = ["--rounds", "1", "--threads", "1", "--folder", str(folder), "--out", str(out)]
    assert main(["benchmark", "passes", *words]) == 0
    assert "elasticity-1100" in capsys.readouterr().out
    (row,) = read_passes(out).values()
    assert row == PassRow(**{name: type(getattr(row, name))(value)
                             for name, value in pd.read_csv(out).iloc[0].items()})  # fmt: skip
    assert main(["benchmark", "passes", "--folder", str(folder / "none")]) == 2
    assert "--folder must hold checkpoints, got none" in capsys.readouterr().err


def test_other_tables_are_refused_and_absent_ones_are_empty(tmp_path: Path) -> None:
    assert read_passes(tmp_path / "none.csv") == {}
    passes_table([]).drop(columns="load").to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(MSPTError, match=r"other\.csv must have the columns checkpoint, parameters"):
        read_passes(tmp_path / "other.csv")


def test_stored_times_are_of_checkpoints_that_ship() -> None:
    rows = read_passes(STORED)
    shipped = {path.stem: path for path in (ROOT / "pretrained").glob("*.safetensors")}
    same = [
        name
        for name, row in rows.items()
        if name in shipped and read_info(shipped[name]).info["parameters"] == row.parameters
    ]
    assert len(same) > 10
    assert len({(row.machine, row.threads, row.device) for row in rows.values()}) == 1
