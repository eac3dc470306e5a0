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
OWN += ("_benchmarks", "_compare", "_documents", "_roof", "_train")
"""Packages of one page each; ``_shared`` is for all."""
KINDS = {"__init__", "data", "scores", "controls", "panels", "charts", "cards", "versus", "views"}
KINDS |= {"files"}


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
    assert colors_in(path.read_text(encoding="utf-8")) == []


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
    """What changes: jobs, their order, the cache made by hand, the last look at the server."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and (path.stem, node.name) not in (
            ("health", "Health"),
            ("jobs", "Job"),
            ("logs", "JSONLines"),  # its base class is of another library
            ("store", "Store"),
            ("turns", "Turns"),
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


NOTES = ("error", "warning", "info", "success", "exception", "toast")


@pytest.mark.parametrize("path", FILES, ids=map(name_of, FILES))
def test_what_pages_say_is_escaped_in_one_place(path: Path) -> None:
    """A message may quote a file: its template is a text of the code, its values are escaped."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        place, kind = ast.unparse(node.func.value), node.func.attr
        if kind not in NOTES or place == "_LOG" or name_of(path) == "_shared/notes":
            continue
        if name_of(path) == "_shared/links" and place == "state[_PLACE]":
            continue  # its sentences are of the code, and quote values as code
        assert place == "notes", f"line {node.lineno}: use notes.{kind}"
        assert isinstance(node.args[0], ast.Constant), f"line {node.lineno}: a template is no value"


@pytest.mark.parametrize("path", FILES, ids=map(name_of, FILES))
def test_parts_that_are_rerun_alone_show_their_errors(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            used = [ast.unparse(one) for one in node.decorator_list]
            assert not [one for one in used if one.startswith("st.fragment")], "use frame.fragment"


def test_nothing_is_shown_as_raw_html_but_the_style() -> None:
    for path in [*FILES, ROOT / "app.py"]:
        text = path.read_text(encoding="utf-8")
        assert "unsafe_allow_html" not in text
        assert text.count("st.html(") == (name_of(path) == "_shared/frame" if path in FILES else 0)


@pytest.mark.parametrize("name", ["hole.js", "paint.js", "points.js", "field.js"])
def test_canvas_script_travels_inline(name: str) -> None:
    """Streamlit sends it with every message, and takes a single line for a path."""
    text = (ROOT / "assets" / "draw" / name).read_text(encoding="utf-8")
    assert len(text.encode()) < 10_000
    assert "\n" in text.strip()
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
