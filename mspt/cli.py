"""The command line: every capability of the library, with the same words as its functions.

Anything a person can get wrong ends with one clear line and exit status 2.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from mspt import (
    commands_benchmark,
    commands_data,
    commands_flow,
    commands_published,
    commands_train,
)
from mspt.errors import MSPTError

Command = tuple[
    str,
    Callable[[argparse.ArgumentParser], None],
    Callable[[argparse.Namespace], dict[str, Any]],
]
COMMANDS: dict[str, Command] = {
    "datasets": (
        "what ships and what can be generated",
        commands_data.add_datasets,
        commands_data.run_datasets,
    ),
    "generate": (
        "make a data set with its solver",
        commands_data.add_generate,
        commands_data.run_generate,
    ),
    "solve": (
        "the real solver's answer for one case",
        commands_data.add_solve,
        commands_data.run_solve,
    ),
    "predict": (
        "pressure, shear and drag of a shape",
        commands_flow.add_predict,
        commands_flow.run_predict,
    ),
    "train": ("train a model", commands_train.add_train, commands_train.run_train),
    "benchmark": (
        "time and memory on this machine",
        commands_benchmark.add_benchmark,
        commands_benchmark.run_benchmark,
    ),
    "published": (
        "convert the authors' weights",
        commands_published.add_published,
        commands_published.run_published,
    ),
    "cards": ("write the model cards", commands_train.add_cards, commands_train.run_cards),
    "evaluate": ("score a checkpoint", commands_train.add_evaluate, commands_train.run_evaluate),
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(prog="python -m mspt", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (summary, describe, _) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        describe(command)
        command.add_argument("--json", action="store_true", help="print one JSON object only")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    args = build_parser().parse_args(arguments)
    _, _, run = COMMANDS[args.command]
    try:
        result = run(args)
    except (MSPTError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(result) if args.json else _readable(result))
    return 0


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
