from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from time import sleep

import numpy as np
import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pages._shared.store import Store, held_bytes, kept, store


def test_result_is_found_under_an_equal_key_and_no_other() -> None:
    results = Store(limit=3)
    assert results.put(("a", 1), 5) == 5
    assert results.get(("a", 1)) == 5
    assert results.get(("a", 2)) is None


def test_oldest_result_goes_first_and_a_new_value_counts_as_new() -> None:
    results = Store(limit=2)
    results.put("a", 1)
    results.put("b", 2)
    results.put("a", 3)
    results.put("c", 4)
    assert [results.get(key) for key in "abc"] == [3, None, 4]


def test_result_that_is_used_outlives_one_that_is_not() -> None:
    results = Store(limit=2)
    results.put("used", 1)
    results.put("unused", 2)
    assert results.get("used") == 1
    results.put("new", 3)
    assert [results.get(key) for key in ("used", "unused", "new")] == [1, None, 3]


def test_values_are_listed_from_the_oldest_and_a_dropped_one_is_gone() -> None:
    results = Store(limit=3)
    for number, key in enumerate("abc"):
        results.put(key, number)
    results.put("a", 9)
    assert results.values() == [1, 2, 9]
    results.drop("c")
    results.drop("unknown")
    assert results.values() == [1, 9]


def test_several_threads_never_exceed_the_limit() -> None:
    results = Store(limit=10)

    def fill(first: int) -> None:
        for key in range(first, first + 500):
            results.put(key, key)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fill, range(0, 2000, 500)))
    assert sum(results.get(key) is not None for key in range(2000)) == 10


def test_pages_share_one_store_of_a_name() -> None:
    store("test", 4).put("key", "value")
    assert store("test", 4).get("key") == "value"
    assert store("another test", 4).get("key") is None


# --- memory --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Nested:
    points: np.ndarray
    parts: tuple[object, ...]
    words: str = ""

    @cached_property
    def doubled(self) -> np.ndarray:
        return 2 * self.points


def test_size_is_that_of_all_that_a_value_holds() -> None:
    points = np.zeros((100, 3))
    value = Nested(points, ({"tensor": torch.zeros(10)}, [points], {"set"}), "four")
    assert held_bytes(value) == points.nbytes + 40 + 3 + 4
    assert value.doubled.nbytes == points.nbytes
    assert held_bytes(value) == 2 * points.nbytes + 40 + 3 + 4


def test_size_of_values_that_hold_each_other_is_found() -> None:
    one: list[object] = [b"1234"]
    one.append(one)
    assert held_bytes(one) == 4


def test_old_results_make_room_for_large_ones() -> None:
    results = Store(limit=10, max_bytes=1000)
    for key in "abc":
        results.put(key, bytes(400))
    assert [results.get(key) is not None for key in "abc"] == [False, True, True]
    assert results.num_bytes == 800
    results.put("large", bytes(5000))
    assert results.num_bytes == 5000
    assert [results.get(key) for key in "abc"] == [None, None, None]
    results.put("a", bytes(1))
    assert results.get("large") is None
    assert results.num_bytes == 1


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 300)), max_size=40))
def test_held_bytes_never_exceed_the_bound_but_for_one_result(puts: list[tuple[int, int]]) -> None:
    results = Store(limit=4, max_bytes=500)
    for key, size in puts:
        results.put(key, bytes(size))
        kept_now = results.values()
        assert results.num_bytes == sum(map(len, kept_now))
        assert len(kept_now) == 1 or results.num_bytes <= 500
        assert len(kept_now) <= 4
        assert kept_now[-1] == bytes(size)


def test_function_is_called_once_for_equal_arguments_of_several_visitors() -> None:
    calls = []

    @kept("a test", megabytes=1)
    def slow(number: int, *, _given: object, word: str = "a") -> bytes:
        calls.append(number)
        sleep(0.05)
        return word.encode() * number

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: slow(3, _given=object()), range(8)))
    assert found == [b"aaa"] * 8
    assert calls == [3]
    assert slow(3, _given=None, word="b") == b"bbb"
    assert calls == [3, 3]


def test_a_call_that_fails_is_repeated() -> None:
    calls = []

    @kept("another test", megabytes=1)
    def fails_once(number: int) -> int:
        calls.append(number)
        if len(calls) == 1:
            raise ValueError("once")
        return number

    with pytest.raises(ValueError, match="once"):
        fails_once(2)
    assert fails_once(2) == 2


def test_memory_of_dropped_results_goes_back_to_the_system() -> None:
    process = psutil.Process()
    results = Store(limit=10, max_bytes=50e6)
    results.put("first", np.ones(5_000_000))
    held = process.memory_info().rss
    for number in range(8):
        results.put(number, np.full(5_000_000, number, dtype=float))
    assert process.memory_info().rss < held + 80e6
