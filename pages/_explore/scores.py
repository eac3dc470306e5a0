"""Errors of all test cases: stored with a checkpoint, or computed here and kept."""

from collections.abc import Generator, Iterable
from dataclasses import asdict
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from mspt.checkpoint import Checkpoint
from mspt.data.sets.car.store import load_repeats
from mspt.evaluation.comparison import primary_error
from mspt.evaluation.flows import compare_labels, label_noise, score_flow
from mspt.inference.predict import predict_case
from mspt.inference.sample import sample_of_case
from pages._explore.data import Chosen
from pages._shared import jobs
from pages._shared.cache import (
    ListedCheckpoint,
    find_case,
    load,
    one_at_a_time,
    test_cases,
    warm_up,
)
from pages._shared.datasets import has_flow
from pages._shared.samples import case_names, stored_flow
from pages._shared.store import Store, store

# --- any case ------------------------------------------------------------------------------------


def errors_of(checkpoint: ListedCheckpoint, source: str, device: str) -> dict[str, float]:
    """Return the primary error of each case that is stored or computed here so far, by name."""
    if not has_flow(source):
        return known_errors(checkpoint, device)
    found = known_scores(checkpoint, source, device)
    return {name: score["surface_pressure"] for name, score in found.items()}


def is_stored(checkpoint: ListedCheckpoint, names: Iterable[str]) -> bool:
    """Return whether the errors of all these cases are in a checkpoint's header."""
    return set(names) <= {score["name"] for score in checkpoint.info.get("scores", [])}


# --- cases in two dimensions ---------------------------------------------------------------------


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


def _evaluate_cases(
    checkpoint: ListedCheckpoint, source: str, device: str
) -> Generator[jobs.Step, None, None]:
    """Evaluate the test cases without a known error; errors so far are kept if it is stopped."""
    cases, errors = test_cases(source), _case_errors()
    key = checkpoint.key, device
    with one_at_a_time():
        warm_up(checkpoint.key, device, _sample=sample_of_case(cases.case(0)))
    for done, name in enumerate(cases.names, start=1):
        if name not in known_errors(checkpoint, device):
            error = _case_error(load(checkpoint.key), source, name, device)
            errors.put(key, {**(errors.get(key) or {}), name: error})
        yield jobs.Step(done / len(cases), f"Predicted {done} of {len(cases)} test cases")


def _case_error(checkpoint: Checkpoint, source: str, name: str, device: str) -> float:
    case = find_case(source, name)
    with one_at_a_time():
        found = predict_case(checkpoint, case.points, case.features, device=device)
    return primary_error(sample_of_case(case), found.fields)


# --- flows ---------------------------------------------------------------------------------------


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


def score_of(chosen: Chosen, checkpoint: ListedCheckpoint | None = None) -> dict[str, Any]:
    """Return the score of a checkpoint on the chosen flow, computed if it is not known.

    Args:
        chosen: The flow.
        checkpoint: The model; the chosen one if None.
    """
    model = checkpoint or chosen.checkpoint
    known = known_scores(model, chosen.source, chosen.device).get(chosen.name)
    return known or _evaluate_flow(model, chosen.name, chosen.device)


def _evaluate_flow(checkpoint: ListedCheckpoint, name: str, device: str) -> dict[str, Any]:
    flow = stored_flow(name)
    with one_at_a_time():
        score = score_flow(load(checkpoint.key), name, flow, device=device)
    found = {**asdict(score), "stored": False}
    scores, key = _flow_scores(), (checkpoint.key, device)
    scores.put(key, {**(scores.get(key) or {}), name: found})
    return found


def _evaluate_flows(
    checkpoint: ListedCheckpoint, source: str, device: str
) -> Generator[jobs.Step, None, None]:
    """Evaluate the flow cases without a known score; scores so far are kept if it is stopped."""
    names = case_names(source)
    for done, name in enumerate(names, start=1):
        if name not in known_scores(checkpoint, source, device):
            _evaluate_flow(checkpoint, name, device)
        yield jobs.Step(done / len(names), f"Evaluated {done} of {len(names)} bodies")


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


# --- all cases, in the background ----------------------------------------------------------------


def evaluate(checkpoint: ListedCheckpoint, source: str, device: str) -> bool:
    """Evaluate all cases of a data set in the background; return whether all are evaluated.

    Draws the progress and a button to cancel; the page is rerun at the end.
    """
    key = _job_key(checkpoint, device)
    if len(errors_of(checkpoint, source, device)) == len(case_names(source)):
        jobs.fetch(key)
        return True
    kind, steps = ("bodies", _evaluate_flows) if has_flow(source) else ("cases", _evaluate_cases)
    jobs.follow_work(
        key,
        partial(steps, checkpoint, source, device),
        title=f"Evaluating {checkpoint.name} on all test {kind}",
    )
    return False


def is_evaluating(checkpoint: ListedCheckpoint, device: str) -> bool:
    """Return whether all cases are being evaluated, or were until somebody cancelled it."""
    return jobs.job(_job_key(checkpoint, device)) is not None


def _job_key(checkpoint: ListedCheckpoint, device: str) -> str:
    return f"evaluate {checkpoint.key.path.name} {checkpoint.key.changed} {device}"
