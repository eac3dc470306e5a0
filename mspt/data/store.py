"""Cases of any data set by the names of the data set and the case."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mspt.data.dataset import Cases
from mspt.data.files import DATA, SHIPPED
from mspt.data.registry import get_dataset


def load_split(
    name: str, split: str, *, root: Path | None = None, limit: int | None = None
) -> Cases:
    """Return the cases of a split, from the first folder that holds all of them.

    Args:
        name: Data set.
        split: ``train``, ``validation`` or ``test``; for ``car`` also ``unseen``.
        root: Folder with one folder for each data set, the only one that is searched; default:
            ``data``, then what ships with the project.
        limit: Return only the first cases.

    Raises:
        DataError: If no folder holds these cases; the message says which command makes them.
    """
    return get_dataset(name).cases(split, root=root, limit=limit)


def load_case(name: str, case: str, *, root: Path | None = None) -> Any:  # noqa: ANN401
    """Return one case by its name, such as ``darcy-1107``.

    Returns:
        A :class:`~mspt.data.case.Case`; for data sets of flows around bodies what they store.

    Raises:
        DataError: If there is no such case, or no folder holds it.

    Examples:
        >>> load_case("darcy", "darcy-1107").fields.shape
        torch.Size([7225, 1])
    """
    return get_dataset(name).load(case, root=root)


def list_cases(name: str, *, split: str = "test", root: Path | None = None) -> tuple[str, ...]:
    """Return the names of the cases of a split that are there to be loaded.

    Examples:
        >>> list_cases("darcy")[0]
        'darcy-1100'
    """
    return get_dataset(name).names(split, root=root)


def ship(
    name: str,
    *,
    root: Path = DATA,
    limits: Mapping[str, int] | None = None,
    out: Path = SHIPPED,
) -> dict[str, int]:
    """Copy a generated data set in compact form to what ships.

    Args:
        name: Data set.
        root: Folder with the generated data.
        limits: Cases to copy of a split, the first ones; all of a split without a limit.
        out: Folder to copy to.

    Returns:
        Bytes of each file written.
    """
    dataset = get_dataset(name)
    return dict(dataset.source.ship(dataset, root, out, limits or {}))
