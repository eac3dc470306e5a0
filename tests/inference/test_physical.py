"""Engineering units: forces by integrating pascals over square meters, and what is written."""

import hashlib
import re
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import pyvista as pv

from mspt.cli import shapes as commands
from mspt.cli.shapes import show_predict
from mspt.errors import MSPTError
from mspt.figures.report import pdf, pictures
from mspt.geometry.files.writers import write_stl, write_vtp
from mspt.geometry.mesh import SurfaceMesh, box
from mspt.inference.physical import DATA_REYNOLDS, conditions_for, physical_cells
from mspt.metrics.conditions import (
    LENGTHS,
    OperatingConditions,
    quantity_from,
    reynolds_note,
    reynolds_number,
)
from tests.cli.running import fails_with, run_json
from tests.pages.tiny import save_tiny_flow

BRICK = box((0, -900, 200), (4500, 900, 1400))  # in millimeters
FAST = OperatingConditions(speed=130 / 3.6, length=4.4, density=1.2)


def test_arrays_in_pascals_are_written_beside_the_coefficients(tmp_path: Path) -> None:
    cells = {"Cp": np.array([-1.0, 0.5]), "Cf": np.array([[0.0, 0.004, 0.0], [0.001, 0.0, 0.0]])}
    found = physical_cells(cells, FAST)
    pressure = 0.5 * 1.2 * (130 / 3.6) ** 2
    assert found["pressure_Pa"].tolist() == pytest.approx([-pressure, pressure / 2])
    assert found["wall_shear_Pa"][0].tolist() == pytest.approx([0, 0.004 * pressure, 0])
    mesh = SurfaceMesh(BRICK.vertices, BRICK.triangles[:2])
    write_vtp(tmp_path / "out.vtp", mesh, cell_fields=found)
    written = pv.read(tmp_path / "out.vtp").cell_data
    assert set(written.keys()) == {"Cp", "Cf", "pressure_Pa", "wall_shear_Pa"}


def test_a_body_of_another_scale_with_the_same_reynolds_number_has_its_drag_area_scaled() -> None:
    large = OperatingConditions(speed=20.0, length=4.0)
    small = OperatingConditions(speed=80.0, length=1.0)
    assert reynolds_number(large) == reynolds_number(small)
    known = OperatingConditions(speed=DATA_REYNOLDS * 1.5e-5 / 4, length=4.0, viscosity=1.5e-5)
    assert reynolds_number(known) == pytest.approx(4e6)
    assert reynolds_note(known, of_data=DATA_REYNOLDS) == ""


@pytest.mark.parametrize(
    ("text", "meters"), [("4.5m", 4.5), ("4500 mm", 4.5), ("15ft", 4.572), ("1e1in", 0.254)]
)
def test_lengths_are_read_with_their_unit(text: str, meters: float) -> None:
    assert quantity_from(text, name="length", units=LENGTHS) == pytest.approx(meters)


@pytest.mark.parametrize("text", ["4.5", "-1m", "0m", "nanm", "1.2.3m", "4 furlongs", "", "m"])
def test_other_lengths_are_refused(text: str) -> None:
    with pytest.raises(MSPTError, match="length must be a positive number with a unit"):
        quantity_from(text, name="length", units=LENGTHS)


@pytest.mark.parametrize("name", ["speed", "length", "density", "viscosity"])
def test_conditions_that_no_air_or_body_has_are_refused(name: str) -> None:
    values = {"speed": 30.0, "length": 4.0, "density": 1.2, "viscosity": 1.5e-5, name: 0.0}
    with pytest.raises(MSPTError, match=f"{name} must be positive, got 0"):
        OperatingConditions(**values)
    with pytest.raises(MSPTError, match="length must be given for a shape in the wind-tunnel"):
        conditions_for(None, speed=30.0)


