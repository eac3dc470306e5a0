"""The thread that predicts: one after the other, behind scripts, and nothing for nobody."""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread, current_thread, get_native_id
from time import sleep
from types import SimpleNamespace

import pytest

from mspt.inference.shapes import StageStarted
from mspt.priority import AWAITED, BACKGROUND, lower_thread_priority
from pages._shared import predicted, worker


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every thread of the test be that of a script."""
    monkeypatch.setattr(worker, "get_script_run_ctx", lambda **_: object())


def wait_until(holds: object, seconds: float = 10.0) -> None:
    for _ in range(int(seconds / 0.01)):
        if holds():
            return
        sleep(0.01)
    raise AssertionError("it did not come")


@pytest.mark.usefixtures("script")
def test_work_runs_in_one_thread_in_the_order_in_which_it_was_asked_for() -> None:
    go_on, order = Event(), []
    with ThreadPoolExecutor(8) as scripts:
        first = scripts.submit(worker.compute, lambda: go_on.wait(10))
        wait_until(worker.is_busy)
        others = []
        for number in range(5):
            others.append(
                scripts.submit(worker.compute, lambda number=number: order.append(number))
            )
            wait_until(lambda number=number: len(worker._asked) == number + 2)
        go_on.set()
        assert first.result()
        assert [one.result() for one in others] == [None] * 5
    assert order == [0, 1, 2, 3, 4]
    assert not worker.is_busy()
    names = {worker.compute(lambda: current_thread().name) for _ in range(3)}
    assert len(names) == 1
    assert names != {current_thread().name}


@pytest.mark.usefixtures("script")
def test_work_that_asks_for_more_and_work_of_jobs_runs_where_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def thread() -> str:
        return current_thread().name

    within = worker.computed(lambda: (thread(), worker.compute(thread)))()
    assert within[0] == within[1] != thread()
    monkeypatch.setattr(worker, "get_script_run_ctx", lambda **_: None)
    assert worker.compute(thread) == thread()


@pytest.mark.usefixtures("script")
def test_errors_reach_whoever_asked() -> None:
    with pytest.raises(ZeroDivisionError):
        worker.computed(lambda: 1 / 0)()
    assert not worker.is_busy()


@pytest.mark.usefixtures("script")
def test_work_is_not_begun_once_its_script_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, done = Event(), []
    before = worker._pool().submit(go_on.wait, 10)

    def end(_: str) -> None:
        raise InterruptedError

    monkeypatch.setattr(worker, "st", SimpleNamespace(session_state=SimpleNamespace(get=end)))
    monkeypatch.setattr(worker, "POLL", 0.01)
    with pytest.raises(InterruptedError):
        worker.compute(lambda: done.append("late"))
    go_on.set()
    assert before.result()
    assert worker._pool().submit(lambda: 1).result() == 1
    assert done == []


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
@pytest.mark.usefixtures("script")
def test_threads_that_compute_stand_back() -> None:
    def nice() -> int:
        return os.getpriority(os.PRIO_PROCESS, get_native_id())

    here, found = nice(), []
    assert worker.compute(nice) == max(here, AWAITED)

    def background() -> None:
        lower_thread_priority(BACKGROUND)
        lower_thread_priority(AWAITED)
        found.append(nice())

    one = Thread(target=background)
    one.start()
    one.join()
    assert found == [max(here, BACKGROUND)]
    assert nice() == here


# --- one prediction for all who wait for it ------------------------------------------------------


def test_visitors_who_want_the_same_prediction_wait_for_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, go_on = [], Event()

    def predict_shape(*_: object, **__: object) -> Iterator[object]:
        begun.append(1)
        yield StageStarted(stage="Predict", share=0.5)
        go_on.wait(10)
        yield SimpleNamespace(name="result")

    key = predicted.ResultKey(predicted.PlacedKey("a", object()), object(), "cpu")
    kept = {}
    monkeypatch.setattr(predicted, "predict_shape", predict_shape)
    monkeypatch.setattr(predicted, "load", lambda _: None)
    monkeypatch.setattr(predicted, "prepared", lambda _: None)
    monkeypatch.setattr(predicted, "_needs", lambda *_, **__: "")
    monkeypatch.setattr(predicted, "POLL", 0.01)
    store = SimpleNamespace(get=lambda _: kept.get("it"), put=lambda _, one: kept.update(it=one))
    monkeypatch.setattr(predicted, "predictions", lambda: store)
    first, second = predicted.predict(None, key), predicted.predict(None, key)
    assert next(first) == (0.5, "Predict")
    assert "another visitor" in next(second)[1]
    go_on.set()
    assert list(first) == []
    assert list(second) == []
    assert len(begun) == 1
    # One whose script is ended half-way leaves the place to the next.
    kept.clear()
    third, fourth = predicted.predict(None, key), predicted.predict(None, key)
    next(third)
    third.close()
    assert next(fourth) == (0.5, "Predict")
    fourth.close()
