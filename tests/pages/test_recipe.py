"""The recipe in docs/add-a-page.md, followed to the letter."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages._shared import frame
from tests.pages.tiny import ROOT

RECIPE = (ROOT / "docs" / "add-a-page.md").read_text(encoding="utf-8")
HELPER, PAGE, TEST = re.findall(r"^~~~python\n(.*?)^~~~", RECIPE, re.MULTILINE | re.DOTALL)
(ENTRY,) = re.findall(r"^ +st\.Page\(.*$", RECIPE, re.MULTILINE)


@pytest.fixture
def open_new_page(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AppTest]:
    """Open pages of an app that has one page more, in a folder of its own."""
    pages = tmp_path / "pages"
    (pages / "_radii").mkdir(parents=True)
    for page in (ROOT / "pages").glob("*.py"):
        (pages / page.name).symlink_to(page)
    (pages / "radii.py").write_text(PAGE, encoding="utf-8")
    (pages / "_radii" / "__init__.py").write_text('"""The page for radii."""\n', encoding="utf-8")
    (pages / "_radii" / "data.py").write_text(HELPER, encoding="utf-8")
    app = (ROOT / "app.py").read_text(encoding="utf-8")
    last = '        st.Page("pages/scaling.py"'
    assert last in app
    (tmp_path / "app.py").write_text(app.replace(last, f"{ENTRY}\n{last}"), encoding="utf-8")
    monkeypatch.setattr(frame, "APP", tmp_path / "app.py")
    monkeypatch.chdir(project)
    monkeypatch.syspath_prepend(tmp_path)  # ``pages`` has no __init__: its parts add up

    def open_it(page: str, **query: str) -> AppTest:
        shown = AppTest.from_file(str(tmp_path / "app.py"), default_timeout=180)
        shown.query_params.update(query)
        shown.switch_page(f"pages/{page}.py")
        return shown.run()

    return open_it


def test_page_of_the_recipe_passes_the_test_of_the_recipe(
    open_new_page: Callable[..., AppTest],
) -> None:
    names: dict[str, Callable] = {}
    exec(compile(TEST, "docs/add-a-page.md", "exec"), names)
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert len(tests) == 1
    tests[0](open_new_page)


def test_page_of_the_recipe_gives_the_command_for_its_numbers(
    open_new_page: Callable[..., AppTest],
) -> None:
    shown = open_new_page("radii", dataset="darcy", radii_K="64")
    (command,) = [block.value for block in shown.code]
    assert command.startswith("python -m mspt patches darcy-")
    assert "--patches 64" in command
