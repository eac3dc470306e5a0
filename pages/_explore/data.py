"""The chosen case with its predictions, resolved once, and what is computed and cached for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from mspt.evaluation.flows import body_of
from mspt.evaluation.resolution import (
    FACTORS,
    AtResolution,
    case_at,
    error_at,
    flow_at,
    has_points,
    resolution_steps,
)
from mspt.inference.flow import predict_stored
from mspt.inference.sample import Sample, sample_of_flow
from mspt.inference.sampling import cloud_size
from pages._shared import frame
from pages._shared.cache import (
    CheckpointKey,
    ListedCheckpoint,
    SamplePrediction,
    find_case,
    load,
    one_at_a_time,
    predict,
)
from pages._shared.datasets import has_flow
from pages._shared.samples import sample, stored_flow


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """What the page shows: resolved once, and handed to every part of the page.

    Attributes:
        source: Data set.
        name: Name of the case.
        checkpoints: The chosen checkpoint, and the one to compare with if there is one.
        device: Where to predict.
        sample: The case at the shown number of points.
        predictions: Fields of each checkpoint at these points, by its name.
        num_trained: Points N of the case in training.
        factors: Multiples of N at which a truth is stored.
    """

    source: str
    name: str
    checkpoints: tuple[ListedCheckpoint, ...]
    device: str
    sample: Sample
    predictions: Mapping[str, SamplePrediction]
    num_trained: int
    factors: tuple[float, ...]

    @property
    def checkpoint(self) -> ListedCheckpoint:
        """The chosen checkpoint."""
        return self.checkpoints[0]

    @property
    def prediction(self) -> SamplePrediction:
        """Prediction of the chosen checkpoint."""
        return self.predictions[self.checkpoint.name]

    @property
    def has_flow(self) -> bool:
        """Whether the case is a flow around a body."""
        return self.sample.num_surface > 0


def resolve(
    source: str, name: str, checkpoints: tuple[ListedCheckpoint, ...], device: str
) -> Chosen:
    """Return a case as it was trained on, with the predictions of the checkpoints."""
    first = checkpoints[0]
    found = _sample_at(source, name, first, 1.0)
    predictions = _predictions(checkpoints, found, device)
    run = predictions[first.name]
    frame.record_run(
        checkpoint=first.name,
        case=name,
        num_points=len(found.points),
        num_patches=run.num_patches,
        seconds=run.seconds,
        device=run.device,
    )
    return Chosen(
        source=source,
        name=name,
        checkpoints=checkpoints,
        device=device,
        sample=found,
        predictions=predictions,
        num_trained=len(found.points),
        factors=_factors(source, name, found),
    )


def at_resolution(chosen: Chosen, factor: float) -> Chosen:
    """Return the case at another number of points, if it is not shown at that number already."""
    if factor == 1 or factor not in chosen.factors:
        return chosen
    found = _sample_at(chosen.source, chosen.name, chosen.checkpoint, factor)
    return replace(
        chosen, sample=found, predictions=_predictions(chosen.checkpoints, found, chosen.device)
    )


def _predictions(
    checkpoints: tuple[ListedCheckpoint, ...], found: Sample, device: str
) -> dict[str, SamplePrediction]:
    return {one.name: predict(one, found, device) for one in checkpoints}


def _factors(source: str, name: str, found: Sample) -> tuple[float, ...]:
    """Return the multiples of N at which a case has a truth, given the case at N."""
    if found.num_surface:
        return _flow_factors(name, found.num_surface, len(found.points) - found.num_surface)
    return tuple(_sheets(source, name))


def _sample_at(source: str, name: str, checkpoint: ListedCheckpoint, factor: float) -> Sample:
    """Return a case at one of its multiples of N."""
    if not has_flow(source):
        return _sheets(source, name)[factor]
    if factor == 1:
        return sample(source, name, checkpoint)  # which other pages show, too
    return _flow_at(name, checkpoint.key, factor)


@st.cache_resource(max_entries=8, show_spinner=False)
def _sheets(source: str, name: str) -> dict[float, Sample]:
    """Return a case in two dimensions at every multiple of N at which it has a truth."""
    case = find_case(source, name)
    found = {factor: case_at(case, factor) for factor in FACTORS}
    return {factor: one for factor, one in found.items() if one is not None}


@st.cache_data(max_entries=256, show_spinner=False)
def _flow_factors(name: str, num_surface: int, num_volume: int) -> tuple[float, ...]:
    # The points themselves are drawn later: the first picture does not need them.
    flow, size = stored_flow(name), (num_surface, num_volume)
    return tuple(factor for factor in FACTORS if factor <= 1 or has_points(flow, factor, size=size))


@st.cache_resource(max_entries=16, show_spinner="Choosing points of the case …")
def _flow_at(name: str, key: CheckpointKey, factor: float) -> Sample | None:
    return flow_at(name, stored_flow(name), factor, size=cloud_size(load(key)))


# --- all stored points of a flow -----------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class WholeFlow:
    """All stored points of a flow with a prediction.

    Attributes:
        sample: The points, with their truth.
        fields: Predicted fields there: points, channels.
    """

    sample: Sample
    fields: Any


def whole_flow(chosen: Chosen) -> WholeFlow:
    """Return all stored points of the chosen flow with the prediction there."""
    return _whole_flow(chosen.name, chosen.checkpoint.key, chosen.device)


@st.cache_resource(max_entries=6, show_spinner="Predicting all stored points …")
def _whole_flow(name: str, key: CheckpointKey, device: str) -> WholeFlow:
    flow = stored_flow(name)
    body = body_of(flow)
    with one_at_a_time():
        fields = predict_stored(load(key), body, device=device)
    return WholeFlow(sample_of_flow(name, flow, size=None), fields)


# --- the same checkpoint at other numbers of points ----------------------------------------------


def errors_by_resolution(chosen: Chosen) -> Iterator[AtResolution]:
    """Yield the errors of the chosen checkpoint at all resolutions of the case, one at a time."""
    key = chosen.checkpoint.key
    for factor, kept in resolution_steps(load(key), chosen.factors):
        yield _error_at(
            key, chosen.source, chosen.name, chosen.device, factor, kept, _chosen=chosen
        )


@st.cache_data(max_entries=256, show_spinner=False)
def _error_at(
    key: CheckpointKey,
    source: str,
    name: str,
    device: str,
    factor: float,
    kept: str,
    *,
    _chosen: Chosen,
) -> AtResolution:
    found = _sample_at(source, name, _chosen.checkpoint, factor)
    with one_at_a_time():
        return error_at(load(key), found, factor=factor, kept=kept, device=device)
