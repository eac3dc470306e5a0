"""Values that several commands read from their arguments."""

import argparse
import re
from pathlib import Path

from mspt.data.dataset import Dataset
from mspt.data.registry import datasets
from mspt.errors import DataError, MSPTError


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


def check_folder(root: Path | None, dataset: Dataset | None = None) -> None:
    """Refuse a folder of data that does not exist or does not hold a data set.

    Args:
        root: What ``--data`` names; None where it was not given.
        dataset: What the folder has to hold; None for anything.

    Raises:
        DataError: If it does not; the message says what it holds.
    """
    if root is None:
        return
    if not root.is_dir():
        raise DataError(f"--data must be an existing folder, got '{root}'; check its path")
    # The files of public data sets lie in folders of other names; their sources check them.
    if dataset and dataset.can_generate and not (root / dataset.name).is_dir():
        held = ", ".join(one.name for one in datasets() if (root / one.name).is_dir())
        raise DataError(
            f"--data must hold a folder {dataset.name}, got '{root}' with {held or 'no data set'}; "
            f"make it with `python -m mspt generate {dataset.name} --out {root}`"
        )


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
