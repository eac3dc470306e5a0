"""Text from files is shown as it is: read back by a Markdown parser, and no address is left."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as draw
from markdown_it import MarkdownIt
from streamlit.testing.v1 import AppTest

from pages._shared import notes
from pages._shared.notes import LONGEST, code, plain

ADDRESS = re.compile(r"https?://|www\.|[-.\w+]@[-\w]", re.IGNORECASE)
"""How the addresses begin that Streamlit's browser part makes links of."""
DIRECTIVE = re.compile(r":[\w/+-]+:|:\w+\[|:\w+-")
"""Names of icons, emoji and colors."""
HOSTILE = [
    "![x](https://evil.example/p.png)",
    "[click](//evil.example)",
    "<img src=//evil.example>",
    "<https://evil.example>",
    "https://evil.example www.evil.example a@evil.example",
    "[x]: //evil.example\n\n[x]",
    "`code` **bold** _it_ ~~gone~~ $x^2$ $$y$$",
    ":material/delete: :smile: :red[all] :red-badge[x]",
    "# title\n- list\n1. one\n> quote\n| a | b |\n|---|---|\n\n    code",
    "a\\![b](c)\\",
    "&lt;b&gt; &#33;[x](y)",
    "a\0b\u202egnp.exe\x1b[31m",
]


def shown(markdown: str) -> str:
    """The text of a paragraph of Markdown, with no mark in it."""
    parts = MarkdownIt("commonmark").parse(markdown)
    assert [part.type for part in parts] == ["paragraph_open", "inline", "paragraph_close"]
    kinds = {child.type for child in parts[1].children}
    assert kinds <= {"text", "text_special"}, kinds
    return "".join(child.content for child in parts[1].children)


@given(text=draw.text(min_size=1) | draw.sampled_from(HOSTILE))
@example(text=" ".join(HOSTILE))
def test_text_is_read_as_it_was_and_leads_nowhere(text: str) -> None:
    kept = "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
    written = plain(text)
    if not kept.strip():
        assert not written.strip()
        return
    read = shown(written)
    assert read.replace("\u2060", "") == kept.strip() or "\u2060" in kept
    assert not ADDRESS.search(read)
    assert not DIRECTIVE.search(read)


@pytest.mark.parametrize("text", HOSTILE)
def test_every_sign_that_may_begin_a_mark_is_escaped(text: str) -> None:
    """The browser's parser knows more marks than the one above: of math, tables, directives."""
    assert not re.search(r"[$|~\[\]<>`*!#]|\b_|_\b|:\w", re.sub(r"\\[\W_]", "", plain(text)))


@given(text=draw.text(alphabet="`*[]()!x "))
def test_backticks_of_a_value_hold_code_and_nothing_else(text: str) -> None:
    parts = MarkdownIt("commonmark").parse(f"x {notes._with_code(text)} x")
    kinds = {child.type for part in parts for child in part.children or ()}
    assert kinds <= {"text", "text_special", "code_inline"}


@pytest.mark.parametrize("show", [plain, code])
def test_long_text_is_cut(show: object) -> None:
    assert len(show("a" * 10**7)) <= LONGEST


@pytest.mark.parametrize("text", HOSTILE)
def test_code_holds_one_line_that_nothing_ends(text: str) -> None:
    parts = MarkdownIt("commonmark").parse(f"before {code(text, longest=10**6)} after")
    kinds = [child.type for child in parts[1].children]
    assert kinds == ["text", "code_inline", "text"]


def test_values_of_a_note_are_escaped_and_its_template_is_not() -> None:
    def page() -> None:
        from pages._shared import notes

        notes.error("**{}** and {{", "![x](y)")
        notes.warning("{}", "<b> `make app` it")
        notes.info("**one**")

    app = AppTest.from_function(page).run()
    assert app.error[0].value == r"**\!\[x\](y)** and {"
    assert app.warning[0].value == r"\<b\> `make app` it"
    assert app.info[0].value == "**one**"
