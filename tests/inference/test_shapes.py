"""From a file to a prediction: the function, the command line, the run record."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
from made_up_flows import flow_preset, sphere_clouds, sphere_flow, sphere_solution

from mspt.checkpoint import load_checkpoint, save_checkpoint
from mspt.cli import shapes as commands_flow
from mspt.cli.main import main
from mspt.data.sets.car.dataset import training_facts
from mspt.data.sets.car.store import write_flow
from mspt.errors import DataError, GeometryError
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.files.readers import read_mesh
from mspt.geometry.files.writers import write_stl
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.placement import as_is, guess_placement
from mspt.inference.records import largest_difference, read_run_record, run_record
from mspt.inference.shapes import (
    ShapeResult,
    StageStarted,
    predict,
    predict_shape,
)
from mspt.models.registry import build_model
from mspt.solvers.openfoam.case import Recipe
from mspt.solvers.openfoam.results import Flow
from mspt.solvers.openfoam.run import SolverProgress
from mspt.training.batches import fit_normalizer


@cache
def car() -> SurfaceMesh:
    """Return a body, drawn by no worker that runs other tests."""
    return draw_body("notchback", 3).mesh


@pytest.fixture(scope="module")
def checkpoint_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    stack, preset = sphere_clouds(5), flow_preset(surface_points=1200, volume_points=1000)
    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    save_checkpoint(
        path,
        model=build_model(preset.model),
        config=preset.model,
        normalizer=fit_normalizer(stack),
        info={
            "dataset": "car",
            "train": preset.train.to_dict(),
            "trust": {"symmetry": [0.5], "resolution": [0.5]},
            "metrics": {"other_meshes": {"larger": {"velocity": 0.05}}},
            **training_facts(stack),
        },
    )
    return path


@pytest.fixture(scope="module")
def shape_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shapes") / "car.stl"
    write_stl(path, car())
    return path


@pytest.fixture(scope="module")
def result(checkpoint_path: Path) -> ShapeResult:
    return predict(load_checkpoint(checkpoint_path), car(), placement="as is", device="cpu")


def test_stages_are_yielded_while_they_are_worked_on(checkpoint_path: Path) -> None:
    events = list(predict_shape(load_checkpoint(checkpoint_path), car(), placement="as is"))
    shares = [event.share for event in events if isinstance(event, StageStarted)]
    assert shares == sorted(shares)
    assert [event.stage for event in events[:3] if isinstance(event, StageStarted)] == [
        "Repair",
        "Place",
        "Sample points",
    ]
    assert isinstance(events[-1], ShapeResult)


def test_fields_are_those_of_the_triangles_of_the_body(result: ShapeResult, tmp_path: Path) -> None:
    result.write(tmp_path / "out.vtp", refine="none")
    back = pv.read(tmp_path / "out.vtp")
    assert back.n_cells == len(car().triangles)
    assert np.allclose(back.points, car().vertices, atol=1e-6)
    assert np.allclose(back.cell_data["Cp"], result.prediction.cell_pressure, atol=1e-6)
    assert back.cell_data["Cf"].shape == (len(car().triangles), 3)
    assert back.cell_data["triangle"].tolist() == list(range(len(car().triangles)))


def test_summary_has_what_the_command_line_promises(result: ShapeResult) -> None:
    found = result.summary()
    for key in ("C_D", "C_L", "C_D_pressure", "C_D_friction", "frontal_area", "seconds"):
        assert np.isfinite(found[key])
    assert found["C_D"] == pytest.approx(found["C_D_pressure"] + found["C_D_friction"])
    assert {"verdict", "checks", "nearest"} <= set(found["trust"])
    assert json.loads(json.dumps(found)) == found


def test_turned_and_scaled_shapes_give_the_same_prediction(
    checkpoint_path: Path, result: ShapeResult
) -> None:
    """A car in millimeters with its nose along +y and z up is the same car."""
    turn = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    turn[0, 1], turn[1, 0] = 1.0, -1.0
    moved = SurfaceMesh(4500 * car().vertices @ turn.T + 100, car().triangles)
    placement = replace(
        guess_placement(moved).best,
        unit="mm",
        forward="+y",
        up="+z",
        clearance=float(car().bounds[0, 2]),
    )
    found = predict(load_checkpoint(checkpoint_path), moved, placement=placement, device="cpu")
    assert (
        pytest.approx(result.prediction.coefficients.C_D, rel=1e-3, abs=1e-4)
        == found.prediction.coefficients.C_D
    )
    difference = found.prediction.cell_pressure - result.prediction.cell_pressure
    assert np.abs(difference).max() < 1e-2
    # C_f comes back along the axes of the file.
    back = found.cell_fields()["Cf"] @ turn
    assert np.abs(back - result.cell_fields()["Cf"]).max() < 1e-3


def test_run_record_repeats_a_prediction(
    result: ShapeResult, checkpoint_path: Path, shape_path: Path, tmp_path: Path
) -> None:
    written = run_record(result, checkpoint=checkpoint_path, shape=shape_path)
    assert largest_difference(result, written) == 0
    assert largest_difference(result, written | {"C_D": written["C_D"] + 0.25}) == pytest.approx(
        0.25
    )
    path = tmp_path / "passport.json"
    path.write_text(json.dumps(written))
    assert read_run_record(path) == json.loads(json.dumps(written))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "run record must be a JSON file written by predict, got p.json"),
        ("[]", "run record must be a JSON file written by predict, got p.json"),
        (
            '{"format": "mspt-run/1"}',
            "run record must have the format mspt-run/2, got 'mspt-run/1'; predict the shape again",
        ),
    ],
)
def test_what_is_not_a_run_record_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(DataError, match=message):
        read_run_record(tmp_path / "p.json")


@pytest.fixture
def run_json(capsys: pytest.CaptureFixture[str]) -> Iterator[object]:
    def run(*arguments: object) -> dict:
        assert main([*map(str, arguments), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_command_predicts_replays_and_compares(
    run_json: object, checkpoint_path: Path, shape_path: Path, tmp_path: Path
) -> None:
    out, kept, truth = tmp_path / "out.vtp", tmp_path / "passport.json", tmp_path / "truth.npz"
    write_flow(truth, sphere_flow(0.4))
    found = run_json(
        "predict", shape_path, "--checkpoint", checkpoint_path, "--out", out, "--as-is",
        "--passport", kept, "--truth", truth, "--device", "cpu",
    )  # fmt: skip
    assert out.exists()
    assert found["placement"]
    assert 0 < found["errors"]["surface_pressure"] < 100
    assert found["errors"]["wheel_pressure"] is None
    assert found["label_noise"] == {"velocity": 0.05}
    again = run_json("predict", "--replay", kept, "--device", "cpu")
    assert again["largest_difference"] == 0
    assert again["same_shape"]
    assert again["same_checkpoint"]


def test_command_guesses_and_lets_a_person_overrule(
    run_json: object, checkpoint_path: Path, shape_path: Path
) -> None:
    base = ("predict", shape_path, "--checkpoint", checkpoint_path, "--device", "cpu")
    guessed = run_json(*base)
    assert guessed["placement"]["forward"] == "-x"
    assert guessed["placement"]["up"] == "+z"
    turned = run_json(*base, "--forward=+x", "--unit", "cm")
    assert turned["placement"]["forward"] == "+x"
    assert turned["placement"]["unit"] == "cm"
    assert turned["C_D"] != guessed["C_D"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict"], "shape must be a file, got none"),
        (["predict", "none.stl"], "file must exist, found no none.stl"),
        (["predict", "--replay", "none.json"], "run record must be a JSON file"),
        (["solve", "none.stl", "--out", "x.vtp"], "--out must be a .npz file for a shape"),
    ],
)
def test_mistakes_are_one_line_and_status_two(
    capsys: pytest.CaptureFixture[str], checkpoint_path: Path, arguments: list[str], message: str
) -> None:
    if arguments[0] == "predict":
        arguments = [*arguments, "--checkpoint", str(checkpoint_path)]
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_shapes_read_from_files_are_predicted_like_those_in_memory(
    checkpoint_path: Path, shape_path: Path, result: ShapeResult
) -> None:
    mesh, checkpoint = read_mesh(shape_path), load_checkpoint(checkpoint_path)
    found = predict(checkpoint, mesh, placement="as is", device="cpu")
    # A binary STL holds float32: points move by their rounding.
    difference = found.prediction.cell_pressure - result.prediction.cell_pressure
    assert np.abs(difference).max() < 1e-2
    expected = result.prediction.coefficients.C_D
    assert pytest.approx(expected, rel=1e-3, abs=1e-4) == found.prediction.coefficients.C_D


def test_a_shape_without_a_placement_is_placed_by_guessing(
    checkpoint_path: Path, shape_path: Path
) -> None:
    mesh = read_mesh(shape_path)
    found = predict(load_checkpoint(checkpoint_path), mesh, device="cpu")
    assert found.placement == guess_placement(mesh).best


def test_a_speck_in_the_tunnel_is_refused(checkpoint_path: Path) -> None:
    tiny = SurfaceMesh(car().vertices * 1e-3, car().triangles)
    with pytest.raises(
        GeometryError, match=r"body must be 0\.2 to 3 long in the wind tunnel, got 0\.001"
    ):
        predict(load_checkpoint(checkpoint_path), tiny, placement="as is")


def test_a_shape_that_is_flat_along_the_flow_is_refused(checkpoint_path: Path) -> None:
    flat = SurfaceMesh(car().vertices * np.array([1.0, 0.0, 1.0]), car().triangles)
    with pytest.raises(GeometryError, match=r"shape must have an area across the flow, got one"):
        predict(load_checkpoint(checkpoint_path), flat, placement=guess_placement(car()).best)


def test_command_solves_a_shape_and_scores_the_model_against_it(
    run_json: object,
    checkpoint_path: Path,
    shape_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fake(mesh: SurfaceMesh, recipe: Recipe) -> Iterator[SolverProgress | Flow]:
        yield SolverProgress(stage="simpleFoam", iteration=120, iterations=240, residual=1e-3)
        yield sphere_solution(mesh, recipe)

    monkeypatch.setattr(commands_flow, "solve_flow", fake)
    truth = tmp_path / "truth.npz"
    solved = run_json("solve", shape_path, "--as-is", "--out", truth)
    assert solved["C_D"] == pytest.approx(2 * 0.022 / solved["frontal_area"])
    found = run_json(
        "predict", shape_path, "--as-is", "--checkpoint", checkpoint_path, "--truth", truth,
        "--device", "cpu",
    )  # fmt: skip
    assert found["errors"]["C_D_true"] == pytest.approx(solved["C_D"])
    assert found["errors"]["velocity"] > 0


def test_a_symmetric_body_is_computed_by_half() -> None:
    assert commands_flow.recipe_for(as_is(car())).symmetric
    moved = SurfaceMesh(car().vertices + np.array([0.0, 0.05, 0.0]), car().triangles)
    assert not commands_flow.recipe_for(as_is(moved)).symmetric
