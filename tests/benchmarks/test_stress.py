import dataclasses
from pathlib import Path

import pytest
import torch

from mspt.benchmarks.stress import EVEN, measure_stress, read_stress, stress_config
from mspt.checkpoint import build_model
from mspt.cli.main import main
from mspt.data.stress_clouds import STRESS_CLOUDS, stress_cloud
from mspt.errors import MSPTError
from mspt.partition.ball_tree import build_partition

STORED = Path(__file__).parents[2] / "assets" / "benchmarks" / "stress.csv"


def test_rows_are_those_of_the_clouds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "stress.csv"
    given = ["benchmark", "stress", "--points", "1500", "--patches", "11", "--threads", "1"]
    assert main([*given, "--out", str(path)]) == 0
    printed = capsys.readouterr().out
    rows = read_stress(path)
    assert [row.cloud for row in rows] == list(STRESS_CLOUDS)
    for row in rows:
        assert row.cloud in printed
        cloud = stress_cloud(row.cloud, 1500).double()
        sizes = build_partition(cloud.float(), num_patches=11).offsets.diff()
        assert (row.smallest, row.largest) == (sizes.min(), sizes.max()) == (136, 137)
        partition = build_partition(cloud.float(), num_patches=11)
        patches = torch.tensor_split(cloud[partition.order], partition.offsets[1:-1])
        within = sum(((one - one.mean(0)) ** 2).sum() for one in patches)
        total = ((cloud - cloud.mean(0)) ** 2).sum()
        assert row.share == pytest.approx((within / total).item(), rel=1e-3, abs=1e-6)


def test_stored_rows_show_that_patches_are_equal_whatever_the_cloud() -> None:
    rows = read_stress(STORED)
    assert {row.cloud for row in rows} == set(STRESS_CLOUDS)
    assert {row.num_points for row in rows} == {1_000_000}
    assert all(row.largest - row.smallest <= 1 for row in rows)
    even = next(row for row in rows if row.cloud == EVEN)
    # A pass does the same work on every cloud; the tree sorts again where coordinates are equal.
    assert all(row.pass_seconds < 2 * even.pass_seconds for row in rows)
    assert all(row.share < 0.01 for row in rows)


def test_model_of_the_passes_takes_any_of_the_clouds() -> None:
    config = dataclasses.replace(stress_config(7), width=16, num_blocks=1)
    with torch.inference_mode():
        found = build_model(config)(stress_cloud("needle", 300)[None])
    assert found.isfinite().all()


def test_another_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "stress.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(MSPTError, match=r"stress\.csv must be a table of stress clouds"):
        read_stress(path)
    with pytest.raises(MSPTError, match="cloud must be one of"):
        next(measure_stress(num_points=100, kinds=["cotton"]))
