"""Values that several commands read from their arguments."""

import argparse
from pathlib import Path

from mspt.errors import MSPTError


def positive(text: str) -> int:
    """Return a whole number of at least 1.

    Raises:
        ArgumentTypeError: If it is anything else; argparse names the setting in front of it.

    Examples:
        >>> positive("12")
        12
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)


def checkpoint_path(given: Path | None, default: Path) -> Path:
    """Return the checkpoint that was named, or the default one of this project.

    Raises:
        MSPTError: If none was named and the default is not there, as outside the project's folder.
    """
    if given is None and not default.is_file():
        raise MSPTError(f"--checkpoint must be given where there is no {default}")
    return default if given is None else given
