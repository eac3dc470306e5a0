"""What every data set promises, checked over the registry and over two sets registered here."""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_datasets import SPLITS, TIMES_OUT, TOY, TOY_TIME
from quick_solvers import use_quick_solvers

from mspt.checkpoint import Checkpoint
from mspt.data.case import Case
from mspt.data.codec import decode, encode
from mspt.data.dataset import Dataset, Request
from mspt.data.export import case_table
from mspt.data.frames import timed_names
from mspt.data.layout import EVERYTHING
from mspt.data.registry import dataset_of_case, datasets, get_dataset, registered
from mspt.data.solve import drawing_inputs, solve_case, solve_drawing
from mspt.errors import DataError
from mspt.evaluation.comparison import compare, views_of
from mspt.evaluation.score import final_scores, score
from mspt.inference.sample import predict_sample, sample_of_case
from mspt.progress import last_event
from mspt.training.loop import StepDone, prepare, train
from mspt.training.presets import get_preset, list_presets

TOYS = (TOY, TOY_TIME)
ALL = (*datasets(), *TOYS)
SOLVED = [dataset for dataset in ALL if dataset.make_case]


@cache
def made(name: str, seed: int) -> Case:
    """One case of a data set; a solver takes seconds, so tests share it."""
    with pytest.MonkeyPatch.context() as patch:
        if name == "navier_stokes":  # solved to its end in test_navier_stokes.py
            use_quick_solvers(patch)
        return get_dataset(name).make_case(seed)


