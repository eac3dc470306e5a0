"""Values that several commands read from their arguments; light, as the queue needs no torch."""

import argparse
import re
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


def derived_name(given: Path | str, what: str, suffix: str) -> Path:
    """Return the name of a result in this folder, derived from that of the input.

    Args:
        given: A file, or the name of a case.
        what: What the result is, such as ``prediction``.
        suffix: Ending of the name.

    Examples:
        >>> derived_name("shapes/my car.stl", "prediction", ".vtp").as_posix()
        'my-car-prediction.vtp'
        >>> derived_name("darcy-1107", "solution", ".vtp").as_posix()
        'darcy-1107-solution.vtp'
    """
    stem = re.sub(r"[^\w.]+", "-", Path(given).stem).strip("-.") or "shape"
    return Path(f"{stem}-{what}{suffix}")


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Declare ``--set``."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="vary a setting of the model, such as num_patches=32, or of the training, such as "
        "train.learning_rate=3e-3; may be given several times",
    )
