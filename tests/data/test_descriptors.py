"""Descriptors as features of flows, from cases and from shapes, in files and in checkpoints."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import made_up_cases, tiny_preset
from made_up_flows import CENTER, flow_preset, sphere_flows

from mspt.benchmarks.settings import parse_settings, with_settings
from mspt.checkpoint import Checkpoint, load_checkpoint, read_info, save_checkpoint
from mspt.config import DESCRIPTORS, ModelConfig, descriptor_channels
from mspt.data.clouds import Cloud, CloudStack, whole_body
from mspt.data.descriptors import (
    QUANTITIES,
    described,
    described_cases,
    layout_with,
    store_descriptors,
)
from mspt.data.sets.car.clouds import LAYOUT, cloud_of, stack_flows
from mspt.data.sets.car.dataset import CAR
from mspt.data.sets.car.families import car_body, family_and_split
from mspt.data.sets.car.store import load_flow
from mspt.errors import DataError, GeometryError, MSPTError
from mspt.geometry.descriptors.body import BodyShape
from mspt.geometry.distance import nearest_on
from mspt.geometry.mesh import SurfaceMesh
from mspt.inference.flow import predict_stored
from mspt.inference.sample import features_for, fitted, sample_of_flow
from mspt.inference.sampling import sample_inputs
from mspt.inference.shapes import predict_shape
from mspt.training.loop import prepare, train

GROUPS = tuple(DESCRIPTORS)
SETTINGS = {"descriptors": GROUPS, "in_features": 15}


def ball(radius: float) -> SurfaceMesh:
    """Return a sphere where the made-up flows have theirs."""
    rows, columns = np.meshgrid(np.arange(33), np.arange(64), indexing="ij")
    turn, height = np.pi * columns / 32, np.pi * rows / 32
    place = np.stack(
        [np.sin(height) * np.cos(turn), np.sin(height) * np.sin(turn), np.cos(height)], axis=-1
    )
    number = rows * 64 + columns
    a, b = number[:-1], np.roll(number, -1, axis=1)[:-1]
    c, d = number[1:], np.roll(number, -1, axis=1)[1:]
    quads = [np.stack([a, c, d], -1), np.stack([a, d, b], -1)]
    triangles = np.concatenate([one.reshape(-1, 3) for one in quads])
    return SurfaceMesh(CENTER + radius * place.reshape(-1, 3), triangles.astype(np.int64))


def radius_of(case: object) -> float:
    return float(np.sqrt(case.info["frontal_area"] / np.pi))


def spheres(count: int, *, first: int = 0) -> CloudStack:
    flows = [
        (name, replace(case, shape=partial(BodyShape, ball(radius_of(case)))))
        for name, case in sphere_flows(count, first=first)
    ]
    return stack_flows("car", flows, num_surface=120, num_volume=100)


@pytest.fixture(scope="module", autouse=True)
def in_a_folder_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Descriptors are stored below the current folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("work"))
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """Return a tiny model that was trained with all descriptors, stored and read again."""
    cases, preset = spheres(4), flow_preset(model=SETTINGS, epochs=1)
    training = prepare(preset, cases=cases, validation=spheres(1, first=9))
    list(train(training))
    outlines = [[0.0] * 36] * 2
    library = {"names": ["a", "b"], "families": ["car", "car"], "outlines": outlines}
    info = {"dataset": "car", "train": preset.train.to_dict(), "library": library}
    path = tmp_path_factory.mktemp("models") / "described.safetensors"
    save_checkpoint(
        path,
        model=training.average,
        config=preset.model,
        normalizer=training.normalizer,
        info=info,
    )
    return load_checkpoint(path)


# --- one way from a stored case and another from a shape ------------------------------------------


def test_a_stored_case_and_its_body_as_a_persons_shape_have_the_same_features() -> None:
    """The shipped body is thinned; a person's shape is the one that the case was solved around."""
    index = 21
    assert family_and_split(index) == ("notchback", "test")
    case = load_flow(f"car-{index:04d}")
    stored = described(cloud_of(case), GROUPS)
    body = car_body(index).mesh
    placed = BodyShape(body)
    near = nearest_on(body, case.points.astype(np.float64))
    plain = cloud_of(replace(case, offsets=(case.points - near.closest).astype(np.float32)))
    asked = described(replace(plain, shape=lambda: placed), GROUPS)
    assert stored.layout is asked.layout
    off = (stored.features - asked.features).abs()
    for name, column in zip(stored.layout.feature_channels, off.T, strict=True):
        spread = asked.features[:, stored.layout.feature_channels.index(name)].std()
        share = (column / spread).quantile(0.9).item()
        assert share < (0.3 if "curvature" in name else 0.05), f"{name}: {share:.3f}"


def test_sampling_a_shape_gives_the_features_of_its_model(trained: Checkpoint) -> None:
    inputs = sample_inputs(trained, ball(0.4), num_clouds=2)
    for cloud in inputs.clouds:
        again = described(replace(cloud, layout=LAYOUT, features=cloud.features[:, :5]), GROUPS)
        torch.testing.assert_close(again.features, cloud.features)
        curved = cloud.layout.named_features(cloud.features)["curvature_large"]
        np.testing.assert_allclose(curved, 0.2 / 0.4, rtol=0.03)  # of the nearest wall


def test_a_mirrored_cloud_has_the_descriptors_of_the_mirrored_body() -> None:
    cloud = spheres(1).halves[0]
    first = described(whole_body(cloud), GROUPS).features
    after = whole_body(described(cloud, GROUPS)).features
    assert ((first - after).abs().max(dim=1).values < 1e-3).double().mean() > 0.97


