"""Models that predict frames in time one after the other: training, validation, prediction."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_datasets import SPLITS, TIMES_IN, TIMES_OUT, TOY, TOY_TIME, tiny_model

from mspt.checkpoint import Checkpoint, build_model, load_checkpoint, save_checkpoint
from mspt.config import ModelConfig, Preset, TrainConfig
from mspt.data.case import CaseStack
from mspt.data.dataset import Request
from mspt.data.registry import registered
from mspt.evaluation.score import score
from mspt.inference.predict import predict_case
from mspt.progress import last_event
from mspt.training.batches import fit_normalizer, source_of
from mspt.training.loop import EpochDone, prepare, train

ROLLED = tiny_model(in_features=2, input_frames=2, rollout=3)
PRESET = Preset(dataset="toy_time", model=ROLLED, train=TrainConfig(epochs=2))
NUM_IN, NUM_OUT = len(TIMES_IN), len(TIMES_OUT)


@pytest.fixture(autouse=True)
def toys() -> Iterator[None]:
    with registered(replace(TOY_TIME, presets={"toy_time": PRESET})):
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("waves")
    events = list(TOY_TIME.source.generate(TOY_TIME, Request(out=out)))
    assert len(events) == sum(SPLITS.values())
    return out


@pytest.fixture(scope="module")
def cases(root: Path) -> CaseStack:
    return TOY_TIME.cases("train", root=root)


def random_checkpoint(cases: CaseStack, config: ModelConfig = ROLLED) -> Checkpoint:
    model = build_model(config).eval()
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=random))
    return Checkpoint(model, config, fit_normalizer(cases, config), {"dataset": "toy_time"})


def by_hand(checkpoint: Checkpoint, points: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    """Roll out in physical units: every pass is the prediction of a model of one pass."""
    single = replace(checkpoint, config=replace(checkpoint.config, rollout=1))
    for _ in range(checkpoint.config.rollout):
        found = predict_case(single, points, frames[:, -NUM_IN:], device="cpu").fields
        frames = torch.cat([frames, found], dim=1)
    return frames[:, NUM_IN : NUM_IN + NUM_OUT]


# ---- prediction


def test_every_pass_reads_the_latest_frames(cases: CaseStack) -> None:
    checkpoint, case = random_checkpoint(cases), cases.case(0)
    found = predict_case(checkpoint, case.points, case.features, device="cpu").fields
    assert found.shape == (len(case.points), NUM_OUT)
    torch.testing.assert_close(
        found, by_hand(checkpoint, case.points, case.features), rtol=1e-4, atol=1e-5
    )
    assert (found[:, 0] - found[:, 1]).abs().max() > 0.01


def test_a_pass_may_predict_several_frames(cases: CaseStack) -> None:
    config = replace(ROLLED, out_channels=3, rollout=2)
    checkpoint, case = random_checkpoint(cases, config), cases.case(0)
    found = predict_case(checkpoint, case.points, case.features, device="cpu").fields
    first = predict_case(
        replace(checkpoint, config=replace(config, rollout=1)),
        case.points,
        case.features,
        device="cpu",
    ).fields
    torch.testing.assert_close(found[:, :3], first)
    second = predict_case(
        replace(checkpoint, config=replace(config, rollout=1)),
        case.points,
        first[:, 1:],
        device="cpu",
    ).fields
    torch.testing.assert_close(found[:, 3:], second, rtol=1e-4, atol=1e-5)


def test_features_that_are_no_frames_stay(cases: CaseStack) -> None:
    """The first feature is a number of the case; the two after it are frames."""
    config = replace(ROLLED, in_features=3)
    still = torch.full((*cases.features.shape[:2], 1), 7.0)
    still[:, ::2] = 9.0
    more = replace(cases, features=torch.cat([still, cases.features], dim=-1))
    checkpoint, case = random_checkpoint(more, config), more.case(1)
    found = predict_case(checkpoint, case.points, case.features, device="cpu").fields
    single = replace(checkpoint, config=replace(config, rollout=1))
    frames = case.features[:, 1:]
    for index in range(NUM_OUT):
        given = torch.cat([case.features[:, :1], frames[:, -NUM_IN:]], dim=1)
        frame = predict_case(single, case.points, given, device="cpu").fields
        torch.testing.assert_close(found[:, [index]], frame, rtol=1e-4, atol=1e-5)
        frames = torch.cat([frames, frame], dim=1)


def test_a_checkpoint_of_a_rolled_out_model_predicts_the_same_after_loading(
    cases: CaseStack, tmp_path: Path
) -> None:
    checkpoint, case = random_checkpoint(cases), cases.case(2)
    save_checkpoint(
        tmp_path / "rolled.safetensors",
        model=checkpoint.model,
        config=checkpoint.config,
        normalizer=checkpoint.normalizer,
        info=checkpoint.info,
    )
    loaded = load_checkpoint(tmp_path / "rolled.safetensors")
    one, other = (
        predict_case(known, case.points, case.features, device="cpu").fields
        for known in (checkpoint, loaded)
    )
    assert torch.equal(one, other)


# ---- scores


def test_the_score_is_the_relative_l2_of_all_predicted_frames_together(
    cases: CaseStack, root: Path
) -> None:
    checkpoint = random_checkpoint(cases)
    found = last_event(score(checkpoint, "test", root=root, device="cpu"))
    test = TOY_TIME.cases("test", root=root)
    errors, of_mean, last = [], [], []
    mean = torch.cat([cases.features, cases.fields], dim=-1).mean()
    for row in range(len(test)):
        truth = test.fields[row]
        predicted = by_hand(checkpoint, test.points[row], test.features[row])
        errors.append(((predicted - truth).norm() / truth.norm()).item())
        of_mean.append(((mean - truth).norm() / truth.norm()).item())
        last.append(((predicted - truth)[:, -1].norm() / truth[:, -1].norm()).item())
    metrics = found.metrics()
    assert metrics["relative_l2"] == pytest.approx(np.mean(errors), rel=1e-4)
    assert metrics["mean_only"] == pytest.approx(np.mean(of_mean), rel=1e-4)
    assert metrics["height_4"] == pytest.approx(np.mean(last), rel=1e-4)


# ---- training


def test_all_frames_have_one_mean_and_one_scale(cases: CaseStack) -> None:
    normalizer = fit_normalizer(cases, ROLLED)
    frames = torch.cat([cases.features, cases.fields], dim=-1).double()
    for name in ("features", "fields"):
        for value, part in ((frames.mean(), "mean"), (frames.std(correction=0), "scale")):
            stored = getattr(normalizer, f"{name}_{part}").double()
            torch.testing.assert_close(stored, value.expand_as(stored), rtol=1e-6, atol=1e-7)
    whole = fit_normalizer(cases, replace(ROLLED, rollout=1, out_channels=3))
    assert len(set(whole.fields_mean.tolist())) == 3


def test_training_takes_runs_of_consecutive_frames_from_every_start(cases: CaseStack) -> None:
    normalizer = fit_normalizer(cases, ROLLED)
    source = source_of(cases, normalizer=normalizer, config=ROLLED, seed=0)
    frames = torch.cat([cases.features, cases.fields], dim=-1)
    seen = set()
    for epoch in range(12):
        batch = source.batch([0, 3], epoch)
        given = batch.features * normalizer.features_scale + normalizer.features_mean
        for place, row in enumerate([0, 3]):
            run = torch.cat([given[place], batch.fields[place]], dim=-1)
            fits = [
                start
                for start in range(NUM_OUT)
                if torch.allclose(run, frames[row, :, start : start + 3], atol=1e-5)
            ]
            assert len(fits) == 1
            seen.add((row, fits[0]))
    assert seen == {(row, start) for row in (0, 3) for start in range(NUM_OUT)}
    again = source_of(cases, normalizer=normalizer, config=ROLLED, seed=0)
    assert torch.equal(source.batch([1], 5).fields, again.batch([1], 5).fields)
    other = source_of(cases, normalizer=normalizer, config=ROLLED, seed=1)
    assert any(
        not torch.equal(source.batch([1], epoch).fields, other.batch([1], epoch).fields)
        for epoch in range(8)
    )


def test_validation_is_the_roll_out_of_the_averaged_weights(root: Path, cases: CaseStack) -> None:
    validation = TOY_TIME.cases("validation", root=root)
    training = prepare(PRESET, cases=cases, validation=validation)
    epochs = [event for event in train(training) if isinstance(event, EpochDone)]
    checkpoint = Checkpoint(training.average, ROLLED, training.normalizer, {})
    errors = []
    for row in range(len(validation)):
        truth = validation.fields[row]
        predicted = by_hand(checkpoint, validation.points[row], validation.features[row])
        errors.append(((predicted - truth).norm() / truth.norm()).item())
    assert epochs[-1].validation_error == pytest.approx(np.mean(errors), rel=1e-4)


# ---- what is refused


def test_roll_outs_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="input_frames must be from 1 to in_features for a rollo"):
        tiny_model(rollout=2)
    with pytest.raises(ValueError, match="rollout of 1, got 3 of 2"):
        tiny_model(in_features=2, input_frames=3)
    with pytest.raises(ValueError, match="rollout must be at least 1, got 0"):
        tiny_model(rollout=0)
    rolled = replace(TOY.presets["toy"], model=tiny_model(in_features=1, input_frames=1, rollout=3))
    with pytest.raises(ValueError, match="preset toy must have a rollout of 1 for a data set whos"):
        replace(TOY, presets={"toy": rolled})
    short = replace(PRESET, model=replace(ROLLED, rollout=2))
    with pytest.raises(ValueError, match="preset toy_time must have space_dim, in_features and"):
        replace(TOY_TIME, presets={"toy_time": short})
