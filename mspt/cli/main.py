"""Run the Multi-Scale Patch Transformer from the command line: data, training, prediction."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from errno import EINVAL
from importlib import import_module
from io import TextIOWrapper
from types import ModuleType
from typing import NoReturn, get_args

from mspt import __version__
from mspt.cli._interrupt import LINE, STATUS, end_on_interruption, ending_at_once
from mspt.cli._output import to_json
from mspt.cli._ranks import is_first_rank, joined_ranks
from mspt.errors import MSPTError, TrainingError
from mspt.progress import ProgressMode

COMMANDS: Mapping[str, tuple[str, str]] = {
    "datasets": ("data", "list the data sets and the cases at hand"),
    "generate": ("data", "make the cases of a data set with its solver"),
    "ship": ("data", "copy generated cases to those that come with the project"),
    "solve": ("data", "solve one case or the flow around one shape with the numerical solver"),
    "predict": ("shapes", "predict pressure, wall shear and drag of a shape, or a drawing"),
    "compare": ("compare", "predict several shapes and compare their drag"),
    "demo": ("demo", "write a folder of plain HTML pages that needs no server"),
    "train": ("train", "train a model"),
    "ablate": ("ablate", "train with varied settings and append the result to a table"),
    "attention": ("attention", "show the attention weights of points and the effect of a mask"),
    "borders": ("borders", "measure whether the error jumps where two patches touch"),
    "benchmark": ("benchmark", "measure time and memory on this machine"),
    "patches": ("patches", "partition a cloud into patches and measure them"),
    "pooling": ("pooling", "measure why learned pooling gains or loses against the mean"),
    "published": ("published", "convert the authors' weights to a checkpoint"),
    "queue": ("queue", "run a list of long commands in the background"),
    "calibrate": ("calibrate", "calibrate the expected error of a model of flows"),
    "cards": ("evaluate", "write the model cards of a folder of checkpoints"),
    "evaluate": ("evaluate", "score a checkpoint on a split of its data set"),
}
"""For each command its module and a summary.

The module has three functions for the command NAME: ``add_NAME`` declares its settings,
``run_NAME`` returns values that JSON can hold, and ``show_NAME`` makes the text for people from
them. A module is imported only when its command is called, so that no command loads what another
one needs.
"""


MAX_LINE = 600
"""Letters of a refusal, which may hold a name or a value from a file."""


class _Parser(argparse.ArgumentParser):
    """A parser whose error is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}; `{self.prog} --help` lists the settings\n")


def build_parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of all commands, with the settings of one of them or of all."""
    parser = _Parser(prog="python -m mspt", description=__doc__)
    parser.add_argument("--version", action="version", version=f"mspt {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if chosen in (None, name):
            getattr(_module(name), f"add_{name}")(command)
        command.add_argument("--json", action="store_true", help="print one JSON object only")
        command.add_argument(
            "--progress",
            choices=get_args(ProgressMode),
            default="auto",
            help="on standard error: a bar in a terminal (auto), a line a minute (log) or nothing",
        )
    return parser


def _module(name: str) -> ModuleType:
    return import_module(f"mspt.cli.{COMMANDS[name][0]}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    The status is 2 after a mistake that a person can put right, 1 after a training that failed for
    its numbers, and 130 after an interruption (Ctrl-C): one line on standard error says what to do,
    and nothing is printed on standard output.

    Args:
        arguments: The words of the command; those of this process if None.
    """
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        print(LINE, file=sys.stderr, flush=True)
        if arguments is None:
            end_on_interruption()
        return STATUS


def _run(arguments: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    named = given[0] if given and given[0] in COMMANDS else ""
    with ending_at_once() if arguments is None else nullcontext():
        if arguments is None:
            _replace_unknown_letters()
        args = build_parser(named).parse_args(given)
        module = _module(args.command)
        if arguments is None:
            from mspt.threads import limit_threads  # it imports PyTorch, which takes a second

            limit_threads()
    try:
        with joined_ranks(args) as own:
            result = getattr(module, f"run_{args.command}")(own)
    except (MSPTError, ValueError, OSError, MemoryError) as error:
        if is_first_rank():
            print(f"error: {_sentence(error)}", file=sys.stderr)
        return 1 if isinstance(error, TrainingError) else 2
    if not is_first_rank():
        return 0
    _print(to_json(result) if args.json else getattr(module, f"show_{args.command}")(result))
    return 0


def _sentence(error: Exception) -> str:
    """Return an error as one line that a person understands, and of a length to be read.

    What the library refuses is a sentence already. The system and numpy have numbers and
    abbreviations.
    """
    if isinstance(error, MemoryError):
        return "memory must hold what is computed, got too little; use fewer points or cases"
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        named = f" for '{error.filename}'" if error.filename else ""
        text = (
            f"files and folders must be there to be used, got {error.strerror.lower()!r}{named}; "
            "check its path, the rights to it and the space on the disk"
        )
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= MAX_LINE else f"{line[: MAX_LINE - 3]}..."


def _replace_unknown_letters() -> None:
    """Print letters that the terminal or a file cannot hold as question marks.

    Windows writes to files in an encoding without many of the signs of units and tables.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _print(text: str) -> None:
    """Print to a reader that may have stopped reading, as ``head`` does after ten lines."""
    try:
        print(text, flush=True)
    except OSError as error:
        # On Windows a closed pipe is an invalid argument.
        if not isinstance(error, BrokenPipeError) and error.errno != EINVAL:
            raise
        # Python flushes standard output once more as it ends, which would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
