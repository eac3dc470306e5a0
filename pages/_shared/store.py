"""Results that pages compute one by one and that all visitors share."""

from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

import streamlit as st

Value = TypeVar("Value")


class Store(Generic[Value]):
    """A bounded store of results; the oldest result goes when there is no room for a new one.

    Streamlit's caches compute what they lack. A page that lists which results there are, or that
    keeps the results of a job that was cancelled half-way, needs to read without computing.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: dict[Hashable, Value] = {}
        self._lock = Lock()  # several visitors' scripts run at the same time

    def get(self, key: Hashable) -> Value | None:
        """Return the result under a key, or None."""
        with self._lock:
            return self._values.get(key)

    def values(self) -> list[Value]:
        """Return all results, the oldest first."""
        with self._lock:
            return list(self._values.values())

    def put(self, key: Hashable, value: Value) -> Value:
        """Store a result under a key and return it."""
        with self._lock:
            self._values.pop(key, None)  # a key that is stored again counts as new
            self._values[key] = value
            while len(self._values) > self._limit:
                del self._values[next(iter(self._values))]
        return value

    def drop(self, key: Hashable) -> None:
        """Forget the result under a key, if there is one."""
        with self._lock:
            self._values.pop(key, None)


@st.cache_resource(show_spinner=False)
def store(name: str, limit: int) -> Store:  # noqa: ARG001 - the name makes it another store
    """Return the server's one store of a name."""
    return Store(limit)
