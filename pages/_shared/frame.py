"""The frame around every page: theme, device, errors, history, the last run, commands to type."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, wraps
from pathlib import Path
from runpy import run_path
from secrets import token_hex

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import StopException, get_script_run_ctx

from mspt.errors import MSPTError
from mspt.inference.predict import available_devices
from pages._shared import notes
from pages._shared.numbers import MEASURED, device_name, milliseconds

APP = Path(__file__).parents[2] / "app.py"
_ASSETS = Path("assets")
_LOG = logging.getLogger("mspt.pages")
_DEVICE_NAMES = {"auto": "Auto", "cuda": "CUDA", "mps": "MPS", "cpu": "CPU"}


def require_frame() -> None:
    """Run ``app.py`` if Streamlit ran the file of a page by itself.

    Until ``app.py`` has run once on a server, Streamlit takes every file in ``pages/`` for a page
    of its older kind, and the first visitor with a deep link would see it without the frame.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        run_path(str(APP))
        st.stop()


def turn_to(page: str) -> None:
    """Record which page is open and which was open in the run before."""
    state = st.session_state
    state["page"], state["page_before"] = page, state.get("page")
    state.pop("last_run", None)  # the footer is about what this run shows
    if is_new_page() and not is_history_step():
        # Several pages have a control "view", each with views of its own.
        views = state.setdefault("views", {})
        views[state["page_before"]] = state.pop("view", None)
        if views.get(page) and "view" not in st.query_params:
            state["view"] = views[page]


def is_new_page() -> bool:
    """Return whether the visitor has just come from another page."""
    return st.session_state["page_before"] not in (None, st.session_state["page"])


def is_history_step() -> bool:
    """Return whether the visitor has come by Back or Forward: the address alone says what to show.

    The state of controls is that of the page they come from.
    """
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def restore_address() -> None:
    """Give controls the whole address that Back or Forward has brought back.

    When the page changes, too, Streamlit hides from them, and removes from the browser's address,
    what controls of the page before have written under the same name, such as the case.
    """
    context = get_script_run_ctx()
    if context is None or not (is_history_step() and is_new_page()):
        return
    with context.session_state.query_params() as address:
        address.set_initial_query_params(context.query_string)
        address.populate_from_query_string(context.query_string)
        for name in list(address)[:1]:  # this sends all of it to the browser
            address.set_corrected_value(name, address.get_all(name), "string_array_value")


def session() -> str:
    """Return the name of this visitor's session: of one tab, until it is reloaded."""
    context = get_script_run_ctx()
    return "" if context is None else context.session_id


@contextmanager
def to_the_end() -> Iterator[None]:
    """Go on with what surrounds a page if the page ends early with ``st.stop``."""
    with suppress(StopException):
        yield


@contextmanager
def error_panel() -> Iterator[None]:
    """Show an ``MSPTError`` as a message; any other exception goes to :func:`show_failure`."""
    try:
        yield
    except MSPTError as error:
        show_error(str(error))


def show_error(message: str) -> None:
    """Show the message of an ``MSPTError`` as a sentence."""
    notes.error("{}", notes.sentence(message))


def fragment(function: Callable[..., None]) -> Callable[..., None]:
    """Make a part of a page that is rerun alone; an ``MSPTError`` is shown in its place."""

    @wraps(function)
    def guarded(*args: object, **kwargs: object) -> None:
        with error_panel():
            function(*args, **kwargs)

    return st.fragment(guarded)


def show_failure(failure: Exception) -> bool:
    """Say that something on the page has failed, and log what; return that nothing else be shown.

    The server calls this for whatever no page has caught. Streamlit has logged the exception then,
    with its lines of code: these are for whoever runs the server, and not for visitors.
    """
    if isinstance(failure, MSPTError):
        show_error(str(failure))
        return True
    number = token_hex(4)
    _LOG.error("Failure %s: %s", number, type(failure).__name__)
    notes.error(
        "This part of the page has failed, and not for anything you did. The server's log says why "
        "under **{}**; reload the page, or go on with another one.",
        number,
    )
    return True


def asset(path: Path) -> str:
    """Return the text of a file that ships with the app.

    Raises:
        MSPTError: If it is not there.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise MSPTError(
            f"{path.as_posix()} must be in the folder of the app, got no such file; "
            "put it back from a copy of the project"
        ) from error


def dress() -> None:
    """Give all pages their title, icons and style; what is missing of these is said, and left out.

    Nothing else may be shown before.
    """
    icon, logo, style = (_ASSETS / name for name in ("icon.svg", "logo.svg", "app.css"))
    st.set_page_config(
        page_title="MSPT Explorer",
        page_icon=icon.as_posix() if icon.exists() else None,
        layout="wide",
        initial_sidebar_state=240,  # pixels: wide enough for the names of the pages
    )
    if style.exists():
        st.html(style)
    if logo.exists() and icon.exists():
        st.logo(logo.as_posix(), size="large", icon_image=icon.as_posix())
    for path in (icon, logo, style):
        if not path.exists():
            notes.warning(
                "The file {} is missing, so pages look different than they should; put it back "
                "from a copy of the project.",
                path.as_posix(),
            )


def is_dark() -> bool:
    """Return whether the page is dark."""
    return st.context.theme.type == "dark"


def watch_browser() -> None:
    """Rerun the page when the system turns light or dark; keep a history of the visitor's steps."""
    watch = st.components.v2.component("mspt_frame", html="<span></span>", js=_script())
    watch(key="frame", on_turned_change=lambda: None)


@cache
def _script() -> str:
    return asset(_ASSETS / "frame.js")


def command(*lines: str) -> None:
    """Show the commands that give the same result."""
    with st.expander("Show the command for this", icon=":material/terminal:"):
        st.code("\n".join(lines), language="bash")


def device_picker() -> None:
    """Show a choice among the devices of this machine."""
    here = available_devices()
    st.segmented_control(
        "Device",
        here,
        default="auto",
        key="device",
        bind="query-params",
        required=True,
        format_func=_DEVICE_NAMES.__getitem__,
    )
    if absent := [name for key, name in _DEVICE_NAMES.items() if key not in here]:
        st.caption(f"Not on this machine: {', '.join(absent)}.")


def device() -> str:
    """Return the chosen device."""
    return st.session_state.get("device") or "auto"


def record_run(
    *,
    checkpoint: str,
    case: str,
    num_points: int,
    num_patches: int | None,
    seconds: float,
    device: str,
) -> None:
    """Record the last run for :func:`footer`."""
    patches = "no patches" if num_patches is None else f"K = {num_patches:,} patches"
    st.session_state["last_run"] = (
        f"Last run: {checkpoint} on {case} · N = {num_points:,} points · {patches} · "
        f"{milliseconds(seconds)} on {device_name(device)} · {MEASURED}"
    )


def footer() -> None:
    """Show size, time and device of the last run."""
    if (last := st.session_state.get("last_run")) is not None:
        st.caption(last)
