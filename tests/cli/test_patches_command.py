import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mspt.checkpoint import read_info
from mspt.cli.main import main
from mspt.data.sets.car.store import list_flows, load_flow
from mspt.data.store import list_cases, load_case
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.files.writers import write_stl
from mspt.inference.sample import sample_of_flow
from mspt.partition.ball_tree import build_partition


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main(["patches", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def fails_with(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["patches", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.strip().splitlines()
    return line


def test_a_case_is_cut_and_measured(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    name, out = list_cases("elasticity")[2], tmp_path / "patches.csv"
    found = run_json(capsys, name, "--patches", "30", "--supernodes", "4", "--out", str(out))
    points = load_case("elasticity", name).points
    radius = build_partition(points, 30).tree.radius[
        build_partition(points, 30).tree.num_patches == 1
    ]
    assert found["points"] == len(points) == 972
    assert found["patches"] == 30
    assert found["supernodes"] == 120
    assert found["points_per_patch"] == {"min": 32, "max": 33}
    assert found["median_radius"] == pytest.approx(np.median(radius), rel=1e-5)
    assert found["recommended_patches"] == 16
    assert found["attention_flops"] < found["forward_flops"]
    table = pd.read_csv(out)
    assert len(table) == 30
    assert table["size"].sum() == 972
    assert table["error_share"].sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(table["radius"], radius, rtol=1e-5)


def test_a_cut_by_chance_is_less_compact(capsys: pytest.CaptureFixture[str]) -> None:
    name = list_cases("elasticity")[2]
    tree, chance = (
        run_json(capsys, name, "--patches", "32", "--partition", cut)["dispersion"]["median"]
        for cut in ("ball_tree", "random")
    )
    assert chance > 20 * tree


def test_a_flow_is_cut_whole_or_in_part(capsys: pytest.CaptureFixture[str]) -> None:
    name = list_flows("test")[1]
    whole = sample_of_flow(name, load_flow(name), size=None)
    body = run_json(capsys, name, "--part", "body")
    both = run_json(capsys, name)
    assert body["points"] == whole.num_surface
    assert both["points"] == len(whole.points)
    assert (
        body["patches"]
        == both["patches"]
        == read_info("pretrained/car.safetensors").config.num_patches
    )


def test_a_made_up_cloud_has_the_points_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    found = run_json(capsys, "fractal", "--points", "900", "--supernodes", "4")
    assert found["points"] == 900
    assert found["patches"] == found["recommended_patches"] == 15


def test_a_shape_is_looked_at_as_a_model_would(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "van.stl"
    write_stl(path, draw_body("van", 5).mesh)
    found = run_json(capsys, str(path), "--part", "body", "--patches", "50")
    assert found["points"] == 4 * 4096
    assert found["patches"] == 50


def test_what_cannot_be_cut_ends_with_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert "cloud must be a case" in fails_with(capsys, "dust")
    assert "num_patches must be between 1" in fails_with(
        capsys, "line", "--points", "9", "--patches", "10"
    )
    assert "smallest patch, got 4 for a patch of 3" in fails_with(
        capsys, "line", "--points", "9", "--patches", "3", "--supernodes", "4"
    )
    assert "--part must be both" in fails_with(capsys, "line", "--part", "body")
    assert "--out must be a .csv file" in fails_with(
        capsys, "line", "--out", str(tmp_path / "a.txt")
    )
