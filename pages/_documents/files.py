"""The documents of the project as text that a page shows."""

import re
from pathlib import Path

from mspt.errors import MSPTError

FOLDER = Path(__file__).parents[2] / "docs"
FIRST = ("app", "method", "glossary", "results")
"""Those that most visitors look for."""
_COMMENT = re.compile(r"<!--.*?-->\n*", re.DOTALL)
_MATH = re.compile(r"```math\n(.*?)```", re.DOTALL)
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")


def names() -> list[str]:
    """Return the names of all documents, those in front that most visitors look for."""
    found = sorted(path.stem for path in FOLDER.glob("*.md"))
    return [
        *(name for name in FIRST if name in found),
        *(name for name in found if name not in FIRST),
    ]


def document(name: str) -> str:
    """Return a document as Markdown that the app shows.

    Raises:
        MSPTError: If it is not there.
    """
    path = FOLDER / f"{name}.md"
    if name not in names():
        raise MSPTError(
            f"document must be one of {', '.join(names()) or 'docs/'}, got {name[:40]!r}; put the "
            "folder docs/ back from a copy of the project"
        )
    return shown(path.read_text(encoding="utf-8"))


def shown(text: str) -> str:
    r"""Return Markdown with equations and links as the app shows them.

    Links to other documents lead to these; of links to other files the words and the path stay.

    Examples:
        >>> shown("[a](method.md#x) and [b](../README.md)\n```math\nx\n```")
        '[a](documents?doc=method) and b (`README.md`)\n$$\nx\n$$'
    """
    plain = _MATH.sub(r"$$\n\1$$", _COMMENT.sub("", text))
    return _LINK.sub(_in_app, plain)


def _in_app(link: re.Match[str]) -> str:
    words, target = link[1], link[2]
    path = target.partition("#")[0]
    if target.startswith(("https://", "http://")):
        return link[0]
    if not path:
        return words
    if "/" not in path and path.endswith(".md"):
        return f"[{words}](documents?doc={path.removesuffix('.md')})"
    return f"{words} (`{path.removeprefix('../')}`)"
