"""Run commands in this process, and read what they print."""

import json
from typing import Any

import pytest

from mspt.cli.main import main


def run_text(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return standard output of a command that succeeds, and writes nothing else."""
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Return the one object that a command prints with ``--json``."""
    return json.loads(run_text(capsys, *arguments, "--json"))


def fails_with(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line of a command that ends with status 2."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.strip().splitlines()
    return line
