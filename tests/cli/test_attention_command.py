import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from mspt.checkpoint import load_checkpoint
from mspt.cli.attention import find_sample
from mspt.cli.main import main
from mspt.data.store import list_cases, load_case
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.files.writers import write_stl
from mspt.inference.sample import sample_of_case
from mspt.inspection.masking import mask_patch
from mspt.inspection.observation import observe
from tests.pages.tiny import save_tiny_flow

CHECKPOINT = "pretrained/elasticity-paper.safetensors"
NAME = list_cases("elasticity")[0]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main(["attention", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def fails_with(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["attention", *arguments]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_numbers_are_those_of_the_model_s_own_trace(capsys: pytest.CaptureFixture[str]) -> None:
    found = run(capsys, NAME, "--checkpoint", CHECKPOINT, "--points", "7", "90", "--block", "3")
    checkpoint, case = load_checkpoint(CHECKPOINT), load_case("elasticity", NAME)
    points, features = checkpoint.normalizer.encode(case.points, case.features)
    trace = checkpoint.model.trace(points, features, picked=torch.tensor([7, 90])).blocks[2]
    for index, point in enumerate(("7", "90")):
        expected = trace.supernodes[:, index].sum(-1).mean().item()
        assert found["points"][point]["global_share"] == pytest.approx(expected, abs=1e-5)
    (most, *_) = found["most_read_patches"].values()
    per_patch = (checkpoint.config.num_patches, checkpoint.config.num_supernodes)
    weights = trace.supernodes.mean((0, 1)).reshape(per_patch).sum(-1)
    assert most["patch"] == int(weights.argmax())
    assert most["weight"] == pytest.approx(float(weights.max()), abs=1e-5)
    assert found["global_share_by_block"]["3"] == pytest.approx(found["mean"]["global_share"])


def test_table_holds_the_weights_and_the_change(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "attention.csv"
    settings = ["--checkpoint", CHECKPOINT, "--points", "7", "--block", "2", "--head", "3"]
    found = run(capsys, NAME, *settings, "--mask-supernodes", "2", "--out", str(out))
    table = pd.read_csv(out)
    assert table.local.sum() + table.through_supernodes.sum() == pytest.approx(1, abs=1e-5)
    assert table.through_supernodes.sum() == pytest.approx(found["mean"]["global_share"], abs=1e-5)
    assert table.own_global_share[7] == pytest.approx(found["mean"]["global_share"], abs=1e-5)
    checkpoint = load_checkpoint(CHECKPOINT)
    seen = observe(checkpoint, sample_of_case(load_case("elasticity", NAME)))
    expected = mask_patch(seen, 2).change[:, 0].numpy()
    (field,) = [channel.name for channel in seen.sample.channels]
    np.testing.assert_allclose(table[f"change_{field}"], expected, rtol=1e-3, atol=1e-4)
    masking = found["masking"][field]
    assert masking["at_point"] == int(np.abs(expected).argmax())
    assert masking["mean_change_at_points"] == pytest.approx(float(expected[7]), rel=1e-3)


def test_mask_in_one_block_is_not_that_in_all(capsys: pytest.CaptureFixture[str]) -> None:
    settings = [NAME, "--checkpoint", CHECKPOINT, "--points", "7", "--block", "2"]
    everywhere = run(capsys, *settings, "--mask-patch", "2")["masking"]
    here = run(capsys, *settings, "--mask-patch", "2", "--this-block")["masking"]
    assert (everywhere["block"], here["block"]) == ("all", 2)
    assert everywhere != here


def test_shape_is_looked_at_as_on_the_page(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path, model = tmp_path / "body.stl", tmp_path / "car.safetensors"
    write_stl(path, draw_body("ellipsoid", 3).mesh)
    save_tiny_flow(model)
    found = run(capsys, str(path), "--checkpoint", str(model), "--remove-patch", "2")
    checkpoint = load_checkpoint(model)
    seen = observe(checkpoint, find_sample(checkpoint, str(path)))
    done = mask_patch(seen, 2, masked="patch removed")
    change = done.after.C_D - done.before.C_D
    assert found["masking"]["C_D_change"] == pytest.approx(change, abs=1e-6)
    (point,) = found["points"]
    assert int(point) < seen.sample.num_surface


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--block", "9"], "block must lie between 1 and 6, got 9"),
        (["--head", "0"], "head must lie between 1 and 4, got 0"),
        (["--points", "972"], "points must lie between 0 and 971"),
        (["--mask-patch", "4"], "patch must lie between 0 and 3, got 4"),
        (["--out", "table.txt"], "--out must be a .csv file, got table.txt"),
        (["--remove-patch", "1", "--this-block"], "block must be None to remove a patch"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert message in fails_with(capsys, NAME, "--checkpoint", CHECKPOINT, *arguments)


def test_checkpoint_without_joint_attention_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    other = "pretrained/elasticity-transolver.safetensors"
    line = fails_with(capsys, NAME, "--checkpoint", other)
    assert "checkpoint must be of the architecture mspt" in line
