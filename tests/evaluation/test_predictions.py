"""Predictions of other models, scored as checkpoints are."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mspt.checkpoint import load_checkpoint
from mspt.cli.main import main
from mspt.data.case import CaseStack
from mspt.data.registry import get_dataset
from mspt.data.store import load_split
from mspt.errors import DataError
from mspt.evaluation.flows import body_of
from mspt.evaluation.predictions import PredictionScores, read_predictions, score_predictions
from mspt.inference.predict import predict_cases
from mspt.metrics.fields import relative_l2

ELASTICITY = get_dataset("elasticity")


@pytest.fixture(scope="module")
def cases() -> CaseStack:
    found = load_split("elasticity", "test")
    assert isinstance(found, CaseStack)
    return found


def npz(**arrays: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def scored(content: bytes) -> PredictionScores:
    return score_predictions(read_predictions(content, "rival.npz", ELASTICITY), ELASTICITY)


def test_a_model_s_predictions_have_its_stored_errors(cases: CaseStack) -> None:
    """What the file of a checkpoint stores of each case, found by another way."""
    checkpoint = load_checkpoint("pretrained/elasticity.safetensors")
    rows = slice(3, 6)
    found = predict_cases(checkpoint, cases.points[rows], cases.features[rows])
    fields = torch.stack([one.fields for one in found]).numpy()
    scores = scored(npz(names=np.array(cases.names[rows]), fields=fields))
    stored = {one["name"]: one["relative_l2"] for one in checkpoint.info["scores"]}
    for name, error in scores.errors.items():
        assert error == pytest.approx(stored[name], rel=1e-3)
    assert list(scores.errors) == list(cases.names[rows])


def test_all_three_forms_say_the_same(cases: CaseStack) -> None:
    fields = 1.5 * cases.fields[:4].numpy()
    forms = [
        npz(names=np.array(cases.names[:4]), fields=fields),
        npz(fields=fields[..., 0]),
        npz(**dict(zip(cases.names[:4], fields, strict=True))),
    ]
    for content in forms:
        metrics = scored(content).metrics()
        assert metrics["relative_l2"] == pytest.approx(0.5)
        assert metrics["cases"] == 4
        assert metrics["stress"] == pytest.approx(
            relative_l2(1.5 * cases.fields[:4], cases.fields[:4]).mean().item()
        )


def test_predictions_of_flows_are_scored_on_the_body_and_in_the_flow() -> None:
    car = get_dataset("car")
    name = car.names("test")[0]
    fields = 1.1 * body_of(car.load(name)).fields.numpy()
    found = score_predictions(read_predictions(npz(**{name: fields}), "x.npz", car), car)
    assert found.errors == {name: pytest.approx(0.1, rel=1e-4)}
    assert found.further["velocity_change"] == pytest.approx(0.1, rel=1e-4)
    assert found.num_cases > 1


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"other": np.zeros((2, 972))}, "must hold an array named fields"),
        ({"fields": np.zeros((2, 900))}, "must have the shape (972, 1)"),
        ({"fields": np.full((2, 972), np.inf)}, "must be finite"),
        ({"fields": np.zeros((2, 972)), "names": np.array(["a", "b"])}, "must be of test cases"),
        ({"fields": np.zeros((2, 972)), "names": np.array(["elasticity-1100"] * 2)}, "twice"),
        ({"fields": np.zeros((2, 972)), "names": np.array(["elasticity-1100"])}, "a row for each"),
    ],
)
def test_what_cannot_be_scored_is_refused(arrays: dict, words: str) -> None:
    with pytest.raises(DataError) as refused:
        scored(npz(**arrays))
    assert words in str(refused.value)


def test_the_command_prints_the_errors(
    cases: CaseStack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rival.npz"
    path.write_bytes(npz(fields=1.25 * cases.fields[:3].numpy()))
    given = ["evaluate", "--predictions", str(path), "--dataset", "elasticity", "--json"]
    assert main(given) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["metrics"]["relative_l2"] == pytest.approx(0.25)
    assert main(["evaluate", "--predictions", str(path)]) == 2
    assert "--dataset" in capsys.readouterr().err
