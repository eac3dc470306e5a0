"""Data sets that a test registers, with their checkpoints, are shown on every page."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
import torch
from made_up_datasets import SPLITS, TOY, TOY_TIME, tiny_model
from streamlit.testing.v1 import AppTest

from mspt import load_case, predict_case
from mspt.checkpoint import build_model, load_checkpoint, save_checkpoint
from mspt.data.dataset import Dataset, Request
from mspt.data.registry import datasets, registered
from mspt.models.normalizer import Normalizer
from mspt.progress import last_event
from mspt.training.loop import prepare, train
from pages._shared.numbers import significant
from tests.pages.reading import metrics
from tests.pages.tiny import make_project
from tests.pages.viewing import sent, stop_at

Open = Callable[..., AppTest]
TOYS = (TOY, TOY_TIME)
WAVE = {"source": "toy_time", "toy_time_case": "toy_time-0008"}
ROLLED = "toy_time-rolled"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with the cases and a checkpoint of both sets beside the usual ones."""
    folder = make_project(tmp_path_factory.mktemp("registered"))
    st.cache_data.clear()
    with registered(TOY), registered(TOY_TIME):
        for dataset in TOYS:
            add(dataset, folder)
        add_rolled(folder)
        yield folder
    st.cache_data.clear()
    st.cache_resource.clear()


def add(dataset: Dataset, folder: Path) -> None:
    """Generate a data set and train its preset in the folder of a project."""
    list(dataset.source.generate(dataset, Request(out=folder / "data")))
    preset = dataset.presets[dataset.name]
    cases, validation = (
        dataset.cases(split, root=folder / "data") for split in ("train", "validation")
    )
    training = prepare(preset, cases=cases, validation=validation)
    last_event(train(training))
    save_checkpoint(
        folder / "pretrained" / f"{dataset.name}.safetensors",
        model=training.average,
        config=preset.model,
        normalizer=training.normalizer,
        info={"dataset": dataset.name, "train": preset.train.to_dict(), "parameters": 1},
    )


def add_rolled(folder: Path) -> None:
    """Save a model that predicts one frame of the wave at a time."""
    config = tiny_model(in_features=2, input_frames=2, rollout=3)
    model, random = build_model(config, seed=2), torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=random))
    save_checkpoint(
        folder / "pretrained" / f"{ROLLED}.safetensors",
        model=model,
        config=config,
        normalizer=Normalizer(space_dim=2, in_features=2, out_channels=1),
        info={"dataset": "toy_time", "parameters": 1},
    )


@pytest.mark.parametrize("dataset", TOYS, ids=lambda one: one.name)
@pytest.mark.parametrize("page", ["explore", "patches", "attention"])
def test_page_shows_a_registered_set(page: str, dataset: Dataset, open_page: Open) -> None:
    app = open_page(page, source=dataset.name)
    assert not app.exception
    assert not app.error
    (case,) = [box for box in app.selectbox if box.key == f"{dataset.name}_case"]
    assert case.value == dataset.case_name(8)
    (checkpoint,) = [box for box in app.selectbox if box.key == "checkpoint"]
    assert checkpoint.value == dataset.name


