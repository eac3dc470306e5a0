"""The shown time of a case: chosen by a slider or in the viewer, and kept in the address."""

import streamlit as st

from mspt.data.capabilities import TimeFrames

_SHOWN = "shown_time"
"""Where the time is kept between views, of which only some have a control of its own for it."""


def shown(time: TimeFrames) -> int:
    """Return the index of the time to show: the one chosen last, or the last of all."""
    if _SHOWN not in st.session_state:
        st.session_state[_SHOWN] = st.query_params.get("time")
    texts = _texts(time)
    chosen = st.session_state[_SHOWN]
    return texts.index(chosen) if chosen in texts else len(texts) - 1


def keep(time: TimeFrames, index: int) -> None:
    """Keep a time that was chosen without a control of the page, as in the viewer."""
    st.session_state[_SHOWN] = st.query_params["time"] = _texts(time)[index]


def pick(time: TimeFrames, *, label: str = "Time") -> int:
    """Show a choice of the time; return its index.

    Args:
        time: The times.
        label: Of the slider.
    """
    texts = _texts(time)
    st.session_state["time"] = texts[shown(time)]
    unit = "" if time.unit == "1" else f", {time.unit}"
    st.session_state[_SHOWN] = st.select_slider(
        f"{label}{unit}", texts, key="time", bind="query-params", on_change=_follow
    )
    return shown(time)


def _follow() -> None:
    st.session_state[_SHOWN] = st.session_state["time"]


def _texts(time: TimeFrames) -> list[str]:
    return [f"{one:.4g}" for one in time.outputs]
