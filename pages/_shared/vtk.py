"""VTK scenes on a page: written in this process and cached; the camera survives every rerun.

The component of stpyvista stays, but not its export: stpyvista would start a process for each
scene, send the scene again on every rerun and lose the camera. See :mod:`mspt.figures.vtk.page`.
"""

from collections.abc import Callable, Hashable
from functools import cache
from importlib.util import find_spec
from multiprocessing import get_start_method
from pathlib import Path

import pyvista as pv
import streamlit as st

from mspt.figures.vtk.page import SUPPORTED, is_supported, scene_html
from pages._shared import frame, notes

Build = Callable[[], pv.Plotter]

_STOCK_NEEDS = ("stpyvista", "trame_pyvista", "nest_asyncio2")
_ASSETS = Path("assets/vtk")


def show(
    build: Build,
    *,
    scene: tuple[Hashable, ...],
    key: str,
    height: int = 520,
    camera: str | None = None,
    label: str = "3-D view",
) -> None:
    """Show a scene that a visitor can turn.

    Args:
        build: Makes the plotter; called only if the scene is not cached.
        scene: All that the picture depends on, except the theme.
        key: Key of the component on its page.
        height: Height in pixels.
        camera: Scenes of the same name share one camera position; by default the key.
        label: Description of the scene for people who cannot see it.
    """
    if not is_supported():
        _show_stock(build, key=key)
        return
    theme = "dark" if frame.is_dark() else "light"
    html = _html((*scene, theme), camera=camera or key, label=label, _build=build)
    # stpyvista registers its component when it is imported, which works only while a page runs.
    from stpyvista import _stpv_component

    sizes = {"height": height, "width": 0, "use_container_width": True}
    _stpv_component(key=key, data={"_html": html, "backend": "trame", **sizes})


@st.cache_data(max_entries=16, show_spinner="Drawing the view …")
def _html(scene: tuple[Hashable, ...], *, camera: str, label: str, _build: Build) -> str:  # noqa: ARG001
    plotter = _build()
    try:
        return scene_html(
            plotter,
            camera=camera,
            label=label,
            style=_asset("scene.css"),
            script=_asset("scene.js"),
        )
    finally:
        plotter.close()  # a plotter that is not closed keeps its memory


def _show_stock(build: Build, *, key: str) -> None:
    """Show a scene with stpyvista's own export, or name the packages that are missing for it."""
    if get_start_method() != "fork" or not all(map(find_spec, _STOCK_NEEDS)):
        wanted = " and ".join(f"{name} {known.rstrip('.')}" for name, known in SUPPORTED.items())
        notes.warning(
            "The 3-D view needs {}; `pip install -r requirements.txt` installs them.", wanted
        )
        return
    from stpyvista import stpyvista

    plotter = build()
    try:
        stpyvista(plotter, backend="trame", key=key)
    finally:
        plotter.close()


@cache
def _asset(name: str) -> str:
    return frame.asset(_ASSETS / name)
