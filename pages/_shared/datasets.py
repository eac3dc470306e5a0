"""Which data sets pages show, draw or predict, by their capabilities."""

import streamlit as st

from mspt.data.case import Quantity
from mspt.data.dataset import Dataset
from mspt.data.registry import datasets, get_dataset

SHAPES, STRESS = "shape", "stress"
SECONDS = 60
"""How long a count of the cases at hand is cached: files may appear while the app runs."""


def flow_source() -> str:
    """Return the data set of flows around bodies, whose models also predict uploaded shapes."""
    return next(dataset.name for dataset in datasets() if dataset.body is not None)


def case_sources() -> tuple[str, ...]:
    """Return the names of the data sets whose test cases are at hand."""
    return tuple(
        dataset.name for dataset in datasets() if dataset.can_generate and _has_cases(dataset.name)
    )


@st.cache_data(max_entries=64, ttl=SECONDS, show_spinner=False)
def _has_cases(name: str) -> bool:
    dataset = get_dataset(name)
    return dataset.source.at_hand(dataset, None)["test"] > 0


def model_sources() -> tuple[str, ...]:
    """Return the sources of clouds that a model can predict: cases, and shapes of one's own."""
    return (*case_sources(), SHAPES)


def drawable_sources() -> tuple[str, ...]:
    """Return the names of the data sets whose cases can be drawn by hand."""
    return tuple(dataset.name for dataset in datasets() if dataset.drawing is not None)


def shown_datasets() -> tuple[Dataset, ...]:
    """Return the data sets that pages show."""
    return tuple(get_dataset(name) for name in case_sources())


def public_datasets() -> tuple[Dataset, ...]:
    """Return the data sets that are read from files that others publish."""
    return tuple(dataset for dataset in datasets() if not dataset.can_generate)


def has_flow(name: str) -> bool:
    """Return whether a source consists of flows around bodies, cases of a data set."""
    return name not in (SHAPES, STRESS) and get_dataset(name).body is not None


def models_for(source: str) -> str:
    """Return the data set whose checkpoints can predict clouds of a source."""
    return flow_source() if source in (SHAPES, STRESS) else source


def primary_quantity(dataset: Dataset) -> Quantity:
    """Return the field of a data set that its primary score is about."""
    name = dataset.primary.quantity or dataset.fields[0].name
    return next(field for field in dataset.fields if field.name == name)
