"""Long work in the background of the server: threads that run generators.

A page starts a job under a key and draws :func:`follow`. The job goes on while its visitor uses
other pages, which list it in the sidebar, and while a browser reloads a page: the address names
the job. A job whose visitor has been away for longer than ``GRACE`` ends. The generator yields
:class:`Step` and never draws. A cancelled job keeps the results it has yielded, and its generator
is closed, so that its ``finally`` blocks release what they hold.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from secrets import token_urlsafe
from threading import Event, Thread
from time import monotonic

import streamlit as st
from streamlit import runtime

from mspt.errors import MSPTError
from mspt.priority import BACKGROUND, lower_thread_priority
from pages._shared import frame
from pages._shared.store import Store, store
from pages._shared.turns import Turns, waiting_words

POLL = 0.4
"""Seconds between two updates of a job's progress."""

GRACE = 300.0
"""Seconds without any visitor after which a job ends: a reload or a lost connection is shorter."""

MOST_EACH = 4
"""Jobs of one tab of a visitor that run or wait at a time."""

MOST = 16
"""Jobs that the server runs, lets wait, or keeps the results of until they are fetched."""

SOLVER, DRAWING, MODEL = "solver", "drawing", "model"
"""What a job uses for itself. A solve goes on while a model is evaluated, and one of a drawing,
which takes seconds, does not wait for one of a flow in 3-D, which takes minutes."""

WHOLE_MACHINE = (SOLVER, DRAWING, MODEL)
"""For measurements of time, which other work would distort."""

ADDRESS = "job"
"""Name in an address."""

_OWN, _SHOWN, _WRITTEN = "jobs", "jobs_shown", "jobs_written"


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


@dataclass(kw_only=True, eq=False)
class Job:
    """Work in a thread.

    Attributes:
        key: Names it on its page.
        steps: The generator that does the work.
        title: The work in words.
        page: Page that shows the result, by its path in the address.
        query: The rest of the address of that page.
        keep: What a session of the page has to hold; given back to the visitor after a reload.
        uses: What the job uses for itself, in the order in which to wait for it.
        name: In the address; cannot be guessed.
        sessions: Sessions of its visitor, one for each tab and each reload.
        seen: When the visitor was last there, as :func:`time.monotonic` tells.
        share: Share of the work that is done, from 0 to 1.
        words: What is being done.
        results: Results of the steps so far.
        error: Message of an ``MSPTError`` that ended it; empty otherwise.
        failure: Any other exception, which is a bug; raised again in the page's script.
        cancelled: Set to stop the job after its next step.
        ended: Set when the thread has ended.
        is_fetched: Whether the page has shown how the job ended.
    """

    key: str
    steps: Generator[Step, None, None]
    title: str = ""
    page: str = ""
    query: Mapping[str, str | list[str]] = field(default_factory=dict)
    keep: Mapping[str, object] = field(default_factory=dict)
    uses: tuple[str, ...] = (MODEL,)
    name: str = field(default_factory=lambda: token_urlsafe(9))
    sessions: set[str] = field(default_factory=set)
    seen: float = field(default_factory=monotonic)
    share: float = 0.0
    words: str = "Starting"
    results: list[object] = field(default_factory=list)
    error: str = ""
    failure: BaseException | None = None
    cancelled: Event = field(default_factory=Event)
    ended: Event = field(default_factory=Event)
    is_fetched: bool = False

    def run(self) -> None:
        """Do the work as soon as what it uses is free."""
        lower_thread_priority(BACKGROUND)
        try:
            with ExitStack() as held:
                if self._wait_for_turn(held):
                    self._work()
        except MSPTError as error:
            self.error = str(error)
        except Exception as error:  # noqa: BLE001 - raised again in the page's script
            self.failure = error
        finally:
            self.ended.set()

    def _wait_for_turn(self, held: ExitStack) -> bool:
        for name in self.uses:
            turns = _turns(name)
            ticket = turns.join()
            held.callback(turns.leave, ticket)
            while not turns.wait(ticket, 0.2):
                self.words = waiting_words(turns.ahead(ticket), turns.expected_seconds(ticket))
                if self._should_stop():
                    return False
        return True

    def _work(self) -> None:
        try:
            for step in self.steps:
                self.share, self.words = step.share, step.words
                if step.result is not None:
                    self.results.append(step.result)
                # A moment between two steps: a lock goes to whoever asks first, and without it
                # the next step would take it again before the script of another visitor wakes up.
                self.cancelled.wait(0.01)
                if self._should_stop():
                    return
        finally:
            self.steps.close()

    def _should_stop(self) -> bool:
        if any(map(_is_there, self.sessions.copy())):
            self.seen = monotonic()
        elif monotonic() - self.seen > GRACE:
            self.cancelled.set()
        return self.cancelled.is_set()

    def cancel(self, *, patience: float = 1.0) -> None:
        """Stop the job and wait for its end, at most ``patience`` seconds."""
        self.cancelled.set()
        self.ended.wait(patience)

    @property
    def progress_words(self) -> str:
        """What is being done."""
        return "Cancelling at the end of this step" if self.cancelled.is_set() else self.words

    def put_away(self) -> None:
        """Take it off the list, once its end is known to the visitor."""
        self.is_fetched = self.ended.is_set()

    @property
    def is_listed(self) -> bool:
        """Whether the visitor has still to learn of it."""
        if not self.ended.is_set():
            return True
        has_news = bool(self.results) or not self.cancelled.is_set()
        return has_news and not self.is_fetched


