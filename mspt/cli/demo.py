"""The command ``demo``: a folder of plain HTML pages that any static host can serve."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mspt.checkpoint import Checkpoint, load_checkpoint
from mspt.cli._arguments import checkpoint_path
from mspt.cli._output import facts
from mspt.data.registry import dataset_of_case, datasets
from mspt.errors import MSPTError
from mspt.writing import write_text

CHECKPOINT = "pretrained/{}.safetensors"
FLOWS = 3
"""Flows around bodies of different kinds that are shown by default."""

STATIC = Path(__file__).parents[2] / "static"


def add_demo(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``demo``."""
    parser.add_argument("out", type=Path, help="folder for the pages; files in it are replaced")
    parser.add_argument(
        "--cases",
        nargs="+",
        metavar="CASE",
        help="test cases to show, such as car-0021; default: three flows around bodies of "
        "different kinds, and one case of each other data set with a model",
    )


def run_demo(args: argparse.Namespace) -> dict[str, Any]:
    """Write the pages; return their number and size.

    Raises:
        MSPTError: If there is no case to show, a case has no model, or the viewer is not there.
    """
    from mspt.figures.demo.document import demo_files  # drawing is imported by this command alone
    from mspt.figures.demo.pages import (
        Shown,
        attention_pages,
        case_page,
        patches_page,
        tour_page,
    )

    viewer, models = _viewer(), {}
    names = args.cases or default_cases()
    if not names:
        raise MSPTError(
            "cases must be at hand to be shown, got none; see `python -m mspt datasets`"
        )
    shown = [
        Shown(name=name, checkpoint=_model(name, models), file=CHECKPOINT.format(_set(name)))
        for name in names
    ]
    flows = [one for one in shown if dataset_of_case(one.name).body is not None]
    pages = [tour_page(one) for one in flows[:1]] + [case_page(one) for one in shown]
    pages.append(patches_page(shown[0]))
    pages += attention_pages(shown[0])
    if others := [one for one in shown[1:] if one not in flows]:
        pages += attention_pages(others[0], (-1,))
    words = ["python -m mspt demo", shlex.quote(args.out.name)]
    if args.cases:
        words.append(f"--cases {' '.join(map(shlex.quote, args.cases))}")
    files = demo_files(pages, viewer=viewer, command=" ".join(words))
    for name, content in files.items():
        write_text(args.out / name, content)
    size = sum(len(content.encode()) for content in files.values())
    return {"out": str(args.out), "pages": len(pages) + 1, "bytes": size, "cases": list(names)}


def show_demo(result: dict[str, Any]) -> str:
    """Return what was written."""
    return facts(
        {
            "Pages": f"{result['pages']}, open {Path(result['out']) / 'index.html'}",
            "Cases": ", ".join(result["cases"]),
            "Size": f"{result['bytes'] / 1e6:.1f} MB",
        }
    )


def default_cases() -> list[str]:
    """Return the cases that are shown unless others are named: flows first, of different kinds."""
    flows, others = [], []
    for dataset in datasets():
        if not Path(CHECKPOINT.format(dataset.name)).is_file():
            continue
        names = dataset.names("test")
        if dataset.body is None:
            others += names[:1]
            continue
        first = {dataset.body.family(name): name for name in reversed(names)}
        usual = first.pop(dataset.body.first_family, None)
        flows += [*([usual] if usual else []), *first.values()][:FLOWS]
    return [*flows, *others]


def _set(name: str) -> str:
    return dataset_of_case(name).name


def _model(name: str, known: dict[str, Checkpoint]) -> Checkpoint:
    """Return the model of a case's data set, read once."""
    dataset = _set(name)
    if dataset not in known:
        known[dataset] = load_checkpoint(checkpoint_path(None, Path(CHECKPOINT.format(dataset))))
    return known[dataset]


def _viewer(folders: Sequence[Path] = (STATIC,)) -> str:
    """Return the built viewer.

    Raises:
        MSPTError: If it is not there, as outside the project's folder.
    """
    found = [path for folder in folders for path in folder.glob("viewer-*.js")]
    if not found:
        raise MSPTError(
            "static/viewer-*.js must be in the project's folder, got no such file; run this from a "
            "copy of the project"
        )
    return found[0].read_text(encoding="utf-8")