# --- a model that reads them ----------------------------------------------------------------------


def test_a_trained_model_says_what_it_reads_and_predicts_cases_and_shapes(
    trained: Checkpoint,
) -> None:
    assert trained.config.descriptors == GROUPS
    assert trained.config.in_features == 5 + len(descriptor_channels(GROUPS))
    assert (trained.normalizer.features_scale[5:] > 0.01).all()
    stack = spheres(1, first=5)
    fields = predict_stored(trained, whole_body(stack.halves[0]), device="cpu")
    assert fields.isfinite().all()
    *_, result = predict_shape(trained, ball(0.4), placement="as is", device="cpu", num_clouds=1)
    assert np.isfinite(result.prediction.coefficients.C_D)


def test_a_model_without_descriptors_is_as_before() -> None:
    info = read_info(Path(__file__).parents[2] / "pretrained/car.safetensors")
    assert info.config.descriptors == ()
    assert info.config.in_features == 5
    assert "descriptors" not in info.config.to_dict()
    cloud = spheres(1).halves[0]
    assert described(cloud, ()) is cloud
    assert described_cases(stack := spheres(1), ()) is stack


def test_a_sample_gets_the_features_of_the_model_that_is_to_predict_it() -> None:
    sample = sample_of_flow("car-0000", load_flow("car-0000"), size=(60, 40))
    base = ModelConfig(space_dim=3, in_features=5, out_channels=7, num_patches=2)
    more = base.with_descriptors(["thickness", "section"])
    full = fitted(sample, more)
    assert features_for(sample, more).shape == (100, 8)
    assert features_for(full, base).equal(sample.features)
    assert fitted(full, more) is not sample
    assert full.layout.feature_channels[-3:] == ("thickness", "area_ahead", "area_behind")


# --- files ----------------------------------------------------------------------------------------


def test_descriptors_are_stored_once_and_any_groups_are_read_from_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = spheres(2)
    events = list(store_descriptors(stack, ["height"], folder=tmp_path))
    assert [(one.name, one.done, one.total) for one in events] == [
        ("car-0000", 1, 2),
        ("car-0001", 2, 2),
    ]
    assert list(store_descriptors(stack, ["section"], folder=tmp_path)) == []
    whole = [described(half, ("section", "height")) for half in stack.halves]
    monkeypatch.setattr("mspt.data.descriptors._computed", None)  # nothing is computed again
    found = described_cases(stack, ("section", "height"), folder=tmp_path)
    assert found.layout == found.halves[0].layout == layout_with(LAYOUT, ("section", "height"))
    for half, expected in zip(found.halves, whole, strict=True):
        torch.testing.assert_close(half.features, expected.features, atol=2e-3, rtol=2e-3)
    drawn = found.draw(0, seed=1)
    assert drawn.features.shape == (220, 9)
    moved = replace(stack.halves[0], points=stack.halves[0].points + 0.1)
    with pytest.raises(TypeError):  # other points have another file
        described(moved, ("height",), folder=tmp_path)


# --- settings and refusals ------------------------------------------------------------------------


def test_groups_and_quantities_go_together() -> None:
    for group, channels in DESCRIPTORS.items():
        assert tuple(name for one in QUANTITIES[group] for name in one.channels) == channels
    every = layout_with(LAYOUT, GROUPS)
    assert every.mirror.features == (*LAYOUT.mirror.features, *(1.0,) * 10)
    assert layout_with(every, ()) == LAYOUT


@pytest.mark.parametrize(
    ("written", "groups"),
    [
        ("descriptors=shelter", ("shelter",)),
        ("descriptors=section,height", ("section", "height")),
        ('descriptors=["curvature"]', ("curvature",)),
        ("descriptors=", ()),
    ],
)
def test_groups_are_chosen_by_name_and_bring_their_features(
    written: str, groups: tuple[str, ...]
) -> None:
    preset = with_settings(CAR.presets["car"], parse_settings([written]))
    assert preset.model.descriptors == groups
    assert preset.model.in_features == 5 + len(descriptor_channels(groups))
    assert ModelConfig.from_dict(preset.model.to_dict()) == preset.model
    undone = with_settings(preset, {"descriptors": []})
    assert undone.model == CAR.presets["car"].model
    replace(CAR, presets={"car": preset})  # the registry takes such a preset


def test_unknown_and_repeated_groups_are_refused() -> None:
    car = CAR.presets["car"]
    with pytest.raises(MSPTError, match=r"descriptors must be some of shelter, .* with commas"):
        with_settings(car, {"descriptors": "shade"})
    with pytest.raises(ValueError, match="descriptors must name each group once"):
        car.model.with_descriptors(["height", "height"])
    with pytest.raises(ValueError, match="in_features must be at least 8 for the descriptors"):
        replace(car.model, descriptors=("height", "curvature", "thickness", "section"))
    with pytest.raises(ValueError, match="descriptors must be none for a model of 5 frames"):
        replace(car.model, descriptors=("height",), input_frames=5)


def test_data_without_a_body_is_refused() -> None:
    cloud: Cloud = replace(spheres(1).halves[0], shape=None)
    with pytest.raises(DataError, match="descriptors height need the surface of the body"):
        described(cloud, ("height",))
    other = replace(cloud, shape=partial(BodyShape, ball(0.1)))
    with pytest.raises(GeometryError, match="take the body that the points were made for"):
        described(other, ("height",))
    preset = tiny_preset()
    preset = replace(preset, model=preset.model.with_descriptors(["height"]))
    with pytest.raises(DataError, match=r"descriptors must be none for .* got height; only flows"):
        prepare(preset, cases=made_up_cases(2), validation=made_up_cases(1))
