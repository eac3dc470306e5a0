"""The one place where pages tell data sets of flows from data sets in two dimensions."""

from mspt.data.case import Quantity
from mspt.data.registry import DATASETS, Dataset, get_dataset
from mspt.data.sets.car.dataset import CAR, FlowDataset

CAR_CASES, SHAPES, STRESS = CAR.name, "shape", "stress"


def case_sources() -> tuple[str, ...]:
    """Return the names of all data sets, flows first."""
    return (CAR_CASES, *DATASETS)


def model_sources() -> tuple[str, ...]:
    """Return the sources of clouds that a model can predict: cases, and shapes of one's own."""
    return (*case_sources(), SHAPES)


def all_datasets() -> tuple[FlowDataset | Dataset, ...]:
    """Return all data sets, flows first."""
    return (CAR, *DATASETS.values())


def dataset_of(name: str) -> FlowDataset | Dataset:
    """Return a data set by its name."""
    return CAR if name == CAR.name else get_dataset(name)


def has_flow(name: str) -> bool:
    """Return whether the cases of a data set are flows around bodies."""
    return name == CAR.name


def models_for(source: str) -> str:
    """Return the data set whose checkpoints can predict clouds of a source."""
    return CAR.name if source in (SHAPES, STRESS) else source


def primary_quantity(dataset: Dataset) -> Quantity:
    """Return the field of a data set that its scores are about."""
    return next(field for field in dataset.fields if field.name == dataset.primary_field)
