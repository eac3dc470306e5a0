"""The command ``published``."""

import pickle
import re
from pathlib import Path

import pytest
import torch

from mspt.checkpoint import load_checkpoint
from mspt.config import ModelConfig
from mspt.models.published.model import PublishedMSPT
from tests.cli.running import fails_with, run_json, run_text

SETTINGS = ["--heads", "4", "--patches", "4"]


@pytest.fixture
def model() -> PublishedMSPT:
    torch.manual_seed(0)
    config = ModelConfig(
        architecture="published", partition="sequence", space_dim=2, width=8, num_patches=4
    )
    return PublishedMSPT(config)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.safetensors"


def test_weights_within_a_training_state_are_converted(
    tmp_path: Path, model: PublishedMSPT, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.rand(1, 8, 2)).sum().backward()
    optimizer.step()
    state = {
        "epoch": 3,
        "model_state_dict": model.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
    }
    torch.save(state, tmp_path / "state.pt")
    arguments = ["published", str(tmp_path / "state.pt"), *SETTINGS, "--out", str(out)]
    assert "state.pt, model_state_dict" in run_text(capsys, *arguments)
    torch.testing.assert_close(load_checkpoint(out).model.state_dict(), model.state_dict())
    found = run_json(capsys, *arguments, "--entry", "model_state_dict")
    assert found["entry"] == load_checkpoint(out).info["entry"] == "model_state_dict"
    line = fails_with(capsys, *arguments, "--entry", "epoch.weights")
    assert "entry must be in the file, got 'epoch.weights'; it has epoch, model_state_dict" in line


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_never_written(
    value: float, tmp_path: Path, model: PublishedMSPT, out: Path, capsys: pytest.CaptureFixture
) -> None:
    state = model.state_dict()
    state["blocks.1.ln_1.bias"][2] = value
    torch.save(state, tmp_path / "state.pt")
    arguments = ["published", str(tmp_path / "state.pt"), *SETTINGS, "--out", str(out)]
    line = fails_with(capsys, *arguments)
    assert "must hold finite weights, got NaN or infinity in blocks.1.ln_1.bias; take" in line
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_an_old_file_whose_tensors_have_lost_their_values_is_refused(
    tmp_path: Path, model: PublishedMSPT, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "state.pt"
    torch.save(model.state_dict(), path, _use_new_zipfile_serialization=False)
    data = path.read_bytes()
    key = re.findall(rb"\d{8,}", data)[-1]  # the name of a tensor's values, told twice
    place = data.rindex(key)
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    line = fails_with(capsys, "published", str(path), *SETTINGS, "--out", str(out))
    assert "got state.pt, which is damaged or of another kind; save model.state_dict()" in line


def test_objects_in_a_file_are_named_and_not_made(
    tmp_path: Path, model: PublishedMSPT, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(model, tmp_path / "whole.pt")
    (tmp_path / "other.pt").write_bytes(pickle.dumps([1.0, 2.0], protocol=2))
    arguments = [*SETTINGS, "--out", str(out)]
    line = fails_with(capsys, "published", str(tmp_path / "whole.pt"), *arguments)
    assert "got whole.pt with an object of mspt.models.published.model.PublishedMSPT; save" in line
    assert "state_dict must be" in fails_with(
        capsys, "published", str(tmp_path / "other.pt"), *arguments
    )
