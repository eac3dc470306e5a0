from collections.abc import Callable

from streamlit.testing.v1 import AppTest

Open = Callable[..., AppTest]


def test_clouds_that_a_page_does_not_offer_are_left_behind(open_page: Open) -> None:
    app = open_page("patches", source="stress", stress_case="line", stress_points="1000")
    app.switch_page("pages/attention.py").run()
    assert not app.exception
    assert app.session_state["source"] == "car"
    app = open_page("attention", source="shape")
    app.switch_page("pages/explore.py").run()
    assert not app.exception
    assert app.session_state["source"] == "car"


def test_checkpoint_of_another_data_set_is_left_behind(open_page: Open) -> None:
    app = open_page("draw")
    assert app.selectbox(key="checkpoint").value == "elasticity"
    app.switch_page("pages/explore.py").run()
    assert not app.exception
    assert "checkpoint" not in app.query_params
    assert app.selectbox(key="checkpoint").value == "car"
