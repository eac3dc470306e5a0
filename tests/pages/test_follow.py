"""Work on a page: begun, cancelled by a click in the middle, left alone, gone on with."""

from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from pages._shared.progress import follow

    def steps() -> object:
        for step in range(1, 4):
            yield step / 4, f"Step {step}"
            if st.session_state.get("halt_after") == step:
                st.stop()  # as Streamlit does when a click arrives

    begins_by_itself = st.session_state.get("by_itself", True)
    work = st.session_state.get("work", "one") if begins_by_itself else None
    if begins_by_itself or st.button("Count"):
        done = follow("Counting", steps(), work=work)
        st.write(f"done: {done}")


def start(**state: object) -> AppTest:
    app = AppTest.from_function(page)
    for key, value in state.items():
        app.session_state[key] = value
    return app.run()


def said(app: AppTest) -> list[str]:
    return [one.value for one in (*app.markdown, *app.caption)]


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def test_work_that_ends_leaves_nothing_behind() -> None:
    app = start()
    assert said(app) == ["done: True"]
    assert not labels(app)


def test_cancelled_work_waits_until_a_person_wants_it() -> None:
    app = start(halt_after=2)
    assert labels(app) == ["Cancel"]
    assert not said(app)
    press(app, "Cancel")
    assert said(app) == ["done: False", "Counting: cancelled."]
    assert said(app.run()) == ["done: False", "Counting: cancelled."]
    app.session_state["halt_after"] = None
    press(app, "Continue")
    assert said(app) == ["done: True"]


def test_other_work_under_the_same_title_begins() -> None:
    app = press(start(halt_after=1), "Cancel")
    app.session_state["halt_after"], app.session_state["work"] = None, "two"
    assert said(app.run()) == ["done: True"]


def test_work_begun_by_a_click_begins_again_by_another() -> None:
    app = press(start(by_itself=False, halt_after=1), "Count")
    press(app, "Cancel")
    assert labels(app) == ["Count"]
    app.session_state["halt_after"] = None
    assert said(press(app, "Count")) == ["done: True"]
