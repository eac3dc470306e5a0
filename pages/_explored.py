"""What the page of predictions caches: clouds at several resolutions, answers, scores of flows."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from mspt.checkpoint import Checkpoint, CheckpointInfo
from mspt.data.sets.car.store import load_repeats
from mspt.evaluation.comparison import patches_of
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
from mspt.inference.sample import Sample, predict_sample, sample_of_flow
from mspt.inference.sampling import cloud_size
from pages import _samples, _shared


@dataclass(frozen=True)
class Answer:
    """What a model says of a cloud.

    Attributes:
        fields: At its points.
        seconds: Time to cut the patches and predict.
        patch: Of each point; None for a model without patches.
    """

    fields: Any
    seconds: float
    patch: np.ndarray | None


def cloud(source: str, name: str, header: CheckpointInfo, factor: float) -> Sample | None:
    """Return a case on a part or a multiple of the points that a model has learned on."""
    if source == _samples.CAR_CASES:
        return _flow_cloud(name, cloud_size(_shared.checkpoint(header.path)), factor)
    return case_at(_shared.find_case(source, name), factor)


def has_cloud(source: str, name: str, header: CheckpointInfo, factor: float) -> bool:
    """Tell whether :func:`cloud` returns one, without drawing its points."""
    if source != _samples.CAR_CASES:
        return cloud(source, name, header, factor) is not None
    size = cloud_size(_shared.checkpoint(header.path))
    return has_points(_samples.stored_flow(name), factor, size=size)


@st.cache_resource(max_entries=16, show_spinner="Drawing points of the stored flow …")
def _flow_cloud(name: str, size: tuple[int, int], factor: float) -> Sample | None:
    return flow_at(name, _samples.stored_flow(name), factor, size=size)


def answer(header: CheckpointInfo, seen: Sample, device: str) -> Answer:
    """Return what a model says of a cloud, and how it cuts it."""
    changed = header.path.stat().st_mtime
    found = _answer(header.path, changed, seen.key, device, _seen=seen)
    patches = "no patches" if found.patch is None else int(found.patch.max()) + 1
    st.session_state["last_run"] = {
        "checkpoint": header.path.stem,
        "case": seen.key,
        "points": len(seen.points),
        "patches": None if found.patch is None else patches,
        "seconds": found.seconds,
        "device": device if device != "auto" else "the fastest device here",
    }
    return found


@st.cache_resource(max_entries=48, show_spinner="The model predicts …")
def _answer(path: Path, changed: float, key: str, device: str, *, _seen: Sample) -> Answer:  # noqa: ARG001
    checkpoint = _shared.checkpoint(path)
    with _shared.one_at_a_time():
        _warm_up(path, changed, device, _checkpoint=checkpoint, _seen=_seen)
        start = perf_counter()
        fields = predict_sample(checkpoint, _seen, device=device)
        seconds = perf_counter() - start
    return Answer(fields, seconds, patches_of(checkpoint, _seen))


@st.cache_resource(max_entries=12, show_spinner=False)
def _warm_up(
    path: Path,  # noqa: ARG001
    changed: float,  # noqa: ARG001
    device: str,
    *,
    _checkpoint: Checkpoint,
    _seen: Sample,
) -> bool:
    """Ask a model once, so that no shown time includes a first time."""
    predict_sample(_checkpoint, _seen, device=device)
    return True


@dataclass(frozen=True)
class Whole:
    """All stored points of a flow, and what a model says of them."""

    sample: Sample
    fields: Any


def whole_flow(name: str, header: CheckpointInfo, device: str) -> Whole:
    """Return all points of a stored flow with the truth and a prediction."""
    return _whole(name, header.path, header.path.stat().st_mtime, device)


@st.cache_resource(max_entries=6, show_spinner="Predicting all stored points …")
def _whole(name: str, path: Path, changed: float, device: str) -> Whole:  # noqa: ARG001
    flow = _samples.stored_flow(name)
    body = body_of(flow)
    with _shared.one_at_a_time():
        fields = predict_stored(_shared.checkpoint(path), body, device=device)
    return Whole(sample_of_flow(name, flow, size=None), fields)


def resolutions(
    header: CheckpointInfo, source: str, name: str, device: str
) -> Iterator[AtResolution]:
    """Yield the errors of a checkpoint on a case at all resolutions that exist, one at a time."""
    there = [factor for factor in FACTORS if has_cloud(source, name, header, factor)]
    path = header.path
    for factor, kept in resolution_steps(_shared.checkpoint(path), there):
        yield _at_resolution(
            path, path.stat().st_mtime, source, name, device, factor, kept, _header=header
        )


@st.cache_data(max_entries=256, show_spinner=False)
def _at_resolution(
    path: Path,
    changed: float,  # noqa: ARG001
    source: str,
    name: str,
    device: str,
    factor: float,
    kept: str,
    *,
    _header: CheckpointInfo,
) -> AtResolution:
    seen = cloud(source, name, _header, factor)
    checkpoint = _shared.checkpoint(path)
    with _shared.one_at_a_time():
        return error_at(checkpoint, seen, factor=factor, kept=kept, device=device)


# Scores of flows


@st.cache_resource
def _computed() -> dict[tuple[Path, float, str], dict[str, dict]]:
    """Return the one store of scores computed here, by checkpoint and device."""
    return {}


def flow_scores(header: CheckpointInfo, device: str) -> dict[str, dict]:
    """Return what is known of each flow case: from the header, else computed here so far."""
    key = header.path, header.path.stat().st_mtime, device
    stored = {score["name"]: {**score, "stored": True} for score in header.info.get("scores", [])}
    known = {**_computed().get(key, {}), **stored}
    return {name: known[name] for name in _samples.flow_names() if name in known}


def score_of(name: str, header: CheckpointInfo, device: str) -> dict:
    """Return the score of one flow case, computed now if need be."""
    if (known := flow_scores(header, device).get(name)) is not None:
        return known
    key = header.path, header.path.stat().st_mtime, device
    case = _samples.stored_flow(name)
    with _shared.one_at_a_time():
        score = score_flow(_shared.checkpoint(header.path), name, case, device=device)
    found = {**asdict(score), "stored": False}
    _computed().setdefault(key, {})[name] = found
    return found


@st.cache_data(max_entries=256, show_spinner=False)
def noise_of(name: str) -> dict[str, float]:
    """Return by how much the labels of a body differ between meshes; empty without repeats."""
    case = _samples.stored_flow(name)
    meshes = {
        mesh: asdict(compare_labels(name, case, other))
        for mesh, other in load_repeats(name).items()
    }
    return label_noise({"other_meshes": meshes})


def rank_flows(header: CheckpointInfo, device: str) -> Iterator[tuple[float, str]]:
    """Score the flow cases that have no score yet, yielding share and words."""
    names = _samples.flow_names()
    for done, name in enumerate(names, start=1):
        score_of(name, header, device)
        yield done / len(names), f"Scored {done} of {len(names)} bodies"


def score_table(header: CheckpointInfo, device: str) -> pd.DataFrame:
    """Return the scores known so far as a table, one row a case."""
    return pd.DataFrame(list(flow_scores(header, device).values()))
