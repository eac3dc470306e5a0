"""What the document on installation says of wheels and of commands."""

import importlib.util
import re
import sys
from collections.abc import Sequence
from types import ModuleType

import pytest
from packaging.requirements import Requirement

from tests.docs.documents import ROOT

DOCUMENT = ROOT / "docs" / "install.md"


@pytest.fixture(scope="module")
def wheels() -> ModuleType:
    spec = importlib.util.spec_from_file_location("wheels", ROOT / "assets" / "wheels.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["wheels"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_commands_without_make_are_those_of_the_makefile() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    blocks = re.findall(r"```powershell\n(.*?)```", text, flags=re.DOTALL)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    makefile = makefile.replace("$(INSTALL)", "$(BIN)/python -m pip install")
    makefile = makefile.replace("$(PYTEST)", "$(BIN)/python -m pytest")
    lines = [line for block in blocks for line in block.splitlines()]
    assert lines[0] == "py -m venv .venv"
    for line in lines[1:]:
        assert line.replace(".venv\\Scripts\\", "$(BIN)/") in makefile, line
    assert len(lines) == 9


def test_the_table_has_every_platform_and_version(wheels: ModuleType) -> None:
    _, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(wheels.BEGIN)
    head, _, *rows = rest.partition(wheels.END)[0].strip().splitlines()
    assert head == f"| | {' | '.join(f'Python {one}' for one in wheels.PYTHONS)} |"
    assert [row.split("|")[1].strip() for row in rows] == [one.title for one in wheels.PLATFORMS]
    assert all(len(row.split("|")) == len(wheels.PYTHONS) + 3 for row in rows)


def test_what_packages_need_in_turn_is_asked_for(wheels: ModuleType) -> None:
    needs = {
        "first": ["second>=2", "tool; extra == 'more'", "winonly; sys_platform == 'win32'"],
        "second": ["third<5; python_version < '3.12'", "first"],
        "third": ["second<9"],
    }
    direct = [Requirement("First[more]==1.0")]
    linux, windows = wheels.PLATFORMS[0], wheels.PLATFORMS[3]

    def found(platform: object, python: str) -> list[str]:
        requires = lambda name: needs.get(name.lower())  # noqa: E731
        return [
            f"{one.name}{one.specifier}"
            for one in wheels.needed(direct, platform, python, requires=requires)
        ]

    assert found(linux, "3.11") == ["First==1.0", "second<9,>=2", "third<5", "tool"]
    assert found(linux, "3.12") == ["First==1.0", "second>=2", "tool"]
    assert found(windows, "3.12") == ["First==1.0", "second>=2", "tool", "winonly"]


def test_packages_without_a_wheel_are_found_by_halves(wheels: ModuleType) -> None:
    asked = []

    def ask(texts: Sequence[str], *_: object) -> bool:
        asked.append(len(texts))
        return not {"c==1", "f"} & set(texts)

    wanted = [Requirement(text) for text in ("a", "b", "c==1", "d", "e", "f", "g", "h")]
    assert wheels.missing(wanted, None, "3.11", ask=ask) == ["c==1", "f"]
    assert len(asked) < 14
    assert wheels.missing(wanted[:2], None, "3.11", ask=ask) == []


def test_table_names_what_is_missing(wheels: ModuleType) -> None:
    rows = [("One", "3.11", 4, []), ("One", "3.12", 4, ["vtk<9"]), ("Two", "3.11", 3, [])]
    assert wheels.table(rows).splitlines() == [
        "| | Python 3.11 | Python 3.12 |",
        "| --- | --- | --- |",
        "| One | all 4 | without vtk<9 |",
        "| Two | all 3 |",
    ]
    document = f"a\n{wheels.BEGIN}\nold\n{wheels.END}\nb"
    once = wheels.put("new", document)
    assert once == wheels.put("new", once) == f"a\n{wheels.BEGIN}\n\nnew\n\n{wheels.END}\nb"
    with pytest.raises(ValueError, match="must hold <!-- wheels: begin --> and then"):
        wheels.put("new", "no marks")
