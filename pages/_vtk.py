"""VTK scenes on a page: written in this process, kept by what they show, the camera kept as well.

stpyvista would fork the server for each scene, send it again on every run and forget the camera.
Its component stays; what it shows is made here.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable, Hashable
from html import escape
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from multiprocessing import get_start_method
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyvista as pv
import streamlit as st

from pages import _parts

Build = Callable[[], pv.Plotter]

# Parts of these packages are used that later versions may change without notice.
TESTED = {"stpyvista": "0.2.1", "trame-vtk": "2.11."}
_STOCK_NEEDS = ("stpyvista", "trame_pyvista", "nest_asyncio2")
_FOLDER = Path("assets/vtk")
_EXPORT = Lock()
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)
# vtk.js asks its home for icons.
_ICONS = re.compile(r"https://kitware\.github\.io/vtk-js/icon/[^`\"]*")


def show(
    build: Build,
    *,
    scene: tuple[Hashable, ...],
    key: str,
    height: int = 520,
    camera: str | None = None,
    label: str = "3-D view",
) -> None:
    """Show a scene that a person can turn.

    Args:
        build: Makes the plotter; called only if the scene has not been shown lately.
        scene: All that the picture depends on, but for the theme.
        key: The component's key.
        height: Height in pixels.
        camera: Scenes of the same name share one point of view; by default the key.
        label: What to call it for who cannot see it.
    """
    if not _is_tested():
        _show_stock(build, key=key)
        return
    theme = "dark" if _parts.is_dark() else "light"
    html = _html((*scene, theme), camera=camera or key, label=label, _build=build)
    # stpyvista can be imported only while a page runs.
    from stpyvista import _stpv_component

    sizes = {"height": height, "width": 0, "use_container_width": True}
    _stpv_component(key=key, data={"_html": html, "backend": "trame", **sizes})


@st.cache_data(max_entries=16, show_spinner="Drawing the view …")
def _html(scene: tuple[Hashable, ...], *, camera: str, label: str, _build: Build) -> str:  # noqa: ARG001
    plotter = _build()
    try:
        return scene_html(plotter, camera=camera, label=label)
    finally:
        plotter.close()


def scene_html(plotter: pv.Plotter, *, camera: str, label: str) -> str:
    """Return a page that shows a scene and asks for nothing from anywhere.

    The same scene always gives the same page, so that it need not be sent twice.
    """
    from trame_vtk.tools.vtksz2html import write_html

    bar = _bar(plotter)
    page = io.StringIO()
    write_html(scene_file(plotter), page)
    settings = json.dumps({"camera": camera, "label": label}).replace("<", "\\u003c")
    background = plotter.background_color.hex_rgb
    head = (
        f'<head><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<style>:root {{ --page: {background} }}\n{_asset('scene.css')}</style>"
    )
    words = escape(f"{label}. Arrow keys turn it, plus and minus zoom, Home resets.")
    body = f'<body><div class="content" role="img" aria-label="{words}"></div>{bar}'
    script = f"<script>const SCENE = {settings};\n{_asset('scene.js')}</script></body>"
    start, _, end = _ICONS.sub("data:,", page.getvalue()).rpartition("</body>")
    start = start.replace("<head>", head, 1).replace("<body>", body, 1)
    return start + script + end


def scene_file(plotter: pv.Plotter) -> bytes:
    """Return a scene in the format of vtk.js, its scalar bars left out."""
    from trame_vtk.modules.vtk.serializers import (
        SynchronizationContext,
        extract_array_hash,
        initialize_serializers,
        reference_id,
        serialize,
    )

    for title in list(plotter.scalar_bars.keys()):
        plotter.remove_scalar_bar(title, render=False)
    window, lens = plotter.render_window, plotter.camera
    with _EXPORT:  # the serializers keep what they have seen in globals
        initialize_serializers()
        context = SynchronizationContext()
        context.set_ignore_last_dependencies(True)
        scene = serialize(None, window, reference_id(window), context, 1)
        scene["mtime"] = 0
        scene["extra"] = {
            "vtkRefId": reference_id(window),
            "centerOfRotation": lens.focal_point,
            "camera": reference_id(lens),
        }
        hashes = {
            entry["hash"]: {
                **entry,
                "content": context.get_cached_data_array(entry["hash"], binary=False),
            }
            for entry in extract_array_hash(scene)
        }
    text = json.dumps({"hashes": hashes, "scene": _numbered(scene, {})})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        entry = zipfile.ZipInfo("index.json")  # always of the same date
        file.writestr(entry, text, zipfile.ZIP_DEFLATED, compresslevel=1)
    return packed.getvalue()


def _numbered(node: Any, known: dict[str, str]) -> Any:
    """Replace the objects' addresses in memory by numbers in the order in which they come."""
    if isinstance(node, dict):
        return {name: _numbered(value, known) for name, value in node.items()}
    if isinstance(node, list | tuple):
        return [_numbered(value, known) for value in node]
    if not isinstance(node, str):
        return node
    address = re.fullmatch(r"(instance:\$\{)?([0-9a-fA-F]{16}(?:-dataset)?)(\})?", node)
    if address is None:
        return node
    before, name, after = address.groups(default="")
    return before + known.setdefault(name, f"{len(known) + 1:016x}") + after


