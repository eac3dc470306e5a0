"""Links that ask for what a page does not offer, and those that ask for what it does."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.tiny import STORED

Open = Callable[..., AppTest]


@pytest.mark.parametrize(
    ("page", "query", "line"),
    [
        (
            "explore",
            {"source": "elasticity", "elasticity_case": "elasticity-9999"},
            "the case `elasticity-9999`, which is not here; showing `elasticity-1100`.",
        ),
        (
            "explore",
            {"source": "elasticity", "checkpoint": "best"},
            "the checkpoint `best`, which is not here; showing `elasticity`.",
        ),
        ("explore", {"source": "lift"}, "the data set `lift`, which is not here; showing `car`."),
        ("upload", {"sample": "Truck"}, "the sample `Truck`, which is not here; showing `Notch"),
        ("draw", {"seed": "999999"}, "the seed `999999`, which is out of range; showing `7`."),
        (
            "patches",
            {"source": "stress", "stress_case": "line", "stress_points": "1000", "K": "0"},
            "asks for K = `0`, which is out of range; showing the default.",
        ),
        ("scaling", {"models": "GPT"}, "the models `GPT`, which is not here; showing "),
    ],
)
def test_what_a_page_does_not_offer_is_told_in_one_line(
    open_page: Open, page: str, query: dict[str, str], line: str
) -> None:
    app = open_page(page, **query)
    assert not app.exception
    (note,) = app.info
    assert note.value.startswith("The link asks for ")
    assert line in note.value
    assert "\n" not in note.value


def test_the_line_stays_until_something_else_is_chosen(open_page: Open) -> None:
    app = open_page("explore", source="elasticity", elasticity_case="`<b>no`")
    assert "`<b>no`" in app.info[0].value
    app.button_group(key="error").set_value("size").run()
    assert len(app.info) == 1
    app.button("case_next").click().run()
    assert not app.info
    app.button("case_previous").click().run()
    assert not app.info


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("explore", {"source": "elasticity", "checkpoint": STORED, "error": "signed"}),
        ("explore", {"source": "elasticity", "elasticity_case": "elasticity-1100"}),
        ("explore", {"worst": "false", "versus": "nothing", "device": "CPU", "other": "unknown"}),
        ("draw", {"seed": "11", "dataset": "darcy", "darcy_start": "Disc"}),
        ("scaling", {"models": "MSPT", "up_to_points": "3,000", "quantity": "Peak memory"}),
    ],
)
def test_links_to_what_is_there_need_no_line(
    open_page: Open, page: str, query: dict[str, str]
) -> None:
    app = open_page(page, **query)
    assert not app.exception
    assert not app.info
