"""Models trained in turn: the same as apart, with snapshots at what the averaged model predicts."""

from dataclasses import replace

import pytest
import torch
from helpers import made_up_cases, tiny_preset

from mspt.config import PATCH_OPTIONS, Preset
from mspt.inference.predict import predict_case
from mspt.metrics.fields import relative_l2
from mspt.training.live import LiveModel, Snapshot, as_checkpoint, live_preset, race
from mspt.training.loop import Training, prepare, train

CASES, VALIDATION = made_up_cases(10), made_up_cases(4, seed=1)


def begun(**changes: object) -> Training:
    preset = tiny_preset(epochs=4)
    return prepare(
        replace(preset, model=replace(preset.model, **changes)), cases=CASES, validation=VALIDATION
    )


def snapshots_of(snapshots: list[Snapshot], name: str) -> list[Snapshot]:
    return [one for one in snapshots if one.name == name]


def test_models_in_a_race_become_what_they_become_alone() -> None:
    alone = begun()
    losses = [event.loss for event in train(alone) if hasattr(event, "loss")]
    trainings = {"first": begun(), "second": begun(width=16)}
    snapshots = list(race(trainings, steps=3))
    for name, parameter in alone.average.named_parameters():
        assert torch.equal(parameter, trainings["first"].average.get_parameter(name))
    seen = snapshots_of(snapshots, "first")
    assert [loss for one in seen for loss in one.losses] == losses
    assert [one.step for one in seen] == [0, 3, 6, 9, 12, 15, 18, 20][: len(seen)]
    assert seen[-1].step == seen[-1].num_steps == len(losses)
    assert [one.step for one in seen] == [one.step for one in snapshots_of(snapshots, "second")]
    seconds = [one.seconds for one in seen]
    assert seconds == sorted(seconds)


def test_a_snapshot_shows_what_the_averaged_model_predicts() -> None:
    training = begun()
    *_, last = race({"one": training}, shown=2)
    case = VALIDATION.case(2)
    found = predict_case(as_checkpoint(training), case.points, case.features, device="cpu")
    assert torch.equal(last.fields, found.fields)
    model = as_checkpoint(training)
    errors = []
    for one in map(VALIDATION.case, range(len(VALIDATION))):
        fields = predict_case(model, one.points, one.features, device="cpu").fields
        errors.append(relative_l2(fields[None], one.fields[None]).item())
    assert last.error == pytest.approx(sum(errors) / len(errors), rel=1e-4)


def test_closing_a_race_leaves_the_models_as_they_are() -> None:
    training = begun()
    snapshots = race({"one": training}, steps=2)
    for _ in range(3):
        next(snapshots)
    before = [one.clone() for one in training.average.parameters()]
    snapshots.close()
    assert all(map(torch.equal, before, training.average.parameters()))


@pytest.mark.parametrize("dataset", ["elasticity", "darcy"])
@pytest.mark.parametrize("architecture", ["mspt", "published", "transolver", "full_attention"])
def test_contestants_read_the_same_and_differ_in_what_was_chosen(
    dataset: str, architecture: str
) -> None:
    model = LiveModel(architecture=architecture, width=16, num_blocks=1, num_patches=2)
    found = live_preset(dataset, model, epochs=3, seed=5)
    mspt = live_preset(dataset, replace(model, architecture="mspt"), epochs=3, seed=5)
    assert found.train == mspt.train
    assert (found.train.epochs, found.train.seed, found.train.coarse_epochs) == (3, 5, 0)
    waves = 0 if architecture == "published" else mspt.model.fourier_features
    assert found.model.fourier_features == waves
    assert not any(getattr(found.model, name) for name in PATCH_OPTIONS)
    assert (found.model.width, found.model.num_blocks) == (16, 1)
    assert isinstance(found, Preset)


def test_models_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="width must be"):
        live_preset("elasticity", LiveModel(width=-16), epochs=1)
