import io
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from mspt.checkpoint import CheckpointInfo, list_checkpoints, load_checkpoint
from mspt.data.store import load_case
from mspt.inference import predict_case
from tests.pages.reading import charts, metrics

Open = Callable[..., AppTest]
SHIPPED = list_checkpoints(Path(__file__).parents[2] / "pretrained")


def reference_error(folder: Path, checkpoint: str, name: str) -> float:
    """Relative L2 by numpy in double precision, past the app's caches and metrics."""
    loaded = load_checkpoint(folder / "pretrained" / f"{checkpoint}.safetensors")
    case = load_case(name.split("-")[0], name)
    predicted = predict_case(loaded, case.points, case.features).fields.numpy().astype(np.float64)
    truth = case.fields.numpy().astype(np.float64)
    return float(np.linalg.norm(predicted - truth) / np.linalg.norm(truth))


@pytest.mark.parametrize("page", ["home", "explore", "draw"])
def test_page_opens_with_a_finished_picture_and_no_click(open_page: Open, page: str) -> None:
    app = open_page(page)
    assert not app.exception
    assert not app.error
    assert charts(app)


def test_home_lists_every_checkpoint_with_its_stored_error(open_page: Open) -> None:
    table = open_page("home").dataframe[0].value
    assert set(table["Checkpoint"]) == {
        "car",
        "darcy",
        "elasticity",
        "elasticity-sequence",
        "elasticity-transolver",
    }
    assert set(table["Test error"]) == {0.4321}
    assert dict(zip(table["Checkpoint"], table["Partition"], strict=True)) == {
        "car": "ball tree",
        "darcy": "ball tree",
        "elasticity": "ball tree",
        "elasticity-sequence": "sequence",
        "elasticity-transolver": "none",
    }


@pytest.mark.parametrize("name", ["elasticity-1103", "darcy-1102"])
def test_shown_error_equals_an_independent_computation(
    open_page: Open, project: Path, name: str
) -> None:
    dataset = name.split("-")[0]
    app = open_page("explore", dataset=dataset, case=name)
    assert app.selectbox(key="case").value == name
    expected = reference_error(project, dataset, name)
    assert metrics(app)["Relative L2 of this case"] == f"{expected:.2%}"
    assert metrics(app)["Mean of 200 test cases"] == "43.21%"


def test_every_number_shows_its_origin(open_page: Open) -> None:
    origins = {metric.label: metric.delta for metric in open_page("explore").metric}
    assert origins == {
        "Relative L2 of this case": "measured here",
        "Mean of 200 test cases": "stored with the checkpoint",
        "Largest error of stress": "measured here",
        "Forward pass": "measured here",
    }


def test_picture_holds_the_exact_truth_and_prediction_at_the_points(
    open_page: Open, project: Path
) -> None:
    app = open_page("explore", case="elasticity-1105")
    dots = [trace for trace in charts(app)[0]["data"] if trace.get("mode") == "markers"]
    truth, predicted, error = dots[0]["customdata"].T
    case = load_case("elasticity", "elasticity-1105")
    np.testing.assert_array_equal(truth, case.fields[:, 0].numpy())
    checkpoint = load_checkpoint(project / "pretrained" / "elasticity.safetensors")
    expected = predict_case(checkpoint, case.points, case.features).fields[:, 0].numpy()
    np.testing.assert_allclose(predicted, expected, rtol=1e-5)
    np.testing.assert_allclose(error, predicted - truth, rtol=1e-4, atol=1e-3)


def test_another_case_shows_another_truth(open_page: Open) -> None:
    app = open_page("explore")
    before = charts(app)[0]["data"][0]["z"]
    app.selectbox(key="case").set_value("elasticity-1110").run()
    assert not np.array_equal(before, charts(app)[0]["data"][0]["z"], equal_nan=True)


def test_another_checkpoint_shows_another_prediction_of_the_same_truth(open_page: Open) -> None:
    app = open_page("explore")
    truth, prediction = (charts(app)[0]["data"][trace]["z"] for trace in (0, 3))
    app.selectbox(key="checkpoint").set_value("elasticity-sequence").run()
    after = [charts(app)[0]["data"][trace]["z"] for trace in (0, 3)]
    np.testing.assert_array_equal(truth, after[0])
    assert not np.array_equal(prediction, after[1], equal_nan=True)


def test_another_data_set_brings_its_own_checkpoints_and_cases(open_page: Open) -> None:
    app = open_page("explore", case="elasticity-1105", checkpoint="elasticity-sequence")
    app.button_group(key="dataset").set_value("darcy").run()
    assert not app.exception
    assert app.selectbox(key="checkpoint").value == "darcy"
    assert app.selectbox(key="case").value == "darcy-1100"
    assert charts(app)[1]["layout"]["coloraxis"]["cmin"] == 3


