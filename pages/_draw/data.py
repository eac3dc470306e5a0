"""Drawings, solved and predicted."""

import json

import streamlit as st

from mspt.data.case import Case
from mspt.data.export import case_table
from mspt.data.solve import Solved, solve_drawing
from mspt.inference.predict import Prediction, predict_case
from mspt.inference.sample import sample_of_case
from pages._shared import frame
from pages._shared.cache import (
    CheckpointKey,
    ListedCheckpoint,
    find_case,
    load,
    one_at_a_time,
    test_cases,
    warm_up,
)


@st.cache_data(max_entries=32, show_spinner=False)
def solve(drawing: str) -> Solved:
    """Solve a drawing, given as the text of its file."""
    return solve_drawing(json.loads(drawing))


def predict(checkpoint: ListedCheckpoint, drawing: str, case: Case, device: str) -> Prediction:
    """Predict a drawn case, given its drawing as well.

    As the solution is kept, the prediction is: both times shown side by side were measured once.
    """
    found = _predict(checkpoint.key, drawing, device, _case=case)
    patches = None if found.partition is None else len(found.partition.offsets) - 1
    frame.record_run(
        checkpoint=checkpoint.name,
        case=case.name,
        num_points=len(case.points),
        num_patches=patches,
        seconds=found.seconds,
        device=found.device,
    )
    return found


@st.cache_data(max_entries=32, show_spinner=False)
def _predict(checkpoint: CheckpointKey, drawing: str, device: str, *, _case: Case) -> Prediction:  # noqa: ARG001
    model = load(checkpoint)
    first = find_case(_case.dataset, test_cases(_case.dataset).names[0])
    with one_at_a_time():
        warm_up(checkpoint, device, _sample=sample_of_case(first))
        return predict_case(model, _case.points, _case.features, device=device)


def table_file(case: Case, prediction: Prediction) -> bytes:
    """Return points, features, truth, prediction and error of a case as CSV."""
    table = case_table(case, prediction.fields)
    return table.to_csv(index=False, float_format="%.7g").encode()
