"""The flow from inside, on the page of predictions: its slice, a click, what can be taken along."""

from collections.abc import Callable

import numpy as np
from streamlit.testing.v1 import AppTest

from tests.pages.viewing import click, sent

Open = Callable[..., AppTest]


def test_slice_follows_its_controls_and_a_click_starts_streamlines(open_page: Open) -> None:
    app = open_page("explore", source="car", view="Inside the flow", inside_rake="false")
    assert not app.exception
    assert not app.error
    header, _ = sent(app)
    assert [panel["title"].split()[0] for panel in header["panels"]] == [
        "Truth",
        "Prediction",
        "Error",
    ]
    assert [layer["name"] for layer in header["layers"]] == ["body"]
    assert header["probe"] == "lengths"
    limits = [panel["limits"] for panel in header["panels"]]
    assert limits[0] == limits[1] != limits[2]
    # A click into the slice: streamlines of both flows, and a button to clear it.
    app = click(app, 500)
    assert not app.exception
    header, _ = sent(app)
    assert [layer["name"] for layer in header["layers"]] == ["body", "streamlines", "particles"]
    assert header["hidden"] == ["particles"]
    assert len(header["marked"]) == 1
    place = np.array(app.session_state["inside_clicked"][1][0])
    assert abs(place[1]) < 1e-6  # in the slice, which lies in the plane of symmetry
    app.button(key="explore_inside_clear").click().run()
    header, _ = sent(app)
    assert [layer["name"] for layer in header["layers"]] == ["body"]
    # Another quantity, and an iso-surface of it.
    triangles = [panel["part"] for panel in header["panels"]]
    app.toggle(key="inside_iso").set_value(True).run()
    assert not app.exception
    more, _ = sent(app)
    assert more["panels"][0]["part"][1] > triangles[0][1]
    labels = {one.proto.label for one in app.get("download_button")}
    assert "Slice (CSV)" in labels
