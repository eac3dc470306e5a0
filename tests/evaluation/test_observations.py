"""Observed bodies: their numbers are those of predictions, and an interrupted run goes on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from made_up_flows import CENTER, flow_preset, sphere_clouds, sphere_flow

from mspt.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mspt.data.dataset import Dataset
from mspt.data.registry import get_dataset
from mspt.data.sets.car.dataset import FlowFiles, training_facts
from mspt.data.sets.car.flow_case import FlowCase
from mspt.data.sets.car.store import write_flow
from mspt.evaluation import observations
from mspt.evaluation.observations import Observation, Observed, observe_cases, pressure_error
from mspt.geometry.files.writers import write_stl
from mspt.geometry.mesh import SurfaceMesh
from mspt.inference.flow import FlowPrediction, predict_flow
from mspt.inference.sampling import sample_inputs
from mspt.models.registry import build_model
from mspt.training.batches import fit_normalizer

RADII = {"car-0000": 0.4, "car-0001": 0.35, "car-0004": 0.42}
HELD_OUT = {"validation": (), "test": ("car-0001",), "unseen": ()}


def sphere(radius: float) -> SurfaceMesh:
    ball = trimesh.creation.icosphere(subdivisions=2, radius=radius)
    return SurfaceMesh(np.asarray(ball.vertices) + CENTER, np.asarray(ball.faces))


class Few(FlowFiles):
    """A flow that training has not used."""

    def names(self, dataset: Dataset, split: str, root: Path | None) -> tuple[str, ...]:  # noqa: ARG002
        return HELD_OUT[split]

    def load(self, dataset: Dataset, name: str, root: Path | None) -> FlowCase:  # noqa: ARG002
        return sphere_flow(RADII[name])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A tiny untrained model of flows that knows five spheres, car-0000 to car-0004."""
    path, stack, preset = (
        tmp_path_factory.mktemp("models") / "car.safetensors", sphere_clouds(5), flow_preset()
    )  # fmt: skip
    save_checkpoint(
        path,
        model=build_model(preset.model, seed=3),
        config=preset.model,
        normalizer=fit_normalizer(stack),
        info={"dataset": "car", "train": preset.train.to_dict(), **training_facts(stack)},
    )
    return load_checkpoint(path)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    known = get_dataset("car")
    assert known.body is not None
    body = replace(known.body, surface=lambda name: sphere(RADII[name]), family=lambda _: "ball")
    return replace(known, source=Few(), body=body)


@pytest.fixture(scope="module")
def prediction(checkpoint: Checkpoint) -> FlowPrediction:
    mesh = sphere(RADII["car-0001"])
    *_, found = predict_flow(checkpoint, mesh, sample_inputs(checkpoint, mesh), device="cpu")
    assert isinstance(found, FlowPrediction)
    return found


def observed(
    checkpoint: Checkpoint, dataset: Dataset, folder: Path, **options: object
) -> tuple[list[tuple[int, int]], list[Observation], list[Observation]]:
    *events, (known, cases) = observe_cases(
        checkpoint, dataset, members={"other": checkpoint}, folder=folder, device="cpu", **options
    )
    assert all(isinstance(one, Observed) for one in events)
    return [(one.done, one.total) for one in events], known, cases


def test_bodies_are_observed_as_they_are_predicted_and_read_the_next_time(
    checkpoint: Checkpoint,
    dataset: Dataset,
    prediction: FlowPrediction,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(observations, "MOST_KNOWN", 2)
    others, folder = tmp_path / "others", tmp_path / "work"
    others.mkdir()
    write_stl(others / "ball.stl", sphere(0.4))
    write_flow(others / "ball.npz", sphere_flow(0.4))
    steps, known, cases = observed(checkpoint, dataset, folder, other_bodies=others)
    assert steps == [(done, 4) for done in range(1, 5)]
    assert [one.name for one in known] == ["car-0000", "car-0004"]
    assert all(one.numbers == {} for one in known)
    named = [("car-0001", "ball"), ("ball", "other")]
    assert [(one.name, one.family) for one in cases] == named

    first = cases[0].numbers
    assert first["C_D"] == pytest.approx(prediction.coefficients.C_D, rel=1e-9)
    assert first["C_D_true"] == pytest.approx(0.01 * RADII["car-0001"])
    once, again = prediction.drag_passes
    assert first["C_D_once"] - first["C_D"] == pytest.approx((once - again) / 2, abs=1e-12)
    truth = dataset.load("car-0001")
    assert first["C_p_error"] == pytest.approx(pressure_error(prediction, truth), rel=1e-9)
    # The other model is the same one, but is asked once and of one cloud only.
    assert first["pressure other"] < first["C_p_error"]

    # What is there is not computed again: only the body whose file is gone.
    (folder / "known-car-0004.npz").unlink()
    made: list[str] = []
    of_training = observations._of_training
    monkeypatch.setattr(
        observations, "_of_training", lambda *args: made.append(args[2]) or of_training(*args)
    )
    _, known_again, cases_again = observed(checkpoint, dataset, folder, other_bodies=others)
    assert made == ["car-0004"]
    for one, other in zip([*known, *cases], [*known_again, *cases_again], strict=True):
        assert one.numbers == pytest.approx(other.numbers)
        for name in ("form", "outline", "latent"):
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-6)


def test_pressure_error_of_a_constant_is_that_by_hand(prediction: FlowPrediction) -> None:
    surface = prediction.surface
    constant = replace(
        prediction, surface=replace(surface, values=np.full_like(surface.values, 0.25))
    )
    truth = sphere_flow(RADII["car-0001"])
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.5, 2, len(truth.face_areas)).astype(np.float32)
    truth = replace(truth, face_areas=truth.face_areas * weights[:, None])
    area = np.linalg.norm(truth.face_areas.astype(float), axis=1)
    missed = 0.25 - truth.face_pressure.astype(float)
    expected = np.sqrt((area * missed**2).sum() / (area * truth.face_pressure**2.0).sum())
    assert pressure_error(constant, truth) == pytest.approx(expected, rel=1e-6)


def test_data_without_bodies_are_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    without = replace(get_dataset("car"), source=Few(), body=None)
    with pytest.raises(ValueError, match="dataset must be one of bodies in a flow, got car"):
        observed(checkpoint, without, tmp_path)
