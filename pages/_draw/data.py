"""Drawings, solved and predicted."""

import json
from collections.abc import Generator
from contextlib import closing
from hashlib import sha256

import streamlit as st

from mspt.data.apart import solve_apart
from mspt.data.case import Case, Inputs
from mspt.data.dataset import Dataset
from mspt.data.export import case_table, csv_bytes
from mspt.data.registry import get_dataset
from mspt.data.solve import Solved, drawing_inputs, solve_drawing
from mspt.inference.predict import Prediction, predict_case
from mspt.inference.sample import Sample, sample_of_case
from pages._shared import frame, jobs
from pages._shared.cache import CheckpointKey, ListedCheckpoint, load, one_at_a_time, warm_up
from pages._shared.store import Store, store
from pages._shared.worker import computed

QUICK_SECONDS = 0.5
"""Longest processor time of a solver that follows each change of a drawing."""


def is_quick(dataset: Dataset) -> bool:
    """Return whether the solver of a data set takes a moment only."""
    return (dataset.seconds_per_case or 0.0) <= QUICK_SECONDS


@st.cache_data(max_entries=32, show_spinner=False)
def solve(drawing: str) -> Solved:
    """Solve a drawing, given as the text of its file."""
    return solve_drawing(json.loads(drawing))


def digest(drawing: str) -> str:
    """Return what names a drawing."""
    return sha256(drawing.encode()).hexdigest()


def truths() -> Store[Solved]:
    """Return what slow solvers have computed so far, by the :func:`digest` of the drawing."""
    return store("solved drawings", 16)


def solve_steps(drawing: str) -> Generator[jobs.Step, None, None]:
    """Solve a drawing step by step; the last step holds its digest and what the solver found."""
    yield jobs.Step(0.0, "The solver computes the truth")
    with closing(solve_apart(drawing)) as events:
        for event in events:
            if isinstance(event, Solved):
                yield jobs.Step(1.0, "Solved", (digest(drawing), event))
            else:
                yield jobs.Step(event.share, "The solver computes the truth")


def take_truth(job: str) -> None:
    """Keep the result of a finished job for all visitors."""
    results = jobs.fetch(job)
    for name, found in results:
        truths().put(name, found)
    results.clear()  # held once


@st.cache_data(max_entries=8, show_spinner=False)
def inputs(drawing: str) -> Inputs | None:
    """Return what a model reads of a drawing; None where only the solver can tell."""
    return drawing_inputs(json.loads(drawing))


def sample_of(dataset: str, drawing: str, solved: Solved | None) -> Sample | None:
    """Return a drawing as a sample, with the truth where it is solved.

    None for one whose inputs only the solver can tell, before it is solved.

    Raises:
        MSPTError: If the solver would refuse the drawing.
    """
    if solved is not None:
        return sample_of_case(solved.case)
    found, about = inputs(drawing), get_dataset(dataset)
    if found is None:
        return None
    return Sample(
        key="drawing",
        title=f"{about.title}, drawing",
        dataset=dataset,
        points=found.points,
        features=found.features,
        layout=about.layout,
        triangles=None if found.triangles is None else found.triangles.numpy(),
    )


def predict(checkpoint: ListedCheckpoint, drawing: str, sample: Sample, device: str) -> Prediction:
    """Predict a drawn sample, given its drawing as well.

    As the solution is kept, the prediction is: both times shown side by side were measured once.
    """
    found = _predict(checkpoint.key, digest(drawing), device, _sample=sample)
    patches = None if found.partition is None else len(found.partition.offsets) - 1
    frame.record_run(
        checkpoint=checkpoint.name,
        case=sample.key,
        num_points=len(sample.points),
        num_patches=patches,
        seconds=found.seconds,
        device=found.device,
    )
    return found


@st.cache_data(max_entries=32, show_spinner=False)
@computed
def _predict(
    checkpoint: CheckpointKey,
    drawing: str,  # noqa: ARG001
    device: str,
    *,
    _sample: Sample,
) -> Prediction:
    model = load(checkpoint)
    with one_at_a_time():
        warm_up(checkpoint, device, _sample=_sample)
        return predict_case(model, _sample.points, _sample.features, device=device)


def table_file(case: Case, prediction: Prediction | None) -> bytes:
    """Return points, features, truth and, where there is one, prediction and error as CSV."""
    return csv_bytes(case_table(case, None if prediction is None else prediction.fields))
