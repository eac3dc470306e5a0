"""The jobs of a visitor, listed in the sidebar of every page."""

import streamlit as st

from pages._shared import jobs
from pages._shared.jobs import Job

POLL = 1.0
"""Seconds between two updates of the list."""


def show_jobs() -> None:
    """List what runs for this visitor, with progress, a button to cancel and a link to its page."""
    jobs.keep_in_address()
    own = jobs.own()
    if own:
        is_running = any(not one.ended.is_set() for one in own)
        st.fragment(_list, run_every=POLL if is_running else None)()


def _list() -> None:
    for one in jobs.own():
        with st.container(border=True, gap="xsmall"):
            st.page_link(
                f"pages/{one.page or 'home'}.py", label=one.title, query_params=dict(one.query)
            )
            if one.ended.is_set():
                _end(one)
            else:
                st.progress(min(one.share, 1.0), one.words)
                st.button(
                    "Cancel",
                    key=f"cancel {one.name}",
                    icon=":material/stop:",
                    on_click=one.cancel,
                )


def _end(one: Job) -> None:
    is_good = not (one.error or one.failure)
    st.caption("Done: the title opens the result." if is_good else "Failed: the title says why.")
    st.button(
        "Dismiss", key=f"dismiss {one.name}", on_click=setattr, args=(one, "is_fetched", True)
    )