@pytest.fixture(autouse=True)
def toys() -> Iterator[None]:
    with registered(TOY), registered(TOY_TIME):
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all cases of both toys."""
    out = tmp_path_factory.mktemp("toys")
    for dataset in TOYS:
        events = list(dataset.source.generate(dataset, Request(out=out)))
        assert [event.error for event in events] == [None] * sum(SPLITS.values())
    return out


def trained(dataset: Dataset, root: Path) -> Checkpoint:
    preset = get_preset(dataset.name)
    training = prepare(
        preset,
        cases=dataset.cases("train", root=root, train=preset.train),
        validation=dataset.cases("validation", root=root, train=preset.train),
    )
    losses = [event.loss for event in train(training) if isinstance(event, StepDone)]
    assert len(losses) == 2 * math.ceil(SPLITS["train"] / preset.train.batch_size)
    info = {"dataset": dataset.name, "train": preset.train.to_dict()}
    return Checkpoint(training.average, preset.model, training.normalizer, info)


# ---- every data set


@pytest.mark.parametrize("dataset", ALL, ids=[one.name for one in ALL])
def test_names_are_one_word_and_all_channels_differ(dataset: Dataset) -> None:
    layout = dataset.layout
    assert dataset.name.isidentifier()
    for names in (layout.feature_channels, layout.field_channels):
        assert len(set(names)) == len(names)
    assert all(quantity.unit and quantity.description for quantity in dataset.fields)
    assert min(len(text) for text in (dataset.title, dataset.geometry, dataset.solver)) > 3


@pytest.mark.parametrize("dataset", SOLVED, ids=[one.name for one in SOLVED])
def test_a_seed_always_gives_the_same_case(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    if dataset.seconds_per_case > 1:  # twice the same: a solver that stops early can show it
        use_quick_solvers(monkeypatch)
        first = dataset.make_case(5)
    else:
        first = made(dataset.name, 5)
    again = dataset.make_case(5)
    assert torch.equal(first.points, again.points)
    assert torch.equal(first.features, again.features)
    assert torch.equal(first.fields, again.fields)
    # That seeds of slower sets differ is tested on what their solvers are given.
    if dataset.seconds_per_case <= 1:
        assert not torch.equal(first.fields, made(dataset.name, 6).fields)


@pytest.mark.parametrize("dataset", ALL, ids=[one.name for one in ALL])
def test_columns_of_all_fields_lie_side_by_side(dataset: Dataset) -> None:
    spans = [dataset.layout.columns(quantity.name) for quantity in dataset.fields]
    assert spans[0].start == 0
    assert spans[-1].stop == len(dataset.layout.field_channels)
    assert all(one.stop == other.start for one, other in pairwise(spans))


@pytest.mark.parametrize("dataset", ALL, ids=[one.name for one in ALL])
def test_presets_are_of_their_own_data_set_and_one_has_its_name(dataset: Dataset) -> None:
    assert dataset.name in dataset.presets
    assert {preset.dataset for preset in dataset.presets.values()} == {dataset.name}


@pytest.mark.parametrize("dataset", SOLVED, ids=[one.name for one in SOLVED])
def test_a_case_has_the_shapes_its_data_set_states(dataset: Dataset) -> None:
    case = made(dataset.name, 5)
    assert case.dataset == dataset.name
    num_points = len(case.points)
    assert case.points.shape == (num_points, dataset.space_dim)
    assert case.features.shape == (num_points, len(dataset.layout.feature_channels))
    assert case.fields.shape == (num_points, len(dataset.layout.field_channels))
    for values in (case.points, case.features, case.fields):
        assert values.dtype == torch.float32
        assert values.isfinite().all()
    assert dataset.grid_shape is None or math.prod(dataset.grid_shape) == num_points
    if dataset.shared_points is not None:
        assert torch.equal(dataset.shared_points(), case.points)


@pytest.mark.parametrize("dataset", SOLVED, ids=[one.name for one in SOLVED])
def test_storing_a_case_keeps_its_points_and_fields(dataset: Dataset) -> None:
    case = made(dataset.name, 5)
    stored = decode(dataset, encode(dataset, [case], [3]), [3]).case(0)
    assert stored.name == dataset.case_name(3)
    assert (stored.points - case.points).abs().max() < 1e-4
    assert (stored.fields - case.fields).norm() < 1e-3 * case.fields.norm()
    assert (stored.features - case.features).norm() <= 1e-3 * case.features.norm()
    for channel in dataset.layout.field_channels:
        columns = dataset.layout.columns(channel)
        found, truth = stored.fields[:, columns], case.fields[:, columns]
        assert (found - truth).norm() <= 1e-3 * truth.norm(), channel


@pytest.mark.parametrize("dataset", SOLVED, ids=[one.name for one in SOLVED])
def test_coarser_points_are_some_of_the_points_or_none(dataset: Dataset) -> None:
    if dataset.coarsen is None:
        return
    num_points = len(made(dataset.name, 5).points)
    for factor in (0.25, 0.5):
        rows = dataset.coarsen(factor)
        assert len(set(rows.tolist())) == len(rows)
        assert 0.8 * factor < len(rows) / num_points < 1.2 * factor
        assert rows.max() < num_points


@pytest.mark.parametrize("dataset", [one for one in ALL if one.regions], ids=lambda one: one.name)
def test_every_point_is_in_a_region_with_a_name_of_its_own(dataset: Dataset) -> None:
    case, regions = dataset.make_case(2), dataset.regions
    found = regions.of_points(case.points, case.features)
    assert found.shape == case.points.shape[:1]
    assert set(found.tolist()) <= set(range(len(regions.names)))
    assert len(set(regions.names)) == len(regions.names)
    # Errors are written as NAME=ERROR, one word each.
    assert all(name.isidentifier() for name in regions.names)


@pytest.mark.parametrize("dataset", [one for one in ALL if one.drawing], ids=lambda one: one.name)
def test_every_example_to_draw_from_can_be_solved(dataset: Dataset) -> None:
    for example in dataset.drawing.examples.values():
        given = example(1)
        drawing = {"dataset": dataset.name, dataset.drawing.key: given.tolist()}
        rows, columns = dataset.drawing.shape
        assert given.shape == (rows or len(given), columns)
        assert np.isfinite(given).all()
        if (dataset.seconds_per_case or 0) > 0.5:  # what the solver is given is checked alone
            drawing_inputs(drawing)
            continue
        solved = solve_drawing(drawing)
        assert solved.case.dataset == dataset.name
        assert solved.case.name == "drawing"
        assert solved.case.fields.isfinite().all()


# ---- a data set that is registered works everywhere


@pytest.mark.parametrize("dataset", TOYS, ids=lambda one: one.name)
def test_registered_set_is_listed_and_found(dataset: Dataset, root: Path) -> None:
    assert get_dataset(dataset.name) is dataset
    assert dataset_of_case(f"{dataset.name}-0003") is dataset
    assert dataset.name in list_presets()
    assert dataset.names("test", root=root) == tuple(dataset.case_name(i) for i in (8, 9, 10))
    assert dataset.source.at_hand(dataset, root)["test"] == 3
    assert dataset.load(f"{dataset.name}-0009", root=root).name == f"{dataset.name}-0009"


@pytest.mark.parametrize("dataset", TOYS, ids=lambda one: one.name)
def test_registered_set_is_solved_by_name(dataset: Dataset, root: Path) -> None:
    name = dataset.case_name(9)
    solved, stored = solve_case(name).case, dataset.load(name, root=root)
    assert solved.name == name
    assert (solved.fields - stored.fields).abs().max() < 1e-3 * stored.fields.abs().max()


@pytest.mark.parametrize("dataset", TOYS, ids=lambda one: one.name)
def test_registered_set_is_trained_on_and_scored(dataset: Dataset, root: Path) -> None:
    checkpoint = trained(dataset, root)
    found = last_event(score(checkpoint, "test", root=root, device="cpu"))
    errors = []
    for name in dataset.names("test", root=root):
        case = dataset.load(name, root=root)
        predicted = predict_sample(checkpoint, sample_of_case(case), device="cpu")
        columns = dataset.layout.columns(dataset.primary.quantity)
        seen, truth = predicted[:, columns], case.fields[:, columns]
        errors.append(((seen - truth).norm() / truth.norm()).item())
    assert found.metrics()["relative_l2"] == pytest.approx(np.mean(errors), rel=1e-5)
    assert set(dataset.layout.field_channels) <= set(found.metrics())
    header = last_event(final_scores(checkpoint, root=root, device="cpu"))
    assert [one["name"] for one in header["scores"]] == list(dataset.names("test", root=root))
    assert "symmetric" not in header["metrics"]  # the identity is the only symmetry
    assert header["metrics"]["mean_only"] == pytest.approx(found.mean_only)


@pytest.mark.parametrize("dataset", TOYS, ids=lambda one: one.name)
def test_each_field_of_a_registered_set_can_be_compared(dataset: Dataset, root: Path) -> None:
    case = dataset.load(dataset.case_name(8), root=root)
    sample = sample_of_case(case)
    views = views_of(sample)
    assert [view.quantity for view in views.values()] == [one.name for one in dataset.fields]
    for view in views.values():
        twice = compare(sample, 2 * case.fields, view)
        assert twice.relative_l2 == pytest.approx(1)
    table = case_table(case, case.fields)
    names = timed_names(dataset.layout, dataset.time) if dataset.time else {}
    for channel in dataset.layout.field_channels:
        assert (table[f"{names.get(channel, channel)}_error"] == 0).all()


def test_frames_in_time_are_fields_of_their_own() -> None:
    assert [one.name for one in TOY_TIME.fields] == ["height_2", "height_3", "height_4"]
    assert [one.symbol for one in TOY_TIME.features] == ["h(0)", "h(0.1)"]
    assert len(TOY_TIME.time.outputs) == len(TIMES_OUT)


def test_frames_and_presets_that_do_not_fit_are_refused() -> None:
    frames = replace(TOY_TIME.time, outputs=(0.2, 0.3))
    with pytest.raises(
        ValueError,
        match="time must have a frame for each of the 3 fields, or for as many of them in each",
    ):
        replace(TOY_TIME, time=frames)
    with pytest.raises(ValueError, match="preset toy_time must have space_dim, in_features and"):
        replace(TOY, presets=TOY_TIME.presets)


# ---- channels by name


def test_fields_are_read_by_name() -> None:
    values = torch.arange(6.0).reshape(2, 3)
    fields = TOY.layout.named(values)
    assert fields["heat"].tolist() == [0, 3]
    assert fields["flux"].tolist() == [[1, 2], [4, 5]]
    assert fields["q_y"].tolist() == [2, 5]
    assert TOY.layout.columns(EVERYTHING.quantity) == slice(None)
    with pytest.raises(DataError, match="field must be one of heat, q_x, q_y, flux, got 'speed'"):
        fields["speed"]


def test_coarse_epochs_need_coarser_points(root: Path) -> None:
    preset = get_preset("toy")
    coarse = replace(preset, train=replace(preset.train, coarse_epochs=1))
    cases = TOY.cases("train", root=root)
    with pytest.raises(DataError, match="coarse_epochs must be 0 for a data set without coarser"):
        prepare(coarse, cases=cases, validation=cases)
