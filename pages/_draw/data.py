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


def predict(checkpoint: ListedCheckpoint, case: Case, device: str) -> Prediction:
    """Predict a drawn case.

    It is not cached: the time of the forward pass is shown beside that of the solver.
    """
    model = load(checkpoint.key)
    first = find_case(case.dataset, test_cases(case.dataset).names[0])
    with one_at_a_time():
        warm_up(checkpoint.key, device, _sample=sample_of_case(first))
        found = predict_case(model, case.points, case.features, device=device)
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


def table_file(case: Case, prediction: Prediction) -> bytes:
    """Return points, features, truth, prediction and error of a case as CSV."""
    table = case_table(case, prediction.fields)
    return table.to_csv(index=False, float_format="%.7g").encode()
