import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import urlopen

import numpy as np
import pytest

from tests.browser.reading import in_both_themes, pixels

PAGES = {"home": ("/", 1), "explore": ("/explore", 3), "draw": ("/draw", 1)}
"""Paths, and panels side by side."""
ROOT = Path(__file__).parents[2]
BACKGROUND = {"light": (255, 255, 255), "dark": (16, 22, 28)}
SIDEBAR = 240


@pytest.mark.parametrize(("path", "num_panels"), PAGES.values(), ids=PAGES)
def test_page_shows_a_picture_and_no_error(
    visit: Callable[..., object], script: object, path: str, num_panels: int
) -> None:
    page = visit(path)
    assert page.get_by_test_id("stSidebar").bounding_box()["width"] == SIDEBAR
    assert page.get_by_test_id("stSidebarNav").is_visible()
    for theme in in_both_themes(page, script):
        assert page.get_by_test_id("stException").count() == 0
        assert page.get_by_test_id("stAlert").count() == 0
        picture = page.locator(".mspt-viewer[data-ready] canvas, [data-testid=stPlotlyChart]")
        colored = np.ptp(pixels(picture.first), axis=-1) > 40
        assert colored.mean() > 0.05
        assert all(part.mean() > 0.02 for part in np.array_split(colored, num_panels, axis=1))
        corner = tuple(pixels(page)[-3, -30])
        assert corner == BACKGROUND[theme]


def test_first_visitor_with_a_deep_link_gets_the_whole_app(
    browser: object, script: object, project: Path
) -> None:
    """Before app.py has run once, Streamlit would show pages/scaling.py without the frame."""
    with script.serve(str(ROOT / "app.py"), folder=project) as address:
        page = browser.new_page()
        page.set_default_timeout(90_000)
        page.goto(f"{address}/scaling?quantity=Peak+memory")
        script.settle(page)
        assert page.get_by_role("link", name="Explore predictions").is_visible()
        assert page.get_by_role("dialog").count() == 0
        assert page.locator(".js-plotly-plot").first.is_visible()
        assert "quantity=Peak" in page.url
        page.close()


def test_answer_with_a_page_names_the_viewer_to_fetch(address: str) -> None:
    page = f"{address}/patches?K=64"
    with urlopen(page) as answer:
        found = re.fullmatch(r'<(.+)>; rel="modulepreload"', answer.headers["link"]).group(1)
    with urlopen(urljoin(page, found)) as answer:
        assert "javascript" in answer.headers["content-type"]
        assert "link" not in answer.headers


def test_case_of_an_address_goes_along_to_other_pages_and_other_addresses(
    visit: Callable[..., object], script: object
) -> None:
    page = visit("/explore?source=elasticity&elasticity_case=elasticity-1101")
    chosen = page.locator("[data-testid=stSelectbox]").filter(has_text="Test case").locator("input")
    assert chosen.get_attribute("value") == "elasticity-1101"
    for title, path in (("Patches and supernodes", "patches"), ("Attention", "attention")):
        page.get_by_role("link", name=title).click()
        page.wait_for_url(f"**/{path}**elasticity_case=elasticity-1101*")
        script.settle(page)
        assert chosen.get_attribute("value") == "elasticity-1101"
    # An address counts even where it names what is a default there.
    page.get_by_role("link", name="Home").click()
    page.get_by_role("link", name="Attention from any point").click()
    page.wait_for_url("**/attention?**points=*")
    script.settle(page)
    assert chosen.get_attribute("value").startswith("car-")


def test_checkpoint_of_a_drawing_stays_out_of_the_address_of_other_data(
    visit: Callable[..., object], script: object
) -> None:
    page = visit("/draw")
    page.get_by_role("link", name="Explore predictions").click()
    page.wait_for_url("**/explore*")
    page.locator(".mspt-viewer[data-ready]").wait_for()
    script.settle(page)
    assert "checkpoint=" not in page.url
