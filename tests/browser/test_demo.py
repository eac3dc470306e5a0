"""The demo in a browser: from files, and from a server that knows nothing of it."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from mspt.cli.main import main
from tests.browser.reading import pixels


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that says nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def demo(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        cases = ["car-0021", "elasticity-1100"]
        assert main(["demo", str(folder), "--progress", "off", "--cases", *cases]) == 0
    return folder


@pytest.fixture(params=["file", "server"])
def root(request: pytest.FixtureRequest, demo: Path) -> Iterator[str]:
    if request.param == "file":
        yield f"{demo.as_uri()}/"
        return
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=demo))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_every_page_draws_and_asks_no_other_host(browser: object, root: str, demo: Path) -> None:
    window = browser.new_context(viewport={"width": 1000, "height": 700}, color_scheme="dark")
    strangers, complaints = [], []

    def gate(route: object) -> None:
        if route.request.url.startswith((root, "data:", "blob:")):
            route.continue_()
        else:
            strangers.append(route.request.url)
            route.abort()

    window.route("**/*", gate)
    page = window.new_page()
    page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{root}index.html")
    listed = page.locator("main a").evaluate_all("links => links.map(a => a.href)")
    assert sorted(listed) == sorted(
        root + one.name for one in demo.glob("*.html") if one.name != "index.html"
    )
    for address in listed[1:] if root.startswith("file") else listed[:1]:
        page.goto(address)
        page.wait_for_selector(".mspt-viewer[data-ready]", timeout=60_000)
        seen = pixels(page.locator(".mspt-viewer .stage"))
        colorful = seen.max(axis=2) - seen.min(axis=2) > 40
        assert colorful.mean() > 0.01, address
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    page.go_back()
    page.goto(listed[0])  # the choice is kept
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    window.close()
    assert not strangers
    assert not complaints
