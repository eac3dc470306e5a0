"""What a visitor brings: models, data and predictions, for this visitor alone."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from mspt.checkpoint import load_checkpoint
from mspt.config import ModelConfig
from mspt.data.store import load_split
from mspt.inference.predict import predict_case
from mspt.published import PublishedMSPT
from tests.pages.reading import metrics

Open = Callable[..., AppTest]
BINARY = "application/octet-stream"


def bring(app: AppTest, kind: str, name: str, content: bytes, **choices: str) -> AppTest:
    """Open the dialog, choose a file as a visitor would, and load it."""
    app.button(key="bring").click().run()
    app.segmented_control(key="bring_kind").set_value(kind).run()
    uploader = next(one for one in app.file_uploader if one.key.startswith("bring_"))
    uploader.set_value((name, content, BINARY)).run()
    for key, value in choices.items():
        app.selectbox(key=key).set_value(value)
    return app.button(key="bring_load").click().run()


def at(app: AppTest, page: str) -> AppTest:
    app = app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    assert not app.error
    return app


def npz(**arrays: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def test_a_model_is_offered_to_its_visitor_alone(open_page: Open, project: Path) -> None:
    content = (project / "pretrained" / "elasticity.safetensors").read_bytes()
    app = bring(open_page("documents"), "A model", "mine.safetensors", content)
    assert not app.error
    app = at(app, "patches")
    assert app.selectbox(key="checkpoint").value == "my-mine"
    assert app.query_params["checkpoint"] == "my-mine"
    folder = app.session_state["own_models"]["my-mine"].key.path.parent
    assert folder.exists()
    other = open_page("patches", source="elasticity")
    assert "my-mine" not in other.selectbox(key="checkpoint").options
    app = app.button(key="drop_model_my-mine").click().run()
    assert app.selectbox(key="checkpoint").value == "elasticity"
    assert not folder.exists()


def test_authors_weights_are_converted_on_the_spot(open_page: Open, tmp_path: Path) -> None:
    config = ModelConfig(
        architecture="published", partition="sequence", space_dim=2, width=16, num_patches=9
    )
    torch.save(PublishedMSPT(config).state_dict(), tmp_path / "theirs.pt")
    content = (tmp_path / "theirs.pt").read_bytes()
    app = bring(open_page("documents"), "A model", "theirs.pt", content)
    assert not app.error
    own = app.session_state["own_models"]["my-theirs"]
    assert own.info["dataset"] == "elasticity"
    scale = load_checkpoint(own.key.path).normalizer.fields_scale
    stress = load_split("elasticity", "train", limit=200).fields
    assert scale.item() == pytest.approx(stress.std().item(), rel=1e-3)


@pytest.mark.parametrize(
    ("kind", "name"), [("A model", "x.safetensors"), ("A model", "x.pt"), ("Data", "x.vtp")]
)
def test_what_cannot_be_read_is_refused_in_one_line(open_page: Open, kind: str, name: str) -> None:
    app = bring(open_page("documents"), kind, name, b"nothing")
    assert not app.exception
    (message,) = [one.value for one in app.error]
    assert name in message.casefold()
    assert "/tmp" not in message
    assert "own_cases" not in app.session_state
    assert not app.session_state["own_models"]


def test_a_case_with_its_truth_is_predicted_like_the_library_does(
    open_page: Open, project: Path
) -> None:
    case = load_split("elasticity", "test", limit=3).case(2)
    table = np.concatenate([case.points, 1.1 * case.fields], axis=1)
    rows = "\n".join(",".join(f"{one:.9g}" for one in row) for row in table)
    content = f"x,y,stress\n{rows}\n".encode()
    app = bring(open_page("documents"), "Data", "plate.csv", content, bring_models="elasticity")
    app = at(app, "explore")
    assert app.selectbox(key="elasticity_case").value.startswith("my-plate-")
    checkpoint = load_checkpoint(project / "pretrained" / "elasticity.safetensors")
    found = predict_case(checkpoint, case.points, case.features).fields
    error = torch.linalg.norm(found - 1.1 * case.fields) / torch.linalg.norm(1.1 * case.fields)
    assert metrics(app)["Error of stress"] == f"{error.item():.2%}"


def test_a_case_without_truth_has_no_error(open_page: Open) -> None:
    content = npz(points=load_split("elasticity", "test", limit=1).points[0].numpy())
    app = bring(open_page("documents"), "Data", "bare.npz", content, bring_models="elasticity")
    shown = metrics(at(app, "explore"))
    assert "Error of stress" not in shown
    assert "Mean stress" in shown
    for page in ("patches", "attention"):
        app = at(at(app, "documents"), page)
        assert app.selectbox(key="elasticity_case").value.startswith("my-bare-")


def test_a_cloud_without_a_model_is_partitioned(open_page: Open) -> None:
    content = npz(points=np.random.default_rng(0).random((500, 3)))
    app = bring(
        open_page("documents"),
        "Data",
        "scan.npz",
        content,
        bring_models="no model: partition alone",
    )
    app.session_state["source"] = "mine"
    app = at(app, "patches")
    assert any("N = 500 points" in one.value for one in app.caption)


def test_predictions_are_a_row_beside_the_checkpoints(open_page: Open) -> None:
    cases = load_split("elasticity", "test")
    content = npz(names=np.array(cases.names[:10]), fields=1.25 * cases.fields[:10].numpy())
    app = bring(
        open_page("documents"), "Predictions", "rival.npz", content, bring_cases_of="elasticity"
    )
    app = at(app, "benchmarks")
    table = app.dataframe[0].value
    row = table[table["Checkpoint"] == "rival (yours)"].iloc[0]
    assert row["Test error"] == pytest.approx(0.25)
    other = table[table["Checkpoint"] == "elasticity-sequence"].iloc[0]
    assert other["On these 10 cases"] == pytest.approx(np.mean(0.1 + 0.001 * np.arange(10)))
