"""Work in the script of a page itself, with its progress and a button to cancel it."""

from collections.abc import Generator
from contextlib import closing

import streamlit as st


def follow(
    title: str, steps: Generator[tuple[float, str], None, None], *, work: object | None = None
) -> bool:
    """Run steps, show their progress, and return whether all were done.

    Any other input on the page ends the work too. Work that starts by itself names itself in
    ``work``: once a visitor has cancelled it, it waits until they press *Continue*. Work that a
    click has started just ends.

    Args:
        title: The work in words.
        steps: Yields the share that is done and words for it.
        work: All that the work depends on, for work that starts by itself.
    """
    flag = f"cancelled {title}"
    place = st.empty()
    if work is not None and st.session_state.get(flag) == work:
        with place.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{title}: cancelled.", width="content")
            st.button(
                "Continue",
                key=f"continue {title}",
                icon=":material/play_arrow:",
                on_click=st.session_state.pop,
                args=(flag, None),
            )
        return False
    with place.container(), st.status(f"{title} …", expanded=True):
        bar = st.progress(0.0)
        st.button(
            "Cancel",
            key=f"cancel {title}",
            icon=":material/stop:",
            on_click=st.session_state.__setitem__,
            args=(flag, work),
        )
        # Closed at once if the script is ended here: others may wait for what the steps hold.
        with closing(steps):
            for share, words in steps:
                bar.progress(min(share, 1.0), words)
    place.empty()
    return True
