"""VTK scenes on a page: built once, sent once, and what other versions of the packages get."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import pyvista as pv
import streamlit as st
from made_up_vtk import arrays, plotter, scene_in
from streamlit.testing.v1 import AppTest

from mspt.errors import GeometryError
from pages._shared import vtk

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(ROOT)
    yield
    st.cache_data.clear()


def page_with_a_view() -> None:
    import streamlit as st
    from made_up_vtk import plotter

    from pages._shared import vtk

    def build() -> object:
        made = plotter()
        st.session_state.setdefault("made", []).append(made)
        return made

    vtk.show(build, scene=("test", st.session_state.get("step", 0)), key="view", height=400)


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
    monkeypatch.setattr("pages._shared.frame.is_dark", lambda: True)
    app.run()
    assert len(app.session_state["made"]) == 2


def test_what_a_person_can_put_right_reaches_the_page_and_is_not_kept() -> None:
    def failing() -> None:
        from mspt.errors import GeometryError
        from pages._shared import vtk

        def build() -> None:
            raise GeometryError("mesh must have triangles, got none")

        vtk.show(build, scene=("failing",), key="view")

    app = AppTest.from_function(failing, default_timeout=120).run()
    assert [error.message for error in app.exception] == ["mesh must have triangles, got none"]
    app.run()
    assert len(app.exception) == 1


def test_plotter_is_closed_if_it_cannot_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise GeometryError("broken")

    monkeypatch.setattr(vtk, "scene_html", fail)
    made = plotter()
    with pytest.raises(GeometryError, match="broken"):
        vtk._html(("x",), camera="c", label="l", _build=lambda: made)
    assert made._closed


# Other versions of the packages


def test_other_versions_get_stpyvista_s_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def own(made: pv.Plotter, **settings: object) -> None:
        calls.append((made, made._closed, settings))

    monkeypatch.setitem(vtk.SUPPORTED, "stpyvista", "9.9")
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
    monkeypatch.setitem(vtk.SUPPORTED, "stpyvista", "9.9")
    monkeypatch.delitem(vtk.SUPPORTED, "trame-vtk")
    monkeypatch.setitem(vtk.SUPPORTED, "no-such-package", "2.11.")
    monkeypatch.setattr(vtk, name, value)
    app = AppTest.from_function(page_with_a_view, default_timeout=120).run()
    assert not app.exception
    assert "made" not in app.session_state
    assert app.warning[0].value == (
        "The 3-D view needs stpyvista 9.9 and no-such-package 2.11; "
        "`pip install -r requirements.txt` installs them."
    )
