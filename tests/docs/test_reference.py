import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.documents import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-W", "error", "assets/reference.py", str(folder)]
    environment = os.environ | {"PYTHONPATH": "."}
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return folder


@pytest.mark.slow
def test_every_public_module_has_a_page(site: Path) -> None:
    modules = {path.relative_to(ROOT).with_suffix("") for path in (ROOT / "mspt").rglob("*.py")}
    public = {path for path in modules if not any(part.startswith("_") for part in path.parts)}
    pages = {path.relative_to(site / "api").with_suffix("") for path in site.rglob("api/**/*.html")}
    assert public <= pages
    assert not {path for path in pages if any(part.startswith("_") for part in path.parts)}


@pytest.mark.slow
def test_pages_show_names_that_are_imported_on_first_use(site: Path) -> None:
    page = (site / "api" / "mspt.html").read_text(encoding="utf-8")
    assert 'id="predict"' in page
    assert 'id="read_mesh"' in page


@pytest.mark.slow
def test_links_between_documents_lead_to_pages_and_nothing_is_loaded(site: Path) -> None:
    pages = [path for path in site.rglob("*.html") if "api" not in path.parts]
    assert site / "README.html" in pages
    for page in pages:
        html = page.read_text(encoding="utf-8")
        for link in re.findall(r'(?:href|src)="([^"#:]+)["#]', html):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
    for page in site.rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        assert not re.search(r'(src|<link[^>]*href)="?https?:', html), page.name
