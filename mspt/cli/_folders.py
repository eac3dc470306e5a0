"""Folders of data that commands are given."""

from pathlib import Path

from mspt.data.dataset import Dataset
from mspt.data.registry import datasets
from mspt.errors import DataError


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
