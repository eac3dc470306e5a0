"""The jobs of a visitor, listed in the sidebar of every page."""

from time import monotonic

import streamlit as st

from pages._shared import jobs
from pages._shared.jobs import Job

POLL = 1.0
"""Seconds between two updates of the list."""


def show_jobs() -> list[Job]:
    """List what runs for this visitor, with progress, a button to cancel and a link to its page.

    Returns:
        The jobs listed: all but those that the open page is about to show the end of.
    """
    page = st.session_state["page"]
    listed = [one for one in jobs.own() if not (one.ended.is_set() and one.page == page)]
    _show(listed)
    return listed


def show_others(listed: list[Job]) -> None:
    """List, after a page has run, what it has begun, and what it has not shown the end of."""
    _show([one for one in jobs.own() if one not in listed])
    jobs.keep_in_address()


def _show(listed: list[Job]) -> None:
    is_running = _any_runs(listed)
    if listed:
        st.fragment(_list, run_every=POLL if is_running else None)(listed, was_running=is_running)


def _list(listed: list[Job], *, was_running: bool) -> None:
    if was_running and not _any_runs(listed):
        st.rerun()
    for one in (each for each in listed if each.is_listed):
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"**{one.title}**")
            if one.ended.is_set():
                failed = one.error or one.failure
                st.caption("Failed; open it to see why." if failed else "Done.")
            else:
                st.progress(min(one.share, 1.0), one.progress_words)
            with st.container(horizontal=True, vertical_alignment="center"):
                st.page_link(
                    f"pages/{one.page or 'home'}.py", label="Open", query_params=dict(one.query)
                )
                _end_button(one)
        one.seen = monotonic()


def _any_runs(listed: list[Job]) -> bool:
    return any(not one.ended.is_set() for one in listed)


def _end_button(one: Job) -> None:
    if one.ended.is_set():
        st.button("Dismiss", key=f"dismiss {one.name}", on_click=one.put_away)
    else:
        jobs.cancel_button(one, key=f"cancel {one.name}")
