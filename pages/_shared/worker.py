"""The one thread that predicts for all pages: first come, first served, and behind all scripts.

A script that computed by itself would take the processors from scripts that only draw, and every
script thread would start threads of torch's own. Here the threads that draw go first, so that a
page answers at once while another visitor's model is running.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache, partial, wraps
from threading import current_thread
from typing import ParamSpec, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from mspt.priority import AWAITED, lower_thread_priority

Value, Arguments = TypeVar("Value"), ParamSpec("Arguments")
_NAME = "predictions"
_asked: set[Future] = set()
POLL = 0.2
"""Seconds between two looks at whether a script that waits is still wanted."""


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(
        1, thread_name_prefix=_NAME, initializer=lower_thread_priority, initargs=(AWAITED,)
    )


def compute(function: Callable[[], Value]) -> Value:
    """Return what a function returns, which runs after all that was asked for before.

    Jobs have threads of their own, and what runs here may ask for more: both compute at once.
    """
    if get_script_run_ctx(suppress_warning=True) is None or current_thread().name.startswith(_NAME):
        return function()
    future: Future[Value] = _pool().submit(function)
    _asked.add(future)
    try:
        while not wait([future], POLL).done:
            # Streamlit ends the script here if the visitor has left or has changed an input.
            st.session_state.get("page")
        return future.result()
    finally:
        _asked.discard(future)
        future.cancel()  # what nobody waits for any longer is not begun


def is_busy() -> bool:
    """Return whether the thread has something to do."""
    return any(not one.done() for one in _asked.copy())


def computed(function: Callable[Arguments, Value]) -> Callable[Arguments, Value]:
    """Make a function run in the thread that predicts.

    It must not draw. Below a cache, only what the cache lacks is computed there.
    """

    @wraps(function)
    def in_turn(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Value:
        return compute(partial(function, *args, **kwargs))

    return in_turn
