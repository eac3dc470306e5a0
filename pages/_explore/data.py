"""The chosen case with its predictions, resolved once, and what is computed and cached for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from mspt.data.capabilities import TimeFrames
from mspt.data.registry import get_dataset
from mspt.data.sets.car.flow_case import FlowCase
from mspt.data.symmetry import Symmetry
from mspt.evaluation.comparison import Compared, View, compare
from mspt.evaluation.flows import body_of
from mspt.evaluation.over_time import compare_over_time
from mspt.evaluation.resolution import (
    AtResolution,
    at_factor,
    available_factors,
    error_at,
    resolution_steps,
)
from mspt.evaluation.symmetries import TurnedPrediction, predict_turned
from mspt.inference.flow import predict_stored
from mspt.inference.frames import at_time, fields_at, time_of
from mspt.inference.sample import Sample, sample_of_flow
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
from pages._shared.samples import sample, stored_flow
from pages._shared.store import Store, store
from pages._shared.worker import computed


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """A case as a model was trained on it.

    Attributes:
        sample: The case at the number of points N of training.
        flow: The stored flow around a body; None for other cases.
        factors: Multiples of N at which a truth is stored.
    """

    sample: Sample
    flow: FlowCase | None
    factors: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """What the page shows: resolved once, and handed to every part of the page.

    Attributes:
        source: Data set.
        name: Name of the case.
        checkpoints: The chosen checkpoint, and the one to compare with if there is one.
        device: Where to predict.
        factor: The shown number of points, as a multiple of N in training.
        sample: The case at the shown number of points.
        predictions: Fields of each checkpoint at these points, by its name.
        trained: The case as in training.
    """

    source: str
    name: str
    checkpoints: tuple[ListedCheckpoint, ...]
    device: str
    factor: float
    sample: Sample
    predictions: Mapping[str, SamplePrediction]
    trained: Trained

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

    @property
    def time(self) -> TimeFrames | None:
        """The times of the case; None for a steady one."""
        return time_of(self.sample)

    def at(self, frame: int) -> tuple[Sample, Mapping[str, Any]]:
        """Return the case at one time with the predictions there; a steady one as it is.

        Args:
            frame: Index of the time.
        """
        fields = {
            name: fields_at(self.sample, one.fields, frame)
            for name, one in self.predictions.items()
        }
        return at_time(self.sample, frame), fields

    @property
    def symmetries(self) -> tuple[Symmetry, ...]:
        """The symmetries of the data set, the identity first."""
        return get_dataset(self.source).symmetries

    @property
    def as_trained(self) -> bool:
        """Whether the case is shown at the number of points of training."""
        return self.factor == 1

    @property
    def partition_words(self) -> str:
        """Number of patches of each model in words."""
        words = {
            name: "no patches" if one.num_patches is None else f"K = {one.num_patches:,} patches"
            for name, one in self.predictions.items()
        }
        if len(set(words.values())) == 1:
            return words[self.checkpoint.name]
        return ", ".join(f"{text} ({name})" for name, text in words.items())

    @property
    def words(self) -> str:
        """Model, case and points in words."""
        models = " and ".join(self.predictions)
        on_body = f", {self.sample.num_surface:,} of them on the body" if self.has_flow else ""
        return (
            f"{models} on {self.name} · N = {len(self.sample.points):,} points{on_body} · "
            f"{self.partition_words}"
        )

    @property
    def file_name(self) -> str:
        """Name of a file about what is shown, without its ending."""
        models = "-or-".join(one.name for one in self.checkpoints)
        points = "" if self.as_trained else f"-{len(self.sample.points)}-points"
        return f"{self.name}-{models}{points}"


def compared(chosen: Chosen, view: View, part: Any) -> dict[str, tuple[Compared, ...]]:
    """Return a field of each prediction beside its truth, at each time of the case.

    A steady case has one time.

    Args:
        chosen: The case.
        view: The field.
        part: Component of a vector.
    """
    sample = chosen.sample
    return {
        name: (compare(sample, one.fields, view, part=part),)
        if chosen.time is None
        else compare_over_time(sample, one.fields, view, part=part)
        for name, one in chosen.predictions.items()
    }


def as_trained(source: str, name: str, checkpoint: ListedCheckpoint) -> Trained:
    """Return a case as a checkpoint was trained on it."""
    found = sample(source, name, checkpoint)
    flow = stored_flow(name) if found.num_surface else None
    return Trained(sample=found, flow=flow, factors=available_factors(found, flow=flow))


def resolve(
    source: str,
    name: str,
    checkpoints: tuple[ListedCheckpoint, ...],
    device: str,
    *,
    trained: Trained,
    factor: float,
) -> Chosen:
    """Return a case at a number of points with the predictions of the checkpoints.

    Args:
        source: Data set.
        name: Of the case.
        checkpoints: The first one, and one to compare with.
        device: Where to predict.
        trained: The case as the first checkpoint was trained on it.
        factor: Number of points, as a multiple of N; 1 if no truth is stored there.
    """
    factor = factor if factor in trained.factors else 1.0
    found = trained.sample if factor == 1 else _at_factor(trained.sample, factor, trained.flow)
    predictions = {one.name: predict(one, found, device) for one in checkpoints}
    first = checkpoints[0].name
    run = predictions[first]
    frame.record_run(
        checkpoint=first,
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
        factor=factor,
        sample=found,
        predictions=predictions,
        trained=trained,
    )


def _at_factor(trained: Sample, factor: float, flow: FlowCase | None) -> Sample | None:
    return _cached_at_factor(trained.key, len(trained.points), factor, _trained=trained, _flow=flow)


@st.cache_resource(max_entries=16, show_spinner="Choosing points of the case …")
def _cached_at_factor(
    key: str,  # noqa: ARG001 - with the number of points it identifies the sample in the cache
    num_points: int,  # noqa: ARG001
    factor: float,
    *,
    _trained: Sample,
    _flow: FlowCase | None,
) -> Sample | None:
    return at_factor(_trained, factor, flow=_flow)


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
    return _whole_flow(chosen.name, chosen.checkpoint.key, chosen.device, _flow=chosen.trained.flow)


@st.cache_resource(max_entries=6, show_spinner="Predicting all stored points …")
@computed
def _whole_flow(name: str, key: CheckpointKey, device: str, *, _flow: FlowCase) -> WholeFlow:
    body = body_of(_flow)
    with one_at_a_time():
        fields = predict_stored(load(key), body, device=device)
    return WholeFlow(sample_of_flow(name, _flow, size=None), fields)


# --- the same checkpoint at other numbers of points ----------------------------------------------


@st.cache_data(max_entries=256, show_spinner=False)
@computed
def turned_predictions(
    source: str, name: str, key: CheckpointKey, device: str
) -> list[TurnedPrediction]:
    """Return predictions of a case under the symmetries of its data set; the identity first."""
    case, checkpoint = find_case(source, name), load(key)
    with one_at_a_time():
        return list(predict_turned(checkpoint, case, device=device))


def errors_by_resolution(chosen: Chosen) -> Iterator[AtResolution]:
    """Yield the errors of the chosen checkpoint at all resolutions of the case, one at a time."""
    key = chosen.checkpoint.key
    trained = chosen.trained
    for factor, kept in resolution_steps(load(key), trained.factors):
        found = _at_factor(trained.sample, factor, trained.flow)
        yield _error_at(chosen.name, key, chosen.device, factor, kept, _sample=found)
    _resolved().put((chosen.name, key, chosen.device), len(trained.factors))


def knows_resolutions(chosen: Chosen) -> bool:
    """Return whether these errors have been computed before, by whomever."""
    return bool(_resolved().get((chosen.name, chosen.checkpoint.key, chosen.device)))


def _resolved() -> Store[int]:
    return store("cases at other resolutions", 256)


@st.cache_data(max_entries=256, show_spinner=False)
@computed
def _error_at(
    name: str,  # noqa: ARG001 - identifies the sample in the cache
    key: CheckpointKey,
    device: str,
    factor: float,
    kept: str,
    *,
    _sample: Sample,
) -> AtResolution:
    with one_at_a_time():
        return error_at(load(key), _sample, factor=factor, kept=kept, device=device)
