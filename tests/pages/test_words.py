"""Words of the glossary on the pages, the documents in the app, and what each page answers."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages._documents import files
from pages._shared import words
from tests.pages.test_source import FILES, PAGES, name_of

ROOT = Path(__file__).parents[2]


def asked() -> set[tuple[str, str]]:
    """Return all words that pages show the meaning of, with the file of each."""
    return {
        (name_of(path), argument.value)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "words.tip"
        for argument in node.args
        if isinstance(argument, ast.Constant)
    }


def test_every_word_with_a_tooltip_is_in_the_glossary() -> None:
    known = words.meanings()
    assert [one for one in asked() if one[1] not in known] == []
    wanted = {"K", "L", "Q", "S", "D", "N", "count", "dispersion", "label noise", "patch"}
    assert wanted <= {word for _, word in asked()}


def test_a_meaning_is_that_of_the_document() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert words.meanings()["label noise"] in text
    assert words.tip("K", more="More.") == "**K**: patches  \nMore."
    with pytest.raises(KeyError):
        words.tip("flux capacitor")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_each_page_says_what_it_answers(path: Path) -> None:
    if path.stem != "documents":  # its documents say that
        assert "words.answers()" in path.read_text(encoding="utf-8")
        assert words.ANSWERS[path.stem].endswith(".")


@pytest.mark.parametrize("name", files.names())
def test_documents_are_shown_with_links_that_lead_somewhere(name: str) -> None:
    text = files.document(name)
    assert text.startswith("# ")
    assert "```math" not in text
    assert "<!--" not in text
    for target in files._LINK.findall(text):
        address = target[1]
        if not address.startswith("https://"):
            assert address.removeprefix("documents?doc=") in files.names()


def test_a_document_is_in_the_address(open_page: Callable[..., AppTest]) -> None:
    app = open_page("documents", doc="glossary")
    assert not app.exception
    assert any(one.value.startswith("# Glossary") for one in app.markdown)
