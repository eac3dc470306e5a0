"""The command line: every capability of the library, with the same words as its functions.

Anything a person can get wrong ends with one clear line and exit status 2.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from mspt.errors import MSPTError

COMMANDS: Mapping[str, tuple[str, str]] = {
    "datasets": ("data", "what ships and what can be generated"),
    "generate": ("data", "make a data set with its solver"),
    "solve": ("data", "the real solver's answer for one case"),
    "predict": ("shapes", "pressure, shear and drag of a shape"),
    "train": ("train", "train a model"),
    "ablate": ("ablate", "train with settings varied, kept as one row of a table"),
    "attention": ("attention", "what points read, and what masking a patch changes"),
    "benchmark": ("benchmark", "time and memory on this machine"),
    "patches": ("patches", "how a cloud is cut into patches and supernodes"),
    "published": ("published", "convert the authors' weights"),
    "queue": ("queue", "run a list of long jobs in the background"),
    "cards": ("train", "write the model cards"),
    "evaluate": ("train", "score a checkpoint"),
}
"""Of each command its module, with the functions ``add_NAME`` and ``run_NAME``, and a summary.

A module is imported when its command is called: no command waits for what another one needs.
"""


def build_parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of all commands, with the settings of one of them or of all."""
    parser = argparse.ArgumentParser(prog="python -m mspt", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if chosen in (None, name):
            getattr(_module(name), f"add_{name}")(command)
        command.add_argument("--json", action="store_true", help="print one JSON object only")
    return parser


def _module(name: str) -> ModuleType:
    return import_module(f"mspt.cli.{COMMANDS[name][0]}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    named = given[0] if given and given[0] in COMMANDS else ""
    args = build_parser(named).parse_args(given)
    try:
        result = getattr(_module(args.command), f"run_{args.command}")(args)
    except (MSPTError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    _say(json.dumps(result) if args.json else _readable(result))
    return 0


def _say(text: str) -> None:
    """Print to a reader that may have seen enough, as ``head`` has after ten lines."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # What is left goes nowhere, else Python complains as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _readable(result: dict[str, Any], indent: str = "") -> str:
    """Return one line for each entry; nested entries are indented.

    Examples:
        >>> print(_readable({"cases": 2, "metrics": {"error": 0.51234567}}))
        cases: 2
        metrics:
          error: 0.512346
    """
    lines = []
    for key, value in result.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", _readable(value, indent + "  ")]
        else:
            shown = f"{value:.6g}" if isinstance(value, float) else value
            lines.append(f"{indent}{key}: {shown}")
    return "\n".join(lines)
