"""What the address of a page asks for, compared with what the page shows."""

from collections.abc import Iterable
from typing import Any

import streamlit as st

from pages._shared import frame, notes

_ASKED, _NOTES, _PLACE = "link_asked", "link_notes", "link_place"
_WORDS = {
    "source": "data set",
    "dataset": "data set",
    "versus": "checkpoint to compare with",
    "stress_points": "number of points",
}
"""Names in an address that are no words."""


def read(gone: Iterable[str] = ()) -> None:
    """Remember what the address of a new page asks for, before controls take what they offer.

    Args:
        gone: Jobs in the address that the server does not keep any longer.
    """
    state = st.session_state
    state[_PLACE] = st.empty()
    if state["page_before"] is None or frame.is_new_page() or frame.is_history_step():
        state[_ASKED] = {name: st.query_params.get_all(name) for name in st.query_params}
        state[_NOTES] = {}
        if list(gone):
            state[_NOTES]["job"] = (
                None,
                "The link names a job that has ended, and whose result is not kept any longer.",
            )


def compare() -> None:
    """Say in one line each which values of the address the page does not show."""
    state = st.session_state
    for key, asked in state.pop(_ASKED, {}).items():
        if key in state and (missing := _missing(asked, state[key])):
            state[_NOTES][key] = (state[key], _sentence(key, missing[0], state[key]))
    # A line goes once the visitor has chosen something else.
    notes = {key: note for key, note in state[_NOTES].items() if state.get(key) == note[0]}
    state[_NOTES] = notes
    if notes:
        words = "  \n".join(sentence for _, sentence in notes.values())
        state[_PLACE].info(words, icon=":material/link_off:")


def _missing(asked: list[str], shown: Any) -> list[str]:
    """Return the values asked for that are not among those shown."""
    known = {_plain(one) for one in (shown if isinstance(shown, list | tuple) else [shown])}
    return [one for one in asked if one and _plain(one) not in known]


def _plain(value: Any) -> str | float:
    """Return a value so that its form in an address is equal to that in a control.

    >>> _plain("1,000") == _plain(1000), _plain("true") == _plain(True), _plain("CPU") == "cpu"
    (True, True, True)
    """
    text = str(value).casefold().replace(",", "")
    try:
        return float(text)
    except ValueError:
        return text


def _sentence(key: str, asked: str, shown: Any) -> str:
    """Return a line about a value that the link asks for.

    >>> _sentence("car_case", "car-9999", "car-0021")
    'The link asks for the case `car-9999`, which is not here; showing `car-0021`.'
    >>> _sentence("K", "0", None)
    'The link asks for K = `0`, which is out of range; showing the default.'
    """
    word = _WORDS.get(key, key.rsplit("_", 1)[-1])
    what = f"the {word}" if len(word) > 1 else f"{word} ="
    number = isinstance(_plain(asked), float) and not isinstance(shown, str)
    why = "is out of range" if number else "is not here"
    now = "the default" if shown is None or shown == [] else _quoted(shown)
    return f"The link asks for {what} {_quoted(asked)}, which {why}; showing {now}."


def _quoted(value: Any) -> str:
    """Return a value as code, as it may come from anyone."""
    return notes.code(", ".join(map(str, value)) if isinstance(value, list | tuple) else value)
