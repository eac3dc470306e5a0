import importlib.util
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


collect_ignore = ["viewer_page.py"]
"""A page for the browser: looking for examples in it would run it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.fspath).is_relative_to(Path(__file__).parent):
            item.add_marker("browser")
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="Chromium is not installed"))


def _screenshots() -> ModuleType:
    """The script for the README's pictures: it starts the app and knows the browser's flags."""
    spec = importlib.util.spec_from_file_location("screenshots", ROOT / "assets/screenshots.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def script() -> ModuleType:
    return _screenshots()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.pages.tiny import make_project

    return make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def address(script: ModuleType, project: Path) -> Iterator[str]:
    with script.serve(str(ROOT / "serve.py"), folder=project) as address:
        yield address


@pytest.fixture(scope="session")
def browser(script: ModuleType) -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=script.FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def tab(browser: object) -> Iterator[object]:
    """One tab for all tests: in a new one, Streamlit's front end starts from nothing."""
    window = browser.new_context(viewport={"width": 1280, "height": 800}, has_touch=True)
    page = window.new_page()
    page.set_default_timeout(90_000)
    yield page
    window.close()


@pytest.fixture(scope="session")
def settle(script: ModuleType) -> Callable[[object], None]:
    """Wait until a page is drawn."""
    return script.settle


@pytest.fixture
def visit(
    tab: object, address: str, settle: Callable[[object], None]
) -> Iterator[Callable[..., object]]:
    """Open a page.

    Fails at the end on any script error, on any request beyond this machine, and on anything that
    the content security policy has refused.
    """
    strangers, errors, refused = [], [], []

    def look(request: object) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            strangers.append(request.url)

    def complain(error: object) -> None:
        errors.append(str(error))

    def hear(message: object) -> None:
        if "Content Security Policy" in message.text:
            refused.append(message.text)

    def count(socket: object) -> None:
        socket.on("framereceived", lambda data: tab.received.append(len(data)))

    listeners = {"request": look, "pageerror": complain, "websocket": count, "console": hear}

    def open_it(path: str, *, theme: str = "light") -> object:
        tab.goto(f"{address}/_stcore/health")
        tab.evaluate("sessionStorage.clear()")
        tab.emulate_media(color_scheme=theme)
        tab.received = []
        tab.goto(address + path)
        settle(tab)
        return tab

    for event, listener in listeners.items():
        tab.on(event, listener)
    yield open_it
    tab.goto("about:blank")
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)
    assert not strangers
    assert not errors
    assert not refused
