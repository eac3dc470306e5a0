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
            st.markdown(f"**{one.title}**")
            if one.ended.is_set():
                failed = one.error or one.failure
                st.caption("Failed; open it to see why." if failed else "Done.")
            else:
                st.progress(min(one.share, 1.0), one.words)
            with st.container(horizontal=True, vertical_alignment="center"):
                st.page_link(
                    f"pages/{one.page or 'home'}.py", label="Open", query_params=dict(one.query)
                )
                _end_button(one)


def _end_button(one: Job) -> None:
    if one.ended.is_set():
        st.button("Dismiss", key=f"dismiss {one.name}", on_click=one.put_away)
    else:
        st.button("Cancel", key=f"cancel {one.name}", icon=":material/stop:", on_click=one.cancel)
