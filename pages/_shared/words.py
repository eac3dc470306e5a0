"""The words of the project on its pages: meanings on hover, and what each page answers.

Meanings are those of ``docs/glossary.md`` and are written nowhere else.
"""

import re
from functools import cache
from pathlib import Path

import streamlit as st

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"
PAPER = "https://arxiv.org/abs/2512.01738"
"""Opened only when a visitor follows the link; nothing else leads out of the app."""
_LETTER = re.compile(r"^([A-Z](?: = [^ ]+)?) (.+)$")

ANSWERS = {
    "attention": "Which points and supernodes a prediction reads at a point, and what it would "
    "miss without them.",
    "benchmarks": "Which model has the least error, and what K, Q and the other settings do to it.",
    "compare": "Which of two to six shapes has the least drag, where it comes from, and whether "
    "the difference is clear.",
    "draw": "How far the model is from the solver on a domain that you draw yourself.",
    "explore": "How far the model is from the solver, case by case and point by point.",
    "home": "What the Multi-Scale Patch Transformer does, in six stops, and what to try first.",
    "patches": "What K, Q and the kind of partition do to patches, attention, cost and error.",
    "roof": "What roof, rear, height, length and spoiler do to the drag of a car.",
    "scaling": "How time and memory grow with N, K and Q, and what a cloud of any size would take.",
    "train": "How the error of small models falls while they are trained, side by side.",
    "upload": "What pressure, friction, drag and lift a shape has, and how far to trust them.",
}
"""What each page answers, by its path."""


@cache
def meanings() -> dict[str, str]:
    """Return the meaning of each word and letter of the glossary; none where it is missing."""
    if not GLOSSARY.exists():
        return {}
    return parse_glossary(GLOSSARY.read_text(encoding="utf-8"))


def parse_glossary(text: str) -> dict[str, str]:
    r"""Return the meanings in the text of a glossary: of the letters, and of the words in tables.

    Examples:
        >>> text = "## Letters\n\nN points · E = D/H head width. In annotations ...\n\n"
        >>> text += "| word | meaning |\n| --- | --- |\n| C_D, C_L | drag, lift |\n"
        >>> parse_glossary(text)
        {'N': 'points', 'E': 'D/H: head width', 'C_D': 'drag, lift', 'C_L': 'drag, lift'}
    """
    found = {}
    _, _, rest = text.partition("## Letters\n\n")
    for entry in rest.partition(". In")[0].replace("\n", " ").split(" · "):
        if match := _LETTER.match(entry.strip()):
            letter, _, formula = match[1].partition(" = ")
            found[letter] = f"{formula}: {match[2]}" if formula else match[2]
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and len(cells) > 1 and cells[0] not in ("word", "---"):
            found |= dict.fromkeys(cells[0].split(", "), cells[1])
    return found


def tip(*words: str, more: str = "") -> str:
    """Return the meanings of some words, for a tooltip.

    Args:
        *words: Words and letters as the glossary has them.
        more: What else belongs there.

    Raises:
        KeyError: If the glossary has no such word.

    Examples:
        >>> tip("count")
        '**count**: 0.0001 of C_D'
    """
    known = meanings()
    lines = [f"**{word}**: {known[word]}" for word in words] if known else []
    return "  \n".join([*lines, more] if more else lines)


def answers() -> None:
    """Show in one line what the open page answers, with links to method, glossary and paper."""
    sentence = ANSWERS.get(st.session_state["page"] or "home", "")
    st.caption(
        f"{sentence} [Method](documents?doc=method) · [Glossary](documents?doc=glossary) · "
        f"[Paper]({PAPER})"
    )
