"""The guided tour of the first page, built once for all visitors."""

from contextlib import suppress
from dataclasses import dataclass

import streamlit as st

from mspt.errors import MSPTError
from mspt.figures.charts.designs import family_group
from mspt.figures.scenes.tour import Tour, build_tour
from mspt.inspection.observation import observe
from pages._shared.cache import CheckpointKey, ListedCheckpoint, checkpoints, load, one_at_a_time
from pages._shared.datasets import flow_source
from pages._shared.samples import case_names, flow_family, sample


@dataclass(frozen=True, eq=False)
class HomeTour:
    """The tour with what it was made from.

    Attributes:
        tour: Its scene and numbers.
        checkpoint: The model.
        name: The body.
    """

    tour: Tour
    checkpoint: ListedCheckpoint
    name: str


def home_tour() -> HomeTour:
    """Return the tour of the first car by the first checkpoint for flows."""
    source = flow_source()
    checkpoint = next(iter(checkpoints(source).values()))
    cars = (name for name in case_names(source) if family_group(flow_family(name)) == "cars")
    name = next(cars)
    return HomeTour(_tour(name, checkpoint.key, _checkpoint=checkpoint), checkpoint, name)


def prepare() -> None:
    """Build the tour before the first visitor comes; without a checkpoint the page says so."""
    with suppress(MSPTError):
        home_tour()


@st.cache_resource(max_entries=2, show_spinner="The model predicts a car …")
def _tour(name: str, key: CheckpointKey, *, _checkpoint: ListedCheckpoint) -> Tour:
    found = sample(flow_source(), name, _checkpoint)
    with one_at_a_time():
        return build_tour(observe(load(key), found))
