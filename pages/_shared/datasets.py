"""Which data sets pages show, draw or predict, by their capabilities."""

from dataclasses import replace

import streamlit as st

from mspt.data.case import Quantity
from mspt.data.dataset import Dataset
from mspt.data.frames import frame_layout, timeless
from mspt.data.registry import datasets, get_dataset
from mspt.inference.sample import Sample

SHAPES, STRESS, OWN = "shape", "stress", "mine"
SECONDS = 60
"""How long a count of the cases at hand is cached: files may appear while the app runs."""


def flow_source() -> str:
    """Return the data set of flows around bodies, whose models also predict uploaded shapes."""
    return next(dataset.name for dataset in datasets() if dataset.body is not None)


def case_sources() -> tuple[str, ...]:
    """Return the names of the data sets whose test cases are at hand."""
    return tuple(
        dataset.name for dataset in generated_datasets() if num_test_cases(dataset.name) > 0
    )


@st.cache_data(max_entries=64, ttl=SECONDS, show_spinner=False)
def num_test_cases(name: str) -> int:
    """Return how many test cases of a data set are at hand."""
    dataset = get_dataset(name)
    return dataset.source.at_hand(dataset, None)["test"]


def model_sources() -> tuple[str, ...]:
    """Return the sources of clouds that a model can predict: cases, and shapes of one's own."""
    return (*case_sources(), SHAPES)


def drawable_sources() -> tuple[str, ...]:
    """Return the names of the data sets whose cases can be drawn by hand."""
    return tuple(dataset.name for dataset in datasets() if dataset.drawing is not None)


def generated_datasets() -> tuple[Dataset, ...]:
    """Return the data sets that this project generates, whether their cases are at hand or not."""
    return tuple(dataset for dataset in datasets() if dataset.can_generate)


def public_datasets() -> tuple[Dataset, ...]:
    """Return the data sets that are read from files that others publish."""
    return tuple(dataset for dataset in datasets() if not dataset.can_generate)


def has_flow(name: str) -> bool:
    """Return whether a source consists of flows around bodies, cases of a data set."""
    return name not in (SHAPES, STRESS, OWN) and get_dataset(name).body is not None


def models_for(source: str) -> str:
    """Return the data set whose checkpoints can predict clouds of a source."""
    return flow_source() if source in (SHAPES, STRESS, OWN) else source


def primary_quantity(dataset: Dataset) -> Quantity:
    """Return the field of a data set that its primary score is about."""
    name = dataset.primary.quantity or dataset.fields[0].name
    return next(field for field in dataset.fields if field.name == name)


def primary_words(dataset: Dataset) -> str:
    """Return what the primary score of a data set is about, in words."""
    if dataset.time is None or dataset.primary.quantity:
        return primary_quantity(dataset).name
    names = [field.name for field in frame_layout(dataset.layout, dataset.time).fields]
    return f"{' and '.join(names)}, all {len(dataset.time.outputs)} times"


def input_channels(dataset: Dataset) -> dict[str, tuple[int, Quantity]]:
    """Return the column and the quantity of each number that a model reads, by a name on screen.

    Frames in time are named after their time.
    """
    time, found, column = dataset.time, {}, 0
    first = len(dataset.features) - (len(time.inputs) if time else 0)
    for place, feature in enumerate(dataset.features):
        if time and place >= first:
            plain = timeless(feature, time.inputs[place - first])
            unit = "" if time.unit == "1" else f" {time.unit}"
            words = f"{plain.name} at t = {time.inputs[place - first]:.4g}{unit}"
        else:
            plain, words = feature, feature.name
        for channel in plain.channels:
            one = replace(plain, name=channel, components=())
            found[words if channel == plain.name else f"{words}, {channel}"] = (column, one)
            column += 1
    return found


def length_unit(sample: Sample) -> str:
    """Return the unit of a sample's coordinates in words."""
    if sample.body is not None or sample.num_surface:
        return "body lengths"
    return "cube sides" if sample.dataset is None else get_dataset(sample.dataset).length_unit
