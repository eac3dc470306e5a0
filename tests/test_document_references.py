"""What the documents refer to exists, and the numbers they print are those of the checkpoints."""

import importlib
import re
from functools import reduce
from pathlib import Path

import pytest

from mspt.checkpoint import read_info

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
FOLDERS = "assets|docs|mspt|pages|pretrained|static|tests"
NAMED_PATH = re.compile(rf"`((?:{FOLDERS})/(?!1`)[\w./-]+)`")  # mspt/1 is a format
IMPORT_PATH = re.compile(r"`(mspt(?:\.\w+)+)`")
MADE_BY_READER = frozenset({"add-a-data-set.md", "add-a-page.md", "use-your-checkpoint.md"})
"""Documents that name files which their reader makes."""
NUM_EQUATIONS, NUM_ODDITIES = 12, 12


def found(pattern: re.Pattern[str], paths: list[Path]) -> list[tuple[Path, str]]:
    matches = [(path, pattern.findall(path.read_text(encoding="utf-8"))) for path in paths]
    return [(path, name) for path, names in matches for name in sorted(set(names))]


def named(cases: list[tuple[Path, str]]) -> list[str]:
    return [f"{path.name}: {name}" for path, name in cases]


LINKS = found(LINK, DOCUMENTS)
PATHS = found(NAMED_PATH, [path for path in DOCUMENTS if path.name not in MADE_BY_READER])
NAMES = found(IMPORT_PATH, DOCUMENTS)


@pytest.mark.parametrize(("document", "target"), LINKS, ids=named(LINKS))
def test_link_leads_to_a_file(document: Path, target: str) -> None:
    assert (document.parent / target).exists()


@pytest.mark.parametrize(("document", "target"), PATHS, ids=named(PATHS))
def test_named_path_exists(document: Path, target: str) -> None:  # noqa: ARG001 - for the id
    assert (ROOT / target).exists()


@pytest.mark.parametrize(("document", "name"), NAMES, ids=named(NAMES))
def test_import_path_resolves(document: Path, name: str) -> None:  # noqa: ARG001 - for the id
    assert resolve(name) is not None


STEP = re.compile(r"^ +\|  (\w[\w., ]*?) {2,}([a-z]\w*(?:/\w+)?)(?:,| {2,})", re.MULTILINE)
"""A step of a drawing: names of functions, and the package or module that has them."""


def test_functions_of_the_drawings_are_where_the_drawings_say() -> None:
    steps = STEP.findall((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    assert len(steps) > 15
    for names, place in steps:
        folder = ROOT / "mspt" / place
        files = [folder.with_suffix(".py"), *folder.glob("*.py"), *folder.glob("*/*.py")]
        source = "".join(path.read_text(encoding="utf-8") for path in files if path.is_file())
        for name in names.split(", "):
            last = name.split(".")[-1]
            assert re.search(rf"\bdef {last}\(", source), f"{name} in {place}"


def test_public_names_of_the_glossary_exist() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "mspt").rglob("*.py"))
    cells = [row[2] for row in rows((ROOT / "docs" / "glossary.md").read_text("utf-8"))]
    names = [name for cell in cells for name in re.findall(r"`([A-Za-z_][\w.]*)`", cell)]
    assert len(names) > 60
    for name in names:
        assert re.search(rf"\b{name.split('.')[-1]}\b", source), name


def resolve(name: str) -> object:
    """Import the longest module that a dotted name begins with, and look up the rest in it."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        return reduce(getattr, parts[length:], module)
    raise AssertionError(f"{name} cannot be imported")


def test_something_is_checked() -> None:
    assert len(LINKS) > 20
    assert len(PATHS) > 20
    assert len(NAMES) > 30


def test_every_document_is_linked_from_the_readme() -> None:
    linked = {target for document, target in LINKS if document == ROOT / "README.md"}
    assert {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")} <= linked


def test_method_states_every_equation_and_every_oddity_of_the_published_code() -> None:
    text = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    own = text.split("## What differs in the authors' published code")[1]
    module = importlib.import_module("mspt.models.published.model")
    for pages in (own, module.__doc__ or ""):
        numbers = [int(number) for number in re.findall(r"^(\d+)\. ", pages, re.MULTILINE)]
        assert numbers == list(range(1, NUM_ODDITIES + 1))
    stated = {int(n) for span in re.findall(r"\(([\d, ]+)\)\\quad", text) for n in span.split(",")}
    ranges = re.findall(r"\((\d+)\\text\{–\}(\d+)\)\\quad", text)
    stated |= {n for first, last in ranges for n in range(int(first), int(last) + 1)}
    assert stated == set(range(1, NUM_EQUATIONS + 1))


def rows(text: str) -> list[list[str]]:
    """Cells of all table rows, without bold."""
    lines = (line for line in text.splitlines() if line.startswith("|"))
    return [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines]


def percent(value: float, digits: int) -> str:
    return f"{100 * value:.{digits}f} %"


def test_tables_of_results_are_those_of_the_headers() -> None:
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    checked = set()
    for row in rows(text):
        (name,) = re.findall(r"`([\w-]+)`", " ".join(row)) or [""]
        path = ROOT / "pretrained" / f"{name}.safetensors"
        if not path.is_file() or len(row) < 6:  # the table of seams has fewer columns
            continue
        info = read_info(path).info
        checked.add(name)
        assert f"{info['parameters']:,}" in row
        assert str(info["epochs"]) in row
        metrics, unseen = info["metrics"], info.get("metrics_unseen")
        if unseen is None:
            errors = [percent(metrics[key], 2) for key in ("relative_l2", "symmetric")]
            assert row[5:7] == errors, name
            continue
        fields = ("surface_pressure", "wall_shear", "velocity", "C_D_relative")
        assert row[4:8] == [percent(metrics[key], 1) for key in fields], name
        assert row[8:10] == [f"{metrics['C_D_counts']:.0f}", f"{metrics['C_D_spearman']:.2f}"]
        assert row[10:12] == [percent(unseen[key], 1) for key in ("surface_pressure", "velocity")]
        assert row[12] == f"{unseen['C_D_spearman']:.2f}"
    assert checked == {path.stem for path in (ROOT / "pretrained").glob("*.safetensors")}


@pytest.mark.parametrize(
    ("quantity", "own", "other", "key"),
    [
        ("pressure", "darcy", "darcy-transolver-deep", "relative_l2"),
        ("stress", "elasticity", "elasticity-transolver-long", "relative_l2"),
        ("C_p on the surface", "car", "car-transolver", "surface_pressure"),
        ("velocity", "car", "car-transolver", "velocity"),
        ("drag coefficient C_D (relative error)", "car", "car-transolver", "C_D_relative"),
    ],
)
def test_table_of_the_readme_is_that_of_the_headers(
    quantity: str, own: str, other: str, key: str
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (row,) = [cells for cells in rows(text) if len(cells) > 1 and cells[1] == quantity]
    metrics = [
        read_info(ROOT / "pretrained" / f"{name}.safetensors").info["metrics"]
        for name in (own, other)
    ]
    digits = 2 if key == "relative_l2" else 1
    assert row[2:4] == [percent(one[key], digits) for one in metrics]
    plain = metrics[0].get("mean_only_all", {}).get(key, metrics[0]["mean_only"])
    assert row[4] == percent(plain, 1)
