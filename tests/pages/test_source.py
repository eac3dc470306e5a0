import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "pages").rglob("*.py"))
CACHING = {
    "_shared.py",
    "_flows.py",
    "_vtk.py",
    "_samples.py",
    "_cuts.py",
    "_attended.py",
    "_explored.py",
    "_tour.py",
}
"""Helpers that call the library; those that lay out a page hold no cache."""
PAGES = [path for path in FILES if path.parent.name == "pages" and not path.name.startswith("_")]
CACHES = re.compile(r"cache_(data|resource)")

COLOR = re.compile(
    # A hexadecimal color has 3, 4, 6 or 8 digits: the alpha channel may follow red, green, blue.
    r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})(?![\w-])"
    r"|\b(?:rgba?|hsla?|hwb|lab|lch|oklab|oklch)\("
    # A name is a color where CSS gives it to a property. Streamlit's own names for the colors of
    # its theme, as in ":green-badge[...]", are no colors of ours.
    r"|\b(?:color|background|fill|stroke)\s*:\s*"
    r"(?!inherit|none|transparent|currentcolor)[a-z]++(?![-(])",
    re.IGNORECASE,
)


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT / "pages").as_posix() for path in paths]


def colors_in(source: str) -> list[str]:
    """Return the colors that string literals of some code hold; comments may name an issue #123."""
    texts = [
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return [found.group() for text in texts for found in COLOR.finditer(text)]


@pytest.mark.parametrize(
    "color",
    [
        "#fa4",
        "#fa45",
        "#ff9f45",
        "#FF9F4555",
        "rgb(255, 159, 69)",
        "rgba(255, 159, 69, 0.3)",
        "hsl(29 100% 64%)",
        "hsla(29, 100%, 64%, 0.3)",
        "oklch(78% 0.15 64)",
        "background-color: orange",
    ],
)
def test_every_way_to_write_a_color_is_found(color: str) -> None:
    assert colors_in(f"style = '{color}'")
    assert colors_in(f"style = f'{{name}} {color};'")


@pytest.mark.parametrize(
    "text", [":green-badge[#]", "#12", "#1234567", "#add-a-page", "fill: linear-gradient(0, 1)"]
)
def test_what_is_no_color_is_not_taken_for_one(text: str) -> None:
    assert not colors_in(f"text = '{text}'")


@pytest.mark.parametrize("path", PAGES, ids=names(PAGES))
def test_page_computes_nothing_itself(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 150
    arithmetic = (ast.Mult, ast.Div, ast.Pow, ast.MatMult, ast.Sub, ast.Mod, ast.FloorDiv)
    for node in ast.walk(tree):
        assert not isinstance(node, ast.ClassDef), "a page defines no class"
        assert not (isinstance(node, ast.BinOp) and isinstance(node.op, arithmetic)), (
            f"a page holds no formula, line {node.lineno}"
        )
        if isinstance(node, ast.For | ast.While):
            assert "points" not in ast.unparse(node)


@pytest.mark.parametrize("path", FILES, ids=names(FILES))
def test_pages_import_neither_torch_nor_plotly_and_name_no_color(path: Path) -> None:
    """Helpers may name the type of what they pass on."""
    text = path.read_text(encoding="utf-8")
    if path not in PAGES:
        text = text.replace("from torch import Tensor\n", "")
    imported = [
        alias.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import)
        for alias in node.names
    ] + [
        node.module or "" for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)
    ]
    assert not [name for name in imported if name.split(".")[0] in ("torch", "plotly")]
    assert colors_in(text) == []


def test_only_what_computes_for_pages_caches() -> None:
    caching = {path for path in FILES if CACHES.search(path.read_text(encoding="utf-8"))}
    assert {path.name for path in caching} == CACHING


def test_there_are_seven_pages() -> None:
    """The tests above would say nothing of pages that moved elsewhere."""
    assert len(PAGES) == 7


@pytest.mark.parametrize("name", ["hole.js", "paint.js"])
def test_canvas_script_travels_inline(name: str) -> None:
    """Streamlit sends it with every message, and takes a single line for a path."""
    text = (ROOT / "assets" / "draw" / name).read_text(encoding="utf-8")
    assert len(text.encode()) < 10_000
    assert "\n" in text.strip()
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
