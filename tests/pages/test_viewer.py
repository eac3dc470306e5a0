import base64

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from mspt.figures.viewer.encode import decode_packet
from tests.pages.viewing import click, sent, values, viewers


def page() -> None:
    import numpy as np
    import streamlit as st

    from mspt.figures.viewer.scene import Field, Labels, Panel, Scene
    from pages._shared.viewer import show

    count = st.number_input("Points", value=400, step=1)
    step = st.number_input("Step", value=0.0)
    points = np.random.default_rng(0).normal(size=(count, 3))
    pressure = Field(name="p", unit="Pa", values=points[:, 0] + step, limits=(-2.0, 2.0))
    patch = Labels(name="patch", labels=np.arange(count) // 50)
    panels = (Panel(title="Pressure", coloring=pressure), Panel(title="Patches", coloring=patch))
    show(
        Scene(points=points, panels=panels),
        key="view",
        label="A cloud",
        height=333,
        on_pick=lambda pick: st.session_state.update(picked=(pick.point, pick.panel)),
    )
    st.text(str(st.session_state.get("picked")))


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_function(page, default_timeout=60).run()


def points() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(400, 3))


def test_page_sends_what_the_scene_holds(app: AppTest) -> None:
    assert not app.exception
    header, _ = sent(app)
    assert (header["label"], header["height"], header["pickable"]) == ("A cloud", 333, True)
    np.testing.assert_allclose(values(app, 0), points()[:, 0], atol=1e-4)
    np.testing.assert_array_equal(values(app, 1), np.arange(400) // 50)


def test_points_travel_by_address_and_the_message_stays_small(app: AppTest) -> None:
    header, _ = sent(app)
    (place,) = header["blobs"].values()
    assert place["url"].endswith(".bin")
    assert len(viewers(app)[0].bytes) < 400 * 4 + 6000


def test_new_values_leave_address_and_identity_as_they_were(app: AppTest) -> None:
    before, header = viewers(app)[0].id, sent(app)[0]
    app.number_input[1].set_value(1.0).run()
    assert viewers(app)[0].id == before
    assert sent(app)[0]["blobs"] == header["blobs"]
    np.testing.assert_allclose(values(app, 0), points()[:, 0] + 1, atol=1e-4)


def test_unchanged_rerun_sends_the_same_bytes(app: AppTest) -> None:
    before = viewers(app)[0].bytes
    assert viewers(app.run())[0].bytes == before


@pytest.mark.parametrize(("point", "panel"), [(0, 0), (17, 1), (399, 0)])
def test_click_arrives_before_the_rerun_as_the_point_of_the_scene(
    app: AppTest, point: int, panel: int
) -> None:
    click(app, point, panel=panel)
    assert not app.exception
    assert app.text[0].value == str((point, panel))


def test_click_on_points_that_are_gone_is_dropped(app: AppTest) -> None:
    click(app, 5, told_points=80)
    assert not app.exception
    assert app.text[0].value == "None"


def test_without_media_files_the_points_travel_in_the_message(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pages._shared import viewer

    def gone() -> None:
        raise RuntimeError("no runtime")

    monkeypatch.setattr(viewer, "get_instance", gone)
    header, buffers = sent(app.run())
    (place,) = header["blobs"].values()
    geometry, _ = decode_packet(buffers[place["buffer"]])
    assert geometry["points"] == 400
    assert not app.exception


def test_browser_without_webgl_is_sent_a_picture(app: AppTest) -> None:
    assert "picture" not in sent(app)[0]
    app.session_state["view"] = {"plain": True}
    picture = sent(app.run())[0]["picture"]
    kind, data = picture.split(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data).startswith(b"\x89PNG")


def test_loader_names_the_built_viewer(app: AppTest) -> None:
    from pages._shared.viewer import address

    code = viewers(app)[0].js_content
    assert address() in code
    assert len(code) < 1000
