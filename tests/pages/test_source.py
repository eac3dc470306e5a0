"""What pages and their helpers may do, read from their source."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "pages").glob("*.py"))
HELPERS = sorted((ROOT / "pages").glob("*/*.py"))
FILES = [*PAGES, *HELPERS]
OWN = ("_home", "_explore", "_upload", "_draw", "_patches", "_attention", "_scaling")
"""Packages of one page each; ``_shared`` is for all."""
KINDS = {"__init__", "data", "scores", "controls", "panels", "charts", "views", "files"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT / "pages").with_suffix("").as_posix()


def imports_of(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def test_each_page_has_a_package_of_its_own_and_nothing_else_lies_beside_them() -> None:
    assert sorted(f"_{path.stem}" for path in PAGES) == sorted(OWN)
    folders = {path.parent.name for path in HELPERS}
    assert folders == {*OWN, "_shared"}
    assert {path.stem for path in HELPERS if path.parent.name in OWN} <= KINDS


@pytest.mark.parametrize("path", PAGES, ids=map(name_of, PAGES))
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


@pytest.mark.parametrize("path", FILES, ids=map(name_of, FILES))
def test_pages_import_neither_torch_nor_plotly(path: Path) -> None:
    """Helpers may name the type of what they pass on."""
    allowed = {"torch.Tensor"} if path in HELPERS else set()
    found = {name for name in imports_of(path) if name.split(".")[0] in ("torch", "plotly")}
    assert found <= allowed


@pytest.mark.parametrize("path", FILES, ids=map(name_of, FILES))
def test_pages_name_no_color(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"#(?:[0-9a-fA-F]{8}|[0-9a-fA-F]{6}|[0-9a-fA-F]{3,4})\b|rgba?\(", text)


@pytest.mark.parametrize("text", ["#1a2b3c", "#1a2b3c80", "#fff", "rgb(1, 2, 3)", "rgba(1, 2, 3)"])
def test_check_for_colors_finds_each_form(text: str, tmp_path: Path) -> None:
    path = tmp_path / "page.py"
    path.write_text(f"color = {text!r}\n")
    with pytest.raises(AssertionError):
        test_pages_name_no_color(path)


@pytest.mark.parametrize("path", FILES, ids=map(name_of, FILES))
def test_only_data_and_shared_modules_cache(path: Path) -> None:
    if path.stem not in ("data", "scores") and path.parent.name != "_shared":
        text = path.read_text(encoding="utf-8")
        assert "cache_data" not in text
        assert "cache_resource" not in text


@pytest.mark.parametrize("path", HELPERS, ids=map(name_of, HELPERS))
def test_helpers_of_a_page_are_used_by_no_other(path: Path) -> None:
    others = {f"pages.{name}." for name in OWN} - {f"pages.{path.parent.name}."}
    assert not [name for name in imports_of(path) if f"{name}.".startswith(tuple(others))]


@pytest.mark.parametrize("path", HELPERS, ids=map(name_of, HELPERS))
def test_classes_of_helpers_are_frozen_values(path: Path) -> None:
    """A job changes while it runs, and the store of results is the one cache made by hand."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and (path.stem, node.name) not in (
            ("jobs", "Job"),
            ("store", "Store"),
        ):
            assert any("frozen=True" in ast.unparse(one) for one in node.decorator_list), node.name


def test_time_of_a_checkpoint_s_file_is_read_in_one_place() -> None:
    places = [path for path in FILES if "st_mtime" in path.read_text(encoding="utf-8")]
    assert [name_of(path) for path in places] == ["_shared/cache"]
    assert places[0].read_text(encoding="utf-8").count("st_mtime") == 1


@pytest.mark.parametrize("path", HELPERS, ids=map(name_of, HELPERS))
def test_data_sets_are_told_apart_in_shared_modules_only(path: Path) -> None:
    """Names of the library are fine; branches by the name of a data set are not."""
    if path.parent.name != "_shared":
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare):
                words = {"'car'", "'darcy'", "'elasticity'", "CAR", "CAR_CASES"}
                parts = {ast.unparse(part) for part in (node.left, *node.comparators)}
                assert not parts & words, f"line {node.lineno}"


@pytest.mark.parametrize("name", ["hole.js", "paint.js"])
def test_canvas_script_travels_inline(name: str) -> None:
    """Streamlit sends it with every message, and takes a single line for a path."""
    text = (ROOT / "assets" / "draw" / name).read_text(encoding="utf-8")
    assert len(text.encode()) < 10_000
    assert "\n" in text.strip()
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
