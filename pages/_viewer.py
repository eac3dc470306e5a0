"""The 3-D viewer on a page: mounts it, sends a scene, and brings back what was picked."""

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

from mspt.figures.viewer.encode import encode_scene, shuffle_order
from mspt.figures.viewer.scene import Scene
from mspt.figures.viewer.still import picture
from pages import _parts

FIRST_START, HEAD_START = 1.2, 0.15
"""Seconds in which a browser draws its first picture, and another of 32,768 points."""
_STATIC = Path(__file__).parents[1] / "static"
# Must stay a text of several lines: Streamlit takes one line for the path of a file.
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
    """A point that a person has clicked.

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
    height: int = 560,
    on_pick: Callable[[Pick], None] | None = None,
) -> None:
    """Show a scene; the camera stays as long as the points do.

    Args:
        scene: What to show.
        key: Of the component on its page.
        label: What a person who cannot see the picture is told.
        height: In pixels.
        on_pick: Called before the rerun that follows a click on a point.
    """
    encoded = encode_scene(scene)
    extra = {"label": label, "height": height, "pickable": on_pick is not None}
    state = st.session_state.get(key)
    if state and state.get("plain"):  # this browser has no WebGL
        still = picture(scene, dark=_parts.is_dark())
        extra["picture"] = "data:image/png;base64," + b64encode(still).decode()
    mount = st.components.v2.component(
        "mspt_viewer",
        html="<div class='mspt-viewer'></div>",
        js=_LOADER.format(address=address()),
    )
    mount(
        data=encoded.message(_links(encoded.blobs), **extra),
        key=key,
        height=height,
        on_pick_change=lambda: _picked(key, scene, on_pick),
        on_plain_change=_nothing,
    )


def draw_first() -> None:
    """Wait before more is sent: a browser that has both lays out tables and charts, then draws."""
    is_first = not st.session_state.get("has_drawn")
    st.session_state["has_drawn"] = True
    time.sleep(FIRST_START if is_first else HEAD_START)


def _picked(key: str, scene: Scene, on_pick: Callable[[Pick], None] | None) -> None:
    """Hand on a pick, unless the points have changed since."""
    pick = st.session_state[key].get("pick")
    if pick and on_pick and pick["points"] == len(scene.points):
        on_pick(Pick(int(shuffle_order(len(scene.points))[pick["index"]]), pick["panel"]))


def _links(blobs: Mapping[str, bytes]) -> dict[str, str]:
    """Return an address for each blob, or none where Streamlit has changed within."""
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
    """Return where the built viewer is, from the app's root."""
    return f"app/static/{next(_STATIC.glob('viewer-*.js')).name}"


def _nothing() -> None:
    """Stand for a callback: naming one makes the component return the value."""
