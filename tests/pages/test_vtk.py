"""What the adapter sends to the browser, decoded; and that it sends it once."""

import base64
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
import streamlit as st
from hypothesis import given
from hypothesis import strategies as draw
from streamlit.testing.v1 import AppTest

from mspt.data.case import Quantity
from mspt.errors import GeometryError
from mspt.figures.vtk.flow import surface_plotter
from mspt.geometry.mesh import box
from pages import _vtk

ROOT = Path(__file__).parents[2]
C_P = Quantity(name="C_p", symbol="C_p", unit="1", description="")
BODY = box((0, -0.2, 0.05), (1, 0.2, 0.35))
VALUES = np.linspace(-1.6, 0.9, len(BODY.triangles))


def plotter(*, dark: bool = False, shift: float = 0.0) -> pv.Plotter:
    limits = (-1.6, 0.9)
    return surface_plotter(BODY, VALUES + shift, quantity=C_P, limits=limits, ground=0.0, dark=dark)


def html(made: pv.Plotter, *, camera: str = "view", label: str = "Pressure") -> str:
    try:
        return _vtk.scene_html(made, camera=camera, label=label)
    finally:
        made.close()


def scene_in(page: str) -> dict:
    """The scene that a page hands to vtk.js."""
    packed = base64.b64decode(re.search(r'base64Str = "([^"]+)"', page).group(1))
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


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(ROOT)
    yield
    st.cache_data.clear()


# What a page holds


def test_scene_holds_the_body_and_its_values() -> None:
    scene = scene_in(html(plotter()))
    points = [array.reshape(-1, 3) for array in arrays(scene, "points")]
    (body,) = [found for found in points if len(found) == len(BODY.vertices)]
    np.testing.assert_allclose(body, BODY.vertices, atol=1e-7)
    (values,) = arrays(scene, "C_p")
    np.testing.assert_array_equal(values, VALUES.astype(np.float32))
    corners = [array.reshape(-1, 4) for array in arrays(scene, "polys") if array[0] == 3]
    assert any(np.array_equal(found[:, 1:], BODY.triangles) for found in corners)


def test_every_array_that_a_scene_names_comes_with_it() -> None:
    scene = scene_in(html(plotter()))
    named = set(re.findall(r'"hash": "([^"]+)"', json.dumps(scene["scene"])))
    assert named
    assert named == set(scene["hashes"])


def test_same_scene_gives_the_same_page_and_another_one_another() -> None:
    first, again, other = html(plotter()), html(plotter()), html(plotter(shift=0.1))
    assert first == again
    assert first != other


def test_every_reference_of_a_scene_leads_to_a_part_of_it() -> None:
    scene = scene_in(html(plotter()))["scene"]
    parts = [node["id"] for node in nodes(scene)]
    references = re.findall(r"instance:\$\{([^}]+)\}", json.dumps(scene))
    assert len(references) > 10
    assert set(references) <= set(parts)
    assert {node["parent"] for node in nodes(scene)} <= {*parts, "0x0"}
    assert scene["extra"]["camera"] in parts
    owners = {(node["id"], node["type"]) for node in nodes(scene)}
    assert len(owners) == len(set(parts)), "no two parts share a name"
    kinds = {node["type"] for node in nodes(scene)}
    assert {"vtkOpenGLActor", "vtkMapper", "vtkPolyData", "vtkLookupTable"} <= kinds


def test_page_may_ask_nothing_from_anywhere() -> None:
    page = html(plotter())
    policy = page.index('http-equiv="Content-Security-Policy"')
    assert policy < min(page.index("<script"), page.index("<style"))
    assert "default-src 'none'" in page
    rules = re.search(r'Security-Policy" content="([^"]+)"', page).group(1)
    assert "http" not in rules
    assert "*" not in rules
    assert "vtk-js/icon" not in page


def test_scalar_bar_is_a_strip_of_its_own_and_not_in_the_scene() -> None:
    page = html(plotter())
    assert "vtkScalarBarActor" not in {node["type"] for node in nodes(scene_in(page)["scene"])}
    (strip,) = re.findall(r'<div class="bar".*?</div></div>', page)
    assert "<b>C<sub>p</sub> (dimensionless)</b>" in strip
    ticks = re.findall(r'left: ([\d.]+)%">([^<]+)<', strip)
    for place, text in ticks:
        value = float(text.replace("−", "-"))
        assert float(place) == pytest.approx(100 * (value + 1.6) / 2.5, abs=0.02)
    assert [text for _, text in ticks] == ["−1.5", "−1.0", "−0.5", "0.0", "0.5"]
    colors = re.findall(r"#[0-9a-f]{6}", strip.split("gradient")[1])
    assert (colors[0], colors[-1]) == ("#440154", "#fde725")


def test_body_without_values_has_no_strip() -> None:
    page = html(surface_plotter(BODY, None, quantity=None, dark=False))
    assert '<div class="bar"' not in page


