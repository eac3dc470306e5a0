"""A VTK scene as one HTML page that needs no server, no network and no file beside it.

stpyvista would start a process for each scene, send the scene again on every rerun and lose the
camera. Here the scene is serialized in this process, and the same scene always gives the same
bytes, so that a browser that has the page need not receive it again.
"""

import io
import json
import re
import zipfile
from base64 import b64encode
from html import escape
from importlib.metadata import PackageNotFoundError, version
from threading import Lock
from typing import Any

import numpy as np
import pyvista as pv

from mspt.figures.vtk.scripts import (
    LOAD,
    data_element,
    own_script,
    script_hashes,
    settings_element,
    viewer_page,
)

SUPPORTED = {"stpyvista": "0.2.1", "trame-vtk": "2.11."}
"""Versions, or how they begin, whose private parts are used here and in the app."""
# The serializers of trame-vtk keep what they have serialized in module globals.
_SERIALIZING = Lock()
_POLICY = "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src data: blob:"


def scene_html(plotter: pv.Plotter, *, camera: str, label: str, style: str, script: str) -> str:
    """Return a page that shows a scene and requests nothing from anywhere.

    Args:
        plotter: The scene; its scalar bars are removed from it and shown below it as HTML.
        camera: Pages with the same name share one camera position.
        label: Description of the scene for people who cannot see it.
        style: CSS of the page.
        script: JavaScript that runs after vtk.js; it finds ``camera``, ``label`` and the
            ``aspect`` of the plotter's window, which the picture fills, in ``SCENE``.
    """
    bar = _scalar_bar(plotter)
    scene = b64encode(scene_file(plotter)).decode()
    wide, tall = plotter.window_size
    settings = {"camera": camera, "label": label, "aspect": wide / tall}
    background = plotter.background_color.hex_rgb
    policy = _POLICY.format(" ".join(script_hashes(script)))
    head = (
        f'<head><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<style>:root {{ --page: {background} }}\n{style}</style>"
    )
    words = escape(f"{label}. Arrow keys turn it, plus and minus zoom, Home resets.")
    body = f'<body><div class="content" role="img" aria-label="{words}"></div>{bar}'
    end = (
        f"{data_element('scene', scene)}<script>{LOAD}</script>{settings_element(settings)}"
        f"<script>{own_script(script)}</script></body>"
    )
    start, _, rest = viewer_page().rpartition("</body>")
    start = start.replace("<head>", head, 1).replace("<body>", body, 1)
    return start + end + rest


def scene_file(plotter: pv.Plotter) -> bytes:
    """Return a scene in the archive format of vtk.js, without its scalar bars."""
    from trame_vtk.modules.vtk.serializers import (
        SynchronizationContext,
        extract_array_hash,
        initialize_serializers,
        reference_id,
        serialize,
    )

    for title in list(plotter.scalar_bars.keys()):
        plotter.remove_scalar_bar(title, render=False)
    window, camera = plotter.render_window, plotter.camera
    with _SERIALIZING:
        initialize_serializers()
        context = SynchronizationContext()
        context.set_ignore_last_dependencies(True)
        scene = serialize(None, window, reference_id(window), context, 1)
        if scene is None:
            raise RuntimeError("trame-vtk must have a serializer for the window, got none")
        scene["mtime"] = 0  # a time of modification would make equal scenes differ
        scene["extra"] = {
            "vtkRefId": reference_id(window),
            "centerOfRotation": camera.focal_point,
            "camera": reference_id(camera),
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
        entry = zipfile.ZipInfo("index.json")  # ZipInfo without a date writes 1980, not now
        file.writestr(entry, text, zipfile.ZIP_DEFLATED, compresslevel=1)
    return packed.getvalue()


def _numbered(node: Any, known: dict[str, str]) -> Any:  # noqa: ANN401 - any node of JSON
    """Replace addresses in memory, which differ from run to run, by numbers in order."""
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


def _scalar_bar(plotter: pv.Plotter) -> str:
    """Return the first scalar bar as HTML, or an empty text for a scene without one."""
    bars = list(plotter.scalar_bars.values())
    if not bars:
        return ""
    bar = bars[0]
    table = bar.GetLookupTable()
    low, high = table.GetRange()
    # 33 stops: a linear gradient between them differs from the table by less than one step.
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
    """Return four to eight round values between two limits, each with its text.

    Examples:
        >>> [text for _, text in ticks_between(-1.6, 0.9)]
        ['−1.5', '−1.0', '−0.5', '0.0', '0.5']
    """
    power = 10.0 ** np.floor(np.log10(high - low))
    step = next(power * size for size in (0.1, 0.2, 0.5, 1, 2) if (high - low) / size / power < 8)
    # A millionth of a step of tolerance: a limit that is itself a multiple may be rounded past it.
    first, last = np.ceil(low / step - 1e-6), np.floor(high / step + 1e-6)
    values = (np.arange(first, last + 1) * step).tolist()
    digits = max(0, -int(np.floor(np.log10(step) + 1e-6)))
    return [(value, f"{value + 0:.{digits}f}".replace("-", "−")) for value in values]


def is_supported() -> bool:
    """Return whether the installed packages have the versions in ``SUPPORTED``."""
    try:
        return all(f"{version(name)}.".startswith(known) for name, known in SUPPORTED.items())
    except PackageNotFoundError:
        return False