def _bar(plotter: pv.Plotter) -> str:
    """Return the scene's scalar bar as a strip below it, or nothing."""
    bars = list(plotter.scalar_bars.values())
    if not bars:
        return ""
    bar = bars[0]
    table = bar.GetLookupTable()
    low, high = table.GetRange()
    colors = np.linspace(0, table.GetNumberOfTableValues() - 1, 33).round().astype(int)
    stops = ", ".join(
        "#" + "".join(f"{round(255 * part):02x}" for part in table.GetTableValue(color)[:3])
        for color in colors.tolist()
    )
    ticks = "".join(
        f'<i style="left: {100 * (tick - low) / (high - low):.4g}%">{text}</i>'
        for tick, text in ticks_between(low, high)
    )
    title = re.sub(r"\b([A-Z])_(\w+)", r"\1<sub>\2</sub>", escape(bar.GetTitle()))
    ink = pv.Color(bar.GetTitleTextProperty().GetColor()).hex_rgb
    return (
        f'<div class="bar" style="color: {ink}"><b>{title.replace(">inf<", ">∞<")}</b>'
        f'<div style="background: linear-gradient(to right, {stops})">{ticks}</div></div>'
    )


def ticks_between(low: float, high: float) -> list[tuple[float, str]]:
    """Return round values between the ends of a bar, four to eight of them, and their text.

    Examples:
        >>> [text for _, text in ticks_between(-1.6, 0.9)]
        ['−1.5', '−1.0', '−0.5', '0.0', '0.5']
    """
    power = 10.0 ** np.floor(np.log10(high - low))
    step = next(power * size for size in (0.1, 0.2, 0.5, 1, 2) if (high - low) / size / power < 8)
    first, last = np.ceil(low / step - 1e-6), np.floor(high / step + 1e-6)
    values = (np.arange(first, last + 1) * step).tolist()
    digits = max(0, -int(np.floor(np.log10(step) + 1e-6)))
    return [(value, f"{value + 0:.{digits}f}".replace("-", "−")) for value in values]


def _is_tested() -> bool:
    """Tell whether the installed packages are those whose inner parts are used here."""
    try:
        return all(f"{version(name)}.".startswith(known) for name, known in TESTED.items())
    except PackageNotFoundError:
        return False


def _show_stock(build: Build, *, key: str) -> None:
    """Show a scene as stpyvista does by itself, or say what is missing for it."""
    if get_start_method() != "fork" or not all(map(find_spec, _STOCK_NEEDS)):
        wanted = " and ".join(f"{name} {known.rstrip('.')}" for name, known in TESTED.items())
        st.warning(
            f"The 3-D view needs {wanted}; `pip install -r requirements.txt` installs them.",
            icon=":material/view_in_ar:",
        )
        return
    from stpyvista import stpyvista

    plotter = build()
    try:
        stpyvista(plotter, backend="trame", key=key)
    finally:
        plotter.close()


def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
