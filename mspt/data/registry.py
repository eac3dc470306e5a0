"""The data sets of this project; adding one takes one module and one line here."""

from collections.abc import Iterator
from contextlib import contextmanager

from mspt.data.dataset import Dataset
from mspt.data.sets.ahmedml import AHMEDML
from mspt.data.sets.airfoil import AIRFOIL
from mspt.data.sets.car.dataset import CAR
from mspt.data.sets.darcy import DARCY
from mspt.data.sets.elasticity import ELASTICITY
from mspt.data.sets.navier_stokes import NAVIER_STOKES
from mspt.data.sets.pipe import PIPE
from mspt.data.sets.plasticity import PLASTICITY
from mspt.data.sets.shapenet_car import SHAPENET_CAR
from mspt.data.sets.shock_tube import SHOCK_TUBE
from mspt.data.sets.standard import STANDARD
from mspt.errors import DataError

_DATASETS: list[Dataset] = [
    CAR,
    ELASTICITY,
    PLASTICITY,
    AIRFOIL,
    PIPE,
    NAVIER_STOKES,
    DARCY,
    SHOCK_TUBE,
    *STANDARD,
    SHAPENET_CAR,
    AHMEDML,
]
"""In the order in which pages and commands list them."""


def datasets() -> tuple[Dataset, ...]:
    """Return all data sets, generated and public ones."""
    return tuple(_DATASETS)


def get_dataset(name: str) -> Dataset:
    """Return a data set by its name.

    Raises:
        DataError: If there is no such data set.

    Examples:
        >>> get_dataset("darcy").title
        'Darcy flow'
    """
    for dataset in _DATASETS:
        if dataset.name == name:
            return dataset
    known = ", ".join(dataset.name for dataset in _DATASETS)
    raise DataError(f"data set must be one of {known}, got {name!r}")


def dataset_of_case(case: str) -> Dataset:
    """Return the data set of a generated case by the case's name, such as ``darcy-1107``.

    Raises:
        DataError: If no data set has such a case.

    Examples:
        >>> dataset_of_case("darcy-1107").name
        'darcy'
    """
    dataset = get_dataset(case.rpartition("-")[0])
    dataset.case_index(case)
    return dataset


@contextmanager
def registered(dataset: Dataset) -> Iterator[Dataset]:
    """List a further data set for a while, for tests and notebooks."""
    _DATASETS.append(dataset)
    try:
        yield dataset
    finally:
        _DATASETS.remove(dataset)
