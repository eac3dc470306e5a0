"""The 3-D viewer on a page: mounts it, sends a scene, and returns picked points."""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitAPIException
from streamlit.runtime import get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx

from mspt.errors import MSPTError
from mspt.figures.viewer.encode import encode_scene, shuffle_order
from mspt.figures.viewer.scene import Scene
from mspt.figures.viewer.still import picture
from pages._shared import frame

FIRST_PICTURE, NEXT_PICTURE = 1.2, 0.15
"""Seconds in which a browser draws its first picture, and a later one of 32,768 points."""
# Reserves the height of a viewer with one row of panels, so that nothing moves when it comes.
_PLACE = "<div class='mspt-viewer' style='height: clamp(360px, 60vh, 1100px)'></div>"
_STATIC = Path(__file__).parents[2] / "static"
# The text must have several lines: Streamlit takes one line for the path of a file.
_LOADER = """
let loading;
export default (component) => {{
  loading ??= import(new URL("{address}", document.baseURI).href);
  loading.then((viewer) => viewer.show(component));
  return () => loading.then((viewer) => viewer.drop(component.parentElement));
}};
"""


@dataclass(frozen=True)
class Pick:
    """A point that a visitor has clicked.

    Attributes:
        point: Its index in ``scene.points``.
        panel: The panel it was clicked in.
    """

    point: int
    panel: int


def show(
    scene: Scene,
    *,
    key: str,
    label: str,
    height: int | None = None,
    on_pick: Callable[[Pick], None] | None = None,
    on_time: Callable[[int], None] | None = None,
) -> None:
    """Show a scene; the camera stays until other points are shown.

    Args:
        scene: The scene.
        key: Key of the component on its page.
        label: Description of the scene for people who cannot see it.
        height: Height in pixels; by default a share of the window's height, and more where panels
            have to be stacked.
        on_pick: Called before the rerun that follows a click on a point.
        on_time: Called before the rerun that follows once a visitor has stopped at a time of the
            scene's player, with the index of the time.
    """
    encoded = encode_scene(scene)
    extra = {"label": label, "height": height, "pickable": on_pick is not None}
    state = st.session_state.get(key)
    if state and state.get("plain"):  # this browser has no WebGL
        still = picture(scene, dark=frame.is_dark())
        extra["picture"] = "data:image/png;base64," + b64encode(still).decode()
    mount = st.components.v2.component(
        "mspt_viewer",
        html=_PLACE,
        js=_LOADER.format(address=address()),
    )
    mount(
        data=encoded.message(_links(encoded.blobs), **extra),
        key=key,
        height=height or "content",
        on_pick_change=lambda: _picked(key, scene, on_pick),
        on_time_change=lambda: _stopped(key, scene, on_time),
        on_plain_change=_nothing,
    )


def wait_for_picture() -> None:
    """Wait until the browser has drawn the scene, before the rest of the page is sent to it.

    A browser that has both lays out tables and charts before it draws the scene. On two cores,
    with the graphics in software, the first picture of a new server appeared after 2.1 and 2.4 s
    with this wait and after 5.5 and 6.9 s without it; a reload took 1.3 and 2.1 s against 2.7 and
    3.1 s, another case of the cars 0.8 and 1.5 s against 1.8 and 2.6 s (``assets/waits.py``).
    """
    is_first = not st.session_state.get("has_drawn")
    st.session_state["has_drawn"] = True
    time.sleep(FIRST_PICTURE if is_first else NEXT_PICTURE)


def _picked(key: str, scene: Scene, on_pick: Callable[[Pick], None] | None) -> None:
    """Pass on a pick, unless the page has sent other points since the click."""
    pick = st.session_state[key].get("pick")
    if pick and on_pick and pick["points"] == len(scene.points):
        on_pick(Pick(int(shuffle_order(len(scene.points))[pick["index"]]), pick["panel"]))


def _stopped(key: str, scene: Scene, on_time: Callable[[int], None] | None) -> None:
    """Pass on the time at which a visitor has stopped, unless the scene has other times now."""
    index = st.session_state[key].get("time")
    times = 0 if scene.player is None else len(scene.player.times)
    if index is not None and on_time and 0 <= index < times:
        on_time(index)


def _links(blobs: Mapping[str, bytes]) -> dict[str, str]:
    """Return an address for each blob.

    Without addresses the blobs travel in the message itself. That happens outside a server, and
    with a later Streamlit whose media files, which are no public part of it, have changed.
    """
    context = get_script_run_ctx()
    if context is None:
        return {}
    try:
        files = get_instance().media_file_mgr
        return {
            name: files.add(blob, "application/octet-stream", f"mspt_viewer-{name}")
            for name, blob in blobs.items()
        }
    except (AttributeError, TypeError, RuntimeError, StreamlitAPIException):
        return {}


@cache
def address() -> str:
    """Return the address of the built viewer, relative to the root of the app.

    Raises:
        MSPTError: If it is not there.
    """
    found = next(_STATIC.glob("viewer-*.js"), None)
    if found is None:
        raise MSPTError(
            "static/viewer-*.js must be in the folder of the app, got no such file; "
            "put it back from a copy of the project"
        )
    return f"app/static/{found.name}"


def _nothing() -> None:
    """Do nothing: a component reports a value only where a callback is given for it."""