def test_address_restores_the_state(open_page: Open) -> None:
    app = open_page("explore", dataset="darcy", case="darcy-1150", view="Patches")
    assert app.button_group(key="dataset").value == "darcy"
    assert app.selectbox(key="case").value == "darcy-1150"
    assert "patch" in charts(app)[1]["data"][0]["hovertemplate"]


def test_address_with_unknown_values_falls_back_to_defaults(open_page: Open) -> None:
    app = open_page("explore", dataset="no-such", case="elasticity-9999", device="TPU")
    assert not app.exception
    assert app.selectbox(key="case").value == "elasticity-1100"


def test_arrows_go_round_the_list(open_page: Open) -> None:
    app = open_page("explore")
    app.button(key="case_previous").click().run()
    assert app.selectbox(key="case").value == "elasticity-1299"
    app.button(key="case_next").click().run()
    assert app.selectbox(key="case").value == "elasticity-1100"


@pytest.mark.parametrize("view", ["Patches", "Error by patch"])
def test_model_without_patches_says_so(open_page: Open, view: str) -> None:
    app = open_page("explore", checkpoint="elasticity-transolver", view=view)
    assert any("cuts no patches" in caption.value for caption in app.caption)


def test_worst_first_sorts_the_list_by_an_error_anyone_can_recompute(
    open_page: Open, project: Path
) -> None:
    app = open_page("explore", worst="true")
    assert not app.exception
    names = app.selectbox(key="case").options
    first, last = (reference_error(project, "elasticity", names[place]) for place in (0, -1))
    middle = reference_error(project, "elasticity", names[100])
    assert first > middle > last
    histogram = charts(app)[2]["data"][0]
    assert histogram["y"].sum() == len(names) == 200


def test_table_holds_points_truth_prediction_and_error(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    from pages import _shared

    case = load_case("darcy", "darcy-1100")
    header = _shared.checkpoints("darcy")["darcy"]
    checkpoint = load_checkpoint(header.path)
    prediction = predict_case(checkpoint, case.points, case.features)
    table = pd.read_csv(io.BytesIO(_shared.case_csv(case, prediction)))
    assert list(table) == [
        "x",
        "y",
        "permeability",
        "pressure_truth",
        "pressure_prediction",
        "pressure_error",
    ]
    np.testing.assert_allclose(table["pressure_truth"], case.fields[:, 0], rtol=1e-6)
    np.testing.assert_allclose(
        table["pressure_error"], table["pressure_prediction"] - table["pressure_truth"], atol=1e-7
    )


def test_folder_without_checkpoints_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    (tmp_path / "assets").symlink_to(project / "assets")
    monkeypatch.chdir(tmp_path)
    (error,) = (
        AppTest.from_file(str(Path(__file__).parents[2] / "app.py"), default_timeout=180)
        .run()
        .error
    )
    assert "python -m mspt train elasticity" in error.value


@pytest.mark.parametrize("page", ["home", "explore", "draw"])
def test_shown_command_is_one_the_command_line_takes(open_page: Open, page: str) -> None:
    from mspt.cli import build_parser

    for line in open_page(page).code[0].value.splitlines():
        program, *arguments = shlex.split(line.removeprefix("python -m "))
        assert program == "mspt"
        build_parser().parse_args(arguments)


def test_footer_names_the_last_run(open_page: Open) -> None:
    captions = [caption.value for caption in open_page("explore").caption]
    assert any(
        "N = 972 points · K = 9 patches" in text and "ms on cpu" in text for text in captions
    )


def test_device_picker_offers_only_what_is_here(open_page: Open) -> None:
    from mspt.inference import available_devices

    options = open_page("home").sidebar.button_group(key="device").options
    assert len(options) == len(available_devices())


@pytest.mark.parametrize("header", SHIPPED, ids=[header.path.stem for header in SHIPPED])
def test_shipped_checkpoint_opens_and_beats_the_mean(
    monkeypatch: pytest.MonkeyPatch, header: CheckpointInfo
) -> None:
    monkeypatch.chdir(header.path.parents[1])
    app = AppTest.from_file(str(header.path.parents[1] / "app.py"), default_timeout=180)
    app.query_params.update(dataset=header.info["dataset"], checkpoint=header.path.stem)
    if header.info["dataset"] == "car":
        app.switch_page("pages/upload.py").run()
        assert not app.exception
        assert app.selectbox(key="checkpoint").value == header.path.stem
        assert 0 < float(metrics(app)["C_D, drag"].split(" ")[0]) < 1
        return
    app.switch_page("pages/explore.py").run()
    assert not app.exception
    assert app.selectbox(key="checkpoint").value == header.path.stem
    shown = float(metrics(app)["Relative L2 of this case"].removesuffix("%"))
    assert shown < 100 * header.info["metrics"]["mean_only"]
