"""Data sets that a test registers, with their checkpoints, are shown on every page."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from made_up_datasets import TOY, TOY_TIME
from streamlit.testing.v1 import AppTest

from mspt import load_case, predict_case
from mspt.checkpoint import load_checkpoint, save_checkpoint
from mspt.data.dataset import Dataset, Request
from mspt.data.registry import registered
from mspt.progress import last_event
from mspt.training.loop import prepare, train
from pages._shared.numbers import significant
from tests.pages.reading import metrics
from tests.pages.tiny import make_project

Open = Callable[..., AppTest]
TOYS = (TOY, TOY_TIME)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with the cases and a checkpoint of both sets beside the usual ones."""
    folder = make_project(tmp_path_factory.mktemp("registered"))
    st.cache_data.clear()
    with registered(TOY), registered(TOY_TIME):
        for dataset in TOYS:
            add(dataset, folder)
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


@pytest.mark.parametrize("page", ["upload", "scaling"])
def test_other_pages_still_open(page: str, open_page: Open) -> None:
    assert not open_page(page).exception
