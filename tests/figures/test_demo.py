"""The demo: files that refer to each other alone, and a viewer that is no module."""

import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from mspt.cli.demo import default_cases
from mspt.cli.main import main
from mspt.errors import MSPTError
from mspt.figures.demo.document import POLICY, plain_script
from mspt.figures.viewer.packets import decode_packet
from tests.pages.tiny import make_project


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(tmp_path_factory.mktemp("project"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        assert len(default_cases()) == 5
        assert {one.split("-")[0] for one in default_cases()} == {"car", "darcy", "elasticity"}
        cases = [default_cases()[0], "elasticity-1100"]
        assert main(["demo", "pages", "--progress", "off", "--cases", *cases]) == 0
    return project / "pages"


def test_pages_refer_to_their_own_files_alone(demo: Path) -> None:
    pages = sorted(demo.glob("*.html"))
    assert {"index.html", "tour.html"} < {page.name for page in pages}
    names = {page.stem for page in pages}
    assert {"car-0021", "elasticity-1100", "patches-car-0021", "attention-car-0021-block-1"} < names
    assert "attention-elasticity-1100-block-1" in names
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert f'http-equiv="Content-Security-Policy" content="{POLICY}"' in text
        assert text.index("Content-Security-Policy") < text.index("<script")
        for name in re.findall(r'(?:src|href)="([^"]+)"', text):
            assert name == "data:," or (demo / name).is_file(), name
        assert re.findall(r"<script(?![^>]* src=)", text) == []
        assert "python -m mspt" in text
    whole = "".join(page.read_text(encoding="utf-8") for page in demo.iterdir())
    assert "http://" not in whole.replace("http://www.w3.org/", "")
    assert sum(path.stat().st_size for path in demo.iterdir()) < 15e6


def test_scene_of_a_page_is_whole_in_its_script(demo: Path) -> None:
    text = next(demo.glob("car-*.js")).read_text(encoding="utf-8")
    found = re.fullmatch(r'window\.msptScene="([A-Za-z0-9+/=]+)";\n', text)
    assert found is not None
    header: Any
    header, buffers = decode_packet(b64decode(found[1]))
    assert [panel["title"].split()[0] for panel in header["panels"]] == [
        "Truth",
        "Prediction",
        "Error",
    ]
    assert all("buffer" in place for place in header["blobs"].values())  # nothing by address
    assert len(buffers) == len(header["sizes"])
    assert header["picture"].startswith("data:image/png;base64,")


def test_a_viewer_that_exports_nothing_is_refused() -> None:
    with pytest.raises(MSPTError, match="viewer must be a module that ends with its exports"):
        plain_script("const a = 1;")


def test_cases_can_be_named_and_unknown_ones_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["demo", str(tmp_path / "pages"), "--cases", "car-99999"]) == 2
    assert "car-99999" in capsys.readouterr().err
    assert not (tmp_path / "pages").exists()
