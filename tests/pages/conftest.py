from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit import config
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from pages._shared import viewer
from tests.pages.tiny import ROOT, make_project


@pytest.fixture(scope="session", autouse=True)
def packages_are_searched_once() -> Iterator[None]:
    """Each new AppTest searches all installed packages for components: half a second."""
    with pytest.MonkeyPatch.context() as patch:
        search = cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", search)
        yield


@pytest.fixture(scope="session", autouse=True)
def errors_are_shown_with_their_words() -> None:
    """A test says what has failed; the setting that ships hides it, see test_failures.py."""
    config.set_option("client.showErrorDetails", "full")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module", autouse=True)
def results_are_kept_for_one_file() -> Iterator[None]:
    """Within a file what was predicted is known, as on a server that has run for a while."""
    yield
    st.cache_data.clear()


@pytest.fixture
def open_page(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Open a page in a state given as its address would; no browser needs a start to draw."""
    monkeypatch.chdir(project)
    monkeypatch.setattr(viewer, "time", SimpleNamespace(sleep=lambda _: None))

    def open_it(page: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=180)
        app.query_params.update(query)
        app.switch_page(f"pages/{page}.py")
        return app.run()

    return open_it
