import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from socket import create_connection
from time import monotonic
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urljoin, urlsplit
from urllib.request import Request, urlopen

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


def test_answers_have_the_headers_and_strangers_get_none(address: str) -> None:
    for path in ("/", "/_stcore/health", "/app/static/none.js"):
        with suppress(HTTPError), urlopen(f"{address}{path}") as answer:
            assert answer.headers["x-frame-options"] == "SAMEORIGIN"
            assert answer.headers["content-security-policy"].startswith("default-src 'self';")
    for path, headers in (("/_stcore/metrics", {}), ("/", {"Host": "evil.example"})):
        with pytest.raises(HTTPError, match="403"):
            urlopen(Request(f"{address}{path}", headers=headers))
    assert b"101 Switching Protocols" in knock(address, origin=address)
    assert b"403 Forbidden" in knock(address, origin="https://evil.example")


def knock(address: str, *, origin: str) -> bytes:
    """Return the first line of the answer to a page of some origin that asks for a websocket."""
    place = urlsplit(address)
    lines = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {place.netloc}",
        f"Origin: {origin}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ]
    with create_connection((place.hostname, place.port)) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return connection.recv(1000).partition(b"\r\n")[0]


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


def test_back_and_forward_go_by_the_steps_of_the_visitor_and_the_address_agrees(
    visit: Callable[..., object], script: object
) -> None:
    page = visit("/explore?source=elasticity&elasticity_case=nowhere")
    # What the page corrects by itself, such as this link, is no step.
    assert (
        "which is not here; showing elasticity-1100." in page.get_by_test_id("stMain").inner_text()
    )
    first = page.evaluate("history.length")

    def shown() -> tuple[str, ...]:
        """The path, what the page shows, and what the address says that it shows."""
        script.settle(page)
        boxes = page.locator("[data-testid=stSelectbox]")
        values = (
            boxes.filter(has_text=label).locator("input").first.get_attribute("value")
            for label in ("Test case", "Checkpoint")
        )
        address = dict(parse_qsl(urlsplit(page.url).query))
        said = (
            address.get("elasticity_case", "elasticity-1100"),
            address.get("checkpoint", "elasticity"),
        )
        return urlsplit(page.url).path, *values, *said

    steps = [shown()]
    for _ in range(2):
        page.get_by_role("button", name="chevron_right").click()
        page.wait_for_url(lambda address: steps[-1][1] not in address and "case=" in address)
        steps.append(shown())
    box = page.locator("[data-testid=stSelectbox]").filter(has_text="Checkpoint").locator("input")
    box.click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**checkpoint=*")
    steps.append(shown())
    page.get_by_role("link", name="Attention", exact=True).click()
    page.wait_for_url("**/attention**checkpoint=*")
    steps.append(shown())
    assert [step[1][-4:] for step in steps] == ["1100", "1101", "1102", "1102", "1102"]
    assert len(set(steps)) == len(steps)
    assert all(step[1:3] == step[3:] for step in steps)
    # A tab keeps at most 50 entries, and other tests have left some.
    assert page.evaluate("history.length") == min(first + len(steps) - 1, 50)
    for move, expected in ((page.go_back, steps[-2::-1]), (page.go_forward, steps[1:])):
        for step in expected:
            move()
            end = monotonic() + 20
            while (now := shown()) != step and monotonic() < end:
                page.wait_for_timeout(100)
            assert now == step


def test_each_page_has_a_view_of_its_own(visit: Callable[..., object], script: object) -> None:
    page = visit("/upload?sample=Ahmed+body&view=Shape")
    page.get_by_role("link", name="Explore predictions").click()
    page.wait_for_url("**/explore*")
    script.settle(page)
    assert page.locator(".mspt-viewer[data-ready]").count() == 1
    assert "view=" not in page.url
