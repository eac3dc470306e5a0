"""The one thread that predicts for all pages: first come, first served, and behind all scripts.

A script that computed by itself would take the processors from scripts that only draw, and every
script thread would start threads of torch's own. Here the threads that draw go first, so that a
page answers at once while another visitor's model is running.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial, wraps
from threading import current_thread
from typing import ParamSpec, TypeVar

from streamlit.runtime.scriptrunner import get_script_run_ctx

from mspt.priority import lower_thread_priority

Value, Arguments = TypeVar("Value"), ParamSpec("Arguments")
_NAME = "predictions"


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix=_NAME, initializer=lower_thread_priority)


def compute(function: Callable[[], Value]) -> Value:
    """Return what a function returns, which runs after all that was asked for before.

    Jobs have threads of their own, and what runs here may ask for more: both compute at once.
    """
    if get_script_run_ctx(suppress_warning=True) is None or current_thread().name.startswith(_NAME):
        return function()
    future: Future[Value] = _pool().submit(function)
    try:
        return future.result()
    finally:
        future.cancel()  # the script was ended while it waited


def computed(function: Callable[Arguments, Value]) -> Callable[Arguments, Value]:
    """Make a function run in the thread that predicts.

    It must not draw. Below a cache, only what the cache lacks is computed there.
    """

    @wraps(function)
    def in_turn(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Value:
        return compute(partial(function, *args, **kwargs))

    return in_turn
