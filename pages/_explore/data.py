"""The chosen case with its predictions, resolved once, and what is computed and cached for it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd
import streamlit as st

from mspt.checkpoint import Checkpoint
from mspt.data.sets.car.store import load_repeats
from mspt.evaluation.flows import body_of, compare_labels, label_noise, score_flow
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
from mspt.inference.predict import predict_case
from mspt.inference.sample import Sample, sample_of_case, sample_of_flow
from mspt.inference.sampling import cloud_size
from mspt.metrics.fields import relative_l2
from pages._shared import frame
from pages._shared.cache import (
    CheckpointKey,
    ListedCheckpoint,
    SamplePrediction,
    find_case,
    load,
    one_at_a_time,
    predict,
    test_cases,
    warm_up,
)
from pages._shared.datasets import has_flow
from pages._shared.samples import case_names, sample, stored_flow
from pages._shared.store import Store, store


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
    found = sample(source, name, first)
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
        factors=_factors(source, name, first.key),
    )


def at_resolution(chosen: Chosen, factor: float) -> Chosen:
    """Return the case at another number of points, if it is not shown at that number already."""
    if factor == 1 or factor not in chosen.factors:
        return chosen
    found = _sample_at(chosen.source, chosen.name, chosen.checkpoint.key, factor)
    return replace(
        chosen, sample=found, predictions=_predictions(chosen.checkpoints, found, chosen.device)
    )


def _predictions(
    checkpoints: tuple[ListedCheckpoint, ...], found: Sample, device: str
) -> dict[str, SamplePrediction]:
    return {one.name: predict(one, found, device) for one in checkpoints}


@st.cache_data(max_entries=256, show_spinner=False)
def _factors(source: str, name: str, key: CheckpointKey) -> tuple[float, ...]:
    """Return the multiples of N at which a case has a truth."""
    if has_flow(source):
        size, flow = cloud_size(load(key)), stored_flow(name)
        return tuple(factor for factor in FACTORS if has_points(flow, factor, size=size))
    return tuple(factor for factor in FACTORS if _sample_at(source, name, key, factor) is not None)


@st.cache_resource(max_entries=16, show_spinner="Choosing points of the case …")
def _sample_at(source: str, name: str, key: CheckpointKey, factor: float) -> Sample | None:
    """Return a case at a multiple of N; None where no truth is stored there."""
    if has_flow(source):
        return flow_at(name, stored_flow(name), factor, size=cloud_size(load(key)))
    return case_at(find_case(source, name), factor)


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
        yield _error_at(key, chosen.source, chosen.name, chosen.device, factor, kept)


@st.cache_data(max_entries=256, show_spinner=False)
def _error_at(
    key: CheckpointKey, source: str, name: str, device: str, factor: float, kept: str
) -> AtResolution:
    found = _sample_at(source, name, key, factor)
    with one_at_a_time():
        return error_at(load(key), found, factor=factor, kept=kept, device=device)


# --- errors of all test cases in two dimensions --------------------------------------------------


def _case_errors() -> Store[dict[str, float]]:
    """Return the relative L2 errors computed here: by checkpoint and device, then by case."""
    return store("errors of test cases", 32)


def stored_errors(checkpoint: ListedCheckpoint) -> dict[str, float]:
    """Return the relative L2 errors of the test cases in a checkpoint's header, by name."""
    return {score["name"]: score["relative_l2"] for score in checkpoint.info.get("scores", [])}


def known_errors(checkpoint: ListedCheckpoint, device: str) -> dict[str, float]:
    """Return the relative L2 errors of test cases that are stored or computed here so far."""
    computed = _case_errors().get((checkpoint.key, device)) or {}
    return {**computed, **stored_errors(checkpoint)}


def evaluate_cases(
    checkpoint: ListedCheckpoint, source: str, device: str
) -> Iterator[tuple[float, str]]:
    """Evaluate the test cases without a known error; errors so far are kept if it is stopped."""
    cases, errors = test_cases(source), _case_errors()
    known = known_errors(checkpoint, device)
    warm_up(checkpoint.key, device, _sample=sample_of_case(cases.case(0)))
    for done, name in enumerate(cases.names, start=1):
        if name not in known:
            error = _case_error(load(checkpoint.key), source, name, device)
            key = checkpoint.key, device
            errors.put(key, {**(errors.get(key) or {}), name: error})
        yield done / len(cases), f"Predicted {done} of {len(cases)} test cases"


def _case_error(checkpoint: Checkpoint, source: str, name: str, device: str) -> float:
    case = find_case(source, name)
    with one_at_a_time():
        found = predict_case(checkpoint, case.points, case.features, device=device)
    return relative_l2(found.fields[None], case.fields[None]).item()


# --- scores of flows -----------------------------------------------------------------------------


def _flow_scores() -> Store[dict[str, dict[str, Any]]]:
    """Return the scores of flows computed here: by checkpoint and device, then by case."""
    return store("scores of flows", 32)


def known_scores(checkpoint: ListedCheckpoint, source: str, device: str) -> dict[str, dict]:
    """Return the score of each flow case that is stored or computed here so far, by name."""
    computed = _flow_scores().get((checkpoint.key, device)) or {}
    stored = {
        score["name"]: {**score, "stored": True} for score in checkpoint.info.get("scores", [])
    }
    known = {**computed, **stored}
    return {name: known[name] for name in case_names(source) if name in known}


def score_of(chosen: Chosen) -> dict[str, Any]:
    """Return the score of the chosen flow, computed if it is not known."""
    known = known_scores(chosen.checkpoint, chosen.source, chosen.device).get(chosen.name)
    return known or _evaluate_flow(chosen.checkpoint, chosen.name, chosen.device)


def _evaluate_flow(checkpoint: ListedCheckpoint, name: str, device: str) -> dict[str, Any]:
    flow = stored_flow(name)
    with one_at_a_time():
        score = score_flow(load(checkpoint.key), name, flow, device=device)
    found = {**asdict(score), "stored": False}
    scores, key = _flow_scores(), (checkpoint.key, device)
    scores.put(key, {**(scores.get(key) or {}), name: found})
    return found


def evaluate_flows(
    checkpoint: ListedCheckpoint, source: str, device: str
) -> Iterator[tuple[float, str]]:
    """Evaluate the flow cases without a known score; scores so far are kept if it is stopped."""
    names, known = case_names(source), known_scores(checkpoint, source, device)
    for done, name in enumerate(names, start=1):
        if name not in known:
            _evaluate_flow(checkpoint, name, device)
        yield done / len(names), f"Evaluated {done} of {len(names)} bodies"


def score_table(chosen: Chosen) -> pd.DataFrame:
    """Return the scores of the chosen checkpoint known so far, one row for each flow case."""
    scores = known_scores(chosen.checkpoint, chosen.source, chosen.device)
    return pd.DataFrame(list(scores.values()))


@st.cache_data(max_entries=256, show_spinner=False)
def noise_of(name: str) -> dict[str, float]:
    """Return the label noise of a flow; empty where it was solved on one mesh only."""
    case = stored_flow(name)
    meshes = {
        mesh: asdict(compare_labels(name, case, other))
        for mesh, other in load_repeats(name).items()
    }
    return label_noise({"other_meshes": meshes})
