"""Errors, warnings and notes of all pages, and text from files so that it is shown as it is.

Streamlit renders what it shows as Markdown. A name or a message that comes from a file could hold a
link, or an image that a visitor's browser would fetch from anywhere. What comes from a file goes
through :func:`plain`; the functions that show a note do this for all values they are given.
"""

import re
from collections.abc import Callable

import streamlit as st

LONGEST = 1000
"""Characters of a value that are shown."""
_JOINER = "\N{WORD JOINER}"
"""Has no width and is no letter: what follows is no address any longer, and reads the same."""
# Any of these may be escaped in Markdown.
_MARKS = re.compile(r"([!-/:-@\[-`{-~])")
# What Streamlit's browser part looks for after Markdown is read, where no escape counts any longer:
# addresses, and names of icons and emoji between colons.
_ADDRESSES = re.compile(r"(:(?=\S)|@|www(?=\\?\.))", re.IGNORECASE)


def plain(text: object, *, longest: int = LONGEST) -> str:
    r"""Return a text as Markdown that is shown as it is: one line, without marks or links.

    Args:
        text: Any text; what cannot be seen is left out.
        longest: Characters to keep.

    Examples:
        >>> plain("*a*  b\n# c"), plain("car_1.stl")
        ('\\*a\\* b \\# c', 'car\\_1\\.stl')
        >>> plain("![x](https://example.org)").replace("\N{WORD JOINER}", "|")
        '\\!\\[x\\]\\(https\\:|\\/\\/example\\.org\\)'
    """
    line = " ".join(str(text)[: 4 * longest].split())
    seen = "".join(letter for letter in line if letter.isprintable())
    short = seen if len(seen) <= longest else f"{seen[: longest - 1]}…"
    return _MARKS.sub(r"\\\1", _ADDRESSES.sub(rf"\1{_JOINER}", short))


def code(value: object, *, longest: int = 60) -> str:
    r"""Return a text as Markdown that is shown as it is, as code.

    Examples:
        >>> code("a`b\n"), code("abc", longest=2)
        ('`ab`', '`a…`')
    """
    text = str(value)
    short = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return f"`{''.join(letter for letter in short if letter.isprintable() and letter != '`')}`"


def error(template: str, *values: object) -> None:
    """Show an error.

    Args:
        template: Markdown with ``{}`` where values go; a text in the code, as it is not escaped.
        values: Shown as they are, wherever they come from.
    """
    _show(st.error, "error", template, values)


def warning(template: str, *values: object) -> None:
    """Show a warning; arguments as of :func:`error`."""
    _show(st.warning, "warning", template, values)


def info(template: str, *values: object) -> None:
    """Show a note; arguments as of :func:`error`."""
    _show(st.info, "info", template, values)


def _show(
    show: Callable[..., object], icon: str, template: str, values: tuple[object, ...]
) -> None:
    show(template.format(*map(plain, values)), icon=f":material/{icon}:")


def sentence(message: str) -> str:
    """Return the message of an error as a sentence.

    Examples:
        >>> sentence("mesh must have triangles, got none")
        'Mesh must have triangles, got none.'
    """
    return f"{message[:1].upper()}{message[1:].rstrip('.')}."
