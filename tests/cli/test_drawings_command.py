"""``solve`` and ``predict`` of drawings that are made of numbers."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from quick_solvers import use_quick_solvers

from mspt.checkpoint import build_model, load_checkpoint, save_checkpoint
from mspt.cli.drawings import show_predicted_drawing
from mspt.config import ModelConfig
from mspt.data.registry import get_dataset
from mspt.data.solve import drawing_inputs, read_drawing
from mspt.errors import DataError
from mspt.inference.drawings import drawing_file, preset_drawing
from mspt.inference.predict import predict_case
from mspt.models.normalizer import Normalizer
from tests.cli.running import fails_with, run_json


@pytest.fixture(autouse=True)
def quick_solvers(monkeypatch: pytest.MonkeyPatch) -> None:
    use_quick_solvers(monkeypatch)


def save_model(path: Path, dataset: str, **changes: object) -> Path:
    """Save an untrained model."""
    settings = {"space_dim": 2, "width": 16, "num_heads": 2, "num_blocks": 1, "num_patches": 8}
    config = ModelConfig(**settings | changes)
    model = build_model(config, seed=1)
    with torch.no_grad():
        for parameter in model.parameters():  # heads start at zero: move them
            parameter.add_(0.1)
    channels = config.in_features, config.out_channels
    normalizer = Normalizer(space_dim=2, in_features=channels[0], out_channels=channels[1])
    info = {"dataset": dataset}
    save_checkpoint(path, model=model, config=config, normalizer=normalizer, info=info)
    return path


def save_drawing(folder: Path, name: str, preset: str) -> Path:
    dataset, path = get_dataset(name), folder / f"{name}.json"
    path.write_text(drawing_file(dataset, preset_drawing(dataset, preset, seed=3)))
    return path


def test_a_drawn_die_is_predicted_without_the_solver(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawing = save_drawing(tmp_path, "plasticity", "Ridge")
    model = save_model(tmp_path / "die.safetensors", "plasticity", in_features=1, out_channels=80)
    out = tmp_path / "die.csv"
    arguments = ["predict", str(drawing), "--checkpoint", str(model), "--device", "cpu"]
    found = run_json(capsys, *arguments, "--out", str(out))
    assert (found["dataset"], found["points"]) == ("plasticity", 3131)
    assert "solver_seconds" not in found
    inputs = drawing_inputs(read_drawing(drawing))
    expected = predict_case(load_checkpoint(model), inputs.points, inputs.features).fields
    table = pd.read_csv(out)
    last = f"u_y_t{get_dataset('plasticity').time.outputs[-1]:.4g}ms_prediction"
    np.testing.assert_allclose(table[last], expected[:, -1], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(table["die"], inputs.features[:, 0], rtol=1e-6)
    assert not [name for name in table if name.endswith(("_truth", "_error"))]
    nothing = run_json(capsys, *arguments)
    assert "out" not in nothing
    assert "--out writes plasticity-prediction.vtp" in show_predicted_drawing(nothing)
    assert str(out) in show_predicted_drawing(found).replace("\n", "")


def test_a_painted_vorticity_is_solved_for_what_its_model_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawing = save_drawing(tmp_path, "navier_stokes", "Vortex pair")
    model = save_model(
        tmp_path / "flow.safetensors", "navier_stokes", in_features=10, input_frames=10, rollout=10
    )
    common = ["--checkpoint", str(model), "--device", "cpu", "--out"]
    predicted = run_json(capsys, "predict", str(drawing), *common, str(tmp_path / "predicted.csv"))
    assert predicted["solver_seconds"] > 0
    assert "for what the model reads" in show_predicted_drawing(predicted)
    solved = run_json(capsys, "solve", str(drawing), *common, str(tmp_path / "solved.csv"))
    tables = [pd.read_csv(tmp_path / f"{name}.csv") for name in ("predicted", "solved")]
    shown = [table["vorticity_t20_prediction"] for table in tables]
    np.testing.assert_allclose(shown[0], shown[1], rtol=1e-5)
    names = [f"vorticity_t{frame}" for frame in range(11, 21)]
    truth = tables[1][[f"{name}_truth" for name in names]].to_numpy()
    error = tables[1][[f"{name}_error" for name in names]].to_numpy()
    expected = np.linalg.norm(error) / np.linalg.norm(truth)
    assert solved["relative_l2"] == pytest.approx(expected, rel=1e-4)


def test_an_array_is_the_drawing_of_the_data_set_with_such_tables(tmp_path: Path) -> None:
    for name in ("pipe", "airfoil", "navier_stokes", "darcy"):
        dataset = get_dataset(name)
        np.save(tmp_path / "table.npy", np.zeros(dataset.drawing.shape))
        read = read_drawing(tmp_path / "table.npy")
        assert read["dataset"] == name
        assert read[dataset.drawing.key].shape == dataset.drawing.shape
    np.save(tmp_path / "table.npy", np.zeros((3, 3)))
    with pytest.raises(DataError, match=r"85 x 85 for darcy, got shape \(3, 3\); use a .json"):
        read_drawing(tmp_path / "table.npy")


def test_mistakes_end_with_one_line_and_leave_files_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = save_drawing(tmp_path, "pipe", "Straight")
    model = save_model(tmp_path / "darcy.safetensors", "darcy", in_features=1)
    out = tmp_path / "kept.csv"
    out.write_text("kept")
    crossing = tmp_path / "crossing.json"
    crossing.write_text(json.dumps({"dataset": "airfoil", "moves": [[0.3] * 4, [0.0] * 4]}))
    hole = tmp_path / "hole.json"
    hole.write_text('{"dataset": "navier_stokes", "vorticity": [[NaN, 1.0]]}')
    cases = SimpleNamespace(
        other=["--checkpoint", str(model), "--out", str(out)],
        format=["--out", str(tmp_path / "x.stl")],
    )
    for command in ("solve", "predict"):
        line = fails_with(capsys, command, str(pipe), *cases.other)
        assert "checkpoint must be of a model for pipe, got darcy.safetensors for darcy" in line
        assert "--out must end in one of" in fails_with(capsys, command, str(pipe), *cases.format)
        rest = ["--out", str(out)] if command == "solve" else ["--checkpoint", str(model)]
        assert "table of 128 x 128 numbers" in fails_with(capsys, command, str(hole), *rest)
    line = fails_with(capsys, "solve", str(crossing), "--out", str(out))
    assert "airfoil must have its upper side above its lower side" in line
    line = fails_with(capsys, "predict", str(pipe), "--truth", "flow.npz")
    assert "--truth must be absent for a drawing, got 'flow.npz'" in line
    line = fails_with(
        capsys, "predict", str(pipe), "--checkpoint", str(tmp_path / "none.safetensors")
    )
    assert "checkpoint must be an existing file" in line
    assert out.read_text() == "kept"
