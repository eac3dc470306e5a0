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
# What may begin or end a mark inside a line, and at its start. An underscore between letters does
# not.
_MARKS = re.compile(r"([\\`*\[\]<>!~$&|#{}]|(?<![^\W_])_|_(?![^\W_])|^[-+=]|(?<=^\d)[.)])")
# What Streamlit's browser part looks for after Markdown is read, where no escape counts any longer:
# addresses; names of icons, colors and emoji after a colon; arrows and dashes made of signs.
_LATER = re.compile(r"(:(?=\S)|@|www(?=\.)|[-<>~](?=[-=>]))", re.IGNORECASE)


def plain(text: object, *, longest: int = LONGEST) -> str:
    r"""Return a text as Markdown that is shown as it is: one line, without marks or links.

    Args:
        text: Any text; what cannot be seen is left out.
        longest: Characters to keep.

    Examples:
        >>> plain("*a*  b\n# c"), plain("_car_1.stl")
        ('\\*a\\* b \\# c', '\\_car_1.stl')
        >>> plain("![x](https://example.org)").replace("\N{WORD JOINER}", "|")
        '\\!\\[x\\](https:|//example.org)'
    """
    line = " ".join(str(text)[: 4 * longest].split())
    seen = "".join(letter for letter in line if letter.isprintable()).strip()
    short = seen if len(seen) <= longest else f"{seen[: longest - 1]}…"
    return _MARKS.sub(r"\\\1", _LATER.sub(rf"\1{_JOINER}", short))


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
        values: Shown as they are, wherever they come from; what is between backticks, as code.
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
    show(template.format(*map(_with_code, values)), icon=f":material/{icon}:")


def _with_code(value: object) -> str:
    r"""Return a text that is shown as it is, with what is between backticks as code.

    Examples:
        >>> _with_code("*run* `make app`"), _with_code("*a` b")
        ('\\*run\\* `make app`', '\\*a\\` b')
    """
    parts = str(value)[:LONGEST].split("`")
    if len(parts) % 2 == 0:
        return plain(value)
    return "".join(
        code(part, longest=LONGEST) if place % 2 else _spaced(part)
        for place, part in enumerate(parts)
        if part
    )


def _spaced(text: str) -> str:
    """Return a plain text with the space at its ends that belongs between it and its neighbors."""
    before, after = (" " * (text != cut) for cut in (text.lstrip(), text.rstrip()))
    return f"{before}{plain(text)}{after}"


def sentence(message: str) -> str:
    """Return the message of an error as a sentence.

    Examples:
        >>> sentence("mesh must have triangles, got none")
        'Mesh must have triangles, got none.'
    """
    return f"{message[:1].upper()}{message[1:].rstrip('.')}."