@pytest.mark.parametrize("dark", [False, True])
def test_page_has_the_background_of_its_scene(*, dark: bool) -> None:
    made = plotter(dark=dark)
    background = made.background_color.hex_rgb
    assert f"--page: {background}" in html(made)


def test_names_cannot_break_out_of_the_page() -> None:
    bad = '"></div></script><script>alert(1)</script>'
    page = html(plotter(), camera=bad, label=bad)
    assert "<script>alert(1)" not in page
    assert json.dumps(bad).replace("<", "\\u003c") in page


@given(draw.floats(-1e4, 1e4), draw.floats(1e-3, 1e4))
def test_ticks_are_some_round_values_between_the_ends(low: float, size: float) -> None:
    ticks = _vtk.ticks_between(low, low + size)
    values = [value for value, _ in ticks]
    slack = 1e-5 * size
    assert 3 <= len(ticks) <= 9
    assert values == sorted(values)
    assert low - slack <= values[0] <= values[-1] <= low + size + slack
    texts = [text for _, text in ticks]
    assert len(set(texts)) == len(texts)
    for value, text in ticks:
        assert float(text.replace("−", "-")) == pytest.approx(value, abs=slack)


# A page that shows it


def page_with_a_view() -> None:
    import streamlit as st

    from pages import _vtk
    from tests.pages import test_vtk

    def build() -> object:
        made = test_vtk.plotter()
        st.session_state.setdefault("made", []).append(made)
        return made

    _vtk.show(build, scene=("test", st.session_state.get("step", 0)), key="view", height=400)


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_function(page_with_a_view, default_timeout=120).run()


def sent(app: AppTest) -> dict:
    assert not app.exception
    (found,) = app.main.get("bidi_component")
    return json.loads(found.proto.json)


def test_view_is_sent_with_its_height(app: AppTest) -> None:
    data = sent(app)
    assert data["height"] == 400
    assert data["use_container_width"]
    assert len(arrays(scene_in(data["_html"]), "points")) == 4


def test_plotter_is_closed_once_it_is_sent(app: AppTest) -> None:
    assert [made._closed for made in app.session_state["made"]] == [True]


def test_second_run_sends_the_same_again_and_builds_nothing(app: AppTest) -> None:
    before = app.main.get("bidi_component")[0].proto.SerializeToString()
    app.run()
    assert app.main.get("bidi_component")[0].proto.SerializeToString() == before
    assert len(app.session_state["made"]) == 1


def test_another_scene_is_built_and_an_earlier_one_is_not_built_again(app: AppTest) -> None:
    for step, made in ((1, 2), (0, 2), (2, 3)):
        app.session_state["step"] = step
        app.run()
        assert len(app.session_state["made"]) == made


def test_theme_is_part_of_the_scene(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages._parts.is_dark", lambda: True)
    app.run()
    assert len(app.session_state["made"]) == 2


def test_what_a_person_can_put_right_reaches_the_page_and_is_not_kept() -> None:
    def failing() -> None:
        from mspt.errors import GeometryError
        from pages import _vtk

        def build() -> None:
            raise GeometryError("mesh must have triangles, got none")

        _vtk.show(build, scene=("failing",), key="view")

    app = AppTest.from_function(failing, default_timeout=120).run()
    assert [error.message for error in app.exception] == ["mesh must have triangles, got none"]
    app.run()
    assert len(app.exception) == 1


def test_plotter_is_closed_if_it_cannot_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise GeometryError("broken")

    monkeypatch.setattr(_vtk, "scene_html", fail)
    made = plotter()
    with pytest.raises(GeometryError, match="broken"):
        _vtk._html(("x",), camera="c", label="l", _build=lambda: made)
    assert made._closed


# Other versions of the packages


def test_other_versions_get_stpyvista_s_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def own(made: pv.Plotter, **settings: object) -> None:
        calls.append((made, made._closed, settings))

    monkeypatch.setattr(_vtk, "TESTED", {"stpyvista": "9.9"})
    AppTest.from_string("import stpyvista", default_timeout=120).run()
    monkeypatch.setattr("stpyvista.stpyvista", own)
    app = AppTest.from_function(page_with_a_view, default_timeout=120).run()
    assert not app.exception
    ((made, closed, settings),) = calls
    assert not closed
    assert made._closed
    assert settings == {"backend": "trame", "key": "view"}


@pytest.mark.parametrize(
    ("name", "value"), [("find_spec", lambda _: None), ("get_start_method", lambda: "spawn")]
)
def test_missing_parts_are_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: Callable[..., object]
) -> None:
    monkeypatch.setattr(_vtk, "TESTED", {"stpyvista": "9.9", "no-such-package": "2.11."})
    monkeypatch.setattr(_vtk, name, value)
    app = AppTest.from_function(page_with_a_view, default_timeout=120).run()
    assert not app.exception
    assert "made" not in app.session_state
    assert app.warning[0].value == (
        "The 3-D view needs stpyvista 9.9 and no-such-package 2.11; "
        "`pip install -r requirements.txt` installs them."
    )


def test_versions_that_are_installed_are_those_that_were_tested() -> None:
    assert _vtk._is_tested()
