"""The written surface: long triangles are divided, forces and numbers of triangles are kept."""

from pathlib import Path

import numpy as np
import pytest
import pyvista as pv

from mspt.checkpoint import load_checkpoint
from mspt.cli.main import build_parser
from mspt.errors import GeometryError
from mspt.geometry.mesh import box
from mspt.inference.output import Refine
from mspt.inference.shapes import ShapeResult, predict
from mspt.inference.surface import cell_table
from tests.pages.tiny import save_tiny_flow

BRICK = box((0, -0.9, 0.2), (4.5, 0.9, 1.4))
LONGEST = float(np.hypot(4.5, 1.8))


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> ShapeResult:
    path = tmp_path_factory.mktemp("models") / "car.safetensors"
    save_tiny_flow(path)
    return predict(load_checkpoint(path), BRICK, device="cpu")


def longest(result: ShapeResult, refine: Refine) -> float:
    corners = result.output(refine).mesh.corners
    return float(np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max())


@pytest.mark.parametrize("refine", ["auto", "none", 0.1, 0.02])
def test_every_refinement_has_the_force_and_the_corners_of_the_body(
    result: ShapeResult, refine: Refine
) -> None:
    body, found = result.shape.body, result.output(refine)
    parent, fields = found.cells["triangle"], result.cell_fields()
    assert (found.mesh.vertices[: len(body.vertices)] == body.vertices).all()
    areas = np.bincount(parent, found.mesh.areas)
    np.testing.assert_allclose(areas, body.areas, rtol=1e-9)
    np.testing.assert_allclose(found.mesh.normals, body.normals[parent], atol=1e-6)
    for name, values in (("Cp", found.cells["Cp"]), ("Cf", found.cells["Cf"])):
        means = (found.mesh.areas * values.T @ (parent[:, None] == np.arange(len(areas)))) / areas
        np.testing.assert_allclose(means.T, fields[name], atol=1e-6)
    table = cell_table(result, refine=refine)
    assert (table["triangle"] == parent).all()
    np.testing.assert_allclose(table["Cp"], found.cells["Cp"])


def test_triangles_are_as_long_as_was_asked_for(result: ShapeResult) -> None:
    """Lengths are body lengths, the file is in meters."""
    assert longest(result, "none") == pytest.approx(LONGEST)
    assert longest(result, "auto") <= 0.025 * 4.5 * (1 + 1e-9)
    assert 0.05 * 4.5 < longest(result, 0.1) <= 0.1 * 4.5 * (1 + 1e-9)
    assert longest(result, 2.0) == longest(result, "none")
    drawn, written = result.prediction.fine, result.output().cells
    assert (drawn["C_p"] == written["Cp"]).all()  # as the page draws it
    assert np.ptp(written["Cp"][written["triangle"] == 0]) > 0


def test_the_file_holds_what_was_asked_for(result: ShapeResult, tmp_path: Path) -> None:
    result.write(tmp_path / "auto.vtp")
    result.write(tmp_path / "none.vtp", refine="none")
    fine, coarse = pv.read(tmp_path / "auto.vtp"), pv.read(tmp_path / "none.vtp")
    assert coarse.n_cells == len(result.shape.body.triangles)
    assert fine.n_cells == len(result.prediction.fine_mesh.triangles) > 1000
    assert set(fine.cell_data) == set(coarse.cell_data) == {"Cp", "Cf", "triangle"}
    assert fine.n_open_edges == 0


@pytest.mark.parametrize("length", [0.0, -1.0, float("nan"), float("inf")])
def test_a_length_that_is_none_is_refused(result: ShapeResult, length: float) -> None:
    with pytest.raises(GeometryError, match="refine must be auto, none or a positive length, got"):
        result.output(length)


def test_a_length_that_would_fill_the_memory_is_refused(result: ShapeResult) -> None:
    with pytest.raises(GeometryError, match=r"at most 5,000,000 triangles, got a length of 1e-05 "):
        result.output(1e-5)


def test_the_command_reads_words_and_lengths(capsys: pytest.CaptureFixture[str]) -> None:
    read = [
        build_parser().parse_args(["predict", "car.stl", *words]).refine
        for words in ([], ["--refine", "none"], ["--refine", "0.05"])
    ]
    assert read == ["auto", "none", 0.05]
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(["predict", "car.stl", "--refine", "fine"])
    assert ended.value.code == 2
    assert (
        "--refine: must be auto, none or a positive length, got 'fine'" in capsys.readouterr().err
    )