@pytest.mark.parametrize("dataset", TOYS, ids=lambda one: one.name)
def test_every_field_of_a_registered_set_can_be_chosen(dataset: Dataset, open_page: Open) -> None:
    app = open_page("explore", source=dataset.name)
    (field,) = [box for box in app.selectbox if box.key == f"{dataset.name}_field"]
    frames = 1 if dataset.time is None else len(dataset.time.outputs)
    first = dataset.fields[: len(dataset.fields) // frames]
    assert list(field.options) == [one.name.removesuffix("_2") for one in first]
    field.select(field.options[-1]).run()
    assert not app.exception


def test_numbers_of_a_registered_set_are_those_of_its_primary_field(
    open_page: Open, project: Path
) -> None:
    app = open_page("explore", source="toy")
    case = load_case("toy", "toy-0008", root=project / "data")
    checkpoint = load_checkpoint(project / "pretrained" / "toy.safetensors")
    predicted = predict_case(checkpoint, case.points, case.features).fields
    truth, miss = case.fields[:, 0], predicted[:, 0] - case.fields[:, 0]
    assert (predicted - case.fields).abs().max() > 1.1 * miss.abs().max()  # that of the flux
    shown = metrics(app)
    assert shown["Largest error of heat"] == f"{significant(miss.abs().max().item())} K"
    assert shown["Error of heat"] == f"{(miss.norm() / truth.norm()).item():.2%}"


def test_a_set_with_one_number_of_points_has_no_curve_over_them(open_page: Open) -> None:
    app = open_page("explore", source="toy")
    assert not app.select_slider
    assert "The truth of this case is stored at one number of points only." in [
        caption.value for caption in app.caption
    ]


def test_registered_sets_have_flat_pictures(open_page: Open) -> None:
    for dataset in TOYS:
        app = open_page("explore", source=dataset.name, view="Flat")
        assert not app.exception
        assert not app.error


def test_home_names_registered_sets(open_page: Open) -> None:
    app = open_page("home")
    assert not app.exception
    text = " ".join(one.value for one in app.markdown)
    for dataset in TOYS:
        assert f"**{dataset.title}** (`{dataset.name}`)" in text


def test_a_registered_set_is_drawn_solved_and_predicted(open_page: Open) -> None:
    app = open_page("draw", dataset="toy")
    assert not app.exception
    assert not app.error
    assert any(TOY.drawing.hint == caption.value for caption in app.caption)
    (choice,) = [one for one in app.get("button_group") if one.proto.id.endswith("toy_start")]
    assert [option.content for option in choice.proto.options] == ["Triangle"]


@pytest.mark.parametrize("page", ["upload", "scaling", "benchmarks"])
def test_other_pages_still_open(page: str, open_page: Open) -> None:
    assert not open_page(page).exception


# --- cases in time -------------------------------------------------------------------------------


def wave_errors(project: Path, name: str = "toy_time") -> np.ndarray:
    """Relative L2 errors of a model at the three times."""
    case = load_case("toy_time", "toy_time-0008", root=project / "data")
    checkpoint = load_checkpoint(project / "pretrained" / f"{name}.safetensors")
    miss = predict_case(checkpoint, case.points, case.features).fields - case.fields
    return (miss.norm(dim=0) / case.fields.norm(dim=0)).numpy()


def test_a_case_in_time_is_played_and_the_page_follows_where_it_stops(
    open_page: Open, project: Path
) -> None:
    app = open_page("explore", **WAVE, versus=ROLLED)
    assert not app.exception
    player = sent(app)[0]["player"]
    assert (player["times"], player["unit"]) == ([0.2, 0.3, 0.4], "s")
    assert player["start"] == 2
    errors = [wave_errors(project, name) for name in ("toy_time", ROLLED)]
    for curve, expected in zip(player["curves"], errors, strict=True):
        np.testing.assert_allclose(curve["values"], 100 * expected, rtol=1e-3)
    app = stop_at(app, 0)
    assert not app.exception
    assert sent(app)[0]["player"]["start"] == 0
    assert app.query_params["time"] in ("0.2", ["0.2"])
    (caption,) = [one.value for one in app.caption if "Relative L2 of height" in one.value]
    assert "t = 0.2 s" in caption
    assert f"{errors[0][0]:.2%} (toy_time)" in caption


def test_the_time_of_the_player_is_that_of_the_other_views(open_page: Open) -> None:
    app = open_page("explore", **WAVE, view="Flat", time="0.3")
    assert not app.exception
    (slider,) = [one for one in app.select_slider if one.key == "time"]
    assert (slider.label, slider.value) == ("Time, s", "0.3")
    slider.set_value("0.4").run()
    app.session_state["view"] = "Fields"
    app.run()
    assert not app.exception
    assert sent(app)[0]["player"]["start"] == 2


def test_errors_over_time_can_be_taken_along(open_page: Open, project: Path) -> None:
    app = open_page("explore", **WAVE)
    labels = [one.proto.label for one in app.get("download_button")]
    assert "Error over time (CSV)" in labels
    steady = open_page("explore", source="toy")
    assert "Error over time (CSV)" not in [one.proto.label for one in steady.get("download_button")]
    shown = metrics(app)
    whole = load_case("toy_time", "toy_time-0008", root=project / "data").fields
    weights = whole.norm(dim=0).numpy()
    total = np.linalg.norm(wave_errors(project) * weights) / np.linalg.norm(weights)
    assert shown["Error of height, all 3 times"] == f"{total:.2%}"


def test_attention_names_the_pass_of_the_shown_time(open_page: Open) -> None:
    app = open_page("attention", **WAVE, checkpoint=ROLLED, time="0.3")
    assert not app.exception
    assert "Attention of **pass 2 of 3, which predicts t = 0.3 s**." in [
        one.value for one in app.caption
    ]
    assert "--frame 2" in app.code[0].value
    app = open_page("attention", **WAVE)
    text = "Attention of **one pass predicts all 3 times, shown is t = 0.4 s**."
    assert text in [one.value for one in app.caption]


def test_patches_hold_the_error_of_the_shown_time(open_page: Open) -> None:
    app = open_page("patches", **WAVE, time="0.2", point="3")
    assert not app.exception
    assert any("squared error of height at t = 0.2 s" in one.value for one in app.markdown)


def test_home_says_what_is_at_hand_of_every_data_set(open_page: Open) -> None:
    app = open_page("home")
    text = " ".join(one.value for one in app.markdown)
    links = [one.proto.label for one in app.get("page_link")]
    for dataset in datasets():
        assert (f"(`{dataset.name}`)" in text) == dataset.can_generate
    cases = SPLITS["test"]
    assert f"{cases} test cases, 1 model" in links
    assert f"{cases} test cases, 2 models" in links
    (missing,) = [one.value for one in app.caption if "generate pipe" in one.value]
    assert missing.startswith("No cases here yet")
