"""Long work beside a page: a thread that runs a generator, its progress, its cancelling, its end.

A page starts a job under a key and draws :func:`follow`; the job goes on while the page reruns.
The generator yields :class:`Step` and never calls Streamlit. Whatever it had yielded stays when it
is cancelled; it is closed, so that its ``finally`` ends what it had begun.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from functools import cache
from threading import Event, Lock, Thread

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from mspt.errors import MSPTError

POLL = 0.4
"""Seconds between two looks at a job."""


@dataclass(frozen=True)
class Step:
    """One event of a job: how far it is, what it is at, and perhaps a result to keep."""

    share: float
    words: str
    result: object | None = None


@dataclass
class Job:
    """Work in a thread.

    Attributes:
        steps: What it runs.
        session: Of whom; a job whose visitor has left ends by itself.
        share: How far it is, from 0 to 1.
        words: What it is at.
        results: What it has yielded so far.
        error: What went wrong, for a person; empty otherwise.
        cancelled: Whether it was told to stop.
        ended: Set when nothing runs any more.
    """

    steps: Generator[Step, None, None]
    session: str | None = None
    share: float = 0.0
    words: str = "Starting"
    results: list[object] = field(default_factory=list)
    error: str = ""
    failure: BaseException | None = None
    cancelled: Event = field(default_factory=Event)
    ended: Event = field(default_factory=Event)
    shown: int = 0

    def run(self) -> None:
        """Do the work; one job at a time on this machine, as they would disturb each other."""
        try:
            if self._wait_for_turn():
                try:
                    self._work()
                finally:
                    _turn().release()
        except MSPTError as error:
            self.error = str(error)
        except Exception as error:  # noqa: BLE001 - a bug: raised again where the page can show it
            self.failure = error
        finally:
            self.ended.set()

    def _wait_for_turn(self) -> bool:
        while not _turn().acquire(timeout=0.2):
            self.words = "Waiting for other work on this machine"
            if self._should_stop():
                return False
        return True

    def _work(self) -> None:
        try:
            for step in self.steps:
                self.share, self.words = step.share, step.words
                if step.result is not None:
                    self.results.append(step.result)
                if self._should_stop():
                    return
        finally:
            self.steps.close()

    def _should_stop(self) -> bool:
        gone = (
            self.session is not None
            and runtime.exists()
            and not runtime.get_instance().is_active_session(self.session)
        )
        return gone or self.cancelled.is_set()

    def cancel(self, *, patience: float = 1.0) -> None:
        """Tell it to stop and wait a moment until it has."""
        self.cancelled.set()
        self.ended.wait(patience)


@cache
def _turn() -> Lock:
    return Lock()


def start(key: str, steps: Generator[Step, None, None]) -> Job:
    """Start a job; one that runs under the same key is cancelled first."""
    if (old := job(key)) is not None:
        old.cancel()
    context = get_script_run_ctx()
    new = Job(steps, session=context.session_id if context else None)
    st.session_state[key] = new
    Thread(target=new.run, daemon=True, name=key).start()
    return new


def job(key: str) -> Job | None:
    """Return the job under a key."""
    return st.session_state.get(key)


def is_running(key: str) -> bool:
    """Tell whether a job runs under a key."""
    current = job(key)
    return current is not None and not current.ended.is_set()


def follow(key: str) -> None:
    """Draw progress and a button to cancel; each new result reruns the page, once."""
    current = job(key)
    if current is None:
        return
    if current.failure is not None:
        raise current.failure
    if current.error:
        st.error(current.error, icon=":material/error:")
    if current.ended.is_set() and current.cancelled.is_set():
        st.caption("Cancelled." + " What was done before is kept." * bool(current.results))
    every = None if current.ended.is_set() else POLL
    st.fragment(_progress, run_every=every)(key)


def _progress(key: str) -> None:
    current = job(key)
    if current is None:
        return
    if current.ended.is_set():
        if current.shown != -1:
            current.shown = -1
            st.rerun()
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(min(current.share, 1.0), current.words)
        st.button("Cancel", key=f"{key}_cancel", icon=":material/stop:", on_click=current.cancel)
    if len(current.results) > current.shown:
        current.shown = len(current.results)
        st.rerun()
