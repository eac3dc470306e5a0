"""Build the API reference from docstrings, and the documents beside it, as pages to open offline.

PYTHONPATH=. python assets/reference.py build/docs
"""

import argparse
import re
from collections.abc import Iterator
from html import escape
from importlib import import_module
from os.path import relpath
from pathlib import Path
from pkgutil import walk_packages

import markdown2
import pdoc
from pdoc.render import configure

import mspt

ROOT = Path(__file__).resolve().parents[1]
API = "api"
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<style>
body {{ max-width: 50rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 sans-serif; }}
pre {{ overflow-x: auto; padding: 0.75rem; background: #f4f4f4; color: #222; }}
table {{ border-collapse: collapse; }} td, th {{ border: 1px solid #ccc; padding: 0.2rem 0.5rem; }}
img {{ max-width: 100%; }}
</style>
<nav>{links}</nav>
{body}
</html>
"""


def build(folder: Path, *, package: str = "mspt") -> None:
    """Write one page for each module below ``folder/api`` and one for each document.

    Args:
        folder: Where the pages are written.
        package: Package whose modules get a page, beside that of ``mspt`` itself.
    """
    # pdoc reads the names of a module without calling its __getattr__.
    for module in map(import_module, public_modules()):
        for name in getattr(module, "__all__", ()):
            setattr(module, name, getattr(module, name))
    configure(docformat="google", show_source=False, footer_text=f"mspt {mspt.__version__}")
    pdoc.pdoc(*specifications(package), output_directory=folder / API)
    pages = {path: folder / path.relative_to(ROOT).with_suffix(".html") for path in _documents()}
    for path, page in pages.items():
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(_page(path, pages, folder / API / "mspt.html"), encoding="utf-8")


def public_modules() -> list[str]:
    """Return the names of all modules without an underscore in front of a part of their name."""
    found = walk_packages(mspt.__path__, "mspt.")
    names = ["mspt", *(module.name for module in found)]
    return [name for name in names if "._" not in name]


def specifications(package: str = "mspt") -> list[str]:
    """Return what pdoc is to show: modules of a package, without those of private names."""
    names = [name for name in public_modules() if name == "mspt" or _has_chosen_names(name)]
    hidden = [r"!mspt\..*\b_.*"]
    if package != "mspt":
        hidden.append(rf"!mspt\.(?!{re.escape(package.removeprefix('mspt.'))}\b).*")
    return names + hidden


def _has_chosen_names(module: str) -> bool:
    """Return whether the package of a module has ``__all__``.

    pdoc then leaves out modules that are not named there, unless they are given one by one; those
    of other packages it finds itself.
    """
    package = module.rpartition(".")[0]
    return hasattr(import_module(package), "__all__")


def _documents() -> Iterator[Path]:
    yield from sorted(ROOT.glob("*.md"), reverse=True)  # README before CONTRIBUTING
    yield from sorted((ROOT / "docs").rglob("*.md"))
    yield ROOT / "pretrained" / "README.md"


def _page(path: Path, pages: dict[Path, Path], api: Path) -> str:
    """Return a document as HTML; links to other documents lead to their pages."""
    folder, text = pages[path].parent, path.read_text(encoding="utf-8")

    def moved(match: re.Match[str]) -> str:
        linked = (path.parent / match["path"]).resolve()
        return f'{match["name"]}="{relpath(pages.get(linked, linked), folder)}'

    html = markdown2.markdown(text, extras=["fenced-code-blocks", "tables", "header-ids"])
    body = re.sub(r'(?P<name>href|src)="(?P<path>[^"#:]+)(?=["#])', moved, html)
    links = {"API reference": api}
    links |= {other.relative_to(ROOT).as_posix(): page for other, page in pages.items()}
    title = re.search(r"^# (.+)$", text, flags=re.MULTILINE)
    return PAGE.format(
        title=escape(title.group(1) if title else path.stem),
        links=" · ".join(
            f'<a href="{relpath(page, folder)}">{escape(name)}</a>' for name, page in links.items()
        ),
        body=body,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--package", default="mspt", help="show the modules of this package only")
    args = parser.parse_args()
    build(args.folder.resolve(), package=args.package)