def needs_nothing_else(report: str) -> None:
    """A report holds its pictures, asks for nothing, and shows names as they are."""
    assert "&lt;b&gt;brick &amp; co.stl" in report
    assert "<b>" not in report
    assert report.count("data:image/png;base64,") == 4
    assert "pressure (Pa)" in report
    assert "--speed 130km/h --density 1.2" in report
    fetched = re.findall(r"(?:src|href)=\"?([^\" >]*)", report)
    assert len(fetched) == 4
    assert all(one.startswith("data:") for one in fetched)
    assert "default-src 'none'" in report


def test_the_command_prints_and_writes_newtons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny_flow(tmp_path / "car.safetensors")
    brick = tmp_path / "<b>brick & co.stl"
    write_stl(brick, BRICK)
    common = ["predict", str(brick), "--device", "cpu"]
    common += ["--checkpoint", str(tmp_path / "car.safetensors")]
    air = ["--speed", "130km/h", "--density", "1.2", "--length", "4.4m"]
    out = ["--out", str(tmp_path / "brick.csv"), "--report", str(tmp_path / "brick.pdf")]
    monkeypatch.setattr(pdf, "find_browser", lambda: None)
    monkeypatch.setattr(pictures, "FINER", 1)  # in less time
    quick = partial(commands.predict_shape, num_clouds=1)
    monkeypatch.setattr(commands, "predict_shape", quick)
    found = run_json(capsys, *common, *air, *out)
    physical, area = found["physical"], found["frontal_area"] * 4.4**2
    pressure = 0.6 * (130 / 3.6) ** 2
    assert physical["drag"] == pytest.approx(found["C_D"] * pressure * area)
    assert physical["power"] == pytest.approx(physical["drag"] * 130 / 3.6 / 1000)
    assert physical["power_at_120_km_h"] == pytest.approx(physical["power"] * (12 / 13) ** 3)
    assert physical["units"]["drag"] == "N"
    assert physical["conditions"]["length"] == 4.4
    assert "times that of the data, 4 million" in physical["note"]
    # The written table alone gives the forces, whatever the unit and the axes of the file.
    table = pd.read_csv(tmp_path / "brick.csv")
    normal = table[["n_x", "n_y", "n_z"]].to_numpy()
    shear = table[[f"wall_shear_{axis}_Pa" for axis in "xyz"]].to_numpy()
    stress = shear - table["pressure_Pa"].to_numpy()[:, None] * normal
    total = (stress * table["area_m2"].to_numpy()[:, None]).sum(axis=0)
    matrix = np.array(found["placement"]["matrix"])
    drag, side, lift = matrix / np.linalg.norm(matrix[0]) @ total
    assert drag == pytest.approx(physical["drag"], rel=1e-4)
    assert side == pytest.approx(physical["side_force"], abs=1e-2)
    assert lift == pytest.approx(physical["lift"], rel=1e-4)
    assert table["area_m2"].sum() == pytest.approx(BRICK.areas.sum() * (4.4 / 4500) ** 2, rel=1e-4)
    text = show_predict(found)
    assert f"drag          {physical['drag']:,.0f} N" in text
    assert "kW at 130 km/h" in text
    # Without a browser the report is the HTML file, and a line says so.
    assert found["report"].endswith("brick.html")
    assert "needs Chromium" in found["report_note"]
    report = (tmp_path / "brick.html").read_text(encoding="utf-8")
    assert f"{physical['drag']:.4g} ± " in report
    assert hashlib.sha256(brick.read_bytes()).hexdigest() in report
    needs_nothing_else(report)
    assert "--report must be a .html or .pdf file" in fails_with(
        capsys, *common, "--report", "report.txt"
    )
    for wrong, words in (
        (["--length", "4.5m"], "speed must be given with length"),
        (["--speed", "130"], "speed must be a positive number with a unit"),
        (["--speed", "130km/h", "--as-is"], "length must be given"),
    ):
        assert words in fails_with(capsys, *common, *wrong)
    (tmp_path / "drawn.json").write_text("{}")
    refused = fails_with(capsys, "predict", str(tmp_path / "drawn.json"), "--speed", "130km/h")
    assert "--speed must be absent for a drawing" in refused
