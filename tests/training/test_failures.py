"""Runs whose numbers are no longer finite."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import made_up_cases, tiny_preset

from mspt.data.case import CaseStack
from mspt.errors import OutputError, TrainingError
from mspt.models.normalizer import Normalizer
from mspt.training.failures import damaged
from mspt.training.loop import EpochDone, StepDone, Training, prepare, train
from mspt.training.state import STATE_NAME, load_state

CASES, VALIDATION = made_up_cases(8), made_up_cases(4, seed=1)


def start(cases: CaseStack = CASES, validation: CaseStack = VALIDATION) -> Training:
    return prepare(tiny_preset(epochs=3), cases=cases, validation=validation)


def with_a_bad_number(cases: CaseStack, row: int, part: str = "fields") -> CaseStack:
    values = getattr(cases, part).clone()
    values[row, 5, 0] = float("nan")
    return replace(cases, **{part: values})


def weights(training: Training) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in training.model.state_dict().items()}


class Poisoned:
    """Return batches of finite numbers up to a step, and then one field of infinity."""

    def __init__(self, training: Training, step: int) -> None:
        self.step, self.count = step, 0
        layer = training.model.head[0]
        layer.register_forward_hook(self.poison)

    def poison(self, module: torch.nn.Module, _: object, output: torch.Tensor) -> torch.Tensor:
        self.count += module.training
        return output * float("inf") if self.count == self.step and module.training else output


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_what_was_saved(tmp_path: Path) -> None:
    training = start()
    Poisoned(training, step=4)  # two steps an epoch: in the second epoch
    done, before = [], {}
    message = (
        r"neither NaN nor infinity, got a loss of (nan|inf) at step 4 of 6; try a lower learning "
        rf"rate; .*{STATE_NAME} keeps the last good state"
    )

    def follow() -> None:
        for event in train(training, folder=tmp_path):
            if isinstance(event, StepDone):
                done.append(event.step)
                before.update(weights(training))

    with pytest.raises(TrainingError, match=message):
        follow()
    assert done == [1, 2, 3]
    torch.testing.assert_close(weights(training), before, rtol=0, atol=0)
    resumed = start()
    assert load_state(tmp_path, resumed).step == 2
    assert all(value.isfinite().all() for value in weights(resumed).values())


def test_a_gradient_that_is_not_finite_stops_the_run() -> None:
    training = start()
    parameter = next(training.model.parameters())
    parameter.register_hook(lambda grad: grad * float("nan"))
    before = weights(training)
    with pytest.raises(TrainingError, match="a gradient of norm nan at step 1 of 6; try a lower"):
        list(train(training))
    torch.testing.assert_close(weights(training), before, rtol=0, atol=0)


def test_weights_that_are_not_finite_are_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mspt.training.loop.SAVE_SECONDS", 0.0)
    training = start()
    events = train(training, folder=tmp_path)
    next(events)  # the state of a step is saved when the next event is asked for
    with torch.no_grad():
        training.average.get_parameter("head.0.weight")[0] = float("inf")
    with pytest.raises(TrainingError, match=r"one in average\.head\.0\.weight at step 1 of 6"):
        next(events)
    assert not (tmp_path / STATE_NAME).exists()


def test_a_validation_error_that_is_not_finite_names_the_cases(tmp_path: Path) -> None:
    training = start(validation=with_a_bad_number(VALIDATION, 2))
    message = (
        r"a validation error of nan at step 2 of 6; repair or leave out elasticity-0002, whose "
        "data hold some$"
    )
    with pytest.raises(TrainingError, match=message):
        list(train(training, folder=tmp_path))
    assert not (tmp_path / STATE_NAME).exists()


@pytest.mark.parametrize("part", ["points", "features", "fields"])
def test_damaged_cases_are_named_before_the_first_step(part: str) -> None:
    cases = CASES
    for row in (0, 2, 3, 5, 7):
        cases = with_a_bad_number(cases, row, part)
    message = (
        rf"one in normalizer\.{part}_\w+ before step 1; repair or leave out elasticity-0000, "
        "elasticity-0002, elasticity-0003 and 2 more, whose data hold some"
    )
    with pytest.raises(TrainingError, match=message):
        list(train(start(cases)))


def test_a_damaged_case_is_named_by_the_step_that_meets_it() -> None:
    cases = with_a_bad_number(CASES, 3)
    training = replace(
        start(cases), normalizer=Normalizer.fit(CASES.points, CASES.features, CASES.fields)
    )
    with pytest.raises(TrainingError, match=r"a loss of nan at step [12] of 6; repair .*-0003, "):
        list(train(training))


def test_only_damaged_cases_are_named() -> None:
    assert list(damaged(CASES)) == []
    assert list(damaged(with_a_bad_number(CASES, 6, "points"))) == ["elasticity-0006"]


def test_a_state_that_does_not_fit_on_the_disk_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    events = train(start(), folder=tmp_path)
    for event in events:
        if isinstance(event, EpochDone) and event.epoch == 2:
            break
    before = (tmp_path / STATE_NAME).read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match="must be written whole, got a full disk; free some"):
            list(events)
    assert (tmp_path / STATE_NAME).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [STATE_NAME]
    assert isinstance(next(train(start(), folder=tmp_path)), StepDone)
