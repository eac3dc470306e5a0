"""Long work in the background of a page: a thread that runs a generator.

A page starts a job under a key and draws :func:`follow`; the job continues while the page reruns.
The generator yields :class:`Step` and never calls Streamlit. A cancelled job keeps the results it
has yielded, and its generator is closed, so that its ``finally`` blocks release what they hold.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from functools import cache
from threading import Event, Lock, Thread

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from mspt.errors import MSPTError
from pages._shared.frame import show_error

POLL = 0.4
"""Seconds between two updates of a job's progress."""


@dataclass(frozen=True)
class Step:
    """One event of a job.

    Attributes:
        share: Share of the work that is done.
        words: What is being done.
        result: A result that the step ended with.
    """

    share: float
    words: str
    result: object | None = None


@dataclass
class Job:
    """Work in a thread.

    Attributes:
        steps: The generator that does the work.
        session: Session of its visitor; a job ends when its visitor has left.
        share: Share of the work that is done, from 0 to 1.
        words: What is being done.
        results: Results of the steps so far.
        error: Message of an ``MSPTError`` that ended it; empty otherwise.
        failure: Any other exception, which is a bug; raised again in the page's script.
        cancelled: Set to stop the job after its next step.
        ended: Set when the thread has ended.
        shown: Number of results that the page has been rerun for; -1 after its end was shown.
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
        """Do the work; one job at a time, as jobs at the same time would distort measurements."""
        try:
            if self._wait_for_turn():
                try:
                    self._work()
                finally:
                    _turn().release()
        except MSPTError as error:
            self.error = str(error)
        except Exception as error:  # noqa: BLE001 - raised again in the page's script
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
        """Stop the job and wait for its end, at most ``patience`` seconds."""
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
    """Return whether a job is running under a key."""
    current = job(key)
    return current is not None and not current.ended.is_set()


def follow(key: str) -> None:
    """Draw progress and a button to cancel; the page is rerun once for each new result."""
    current = job(key)
    if current is None:
        return
    if current.failure is not None:
        raise current.failure
    if current.error:
        show_error(current.error)
    if current.ended.is_set() and current.cancelled.is_set():
        st.caption("Cancelled." + " Results so far are kept." * bool(current.results))
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
