"""Find and run what a document shows: blocks of Python, commands, and commands in running text.

Fences marked ``python`` are run, all those of a document in one namespace. In fences marked ``sh``
and in indented text, each line is a command. Fences with any other mark are never run, nor is a
block directly below a comment ``<!-- not run: REASON -->``.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mspt.cli.main import build_parser, main
from mspt.geometry.files.readers import SUFFIXES
from mspt.training.presets import get_preset

ROOT = Path(__file__).parents[2]
TINY = ["--width", "16", "--heads", "2", "--blocks", "1", "--rounds", "1"]
SMALL: Mapping[tuple[str, ...], list[str] | str] = {
    ("generate", "car"): "OpenFOAM takes a minute a case",
    ("generate",): ["--per-split", "1", "--jobs", "1"],
    ("train", "car"): "takes a minute even on two cases",
    ("train",): ["--per-split", "2", "--epochs", "1"],
    ("ablate",): ["--cases", "2", "--epochs", "1", "--set", "num_blocks=1"],
    ("evaluate", "pretrained/car.safetensors"): "tests/cli/test_data_folder.py scores one case",
    ("evaluate",): ["--per-split", "1"],
    ("borders",): ["--per-split", "1"],
    ("pooling",): ["--cases", "3"],
    ("benchmark", "partition"): ["--points", "2000", "--patches", "8", "--rounds", "2"],
    ("benchmark", "forecast"): "measures passes of large clouds",
    ("benchmark", "stress"): "runs every kind of cloud; tests of its own do with few points",
    ("benchmark", "passes"): "runs every checkpoint that ships, ten times",
    ("benchmark", "forward"): "tests of its own do with few points",
    ("benchmark", "scaling"): "tests of its own do with few points",
    ("benchmark",): [*TINY, "--points", "600", "--patches", "8", "--models", "mspt"],
    ("compare",): "predicts several shapes, as predict does for one",
    ("demo",): ["--cases", "elasticity-1100"],
    ("queue",): "takes hours",
    ("calibrate",): "takes half an hour",
}
"""Settings that make long commands short, by their first words, or why they are parsed only."""
WHOLE = {"datasets", "solve", "predict", "patches", "attention", "published", "cards", "ship"}
"""Commands that are run as they are."""
ONCE = {
    "datasets",
    "evaluate",
    "borders",
    "pooling",
    "predict",
    "patches",
    "attention",
    "benchmark",
}
"""Commands that no later one needs: what one document has run, no other one runs again."""
PREPARE = ("apt-get", "sudo", "source", "cd", "git", "docker", "pip", "npm")
"""Programs that set up a machine; they are not run."""
HEAD = re.compile(rf"(\$ |python|mspt|make|\.venv/bin/\w+|{'|'.join(PREPARE)}) ")
"""How an indented line begins that is a command; other indented text is a tree or a table."""


class DocumentError(AssertionError):
    """A document shows something that does not work."""


@dataclass(frozen=True)
class Piece:
    """One thing that a document shows.

    Attributes:
        kind: ``python`` or ``command``.
        text: The code, or the command without its comment.
        line: Line of the document, counted from 1.
    """

    kind: str
    text: str
    line: int


def pieces(text: str) -> Iterator[Piece]:
    """Return what a document shows, from top to bottom."""
    fence, block, start, spared, before = None, [], 0, False, ""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip().startswith("```"):
            if fence is None:
                fence, block, start = line.strip()[3:].strip(), [], number + 1
                spared = before.startswith("<!-- not run:")
            else:
                if fence == "python" and not spared:
                    yield Piece("python", "\n".join(block) + "\n", start)
                fence = None
        elif fence is not None:
            block.append(line)
            if fence == "sh" and not spared:
                yield from _commands(line, number)
        elif line.startswith("    ") and HEAD.match(line.strip()):
            yield from _commands(line, number)
        before = line.strip() or before


def _commands(line: str, number: int) -> Iterator[Piece]:
    words = shlex.split(line.strip().removeprefix("$ "), comments=True)
    if words:
        yield Piece("command", shlex.join(words), number)


def commands_in_text(text: str) -> Iterator[str]:
    """Return the commands of this program and of make that stand in running text."""
    outside = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    for span in re.findall(r"`([^`]+)`", outside):
        command = " ".join(span.split())
        if command.startswith(("python -m mspt ", "make ")):
            yield command


def run_document(path: Path, done: set[str]) -> None:
    """Run everything that a document shows in the current folder.

    Args:
        path: The document.
        done: Commands that other documents have run; those of this one are added.

    Raises:
        DocumentError: If something fails, or a command is neither run nor known.
    """
    namespace = {"__name__": "document"}
    for piece in pieces(path.read_text(encoding="utf-8")):
        where = f"{path.name}, line {piece.line}"
        if piece.kind == "command":
            run_command(piece.text, where, done)
            continue
        try:
            exec(compile(piece.text, f"{path.name}:{piece.line}", "exec"), namespace)
        except Exception as error:
            raise DocumentError(f"{where}: {type(error).__name__}: {error}") from error


def run_command(command: str, where: str, done: set[str]) -> None:
    """Run a command of this program in a small version; check what other programs are given."""
    program, *arguments = shlex.split(command)
    if program == "make":
        check_targets(arguments, where)
    elif program.endswith("python") and arguments[:2] == ["-m", "mspt"]:
        _run_small(arguments[2:], where, done)
    elif program == "mspt":
        _run_small(arguments, where, done)
    elif program.endswith("python"):
        check_files(arguments, where)
    elif program not in PREPARE:
        raise DocumentError(f"{where}: `{command}` is not run by this test; add it to PREPARE")


def check_targets(arguments: list[str], where: str) -> None:
    """Refuse targets that the Makefile does not have."""
    known = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    for target in arguments:
        if "=" not in target and target not in known:  # PART=forces sets a variable
            raise DocumentError(f"{where}: no target {target}; there are {', '.join(known)}")


def check_files(arguments: list[str], where: str) -> None:
    """Refuse scripts and tests that do not exist."""
    for argument in arguments:
        if argument.endswith(".py") and not (ROOT / argument).is_file():
            raise DocumentError(f"{where}: no file {argument}")


def check_command(arguments: list[str], where: str) -> None:
    """Refuse what the command line does not take, and presets that do not exist."""
    try:
        args = _parser().parse_args(arguments)
    except SystemExit as stopped:
        if stopped.code:  # 0 after --help and --version
            raise DocumentError(
                f"{where}: the command line does not take {shlex.join(arguments)}"
            ) from stopped
        return
    if args.command in ("train", "ablate") and not args.dataset.isupper():
        get_preset(args.preset or args.dataset)


@cache
def _parser():  # noqa: ANN202 - argparse's
    return build_parser()


def _run_small(arguments: list[str], where: str, done: set[str]) -> None:
    check_command(arguments, where)
    small = small_version(arguments, where)
    if small is None or (arguments[0] in ONCE and shlex.join(small) in done):
        return
    if main(small):
        raise DocumentError(f"{where}: {shlex.join(small)} failed")
    done.add(shlex.join(small))


def small_version(arguments: list[str], where: str) -> list[str] | None:
    """Return a command that takes seconds; None for one that is parsed only."""
    if arguments[0].startswith("-") or "--help" in arguments:
        return None
    for first, change in SMALL.items():
        if tuple(arguments[: len(first)]) == first:
            if isinstance(change, str):
                return None
            # All benchmarks of a kind become the same one, which then is run once.
            kept = arguments[:2] if arguments[0] == "benchmark" else arguments
            return [*kept, *change]
    if arguments[0] == "solve" and Path(arguments[1]).suffix.lower() in SUFFIXES:
        return None  # OpenFOAM takes a minute
    if arguments[0] not in WHOLE:
        raise DocumentError(f"{where}: {shlex.join(arguments)} is in neither SMALL nor WHOLE")
    return arguments
