"""The expected error of a prediction: signals, known bodies, intervals, and their files."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_flows import flow_preset, sphere_clouds

from mspt.checkpoint import Checkpoint, build_model, save_checkpoint
from mspt.data.sets.car.dataset import training_facts
from mspt.errors import MSPTError
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.descriptors.body import BodyShape
from mspt.geometry.descriptors.form import FORM_NAMES, describe_form, spreads, unusual_parts
from mspt.geometry.mesh import SurfaceMesh, box
from mspt.geometry.sampling import sample_surface
from mspt.geometry.subdivide import refined
from mspt.inference.calibration import (
    LIMITED,
    Calibrated,
    Calibration,
    ErrorModel,
    PairModel,
    calibrated,
    expected_error,
    read_calibration,
    weights_digest,
    write_calibration,
)
from mspt.inference.designs import compare_designs
from mspt.inference.flow import FlowPrediction, cloud_passes, predict_cloud, predict_flow
from mspt.inference.known import KnownBodies, known_bodies
from mspt.inference.latent import predict_with_latent
from mspt.inference.library import library_of
from mspt.inference.repeated import half_cloud, model_checks
from mspt.inference.sampling import FlowInputs, sample_inputs
from mspt.inference.shapes import ShapeResult, predict, predict_shape
from mspt.inference.signals import Signals, observe
from mspt.training.batches import fit_normalizer

STACK = sphere_clouds(6)
PRESET = flow_preset(surface_points=300, volume_points=100)
BODY = draw_body("block", 1).mesh


def make(seed: int) -> Checkpoint:
    model = build_model(PRESET.model, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():  # heads start at zero: move them
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    info = {"dataset": "car", "train": PRESET.train.to_dict(), **training_facts(STACK)}
    return Checkpoint(model.eval(), PRESET.model, fit_normalizer(STACK), info)


MODEL, OTHER = make(1), make(2)


@pytest.fixture(scope="module")
def inputs() -> FlowInputs:
    return sample_inputs(MODEL, BODY, num_clouds=2)


@pytest.fixture(scope="module")
def prediction(inputs: FlowInputs) -> FlowPrediction:
    *_, found = predict_flow(MODEL, BODY, inputs, device="cpu")
    assert isinstance(found, FlowPrediction)
    return found


@pytest.fixture(scope="module")
def signals(inputs: FlowInputs, prediction: FlowPrediction) -> Signals:
    members = {"same": MODEL, "other": OTHER}
    return observe(MODEL, BODY, inputs, prediction, members=members, device="cpu")


def known() -> KnownBodies:
    rng = np.random.default_rng(0)
    return known_bodies(rng.normal(size=(30, len(FORM_NAMES))), rng.normal(size=(30, 32)))


def calibration(**limits: float) -> Calibration:
    model = ErrorModel(signals=("pressure",), powers=(0.5,), offset=-1.0, largest=(1.0,))
    return Calibration(
        digest=weights_digest(MODEL),
        members={"other": weights_digest(OTHER)},
        coverage=0.8,
        drag=model,
        pressure=replace(model, offset=-0.5),
        typical=0.6,
        pairs=PairModel(factor=0.9, near_factor=0.4, near=0.02),
        measured={"limits": {**dict.fromkeys(LIMITED, 1e9), **limits}},
        known=known(),
    )


@pytest.fixture(scope="module")
def result() -> ShapeResult:
    return predict_calibrated(calibration())


def predict_calibrated(kept: Calibration) -> ShapeResult:
    errors = Calibrated(kept, {"other": OTHER})
    events = predict_shape(MODEL, BODY, placement="as is", device="cpu", errors=errors)
    return next(event for event in events if isinstance(event, ShapeResult))


# Two passes.


def test_the_mirrored_flow_has_the_mirrored_passes_in_the_other_order(inputs: FlowInputs) -> None:
    cloud = inputs.clouds[0]
    side = -torch.ones(len(cloud.points))
    here = cloud_passes(MODEL, cloud, device="cpu")
    there = cloud_passes(MODEL, cloud.mirrored(side), device="cpu")
    back = [replace(cloud, fields=one).mirrored(side).fields for one in there]
    torch.testing.assert_close(back[0], here[1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(back[1], here[0], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(here[0], here[1], atol=1e-3)


def test_a_prediction_is_the_mean_of_both_passes(
    inputs: FlowInputs, prediction: FlowPrediction
) -> None:
    mean = prediction.pressure_passes.mean(axis=0)
    np.testing.assert_allclose(prediction.surface["C_p"], mean, atol=1e-6)
    once = predict_cloud(MODEL, inputs.clouds[1], device="cpu")[:300, 0]
    np.testing.assert_allclose(prediction.pressure_passes[0, 1::2], once, atol=1e-5)


# Signals.


def test_signals_are_the_differences_that_they_name(
    inputs: FlowInputs, prediction: FlowPrediction, signals: Signals
) -> None:
    checks = model_checks(MODEL, inputs.clouds[0], device="cpu")
    assert signals.checks == pytest.approx(dict(checks), rel=1e-4)
    own = prediction.surface["C_p"][::2]
    other = predict_cloud(OTHER, inputs.clouds[0], device="cpu")[:300, 0].numpy()
    expected = np.linalg.norm(other - own) / np.linalg.norm(own)
    assert signals.numbers["pressure other"] == pytest.approx(expected, rel=1e-4)
    once, again = prediction.pressure_passes[:, ::2]
    same = np.linalg.norm((once - again) / 2) / np.linalg.norm(own)
    assert signals.numbers["pressure same"] == pytest.approx(same, rel=1e-3)
    squares = 2 * ((once - again) / 2) ** 2 + (other - own) ** 2
    np.testing.assert_allclose(signals.local, np.sqrt(squares / 3), rtol=1e-3, atol=1e-5)


def test_latents_come_with_the_fields_and_know_the_cloud(inputs: FlowInputs) -> None:
    half = half_cloud(inputs.clouds[0])
    fields, latent = predict_with_latent(MODEL, half, device="cpu")
    torch.testing.assert_close(fields, predict_cloud(MODEL, half, device="cpu"))
    assert latent.shape == (2 * PRESET.model.width,)
    order = torch.randperm(150, generator=torch.Generator().manual_seed(0))
    rows = torch.cat([order, torch.arange(150, len(half.points))])
    _, turned = predict_with_latent(MODEL, half.picked(rows, num_surface=150), device="cpu")
    np.testing.assert_allclose(turned, latent, rtol=1e-3, atol=1e-4)
    _, elsewhere = predict_with_latent(OTHER, half, device="cpu")
    assert np.abs(elsewhere - latent).max() > 0.1
    assert not MODEL.model.head[0]._forward_pre_hooks


# Forms and known bodies.


def form_of(mesh: SurfaceMesh) -> np.ndarray:
    points, triangle = sample_surface(mesh, 1024, np.random.default_rng(0))
    return describe_form(BodyShape(mesh), points, mesh.normals[triangle])


def test_form_depends_on_the_body_and_not_on_its_triangles_or_its_side() -> None:
    mesh = draw_body("block", 2).mesh
    points, triangle = sample_surface(mesh, 200, np.random.default_rng(0))
    normals = mesh.normals[triangle]
    expected = describe_form(BodyShape(mesh), points, normals)
    finer = BodyShape(refined(mesh, max_edge=0.1).mesh)
    np.testing.assert_allclose(describe_form(finer, points, normals), expected, atol=0.02)
    flip = np.array([1.0, -1.0, 1.0])
    mirrored = BodyShape(mesh.mapped(np.diag(flip), np.zeros(3)))
    found = describe_form(mirrored, points * flip, normals * flip)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_what_is_unusual_is_named() -> None:
    sizes = ((0.2, 0.25), (0.22, 0.3), (0.18, 0.35), (0.21, 0.28), (0.19, 0.32))
    forms = np.array([form_of(box((0, -w, 0.1), (1, w, 0.1 + h))) for w, h in sizes])
    assert unusual_parts(forms[2], forms) == ()
    plate = unusual_parts(form_of(box((0, -0.2, 0.3), (1, 0.2, 0.31))), forms, most=9)
    words = " ".join(one.words for one in plate)
    assert "it is flat" in words
    assert "thinner walls, as of an open shell or a wing" in words
    bike = unusual_parts(form_of(box((0, -0.03, 0.1), (1, 0.03, 0.4))), forms, most=9)
    assert "it is narrow, as a motorcycle is" in {one.words for one in bike}
    excesses = [one.excess for one in bike]
    assert excesses == sorted(excesses, reverse=True)


def test_distances_are_those_of_the_nearest_body_over_the_usual_one() -> None:
    rng = np.random.default_rng(3)
    forms, latents = rng.normal(size=(20, len(FORM_NAMES))), rng.normal(size=(20, 8))
    bodies = known_bodies(forms, latents)
    form, latent = rng.normal(size=len(FORM_NAMES)), rng.normal(size=8)
    outline = np.array(MODEL.info["library"]["outlines"][0])
    library = library_of(MODEL)
    found = bodies.distances(library, outline=outline, form=form, latent=latent)
    assert found["outline"] == 0
    scaled, own = bodies.forms / spreads(bodies.forms), form / spreads(bodies.forms)

    def away(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.sqrt(np.mean((one - other) ** 2)))

    usual = np.quantile(
        [min(away(scaled[i], scaled[j]) for j in range(20) if j != i) for i in range(20)],
        0.9,
    )
    assert found["form"] == pytest.approx(min(away(one, own) for one in scaled) / usual, rel=1e-5)
    np.testing.assert_allclose(bodies.latents.std(axis=0), 1, rtol=1e-5)
    again = bodies.distances(library, outline=outline, form=forms[4], latent=latents[4])
    assert max(again.values()) < 1e-3


# Intervals.


def test_interval_is_stated_with_the_prediction(result: ShapeResult) -> None:
    found, expected = result.summary(), result.trust.expected
    assert expected is not None
    half = calibration().drag.half_width(expected.signals) * max(abs(found["C_D"]), 0.05)
    assert found["C_D_high"] == pytest.approx(found["C_D"] + half)
    assert found["C_D_low"] == pytest.approx(max(0, found["C_D"] - half))
    assert found["coverage"] == 0.8
    high = calibration().pressure.half_width(expected.signals)
    assert found["expected_C_p_error"] == pytest.approx(0.6 * high)
    assert json.loads(json.dumps(found)) == found
    assert not found["trust"]["expected"]["is_outside"]
    pressure = result.prediction.surface["C_p"]
    size = np.sqrt((expected.local**2).mean() / (pressure**2).mean())
    assert size == pytest.approx(expected.C_p_error)
    assert expected.on_cells(result.prediction.fine_mesh).max() <= expected.local.max() + 1e-12


@pytest.mark.parametrize("name", LIMITED)
def test_a_shape_beyond_all_known_errors_is_outside(signals: Signals, name: str) -> None:
    given = {"library": library_of(MODEL), "C_D": 0.4, "pressure_norm": 0.5}
    inside = expected_error(calibration(), signals, **given)
    limit = inside.signals[name] / 3
    found = expected_error(calibration(**{name: limit}), signals, **given)
    assert (inside.is_outside, found.is_outside) == (False, True)
    assert found.half_width == pytest.approx(3 * inside.half_width)
    assert found.C_p_error == pytest.approx(3 * inside.C_p_error)


def test_a_shape_that_is_outside_has_a_poor_check() -> None:
    found = predict_calibrated(calibration(latent=1e-9)).trust
    assert found.verdict == "poor"
    (check,) = [one for one in found.checks if one.name == "Kind of shape"]
    assert check.verdict == "poor"
    assert "farthest in what the model itself makes of it" in check.meaning


def test_differences_have_a_smaller_error_bar_than_two_values(result: ShapeResult) -> None:
    pairs = calibration().pairs
    half = result.trust.expected.half_width
    (found,) = compare_designs({"a": result, "b": result}, pairs)
    assert found.half_width == pytest.approx(0.4 * np.sqrt(2) * half)
    assert (found.C_D_change, found.is_similar, found.lower) == (0, True, None)
    drag = result.trust.expected.C_D
    better = replace(result.trust.expected, C_D=drag - 3 * half, C_D_high=drag - 2 * half)
    other = replace(result, trust=replace(result.trust, expected=better))
    (found,) = compare_designs({"a": result, "b": other}, pairs)
    assert found.lower == "b"
    assert found.to_dict()["C_D_change_high"] < 0
    outside = replace(
        result, trust=replace(result.trust, expected=replace(better, is_outside=True))
    )
    (found,) = compare_designs({"a": result, "b": outside}, pairs)
    assert found.lower is None
    with pytest.raises(MSPTError, match="results must be of two or more shapes, got 1"):
        compare_designs({"a": result}, pairs)
    bare = replace(result, trust=replace(result.trust, expected=None))
    with pytest.raises(MSPTError, match="results must have intervals, got none for b"):
        compare_designs({"a": result, "b": bare}, pairs)


# Files.


def test_a_calibration_is_found_by_the_weights_and_needs_its_other_models(tmp_path: Path) -> None:
    kept = calibration()
    write_calibration(tmp_path / "any name.npz", kept)
    where = {"folder": tmp_path, "models": tmp_path}
    assert calibrated(MODEL, **where) is None  # the other model is not there
    save(OTHER, tmp_path / "other.safetensors")
    found = calibrated(MODEL, **where)
    assert found is not None
    assert found.calibration.drag == kept.drag
    assert found.calibration.pairs == kept.pairs
    np.testing.assert_array_equal(found.calibration.known.forms, kept.known.forms)
    assert calibrated(OTHER, **where) is None
    save(make(3), tmp_path / "other.safetensors")
    assert calibrated(MODEL, **where) is None  # it was trained anew


def save(checkpoint: Checkpoint, path: Path) -> None:
    save_checkpoint(
        path,
        model=checkpoint.model,
        config=checkpoint.config,
        normalizer=checkpoint.normalizer,
        info=checkpoint.info,
    )


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "car.npz", a=np.zeros(3))
    with pytest.raises(MSPTError, match=r"car\.npz must be a calibration, got another file"):
        read_calibration(tmp_path / "car.npz")


def test_a_checkpoint_without_a_calibration_is_predicted_without_an_interval() -> None:
    found = predict(MODEL, BODY, placement="as is", device="cpu")
    assert found.trust.expected is None
    assert "C_D_low" not in found.summary()
