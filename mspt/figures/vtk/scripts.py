"""The scripts of a VTK page, which are the same for every scene: a policy names them by hash.

A page's own data are no script: they lie in elements that a browser does not run.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

LOAD = (
    "function loadDataSet() { OfflineLocalView.load(document.querySelector('.content'), "
    "{ base64Str: document.getElementById('scene').textContent }); }"
)
"""Hands vtk.js the scene of the page; vtk.js calls it by this name."""
_SETTINGS = "const SCENE = JSON.parse(document.getElementById('settings').textContent);\n"
# vtk.js would load its icons from this address.
_ICONS = re.compile(r"https://kitware\.github\.io/vtk-js/icon/[^`\"]*")
_SCRIPT = re.compile(r"<script[^>]*>(.*?)</script>", re.DOTALL)


@cache
def viewer_page() -> str:
    """Return the page with vtk.js in it, as trame-vtk ships it; the package is not imported."""
    found = find_spec("trame_vtk")
    if found is None or found.origin is None:
        raise RuntimeError("the package trame-vtk must be installed, found none")
    path = Path(found.origin).parent / "tools" / "static_viewer.html"
    return _ICONS.sub("data:,", path.read_text(encoding="utf-8"))


def data_element(name: str, content: str) -> str:
    """Return an element that holds data under a name.

    Examples:
        >>> data_element("scene", "UEsD")
        '<script type="application/json" id="scene">UEsD</script>'
    """
    return f'<script type="application/json" id="{name}">{content}</script>'


def settings_element(settings: dict[str, Any]) -> str:
    r"""Return an element that holds settings; "<" is escaped, so that no name can close it.

    Examples:
        >>> settings_element({"label": "</script>"})
        '<script type="application/json" id="settings">{"label": "\\u003c/script>"}</script>'
    """
    return data_element("settings", json.dumps(settings).replace("<", "\\u003c"))


def own_script(script: str) -> str:
    """Return the text of the script that runs after vtk.js, with ``SCENE`` defined."""
    return _SETTINGS + script


def script_hashes(script: str) -> tuple[str, ...]:
    """Return the sources by which a content security policy names the scripts of every page.

    Args:
        script: JavaScript that runs after vtk.js.
    """
    return tuple(map(script_hash, _scripts(script)))


def _scripts(script: str) -> Iterator[str]:
    yield from _SCRIPT.findall(viewer_page())
    yield LOAD
    yield own_script(script)


def script_hash(text: str) -> str:
    """Return the source by which a content security policy names a script in a page.

    Examples:
        >>> script_hash("alert('Hello, world.');")  # the example of the standard
        "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"
    """
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
