import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "pages").glob("*.py"))
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
PAGES = [path for path in FILES if not path.name.startswith("_")]


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


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
    if path.name.startswith("_"):
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
    assert not re.search(r"#[0-9a-fA-F]{6}\b|rgba?\(", text)


@pytest.mark.parametrize("path", FILES, ids=names(FILES))
def test_only_what_computes_for_pages_caches(path: Path) -> None:
    if path.name not in CACHING:
        assert "cache_data" not in path.read_text(encoding="utf-8")
        assert "cache_resource" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["hole.js", "paint.js"])
def test_canvas_script_travels_inline(name: str) -> None:
    """Streamlit sends it with every message, and takes a single line for a path."""
    text = (ROOT / "assets" / "draw" / name).read_text(encoding="utf-8")
    assert len(text.encode()) < 10_000
    assert "\n" in text.strip()
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