def _is_there(session: str) -> bool:
    """Return whether the browser of a session is connected."""
    return not runtime.exists() or runtime.get_instance().is_active_session(session)


@cache
def _turns(name: str) -> Turns:  # noqa: ARG001 - the name makes it another order
    return Turns()


def _board() -> Store[Job]:
    """Return the jobs of all visitors by name; those that ended first go first."""
    return store("jobs", MOST)


# --- the jobs of this visitor --------------------------------------------------------------------


def start(
    key: str,
    steps: Generator[Step, None, None],
    *,
    title: str,
    uses: tuple[str, ...] = (MODEL,),
    keep: Mapping[str, object] | None = None,
    link: Mapping[str, str] | None = None,
) -> Job:
    """Start a job of the open page; one that runs under the same key is cancelled first.

    Args:
        key: Names the job on its page.
        steps: Does the work.
        title: The work in words.
        uses: What the job uses for itself.
        keep: What a session of the page has to hold to show the result.
        link: What the job's address says besides that of the page, which leaves defaults out.
    """
    if (old := job(key)) is not None:
        old.cancel()
        _board().drop(old.name)
    new = Job(
        key=key,
        steps=steps,
        title=title,
        page=st.session_state.get("page", ""),
        query={
            **{name: st.query_params.get_all(name) for name in st.query_params if name != ADDRESS},
            **(link or {}),
        },
        keep=keep or {},
        uses=uses,
    )
    _make_room()
    _take_up(new)
    if refusal := _refusal(new):
        new.error = refusal
        new.ended.set()
        return new
    _board().put(new.name, new)
    Thread(target=new.run, daemon=True, name=key).start()
    return new


def _refusal(new: Job) -> str:
    """Return why a job cannot be started now; an empty text if it can."""
    running = [one for one in _board().values() if not one.ended.is_set()]
    if len(running) >= MOST:
        return f"the server must run fewer than {MOST} jobs at a time; try again in a while"
    if sum(bool(one.sessions & new.sessions) for one in running) >= MOST_EACH:
        return (
            f"one tab must run at most {MOST_EACH} jobs at a time; wait for one to end, or "
            "cancel it in the sidebar"
        )
    return ""


def _make_room() -> None:
    """Forget jobs that have ended long ago, and the oldest that have ended if there are many."""
    ended = [one for one in _board().values() if one.ended.is_set()]
    too_many = len(_board().values()) - MOST + 1
    for count, one in enumerate(ended):
        if count < too_many or one.is_fetched or monotonic() - one.seen > GRACE:
            _board().drop(one.name)


