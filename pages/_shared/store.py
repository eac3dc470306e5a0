"""Results that pages compute one by one and that all visitors share."""

import ctypes
import inspect
import os
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import fields, is_dataclass
from functools import wraps
from threading import Lock
from typing import Generic, ParamSpec, TypeVar

import streamlit as st

Value, Arguments = TypeVar("Value"), ParamSpec("Arguments")
MEGABYTE = 10**6
_PARTS, _APART = -8, -3  # M_ARENA_MAX and M_MMAP_THRESHOLD of malloc.h
LARGE = 20 * MEGABYTE
"""Bytes from which memory that was freed is returned to the system at once."""


def held_bytes(value: object) -> int:
    """Return the bytes of all arrays, tensors, texts and bytes within a value, each counted once.

    Examples:
        >>> row = bytes(1000)
        >>> held_bytes({"a": row, "again": row, "more": ["12345"]})
        1005
    """
    known: set[int] = set()
    total, left = 0, [value]
    while left:
        one = left.pop()
        if id(one) in known:
            continue
        known.add(id(one))
        match one:
            case bytes() | bytearray() | str():
                total += len(one)
            case _ if isinstance(size := getattr(one, "nbytes", None), int):
                total += size  # an array or a tensor
            case _:
                left += _parts(one)
    return total


def _parts(value: object) -> Iterable[object]:
    """Return what a value consists of, computed properties that it keeps included."""
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, list | tuple | set | frozenset):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        named = [getattr(value, one.name) for one in fields(value)]
        return [*named, *getattr(value, "__dict__", {}).values()]
    return []


def return_memory() -> None:
    """Return freed memory to the system; the C library would keep some for later."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)


def limit_fragments() -> None:
    """Let the C library give memory back that threads have used for a while.

    By default each thread gets a part of the memory for itself, and an array of some megabytes
    stays between smaller ones after it was freed. Here large ones are apart and go at once.
    """
    choose = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if choose is not None:
        choose(_PARTS, 2)
        choose(_APART, 2 * 2**20)


class Store(Generic[Value]):
    """A bounded store of results; those longest unused go when there is no room for a new one.

    Streamlit's caches compute what they lack, and are bounded by a number of entries, whatever
    their size. A page that lists which results there are, or that keeps the results of a job that
    was cancelled half-way, needs to read without computing; and shapes of visitors take between a
    kilobyte and hundreds of megabytes.
    """

    def __init__(self, limit: int, *, max_bytes: float = float("inf")) -> None:
        self._limit = limit
        self._max_bytes = max_bytes
        self._values: dict[Hashable, Value] = {}
        self._sizes: dict[Hashable, int] = {}
        self._used: dict[Hashable, None] = {}  # those longest unused come first
        self._turns: dict[Hashable, Lock] = {}
        self._lock = Lock()  # several visitors' scripts run at the same time

    def get(self, key: Hashable) -> Value | None:
        """Return the result under a key, which has been used then, or None."""
        with self._lock:
            if key not in self._values:
                return None
            self._used[key] = self._used.pop(key)
            return self._values[key]

    def values(self) -> list[Value]:
        """Return all results, the oldest first."""
        with self._lock:
            return list(self._values.values())

    @property
    def num_bytes(self) -> int:
        """Bytes that are held; 0 where they are not limited."""
        with self._lock:
            return sum(self._sizes.values())

    def put(self, key: Hashable, value: Value) -> Value:
        """Store a result under a key and return it; the newest is kept whatever its size."""
        size = held_bytes(value) if self._max_bytes < float("inf") else 0
        freed = 0
        with self._lock:
            self._forget(key)  # a key that is stored again counts as new
            self._values[key], self._sizes[key], self._used[key] = value, size, None
            while len(self._values) > 1 and self._is_full():
                freed += self._forget(next(iter(self._used)))
        if freed > LARGE:
            return_memory()
        return value

    @contextmanager
    def turn(self, key: Hashable) -> Iterator[None]:
        """Let one visitor at a time compute the result under a key."""
        with self._lock:
            lock = self._turns.setdefault(key, Lock())
        with lock:
            try:
                yield
            finally:
                with self._lock:
                    self._turns.pop(key, None)  # those who wait for it hold it themselves

    def drop(self, key: Hashable) -> None:
        """Forget the result under a key, if there is one."""
        with self._lock:
            self._forget(key)

    def _is_full(self) -> bool:
        return len(self._values) > self._limit or sum(self._sizes.values()) > self._max_bytes

    def _forget(self, key: Hashable) -> int:
        self._values.pop(key, None)
        self._used.pop(key, None)
        return self._sizes.pop(key, 0)


@st.cache_resource(show_spinner=False)
def store(name: str, limit: int, *, megabytes: float = float("inf")) -> Store:  # noqa: ARG001
    """Return the server's one store of a name, which makes it another than others.

    Args:
        name: What is stored.
        limit: Results at most.
        megabytes: Memory that they may hold together; without a limit it is not measured.
    """
    return Store(limit, max_bytes=megabytes * MEGABYTE)


def kept(
    name: str, *, megabytes: float, limit: int = 64, spinner: str = ""
) -> Callable[[Callable[Arguments, Value]], Callable[Arguments, Value]]:
    """Return a decorator that keeps the results of a function for all visitors, bounded by bytes.

    As with Streamlit's caches, arguments whose names begin with an underscore tell no results
    apart. What two visitors ask for at the same time is computed once.

    Args:
        name: Of the store.
        megabytes: Memory that all results may hold together.
        limit: Results at most.
        spinner: What a visitor is told who waits.
    """

    def decorate(function: Callable[Arguments, Value]) -> Callable[Arguments, Value]:
        signature = inspect.signature(function)

        @wraps(function)
        def remembered(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Value:
            results = store(name, limit, megabytes=megabytes)
            given = signature.bind(*args, **kwargs).arguments
            key = tuple((one, value) for one, value in given.items() if one[0] != "_")
            if (found := results.get(key)) is not None:
                return found
            with results.turn(key), st.spinner(spinner) if spinner else nullcontext():
                found = results.get(key)
                return results.put(key, function(*args, **kwargs)) if found is None else found

        return remembered

    return decorate
