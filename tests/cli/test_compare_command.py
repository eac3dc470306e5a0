"""The command that compares shapes: its table, its files and what it refuses."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from mspt.cli import compare
from mspt.cli.compare import show_compare
from mspt.geometry.files.writers import write_stl
from mspt.geometry.mesh import box
from tests.cli.running import fails_with, run_json
from tests.inference.test_side_by_side import design
from tests.pages.tiny import save_tiny_flow


def test_shapes_are_one_line_each_with_their_difference_to_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The predictions are made up; the page and predict test real ones."""
    drags = iter((0.30, 0.42))

    def predicted(*_: object, **__: object) -> Iterator[object]:
        found = design("made up", next(drags)).result
        object.__setattr__(found, "warnings", lambda: ())
        yield found

    monkeypatch.setattr(compare, "predict_shape", predicted)
    monkeypatch.chdir(tmp_path)
    save_tiny_flow(tmp_path / "car.safetensors")
    for name in ("a.stl", "b.stl"):
        write_stl(tmp_path / name, box((0, -0.9, 0.2), (4.5, 0.9, 1.4)))
    common = ["compare", "a.stl", "b.stl", "--checkpoint", "car.safetensors"]
    found = run_json(capsys, *common, "--speed", "90km/h", "--density", "1.25", "--csv", "t.csv")
    first, second = found["shapes"]
    assert second["C_D_difference"] == pytest.approx(0.12)
    assert second["C_D_difference_uncertainty"] == pytest.approx(0.1234 * (0.3**2 + 0.42**2) ** 0.5)
    assert second["is_clear"]
    assert first["drag_N"] == pytest.approx(0.3 * 390.625 * 0.1 * 16)
    table = pd.read_csv(tmp_path / "t.csv")
    assert table["name"].tolist() == ["a.stl", "b.stl"]
    assert table["drag_N"].tolist() == pytest.approx([first["drag_N"], second["drag_N"]], rel=1e-6)
    text = show_compare(found)
    (line,) = [one for one in text.splitlines() if one.startswith("b.stl") and "±" in one]
    assert "0.420 ± 0.052" in line
    assert "+0.120 ± 0.064  clear" in line
    assert "188 N" in text
    assert "90 km/h (25 m/s), density 1.25 kg/m³" in text
    assert "length 1 m" not in text
    refused = fails_with(capsys, "compare", "a.stl")
    assert "shapes must be 2 to 6 to be compared, got 1" in refused
    assert "speed must be given" in fails_with(capsys, *common, "--density", "1.2")