def _take_up(one: Job) -> None:
    """Make a job one of this session."""
    state = st.session_state
    state[one.key] = one
    state[_OWN] = {**state.get(_OWN, {}), one.key: one}
    one.sessions.add(frame.session())


def job(key: str) -> Job | None:
    """Return the job under a key."""
    return st.session_state.get(key)


def is_running(key: str) -> bool:
    """Return whether a job is running under a key."""
    current = job(key)
    return current is not None and not current.ended.is_set()


def fetch(key: str) -> list[object]:
    """Return the results of a job so far; one that has ended is not listed any longer."""
    current = job(key)
    if current is None:
        return []
    current.put_away()
    return current.results


def own() -> list[Job]:
    """Return the jobs of this visitor that run, or have ended without having been shown yet."""
    found = [one for one in st.session_state.get(_OWN, {}).values() if one.is_listed]
    for one in found:
        one.seen = monotonic()
    return found


def adopt() -> list[str]:
    """Take up the jobs that the address names; return the names of those that are gone."""
    gone = []
    known = {one.name for one in st.session_state.get(_OWN, {}).values()}
    for name in st.query_params.get_all(ADDRESS):
        if name in known:
            continue
        found = _board().get(name)
        if found is None or not found.is_listed:
            gone.append(name)
            continue
        _take_up(found)
        for key, value in found.keep.items():
            st.session_state.setdefault(key, value)
    return gone


def keep_in_address() -> None:
    """Let the address name this visitor's jobs, so that they are found again after a reload."""
    names, found = [one.name for one in own()], st.query_params.get_all(ADDRESS)
    # When a fragment calls st.rerun, Streamlit takes the query parameters that the browser sent
    # last. Parameters written since then are missing from them, but the browser still shows them.
    written = st.session_state.get(_WRITTEN, [])
    if names == found == written:
        return
    st.session_state[_WRITTEN] = names
    st.query_params[ADDRESS] = names or written or found
    if not names:
        del st.query_params[ADDRESS]


# --- what a page draws ---------------------------------------------------------------------------


def follow(key: str) -> None:
    """Draw progress and a button to cancel; the page is rerun once for each new result."""
    current = job(key)
    if current is None:
        return
    fetch(key)
    if current.failure is not None:
        raise current.failure
    if current.error:
        frame.show_error(current.error)
    if current.ended.is_set():
        if current.cancelled.is_set():
            st.caption("Cancelled." + " Results so far are kept." * bool(current.results))
        return
    st.session_state.setdefault(_SHOWN, {})[key] = len(current.results)
    st.fragment(_progress, run_every=POLL)(key)


def _progress(key: str) -> None:
    current = job(key)
    if current is None:
        return
    if current.ended.is_set() or len(current.results) > st.session_state[_SHOWN][key]:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(min(current.share, 1.0), current.progress_words)
        cancel_button(current, key=f"{key}_cancel")


def cancel_button(one: Job, *, key: str) -> None:
    """Draw the button that cancels a job; pressed once, it waits for the end of a step."""
    st.button(
        "Cancel",
        key=key,
        icon=":material/stop:",
        on_click=one.cancel,
        disabled=one.cancelled.is_set(),
    )


def follow_work(
    key: str,
    steps: Callable[[], Generator[Step, None, None]],
    *,
    title: str,
    uses: tuple[str, ...] = (MODEL,),
) -> bool:
    """Start work if it is not running yet, draw its progress, and return whether it is done.

    Once a visitor has cancelled it, it waits until they press *Continue*.
    """
    current = job(key) or start(key, steps(), title=title, uses=uses)
    follow(key)
    if not current.ended.is_set():
        return False
    if not (current.cancelled.is_set() or current.error):
        return True
    st.button(
        "Continue",
        key=f"{key}_continue",
        icon=":material/play_arrow:",
        on_click=st.session_state.pop,
        args=(key, None),
    )
    return False
