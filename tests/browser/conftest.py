import importlib.util
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


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
def window(browser: object) -> Iterator[object]:
    """One window for all tests, so that Streamlit's front end is loaded once."""
    window = browser.new_context(viewport={"width": 1280, "height": 800}, has_touch=True)
    yield window
    window.close()


@pytest.fixture
def visit(window: object, address: str, script: ModuleType) -> Iterator[Callable[..., object]]:
    """Open a page; fails at the end on any script error or any request beyond this machine."""
    pages, strangers, errors = [], [], []

    def look(request: object) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            strangers.append(request.url)

    def open_it(path: str, *, theme: str = "light") -> object:
        page = window.new_page()
        pages.append(page)
        page.emulate_media(color_scheme=theme)
        page.set_default_timeout(90_000)
        page.on("request", look)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.received = []
        page.on(
            "websocket",
            lambda socket: socket.on("framereceived", lambda data: page.received.append(len(data))),
        )
        page.goto(address + path)
        script.settle(page)
        return page

    yield open_it
    for page in pages:
        page.close()
    assert not strangers
    assert not errors
