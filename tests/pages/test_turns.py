from threading import Event, Thread
from time import monotonic, sleep

import pytest

from pages._shared import turns as module
from pages._shared.turns import Turns


def test_everybody_has_a_turn_in_the_order_in_which_they_came() -> None:
    turns, order = Turns(), []
    tickets = [turns.join() for _ in range(20)]

    def work(number: int) -> None:
        while not turns.wait(tickets[number], 0.01):
            pass
        order.append(number)
        turns.leave(tickets[number])

    # Those who came last ask first.
    threads = [Thread(target=work, args=(number,)) for number in reversed(range(20))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert order == list(range(20))


def test_never_two_at_a_time() -> None:
    turns, inside, most = Turns(), [], []

    def work() -> None:
        for _ in range(20):
            ticket = turns.join()
            while not turns.wait(ticket, 0.5):
                pass
            inside.append(ticket)
            most.append(len(inside))
            inside.remove(ticket)
            turns.leave(ticket)

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert most == [1] * 80


def test_whoever_leaves_while_waiting_holds_nobody_up() -> None:
    turns = Turns()
    first, second, third = (turns.join() for _ in range(3))
    assert turns.wait(first, 0)
    assert not turns.wait(third, 0)
    assert [turns.ahead(one) for one in (first, second, third)] == [0, 1, 2]
    turns.leave(second)
    assert turns.ahead(third) == 1
    turns.leave(first)
    turns.leave(first)
    assert turns.wait(third, 0)


def test_whoever_waits_is_woken_at_once() -> None:
    turns, has_turn = Turns(), Event()
    first, second = turns.join(), turns.join()
    assert turns.wait(first, 0)
    thread = Thread(target=lambda: turns.wait(second, 10) and has_turn.set())
    thread.start()
    sleep(0.05)
    assert not has_turn.is_set()
    turns.leave(first)
    assert has_turn.wait(2)


def test_expected_wait_follows_from_the_turns_before(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [monotonic()]
    monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    turns = Turns()
    first = turns.join()
    assert turns.expected_seconds(first) is None
    for length in (8.0, 12.0):
        ticket = turns.join() if length == 12.0 else first
        assert turns.wait(ticket, 0)
        clock[0] += length
        turns.leave(ticket)
    running, second, third = (turns.join() for _ in range(3))
    assert turns.wait(running, 0)
    clock[0] += 4.0
    assert turns.expected_seconds(running) == 0.0
    assert turns.expected_seconds(second) == pytest.approx(6.0)
    assert turns.expected_seconds(third) == pytest.approx(16.0)
    clock[0] += 100.0  # longer than usual: it may end any moment
    assert turns.expected_seconds(second) == pytest.approx(0.0)
