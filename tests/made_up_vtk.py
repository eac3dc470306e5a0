"""VTK scenes for tests: a colored box, and the scene that a page hands to the browser."""

import base64
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyvista as pv

from mspt.data.case import Quantity
from mspt.figures.vtk.flow import surface_plotter
from mspt.figures.vtk.page import scene_html
from mspt.geometry.mesh import box

ASSETS = Path(__file__).parents[1] / "assets" / "vtk"
C_P = Quantity(name="C_p", symbol="C_p", unit="1", description="")
BODY = box((0, -0.2, 0.05), (1, 0.2, 0.35))
VALUES = np.linspace(-1.6, 0.9, len(BODY.triangles))


def plotter(*, dark: bool = False, shift: float = 0.0) -> pv.Plotter:
    limits = (-1.6, 0.9)
    return surface_plotter(BODY, VALUES + shift, quantity=C_P, limits=limits, ground=0.0, dark=dark)


def html(made: pv.Plotter, *, camera: str = "view", label: str = "Pressure") -> str:
    style, script = ((ASSETS / name).read_text() for name in ("scene.css", "scene.js"))
    try:
        return scene_html(made, camera=camera, label=label, style=style, script=script)
    finally:
        made.close()


def scene_in(page: str) -> dict:
    """The scene that a page hands to vtk.js."""
    packed = base64.b64decode(re.search(r'id="scene">([^<]+)<', page).group(1))
    with zipfile.ZipFile(io.BytesIO(packed)) as file:
        assert file.getinfo("index.json").date_time[0] == 1980, "the time must not tell pages apart"
        return json.loads(file.read("index.json"))


def nodes(scene: dict) -> Iterator[dict]:
    yield scene
    for part in scene.get("dependencies", []):
        yield from nodes(part)


def arrays(scene: dict, name: str) -> list[np.ndarray]:
    """The arrays of all meshes under one name, as the browser will read them."""
    found = []
    for node in nodes(scene["scene"]):
        if node["type"] == "vtkPolyData":
            parts = node["properties"]
            entries = {**{field["name"]: field for field in parts["fields"]}, **parts}
            if name in entries:
                content = base64.b64decode(scene["hashes"][entries[name]["hash"]]["content"])
                kind = entries[name]["dataType"].removesuffix("Array").lower()
                found.append(np.frombuffer(content, dtype=kind))
    return found
