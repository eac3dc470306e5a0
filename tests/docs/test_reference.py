import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pdoc.extract import walk_specs

from tests.docs.documents import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    # One package: all of them take half a minute.
    command = [sys.executable, "-W", "error", "assets/reference.py", str(folder)]
    command += ["--package", "mspt.metrics"]
    environment = os.environ | {"PYTHONPATH": "."}
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return folder


def test_every_public_module_has_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "assets"))
    reference = importlib.import_module("reference")
    modules = {path.relative_to(ROOT).with_suffix("") for path in (ROOT / "mspt").rglob("*.py")}
    names = {".".join(path.parts).removesuffix(".__init__") for path in modules}
    public = {name for name in names if not any(part[0] == "_" for part in name.split("."))}
    shown = set(walk_specs(reference.specifications()))
    assert public <= shown
    assert not {name for name in shown if any(part[0] == "_" for part in name.split("."))}


@pytest.mark.slow
def test_modules_have_pages_with_what_they_define(site: Path) -> None:
    pages = {path.relative_to(site / "api").as_posix() for path in site.rglob("api/**/*.html")}
    assert {"mspt.html", "mspt/metrics/forces.html", "mspt/metrics.html"} <= pages
    page = site / "api/mspt/metrics/forces.html"
    assert 'id="coefficients"' in page.read_text(encoding="utf-8")


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
